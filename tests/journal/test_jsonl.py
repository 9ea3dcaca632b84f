"""The JSONL form: the same answers as SQLite, from files that are only appended to."""

import json
import random
import stat

import pytest

from qgm_observe.errors import JournalError, NewerJournal
from qgm_observe.journal import Blob, Journal, JsonlJournal, jsonl
from qgm_observe.journal.importing import SUMMARY
from qgm_observe.journal.lines import SUFFIX
from qgm_observe.records import Job, Run, Session, Step

WRITER = """
import sys
from qgm_observe.journal import Event, JsonlJournal
def event(verb, noun, subject, at):
    return Event(verb=verb, noun=noun, subject=subject, at=at, run=sys.argv[2],
                 id=f"{subject}/{verb}",
                 body={"start": at - 1, "duration": 1.0, "outcome": "success", "shots": 3})
journal = JsonlJournal.open(sys.argv[1], clock=lambda: float(sys.argv[3]))
journal.append([event("opened", "run", sys.argv[2], 10.0)])
for i in range(int(sys.argv[4])):
    journal.append([event("finished", "job", f"{sys.argv[2]}.{i}", 20.0 + i)])
if sys.argv[5] == "end":
    journal.append([event("finished", "run", sys.argv[2], 90.0)])
print("done")
"""


@pytest.fixture
def lines(tmp_path, clock):
    with JsonlJournal.open(tmp_path / "journal.jsonl", clock=clock) as journal:
        yield journal


def files(journal, suffix=SUFFIX):
    return sorted(path for path in journal.path.iterdir() if path.name.endswith(suffix))


def written(start, journal, run, *, at=1_000_000.0, jobs=3, end="end"):
    """A file that another process wrote and left."""
    answer, errors = start(WRITER, journal.path, run, at, jobs, end).communicate(timeout=30)
    assert (answer, errors) == ("done\n", "")


def tell(journal, clock, make, seed):
    """The same story for any journal: runs, jobs, duplicates, heartbeats, losses."""
    chance = random.Random(seed)
    for number in range(60):
        clock.now += 1.0
        noun = chance.choice(["run", "step", "job", "session"])
        subject = f"{noun}{chance.randrange(12)}"
        run = f"run{chance.randrange(3)}"
        kind = chance.randrange(6)
        facts = {"at": 1000.0 + number, "run": run}
        if kind == 0:
            opened = make.event("opened", noun, subject, index=number, **facts)
            journal.append([opened])
        elif kind == 1:
            process = chance.choice([make.alive, make.gone])
            beat = make.open_work(subject, noun, run=run, process=process, index=number)
            journal.append([], open_work=[beat])
        elif kind == 2:
            journal.append([], closed=[subject])
        elif kind == 3:
            journal.append([make.event("noted", "process", "h:1", at=number, run=None)])
        else:
            outcome = chance.choice(["success", "failure", "lost"])
            body = {"outcome": outcome, "duration": chance.random(), "index": number, **facts}
            journal.append([make.finished(noun, subject, **body)])


@pytest.mark.parametrize("seed", range(8))
def test_both_forms_fold_the_same_events_to_the_same_records(tmp_path, make, seed, clock):
    """Whatever was told, records, open work, totals and events are equal in both forms."""
    answers = []
    for form in (Journal, JsonlJournal):
        clock.now = 1_000_000.0
        with form.open(tmp_path / form.__name__, clock=clock) as journal:
            tell(journal, clock, make, seed)
            answers.append(
                {
                    "records": [list(journal.records(k)) for k in (Run, Step, Job, Session)],
                    "totals": journal.snapshot(),
                    "open": [(w.subject, w.noun, w.run, w.body) for w in journal.open_work()],
                    "events": [(e.seq, e.verb, e.subject, e.body) for e in journal.events()],
                    "rows": journal.info().rows,
                }
            )
    assert answers[0] == answers[1]


def test_every_file_is_for_the_user_alone(lines, make):
    """The directory has mode 0700, the files in it 0600."""
    lines.append([make.finished()], blobs=[Blob("circuits", b"x")])
    lines.lease("reap", 1.0, 1.0)
    modes = {stat.S_IMODE(path.stat().st_mode): path.is_dir() for path in lines.path.rglob("*")}
    assert modes == {0o700: True, 0o600: False}
    assert stat.S_IMODE(lines.path.stat().st_mode) == 0o700


def test_what_others_append_is_read_as_it_comes(lines, make, tmp_path):
    """A follower sees the rows of another process's file, each once, in the order recorded."""
    with JsonlJournal.open(lines.path, clock=lines.clock) as other:
        lines.append([make.finished(subject="a")])
        assert [event.subject for event in lines.events()] == ["a"]
        other.append([make.finished(subject="b")])
        lines.append([make.finished(subject="c")])
        assert {event.subject for event in lines.events(after=1)} == {"b", "c"}
        assert lines.last_seq() == 3


def test_lines_are_merged_in_the_order_they_were_recorded(lines, make, clock):
    """A reader that comes late takes the lines of all files by their time."""
    with JsonlJournal.open(lines.path, clock=clock) as other:
        for number in range(10):
            clock.now += 1
            (lines, other)[number % 2].append([make.finished(subject=str(number))])
    with JsonlJournal.open(lines.path, read_only=True) as reader:
        assert [event.subject for event in reader.events()] == list("0123456789")


def test_a_torn_last_line_waits_for_its_rest(lines, make):
    """Half a line is nothing yet; once its rest is there it is read."""
    lines.append([make.finished(subject="alpha")])
    (path,) = files(lines)
    whole = path.read_bytes().replace(b"alpha", b"omega")
    other = path.with_name(f"f{SUFFIX}")
    other.write_bytes(whole[:-20])
    assert [event.subject for event in lines.events()] == ["alpha"]
    with other.open("ab") as file:
        file.write(whole[-20:])
    assert {event.subject for event in lines.events()} == {"alpha", "omega"}
    assert lines.info(check=True).integrity == "ok"


def test_a_torn_line_in_the_middle_is_passed_over_and_told(lines, make):
    """A line nobody can read hides nothing that follows, and the check counts it."""
    lines.append([make.finished(subject="a")])
    (path,) = files(lines)
    with path.open("ab") as file:
        file.write(b'{"at": 5, "events": [{"id\n{"at": 6, "events": [{"id": "incomplete"}]}\n')
    lines.append([make.finished(subject="b")])
    assert [event.subject for event in lines.events()] == ["a", "b"]
    assert lines.info(check=True).integrity == "2 torn lines"


def test_the_same_lines_twice_are_counted_once(lines, make):
    """A file that was copied beside itself adds nothing, for ids are unique."""
    lines.append([make.finished(), make.finished("run")])
    before, _ = lines.snapshot()
    (path,) = files(lines)
    path.with_name(f"copy{SUFFIX}").write_bytes(path.read_bytes())
    assert lines.snapshot()[0] == before
    with JsonlJournal.open(lines.path, read_only=True) as reader:
        assert reader.snapshot()[0] == before


def test_an_event_appended_again_is_not_returned(lines, make):
    """A process knows its own ids again."""
    event = make.finished()
    assert len(lines.append([event])) == 1
    assert lines.append([event]) == []


def test_open_work_of_a_dead_process_is_reaped(lines, start, clock):
    """A run whose process ended without a word is lost, by whoever looks."""
    written(start, lines, "r", end="no end")
    assert lines.run("r").outcome == "lost"
    (event,) = lines.reap(clock.now)
    assert (event.id, event.body["outcome"]) == ("r/finished", "lost")
    assert lines.open_work() == []
    assert lines.run("r").outcome == "lost"


def test_a_lease_belongs_to_one(lines, clock):
    """A lease is renewed by its holder and taken over by another only when it ran out."""
    with JsonlJournal.open(lines.path, clock=clock) as other:
        assert lines.lease("reap", 100.0, 60.0)
        assert lines.lease("reap", 110.0, 60.0)
        assert not other.lease("reap", 165.0, 60.0)
        assert other.lease("reap", 171.0, 60.0)
        assert not lines.lease("reap", 172.0, 60.0)


def test_contents_are_kept_once_and_compressed(lines):
    """A content is found by its hash, in a file of its own."""
    data = b"QISKIT" * 1000
    key = lines.put_blob("circuits", data)
    lines.append([], blobs=[Blob("circuits", data)])
    assert lines.blob(key) == data
    assert lines.blob("0" * 64) is None
    assert (lines.info().blobs, lines.info().blob_bytes < 100) == (1, True)


# ----------------------------------------------------------------------------------------- prune


def test_pruning_replaces_files_of_ended_processes_by_what_they_count(lines, start, clock):
    """Old files go, the totals stay equal for those who saw the files and those who did not."""
    written(start, lines, "old", at=clock.now - 900.0, jobs=60)
    written(start, lines, "young", at=clock.now - 10.0)
    before, _ = lines.snapshot()
    minutes = len(list(lines.minutes()))
    with JsonlJournal.open(lines.path, clock=clock) as watcher:
        assert watcher.snapshot()[0] == before
        report = lines.prune(clock.now, older_than_seconds=600.0, max_bytes=10**12)
        assert (report.rows, len(files(lines)), len(files(lines, SUMMARY))) == (62, 1, 1)
        assert report.bytes_after < report.bytes_before
        for journal in (lines, watcher):
            assert journal.snapshot()[0] == before
            assert [run.id for run in journal.records(Run)] == ["young"]
            assert journal.info().pruned_rows == 62
    assert len(list(lines.minutes())) > minutes
    with JsonlJournal.open(lines.path, read_only=True) as late:
        assert late.snapshot()[0] == before


def test_pruning_again_and_again_keeps_one_summary(lines, start, clock):
    """A later pruning takes the earlier summary into its own, and counts nothing twice."""
    for number in range(3):
        written(start, lines, f"r{number}", at=clock.now)
        before, last = lines.snapshot()
        clock.now += 1000.0
        lines.prune(clock.now, older_than_seconds=600.0, max_bytes=10**12)
        assert (len(files(lines)), len(files(lines, SUMMARY))) == (0, 1)
        assert lines.snapshot()[0] == before
        assert lines.last_seq() == last
    with JsonlJournal.open(lines.path, read_only=True) as late:
        assert late.snapshot()[0] == before


def test_a_pruning_that_was_cut_short_counts_nothing_twice(lines, start, clock, monkeypatch):
    """When a process dies between the summary and the deletion, the old file is passed over."""
    written(start, lines, "r", at=clock.now - 900.0)
    before, _ = lines.snapshot()
    kept = files(lines)[0].read_bytes()
    path = files(lines)[0]
    lines.prune(clock.now, older_than_seconds=600.0, max_bytes=10**12)
    path.write_bytes(kept)
    assert lines.snapshot()[0] == before
    with JsonlJournal.open(lines.path, read_only=True) as late:
        assert late.snapshot()[0] == before


def test_files_in_use_and_open_work_stay(lines, start, clock, make):
    """Neither the file of a living process nor that of unfinished work is pruned."""
    written(start, lines, "lost", at=clock.now - 900.0, end="no end")
    lines.append([make.finished()])
    assert lines.prune(clock.now + 1e6, older_than_seconds=0.0, max_bytes=0).rows == 0
    lines.reap(clock.now)
    assert lines.prune(clock.now + 1e6, older_than_seconds=0.0, max_bytes=0).rows == 4


def test_a_directory_that_is_too_large_loses_its_oldest_files(lines, start, clock):
    """Files go, the oldest first, until the size is below the limit; a dry run foresees them."""
    for number in range(3):
        written(start, lines, f"r{number}", at=clock.now - 100.0 + number, jobs=50)
    assert len(list(lines.records(Run))) == 3
    size = sum(path.stat().st_size for path in files(lines))
    limits = {"older_than_seconds": 1e9, "max_bytes": size * 0.4}
    assert lines.prune(clock.now, **limits, dry_run=True).rows == 104
    assert len(files(lines)) == 3
    assert lines.prune(clock.now, **limits).rows == 104
    assert [run.id for run in lines.records(Run)] == ["r2"]


def test_a_large_file_is_ended_and_another_begun(lines, make, monkeypatch):
    """A process that writes much leaves files behind that may be pruned while it lives."""
    monkeypatch.setattr(jsonl, "LARGEST_FILE", 2000)
    for _ in range(10):
        lines.append([make.finished(note="x" * 500)])
    assert len(files(lines)) > 2
    assert lines.last_seq() == 10
    assert lines.prune(lines.clock() + 1e6, older_than_seconds=0.0, max_bytes=0).rows > 5


def test_a_file_that_was_taken_away_is_begun_anew(lines, make):
    """When somebody removed the file of a living process, its next rows go into a new one."""
    lines.append([make.finished()])
    files(lines)[0].unlink()
    lines.append([make.finished(subject="after")])
    with JsonlJournal.open(lines.path, read_only=True) as reader:
        assert [event.subject for event in reader.events()] == ["after"]


# --------------------------------------------------------------------------------------- bad luck

FULL = """
import resource, sys
from qgm_observe.errors import JournalError
from qgm_observe.journal import Event, JsonlJournal
def events(n):
    return [Event(verb="finished", noun="job", subject=f"{n}.{i}", at=1.0, id=f"{n}.{i}/finished",
                  body={"note": "x" * 1000}) for i in range(20)]
journal = JsonlJournal.open(sys.argv[1])
kept = len(journal.append(events(0)))
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, resource.RLIM_INFINITY))
failures = 0
for n in range(1, 10):
    try:
        kept += len(journal.append(events(n)))
    except JournalError as error:
        failures += 1
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
kept += len(journal.append(events("again")))
print(failures, kept == journal.last_seq(), journal.info(check=True).integrity)
"""


def test_a_full_disk_leaves_no_half_line(tmp_path, start):
    """When the file cannot grow the append raises, and what was written of it is cut off."""
    answer, errors = start(FULL, tmp_path / "journal.jsonl").communicate(timeout=30)
    assert errors == ""
    assert answer == "8 True ok\n"


FORKER = """
import os, sys
from qgm_observe.journal import Event, JsonlJournal
def event(name):
    return Event(verb="finished", noun="job", subject=name, at=1.0, id=name, body={})
journal = JsonlJournal.open(sys.argv[1])
journal.append([event("before")])
assert journal.last_seq() == 1
child = os.fork()
journal.append([event("child" if child == 0 else "parent")])
if child == 0:
    print(len(list(journal.events())) >= 2, flush=True)
    os._exit(0)
os.waitpid(child, 0)
print(sorted(e.subject for e in journal.events()), len(list(journal.path.glob("*.jsonl"))))
"""


def test_a_forked_child_writes_a_file_of_its_own(tmp_path, start):
    """Parent and child append side by side, and each reads both."""
    answer, errors = start(FORKER, tmp_path / "journal.jsonl").communicate(timeout=30)
    assert errors == ""
    assert answer == "True\n['before', 'child', 'parent'] 2\n"


def test_a_reader_creates_nothing(tmp_path, lines, make):
    """Reading where nothing is says so; a reader refuses to write."""
    with pytest.raises(JournalError, match="no journal at"):
        JsonlJournal.open(tmp_path / "none", read_only=True)
    assert not (tmp_path / "none").exists()
    with (
        JsonlJournal.open(lines.path, read_only=True) as reader,
        pytest.raises(JournalError, match="opened for reading only"),
    ):
        reader.append([make.finished()])


def test_a_path_that_cannot_be_written_is_refused(tmp_path):
    """A path below a file is refused in one line that names the way out."""
    (tmp_path / "file").touch()
    with pytest.raises(JournalError, match="give another path"):
        JsonlJournal.open(tmp_path / "file" / "journal.jsonl")


def test_a_file_of_a_newer_version_is_refused_by_name(lines):
    """A line that a later schema wrote names the version to upgrade to."""
    header = {"schema": 99, "written_by": "9.9", "process": ["h", "b", 1, 1]}
    (lines.path / f"x{SUFFIX}").write_text(json.dumps(header) + "\n")
    with pytest.raises(NewerJournal, match=r"qgm-observe 9\.9: pip install --upgrade"):
        lines.last_seq()
