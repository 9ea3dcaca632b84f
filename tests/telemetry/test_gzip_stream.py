"""One gzip member from parts that were compressed on their own."""

import gzip
import shutil
import subprocess
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgm_observe.telemetry.gzip_stream import combined, gzipped, part

TEXTS = st.lists(st.binary(max_size=2_000) | st.just(b"qgm_x 1\n" * 20_000), max_size=8)


@given(TEXTS)
def test_the_parts_are_one_member(texts):
    """A decoder that stops after the first member gets everything, checksum and length right."""
    stream = gzipped([part(text) for text in texts])
    decoder = zlib.decompressobj(zlib.MAX_WBITS | 16)

    assert decoder.decompress(stream) + decoder.flush() == b"".join(texts)
    assert decoder.eof
    assert decoder.unused_data == b""
    assert gzip.decompress(stream) == b"".join(texts)


@given(st.binary(max_size=500), st.binary(max_size=500))
def test_checksums_combine(before, after):
    """The checksum of two texts in a row follows from theirs and the second's length."""
    assert combined(zlib.crc32(before), zlib.crc32(after), len(after)) == zlib.crc32(before + after)


@pytest.mark.parametrize("length", [0, 1, 255, 65_536, 5_000_000])
def test_checksums_combine_over_any_length(length):
    """Also over megabytes."""
    before, after = b"begin", b"x" * length

    assert combined(zlib.crc32(before), zlib.crc32(after), length) == zlib.crc32(before + after)


def test_gzip_itself_accepts_the_stream():
    """The program gzip tests the stream as sound."""
    program = shutil.which("gzip")
    assert program, "install gzip"
    stream = gzipped([part(b"a\n" * 1_000), part(b""), part(b"b\n")])

    subprocess.run([program, "--test"], input=stream, check=True)


def test_a_change_of_one_part_leaves_the_others_alone():
    """Parts are compressed apart, so that the stream differs only in the part and the trailer."""
    first, second = part(b"a" * 1_000), part(b"b" * 1_000)
    stream = gzipped([first, part(b"c"), second])

    assert first.deflated in stream
    assert second.deflated in stream
