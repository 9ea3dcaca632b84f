"""Contents: what is kept of them, once, and how large."""

import hashlib
import random
import sqlite3

import pytest

from qgm_observe.errors import UsageError
from qgm_observe.journal import Blob, Capture, blobs, captured
from qgm_observe.settings import CAPTURES

KINDS = (
    *("circuits", "calibration", "noise_model", "parameters", "program", "counts"),
    *("compile_log", "provenance"),
)
KEEP, HASH, NOTHING = Capture.KEEP, Capture.HASH, Capture.NOTHING


@pytest.mark.parametrize(
    ("level", "fates"),
    [
        ("none", [NOTHING] * 8),
        ("hashes", [HASH] * 7 + [KEEP]),
        ("circuits", [KEEP, KEEP, KEEP, KEEP, KEEP, HASH, KEEP, KEEP]),
        ("all", [KEEP] * 8),
    ],
)
def test_the_level_decides_what_is_kept(level, fates):
    """Counts and compile logs are kept whole at the level `all` alone."""
    assert [captured(level, kind) for kind in KINDS] == fates


def test_every_level_of_the_settings_has_an_answer_for_every_kind():
    """No level that may be configured, and no kind, is missing from the table."""
    assert tuple(blobs.CAPTURED) == CAPTURES
    assert all(set(fates) == set(KINDS) for fates in blobs.CAPTURED.values())


@pytest.mark.parametrize(("level", "kind"), [("some", "counts"), ("all", "photographs")])
def test_unknown_levels_and_kinds_are_refused(level, kind):
    """A level or kind that does not exist is answered with those that do."""
    with pytest.raises(UsageError, match="write one of"):
        captured(level, kind)


def test_a_content_comes_back_by_its_sha256(journal):
    """A content is found under the SHA-256 of its bytes."""
    key = journal.put_blob("circuits", b"QISKIT" * 100)
    assert key == hashlib.sha256(b"QISKIT" * 100).hexdigest()
    assert journal.blob(key) == b"QISKIT" * 100
    assert journal.blob("0" * 64) is None


def test_equal_contents_are_kept_once(journal):
    """The same bytes, put alone and appended twice, take one row."""
    journal.put_blob("circuits", b"same")
    journal.append([], blobs=[Blob("circuits", b"same"), Blob("parameters", b"same")])
    assert journal.info().blobs == 1


def test_contents_are_compressed(journal):
    """A content that repeats itself takes a fraction of its size."""
    journal.put_blob("circuits", b"0123456789" * 10_000)
    assert journal.info().blob_bytes < 5_000


def test_too_large_a_content_is_a_hash(journal, monkeypatch):
    """Above the limit nothing is stored, but the hash still names the content."""
    monkeypatch.setattr(blobs, "LARGEST", 10)
    key = journal.put_blob("calibration", b"more than ten")
    assert key == hashlib.sha256(b"more than ten").hexdigest()
    assert journal.blob(key) is None


def test_contents_of_a_failed_append_are_not_kept(journal, make):
    """An append that fails leaves none of its contents behind."""
    broken = make.finished(at=float("nan"))
    with pytest.raises(Exception, match="NOT NULL"):
        journal.append([broken], blobs=[Blob("circuits", b"x")])
    assert journal.info().blobs == 0


def test_references_are_found_in_both_forms():
    """A reading names one content, a record several by kind; anything else is passed over."""
    body = {"blob": "a", "blobs": {"circuits": ["b", "c"], "parameters": "d", "counts": [1]}}
    assert blobs.references(body) == {"a", "b", "c", "d"}
    assert blobs.references({"blob": None, "blobs": []}) == set()


def test_random_bytes_survive_packing():
    """What does not compress comes back all the same."""
    data = random.Random(1).randbytes(100_000)
    db = sqlite3.connect(":memory:")
    db.execute("CREATE TABLE blobs (hash PRIMARY KEY, kind, stored_at, size, packed)")
    (packed,) = blobs.pack([Blob("counts", data)], ())
    blobs.keep(db, [packed], 0.0)
    assert blobs.fetch(db, packed.hash) == data
    db.close()
