"""The file under load and under bad luck: modes, turns, forks, kills."""

import fcntl
import os
import signal
import sqlite3
import stat
from itertools import islice
from pathlib import Path

import pytest

from qgm_observe.errors import JournalError
from qgm_observe.journal import Journal, connection
from qgm_observe.records import Run

WRITER = """
import os, sys
from qgm_observe.journal import Event, Journal
journal = Journal.open(sys.argv[1])
run = sys.argv[2]
def event(verb, noun, subject):
    return Event(verb=verb, noun=noun, subject=subject, at=1.0, run=run, id=f"{subject}/{verb}",
                 body={"start": 0.5, "duration": 0.5, "outcome": "success", "model": "qcbm"})
journal.append([event("opened", "run", run)])
number = 0
while True:
    batch = [event("finished", "job", f"{run}.{number + i}") for i in range(number % 3 + 1)]
    number += len(batch)
    journal.append(batch)
    sys.stdout.write("".join(each.id + "\\n" for each in batch))
    sys.stdout.flush()
"""


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_every_file_is_for_the_user_alone(tmp_path, make):
    """The journal, its log, its shared memory and its lock have mode 0600, their folder 0700."""
    path = tmp_path / "new" / "state" / "journal.db"
    with Journal.open(path) as journal:
        journal.append([make.finished()])
        list(journal.events())
        modes = {each.name: mode(each) for each in path.parent.iterdir()}
    names = ("journal.db", "journal.db-wal", "journal.db-shm", "journal.db-lock")
    assert modes == dict.fromkeys(names, 0o600)
    assert (mode(path.parent), mode(path.parent.parent)) == (0o700, 0o700)


@pytest.mark.parametrize("read_only", [True, False])
def test_a_directory_is_no_path_for_a_journal(tmp_path, read_only):
    """A directory is refused in one line that asks for a file."""
    with pytest.raises(JournalError, match="is a directory: give the path of a file"):
        Journal.open(tmp_path, read_only=read_only)


def test_a_path_that_cannot_be_written_is_refused(tmp_path):
    """A path below a file is refused in one line that names the way out."""
    (tmp_path / "file").touch()
    with pytest.raises(JournalError, match=r"cannot write a journal at .*QGM_OBSERVE_JOURNAL"):
        Journal.open(tmp_path / "file" / "journal.db")


def test_there_is_nothing_to_read_where_nothing_was_recorded(tmp_path):
    """Reading a journal that does not exist says so, and creates none."""
    with pytest.raises(JournalError, match="no journal at"):
        Journal.open(tmp_path / "journal.db", read_only=True)
    assert list(tmp_path.iterdir()) == []


def test_a_reader_changes_nothing(journal, make):
    """A journal that was opened for reading refuses to write, and reads what others write."""
    with Journal.open(journal.path, read_only=True) as reader:
        journal.append([make.finished()])
        assert len(list(reader.events())) == 1
        for act in (
            lambda: reader.append([make.finished()]),
            lambda: reader.put_blob("circuits", b"x"),
            lambda: reader.reap(1.0),
            lambda: reader.prune(1e9, older_than_seconds=0.0, max_bytes=0),
        ):
            with pytest.raises(JournalError, match="opened for reading only"):
                act()
    assert len(list(journal.events())) == 1


def test_a_journal_without_its_log_can_be_read(tmp_path, make):
    """A closed journal, whose log is gone, is read as it is."""
    with Journal.open(tmp_path / "journal.db") as journal:
        journal.append([make.finished()])
    assert not (tmp_path / "journal.db-wal").exists()
    with Journal.open(tmp_path / "journal.db", read_only=True) as reader:
        assert len(list(reader.events())) == 1


def test_a_closed_journal_says_so(journal, make):
    """Whoever uses a journal after closing it is told in one line."""
    journal.close()
    for act in (lambda: journal.append([make.finished()]), journal.last_seq):
        with pytest.raises(JournalError, match="was closed"):
            act()


def test_a_journal_that_was_moved_away_is_begun_anew(journal, make, tmp_path):
    """After somebody moved the file aside, rows go into a new file, not into nowhere."""
    journal.append([make.finished(subject="before")])
    assert journal.last_seq() == 1
    aside = tmp_path / "aside.db"
    journal.path.rename(aside)
    journal.append([make.finished(subject="after")])
    assert [event.subject for event in journal.events()] == ["after"]
    journal.close()
    for path, subject in ((aside, "before"), (journal.path, "after")):
        with Journal.open(path, read_only=True) as reader:
            assert [event.subject for event in reader.events()] == [subject]


# ----------------------------------------------------------------------------------- many at once


def test_nothing_acknowledged_is_lost_to_kill_9(tmp_path, start):
    """After three times three kills every acknowledged row is there, and open runs are lost."""
    path = tmp_path / "journal.db"
    acknowledged, runs = set(), []
    for number in range(3):
        writers = {f"run{number}-{i}": start(WRITER, path, f"run{number}-{i}") for i in range(3)}
        for writer in writers.values():
            acknowledged.update(islice(writer.stdout, 150))
        for writer in writers.values():
            writer.kill()
        for writer in writers.values():
            acknowledged.update(writer.stdout)
            assert writer.stderr.read() == ""
            assert writer.wait() == -signal.SIGKILL
        runs += writers
    whole = {line.strip() for line in acknowledged if line.endswith("/finished\n")}
    assert len(whole) > 1000
    with Journal.open(path) as journal:
        kept = {event.id for event in journal.events(verbs=["finished"])}
        assert whole - kept == set()
        assert journal.info(check=True).integrity == "ok"
        assert {run.id: run.outcome for run in journal.records(Run)} == dict.fromkeys(runs, "lost")


CROWD = """
import sys, time
from qgm_observe.journal import Event, Journal
path, name, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
journal = Journal.open(path)
print("ready", flush=True)
sys.stdin.readline()
count, end = 0, time.monotonic() + seconds
while time.monotonic() < end:
    journal.append([Event(verb="finished", noun="job", subject=f"{name}.{count}", at=1.0,
                          id=f"{name}.{count}/finished", body={"outcome": "success"})])
    count += 1
print(count)
"""


def test_eight_writers_all_get_their_turn(tmp_path, start):
    """Eight processes write for a second without an error, the slowest 10 % of the mean or more."""
    path = tmp_path / "journal.db"
    writers = [start(CROWD, path, i, 1.0) for i in range(8)]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    answers = [writer.communicate(timeout=60) for writer in writers]
    assert [errors for _, errors in answers] == [""] * 8
    counts = [int(count) for count, _ in answers]
    assert min(counts) >= 0.1 * sum(counts) / 8
    with Journal.open(path, read_only=True) as journal:
        assert journal.last_seq() == sum(counts)


def test_a_writer_that_never_gets_its_turn_gives_up(tmp_path, make):
    """While another process holds the journal, an append ends after its patience in one line."""
    with Journal.open(tmp_path / "journal.db", patience=0.05) as journal:
        holder = os.open(tmp_path / "journal.db-lock", os.O_RDWR)
        fcntl.flock(holder, fcntl.LOCK_EX)
        with pytest.raises(JournalError, match=r"another process has held it for 0\.05 s"):
            journal.append([make.finished()])
        os.close(holder)
        assert len(journal.append([make.finished()])) == 1


def test_nobody_else_has_a_turn_during_a_write(journal):
    """While one process writes, and so may checkpoint, the lock file lets nobody else in."""
    with journal._database.writing():
        other = os.open(journal.path.with_name("journal.db-lock"), os.O_RDWR)
        with pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_SH | fcntl.LOCK_NB)
    fcntl.flock(other, fcntl.LOCK_SH | fcntl.LOCK_NB)
    os.close(other)


def test_the_log_is_bounded_as_it_is_shipped(journal):
    """SQLite's checkpoints come before its log is as long as it may stay, which is bounded."""
    names = ("wal_autocheckpoint", "journal_size_limit", "synchronous", "page_size")
    with journal._database.writing() as db:
        pages, limit, synchronous, size = [
            db.execute(f"PRAGMA {name}").fetchone()[0] for name in names
        ]
    assert 0 < pages * size <= limit <= 64 * 2**20
    assert synchronous == 1  # NORMAL: a commit outlives the process


@pytest.fixture
def small_log(monkeypatch):
    """Checkpoints often, so that a test need not write a hundred megabytes."""
    monkeypatch.setattr(connection, "CHECKPOINT_PAGES", 50)
    monkeypatch.setattr(connection, "LOG_LIMIT", 300_000)


def fill(journal, make):
    for _ in range(40):
        journal.append([make.finished(note="x" * 1000) for _ in range(50)])
    return journal.path.with_name("journal.db-wal").stat().st_size


@pytest.mark.parametrize(
    "read", [lambda j: j.events(), lambda j: j.rows(Run, ["id"])], ids=["events", "rows"]
)
def test_a_forgotten_reader_does_not_grow_the_log(small_log, tmp_path, make, read):
    """A reader that took one row and was forgotten leaves the log as small as without it."""
    with Journal.open(tmp_path / "journal.db") as journal:
        journal.append([make.finished("run") for _ in range(2000)])
        with Journal.open(journal.path, read_only=True) as other:
            forgotten = read(other)
            next(forgotten)
            assert fill(journal, make) < 700_000
            assert next(forgotten)


def test_a_transaction_held_open_would_grow_the_log(small_log, tmp_path, make):
    """The bound above is no accident: one open transaction lets the same log grow past it."""
    with Journal.open(tmp_path / "journal.db") as journal:
        journal.append([make.finished()])
        held = sqlite3.connect(journal.path, isolation_level=None)
        held.execute("BEGIN")
        held.execute("SELECT * FROM events").fetchone()
        assert fill(journal, make) > 2_000_000
        held.close()


# ------------------------------------------------------------------------------------------ fork

FORKER = """
import os, sys, threading, warnings
warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads, since Python 3.12
from pathlib import Path
from qgm_observe.journal import Event, Journal
def event(name):
    return Event(verb="finished", noun="job", subject=name, at=1.0, id=name + "/finished", body={})
journal = Journal.open(sys.argv[1])
journal.append([event("before")])
assert journal.last_seq() == 1
stop = threading.Event()
def read():
    while not stop.is_set():
        list(journal.events())
reader = threading.Thread(target=read)
reader.start()
children = []
for number in range(5):
    child = os.fork()
    if child == 0:
        inherited = [fd.resolve().name for fd in Path("/proc/self/fd").iterdir()]
        assert not [name for name in inherited if name.startswith("journal.db")]
        for i in range(20):
            journal.append([event(f"child{number}.{i}")])
        assert len(list(journal.events())) > 20
        journal.close()
        os._exit(0)
    children.append(child)
    journal.append([event(f"parent{number}")])
codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
stop.set()
reader.join()
journal.append([event("after")])
print(codes, journal.last_seq(), journal.info(check=True).integrity)
"""


def test_parent_and_children_of_a_fork_write_side_by_side(tmp_path, start):
    """After forks in the middle of reading, all processes use the journal and no row is missing."""
    answer, errors = start(FORKER, tmp_path / "journal.db").communicate(timeout=60)
    assert (answer, errors) == ("[0, 0, 0, 0, 0] 107 ok\n", "")


def test_no_handle_is_open_across_a_fork(journal, make):
    """At the instant of a fork no connection is open, so the child inherits none."""
    journal.append([make.finished()])
    list(journal.events())
    names = ("journal.db", "journal.db-wal", "journal.db-shm", "journal.db-lock")
    files = {journal.path.with_name(name) for name in names}

    def inherited():
        return files.intersection(fd.resolve() for fd in Path("/proc/self/fd").iterdir())

    assert inherited() == files
    connection._before_fork()
    held = inherited()
    connection._after_fork_in_parent()
    assert held == set()
    assert len(journal.append([make.finished()])) == 1
