"""One gzip member put together from parts that were compressed on their own.

RFC 1952 allows several members in a row, but browsers and curl stop after the first. So each part
is raw deflate that ends on a byte (RFC 1951), and the parts together are one member. Its checksum
follows from those of the parts: appending a part of n bytes multiplies the checksum so far by
x^(8n) modulo the CRC polynomial (zlib's crc32_combine).
"""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

LEVEL = 1
"""Labels repeat so much that the fastest level already shrinks the text fortyfold."""

_HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_LAST_BLOCK = b"\x03\x00"
_POLYNOMIAL = 0xEDB88320
_ONE = 1 << 31


@dataclass(frozen=True, slots=True)
class Part:
    """Some text, also compressed.

    Attributes:
        text: As it is.
        deflated: Raw deflate blocks, none of them the last.
        checksum: CRC-32 of the text.
    """

    text: bytes
    deflated: bytes
    checksum: int


def part(text: bytes) -> Part:
    """Compress a part."""
    packer = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    deflated = packer.compress(text) + packer.flush(zlib.Z_SYNC_FLUSH)
    return Part(text, deflated, zlib.crc32(text))


def gzipped(parts: Iterable[Part]) -> bytes:
    """Return the gzip stream of all parts, one after the other."""
    checksum = length = 0
    pieces = [_HEAD]
    for each in parts:
        pieces.append(each.deflated)
        checksum = combined(checksum, each.checksum, len(each.text))
        length += len(each.text)
    trailer = checksum.to_bytes(4, "little") + (length & 0xFFFFFFFF).to_bytes(4, "little")
    return b"".join([*pieces, _LAST_BLOCK, trailer])


def combined(before: int, after: int, length: int) -> int:
    """Return the CRC-32 of two texts from theirs and the length of the second."""
    return _product(_power(length), before) ^ after


def _product(a: int, b: int) -> int:
    """Multiply two polynomials modulo the CRC's; the highest bit is x^0."""
    product = 0
    while a:
        if a & _ONE:
            product ^= b
        a = (a << 1) & 0xFFFFFFFF
        b = (b >> 1) ^ _POLYNOMIAL if b & 1 else b >> 1
    return product


@lru_cache(maxsize=4096)
def _power(length: int) -> int:
    """Return x^(8 length) modulo the CRC's polynomial."""
    power, square = _ONE, 1 << 23  # x^0 and x^8
    while length:
        if length & 1:
            power = _product(square, power)
        square = _product(square, square)
        length >>= 1
    return power
