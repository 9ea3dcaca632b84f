"""The cache of compiled circuits: whole or missing, never stale, bounded, for many processes."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qgm_observe.errors import UsageError
from qgm_observe.spend.compiled import CompiledCircuits, key_of

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "compiled.py"
PARTS = {"structure": "s", "calibration": "c", "backend": "b", "compiler": "q 1"}


def never() -> bytes:
    raise AssertionError("compiled although it was kept")


def test_what_was_compiled_is_found(tmp_path):
    """The second look-up, also by another object on the folder, compiles nothing."""
    key = key_of(**PARTS)

    assert CompiledCircuits(tmp_path / "new").find(key, lambda: b"circuit") == (b"circuit", False)
    assert CompiledCircuits(tmp_path / "new").find(key, never) == (b"circuit", True)


@pytest.mark.parametrize("part", [*PARTS, "options"])
def test_each_part_of_the_key_counts(tmp_path, part):
    """Another structure, calibration, backend, compiler or option finds nothing of the former."""
    cache = CompiledCircuits(tmp_path)
    cache.put(key_of(**PARTS), b"old")
    other = PARTS | {part: {"optimization_level": 3} if part == "options" else "other"}

    assert cache.get(key_of(**other)) is None
    assert cache.get(key_of(**PARTS)) == b"old"


def test_parts_do_not_run_into_one_another():
    """What one part ends with and the next begins with is not exchangeable."""
    assert key_of(**PARTS | {"structure": "sc", "calibration": ""}) != key_of(
        **PARTS | {"structure": "s", "calibration": "c"}
    )


@settings(max_examples=30)
@given(content=st.binary(min_size=1, max_size=300), cut=st.data())
def test_a_damaged_entry_is_missing_and_goes(tmp_path_factory, content, cut):
    """A file that was cut or changed anywhere counts as missing, and is removed."""
    cache = CompiledCircuits(tmp_path_factory.mktemp("cache"))
    key = key_of(**PARTS)
    cache.put(key, content)
    (path,) = cache.folder.iterdir()
    whole = path.read_bytes()
    place = cut.draw(st.integers(0, len(whole) - 1))
    path.write_bytes(
        whole[:place] + (bytes([whole[place] ^ 1]) + whole[place + 1 :])
        if cut.draw(st.booleans())
        else whole[:place]
    )

    assert cache.get(key) is None
    assert not path.exists()


def test_the_longest_unused_goes_first(tmp_path):
    """With room for three entries the fourth drives out the one that was read longest ago."""
    cache = CompiledCircuits(tmp_path, most_bytes=3 * (10 + 32))
    for age, name in enumerate(("c", "b", "a")):
        cache.put(name, b"0123456789")
        os.utime(tmp_path / f"{name}.circuit", (1_000 - age, 1_000 - age))
    assert cache.get("a") is not None  # was the oldest, and is the newest now
    cache.put("d", b"0123456789")

    assert [name for name in "abcd" if cache.get(name)] == ["a", "c", "d"]


def test_the_number_of_entries_is_bounded(tmp_path):
    """However small they are, there are no more entries than allowed."""
    cache = CompiledCircuits(tmp_path, most_entries=2)
    for number in range(5):
        cache.put(str(number), b"")

    assert len(list(tmp_path.iterdir())) == 2


def test_what_is_too_large_is_not_kept(tmp_path):
    """An entry larger than all room drives out nothing."""
    cache = CompiledCircuits(tmp_path, most_bytes=100)
    cache.put("small", b"1")
    cache.put("large", b"1" * 100)

    assert cache.get("large") is None
    assert cache.get("small") == b"1"


def test_a_crash_leaves_nothing_for_long(tmp_path):
    """A half-written file of an hour ago goes with the next entry, a new one stays."""
    old, new = tmp_path / "x.begun", tmp_path / "y.begun"
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (1, 1))
    CompiledCircuits(tmp_path).put("key", b"whole")

    assert not old.exists()
    assert new.exists()


def test_a_folder_that_cannot_be_made_costs_only_the_saving(tmp_path):
    """Where a file stands in the way the circuit is compiled each time, and nothing is raised."""
    (tmp_path / "file").write_text("")
    cache = CompiledCircuits(tmp_path / "file" / "folder")

    assert cache.find("key", lambda: b"1") == (b"1", False)
    assert cache.find("key", lambda: b"2") == (b"2", False)


def test_entries_are_the_owner_s_alone(tmp_path):
    """Folder and file are closed to others."""
    cache = CompiledCircuits(tmp_path / "own")
    cache.put("key", b"1")
    (path,) = cache.folder.iterdir()

    assert cache.folder.stat().st_mode & 0o777 == 0o700
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_failed_compilation_is_raised_and_not_kept(tmp_path):
    """What the compiler raises arrives, and the next look-up compiles."""
    cache = CompiledCircuits(tmp_path)
    with pytest.raises(AssertionError):
        cache.find("key", never)

    assert cache.find("key", lambda: b"1") == (b"1", False)


def test_bounds_are_positive(tmp_path):
    """No room at all is refused in one line."""
    with pytest.raises(UsageError, match="bounds of 1 or more"):
        CompiledCircuits(tmp_path, most_bytes=0)


def test_processes_share_a_folder(tmp_path):
    """Processes that write, read and evict at once see no torn and no stale entry."""
    source = (
        "import importlib.util, sys\n"
        f"spec = importlib.util.spec_from_file_location('benchmark', {str(BENCHMARK)!r})\n"
        "module = importlib.util.module_from_spec(spec)\n"
        "spec.loader.exec_module(module)\n"
        "print(*module.work(sys.argv[1], int(sys.argv[2])))\n"
    )
    running = [
        subprocess.Popen(
            [sys.executable, "-c", source, str(tmp_path), str(own)], stdout=subprocess.PIPE
        )
        for own in range(3)
    ]
    told = [[int(word) for word in each.communicate(timeout=60)[0].split()] for each in running]

    assert [wrong for _, _, wrong in told] == [0, 0, 0]
    assert sum(hits for _, hits, _ in told) > 0
    assert all(
        hashlib.sha256(path.read_bytes()[32:]).digest() == path.read_bytes()[:32]
        for path in tmp_path.glob("*.circuit")
    )
