"""A disk that takes no more, or nothing at all."""

import pytest

from qgm_observe.errors import JournalError

FULL = """
import resource, sys
from qgm_observe.errors import JournalError
from qgm_observe.journal import Event, Journal
def events(n):
    return [Event(verb="finished", noun="job", subject=f"{n}.{i}", at=1.0, id=f"{n}.{i}/finished",
                  body={"note": "x" * 1000}) for i in range(20)]
journal = Journal.open(sys.argv[1])
kept = len(journal.append(events(0)))
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
failures = 0
for n in range(1, 30):
    try:
        kept += len(journal.append(events(n)))
    except JournalError as error:
        failures += 1
        text = str(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
kept += len(journal.append(events("again")))
rows = len(list(journal.events()))
print(failures > 10, text.split(": ")[-1], kept == journal.last_seq() == rows)
print(journal.info(check=True).integrity)
"""


def test_a_disk_that_takes_no_more_loses_nothing_that_was_kept(tmp_path, start):
    """When files cannot grow an append raises and leaves nothing; with room again it goes on."""
    answer, errors = start(FULL, tmp_path / "journal.db").communicate(timeout=60)
    assert errors == ""
    assert answer == "True the disk cannot be written or read True\nok\n"


def test_a_full_database_is_named_full(journal, make):
    """SQLite's own answer for a full disk becomes one plain line, and is not for ever."""
    journal.append([make.finished()])
    db = journal._database._writer.db
    db.execute("PRAGMA max_page_count = 30")
    with pytest.raises(JournalError, match="the disk is full"):
        journal.append([make.finished(note="x" * 1000) for _ in range(200)])
    assert len(list(journal.events())) == 1
    db.execute("PRAGMA max_page_count = 1000000")
    assert len(journal.append([make.finished(note="x" * 1000) for _ in range(200)])) == 200


CREATE_FULL = """
import resource, sys
from qgm_observe.errors import JournalError
from qgm_observe.journal import Journal
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
try:
    Journal.open(sys.argv[1])
except JournalError as error:
    print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
with Journal.open(sys.argv[1]) as journal:
    print(journal.last_seq())
"""


def test_a_disk_without_room_for_a_new_journal_says_so(tmp_path, start):
    """A journal that cannot be created gives one line, and can be created once there is room."""
    path = tmp_path / "journal.db"
    answer, errors = start(CREATE_FULL, path).communicate(timeout=60)
    assert errors == ""
    assert answer == f"journal {path}: the disk cannot be written or read\n0\n"


UNPRIVILEGED = """
import ctypes, sys
from pathlib import Path
from qgm_observe.errors import JournalError
from qgm_observe.journal import Event, Journal
def event(name):
    return Event(verb="finished", noun="job", subject=name, at=1.0, id=name, body={})
path = Path(sys.argv[1])
journal = Journal.open(path)
journal.append([event("a")])
journal.close()
ctypes.CDLL(None).capset((ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)())
for each in path.parent.iterdir():
    each.chmod(0o400)
path.parent.chmod(0o500)
try:
    Journal.open(path)
except JournalError as error:
    print(error)
with Journal.open(path, read_only=True) as reader:
    print(reader.last_seq())
path.parent.chmod(0o700)
path.with_name("journal.db-lock").chmod(0o600)
try:
    Journal.open(path).append([event("b")])
except JournalError as error:
    print(error)
for each in path.parent.iterdir():
    each.chmod(0o600)
with Journal.open(path) as journal:
    print(len(journal.append([event("b")])))
"""


def test_a_journal_that_may_not_be_written_can_still_be_read(tmp_path, start):
    """Without permission to write, also for root, opening gives one line, and reading works."""
    path = tmp_path / "state" / "journal.db"
    answer, errors = start(UNPRIVILEGED, path).communicate(timeout=60)
    assert errors == ""
    refused, read, refused_again, written = answer.splitlines()
    assert refused.startswith(f"cannot write a journal at {path} (Permission denied)")
    assert (read, written) == ("1", "1")
    assert refused_again == f"journal {path}: it may not be written"
