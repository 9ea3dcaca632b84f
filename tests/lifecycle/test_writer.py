"""The writer: what it does when the journal, the ring or the process give way."""

import logging
import os
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import qgm_observe as qgm
from qgm_observe.catalog import observe_signals, signals
from qgm_observe.errors import JournalError, UsageError
from qgm_observe.journal import Event, Journal, open_journal
from qgm_observe.lifecycle import Recorder, use
from qgm_observe.records import Job, Run
from qgm_observe.settings import Settings, load_settings

from .conftest import Clock

Rows = Callable[..., list[Event]]


def train() -> str:
    """One run with a step and a job; returns what the training would."""
    with qgm.run(model="m") as run, run.step() as step, step.job("aer", shots=8) as job:
        with job.stage("execute"):
            pass
        return "trained"


def script(body: str, journal: Path, **options: object) -> subprocess.CompletedProcess[str]:
    """Runs Python code in a process of its own, with the journal in its environment."""
    environment = {**os.environ, "QGM_OBSERVE_JOURNAL": str(journal)}
    code = textwrap.dedent(body)
    return subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        **options,  # type: ignore[call-overload]
    )


def test_training_goes_on_without_a_journal(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """With a journal that cannot be written there is one warning, and the training is the same."""
    blocked = tmp_path / "file"
    blocked.write_text("no directory")
    before = use(Recorder(load_settings(journal=blocked / "journal.db")))
    try:
        with caplog.at_level(logging.WARNING, "qgm_observe"):
            results = [train(), train()]
            flushed = qgm.flush(1)
            qgm.flush(1)
    finally:
        mine = use(before)
        assert mine is not None
        mine.close()

    assert results == ["trained", "trained"]
    assert flushed is False
    assert len([r for r in caplog.records if "metrics go on" in r.getMessage()]) == 1


def test_rows_that_could_not_be_written_are_counted(tmp_path: Path) -> None:
    """Beyond the ring's bound, rows that wait for a broken journal are dropped and counted."""
    blocked = tmp_path / "file"
    blocked.write_text("no directory")
    made = Recorder(load_settings(journal=blocked / "journal.db", ring=10))
    before = use(made)
    try:
        for _ in range(20):
            train()
            qgm.flush(1)
        blocked.unlink()
        assert qgm.flush(5)
    finally:
        use(before)
        made.close()

    journal = open_journal(blocked / "journal.db", read_only=True)
    noted = [e.body for e in journal.events(verbs=("noted",))]
    journal.close()
    unwritten = sum(body.get(observe_signals.UNWRITTEN.name, [[[], 0]])[0][1] for body in noted)
    assert unwritten > 0


def test_a_full_ring_drops_and_counts(path: Path, recorder: Recorder, rows: Rows) -> None:
    """A ring that is full drops the newest, never waits, and says how many."""
    recorder.room = 3
    recorder.started = True  # nobody drains until the flush
    for _ in range(5):
        qgm.job("aer").begin().end()
    events = rows()

    assert len([e for e in events if e.verb == "finished"]) == 3
    assert next(e for e in events if e.verb == "noted").body[observe_signals.DROPPED.name] == [
        [[], 2]
    ]


def test_a_ring_that_fills_fast_wakes_the_writer(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The writer is called before its time once more waits than usual, and only then."""
    woken: list[int] = []
    recorder.started, recorder.brim = True, 3  # nobody drains until the flush
    monkeypatch.setattr(recorder.writer, "wake", lambda: woken.append(len(recorder.ring)))
    for _ in range(6):
        qgm.job("aer").begin().end()

    assert woken == [4]


def test_above_the_rate_jobs_are_tallied_and_none_is_lost(
    path: Path, recorder: Recorder, rows: Rows
) -> None:
    """Many quick local successes become one row; failures keep theirs; the counters have all."""
    recorder.started = True
    object.__setattr__(recorder.settings, "detail_rate", 10.0)
    for index in range(50):
        try:
            with qgm.job("aer", shots=2):
                if index % 10 == 9:
                    raise ValueError
        except ValueError:
            pass
    events = rows()
    journal = open_journal(path, read_only=True)
    totals, _ = journal.snapshot()
    journal.close()
    jobs = {labels[-1]: n for labels, n in totals.counters[signals.JOBS.name].items()}

    assert len([e for e in events if e.verb == "finished"]) == 10 + 5
    assert len([e for e in events if e.verb == "tallied"]) == 1
    assert jobs == {"success": 45, "failure": 5}


def test_a_killed_process_leaves_lost_work(tmp_path: Path) -> None:
    """After a kill, what was finished is there, and what was open is lost, never a success."""
    journal = tmp_path / "journal.db"
    done = script(
        """
        import os, signal, time
        import qgm_observe as qgm
        run = qgm.run(model="m").begin()
        with run.step() as step, step.job("aer"): pass
        job = run.job("aer").begin()
        while not os.path.exists(os.environ["QGM_OBSERVE_JOURNAL"]): time.sleep(0.01)
        job.started -= 2_000_000_000
        assert qgm.flush(10)
        os.kill(os.getpid(), signal.SIGKILL)
        """,
        journal,
    )
    store = open_journal(journal)
    before = {r.outcome for r in store.records(Run)}
    store.reap(time.time())
    outcomes = sorted(str(j.outcome) for j in store.records(Job))
    (run,) = store.records(Run)
    store.close()

    assert done.returncode == -9
    assert {"lost"} == before
    assert outcomes == ["lost", "success"]
    assert run.outcome == "lost"


def test_a_forked_child_records_its_own_work_alone(tmp_path: Path) -> None:
    """A child neither ends its parent's run nor loses its own job; the parent goes on."""
    journal = tmp_path / "journal.db"
    done = script(
        """
        import os, warnings
        warnings.simplefilter("ignore")
        import qgm_observe as qgm
        with qgm.run(model="parent") as run:
            qgm.flush(10)
            pid = os.fork()
            if pid == 0:
                with qgm.job("aer", model="child"): pass
                assert qgm.flush(10)
                run.end()
                os._exit(0)
            assert os.waitpid(pid, 0)[1] == 0
            with run.step(): pass
        """,
        journal,
    )
    store = open_journal(journal, read_only=True)
    ended = [(e.noun, e.body["model"]) for e in store.events(verbs=("finished",))]
    store.close()

    assert done.stderr == ""
    assert ended == [("job", "child"), ("step", "parent"), ("run", "parent")]


def test_exit_is_bounded_when_the_journal_is_stuck(tmp_path: Path) -> None:
    """A journal that another process holds delays the exit by no more than the bound."""
    journal = tmp_path / "journal.db"
    open_journal(journal).close()
    holder = sqlite3.connect(journal)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        begun = time.monotonic()
        done = script(
            """
            import qgm_observe as qgm
            with qgm.run(): pass
            print("trained")
            """,
            journal,
        )
        took = time.monotonic() - begun
    finally:
        holder.rollback()
        holder.close()

    assert (done.returncode, done.stdout) == (0, "trained\n")
    assert took < 3 + 3 + 2  # the join, the last try, and a busy machine's start


def test_nothing_is_recorded_when_disabled(tmp_path: Path) -> None:
    """With OTEL_SDK_DISABLED there is no file and no thread, and the training is the same."""
    before = use(Recorder(load_settings({"OTEL_SDK_DISABLED": "true"}, journal=tmp_path / "j.db")))
    threads = threading.active_count()
    try:
        assert train() == "trained"
        qgm.flush(1)
    finally:
        use(before)

    assert threads == threading.active_count()
    assert list(tmp_path.iterdir()) == []


def test_a_setting_that_cannot_be_read_does_not_stop_the_training(tmp_path: Path) -> None:
    """A bad variable costs its setting and a warning, not the run."""
    done = script(
        """
        import os, logging
        logging.basicConfig()
        os.environ["QGM_OBSERVE_RING"] = "many"
        import qgm_observe as qgm
        with qgm.run(): pass
        print("trained")
        """,
        tmp_path / "j.db",
    )

    assert done.stdout == "trained\n"
    assert "QGM_OBSERVE_RING=many: write a number" in done.stderr


def test_configure_checks_at_once(tmp_path: Path) -> None:
    """`configure` refuses an unknown setting and a journal that cannot be opened."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="write one of"):
        qgm.configure(journl=tmp_path)
    with pytest.raises(JournalError):
        qgm.configure(journal=tmp_path / "file" / "j.db")


def test_the_guard_stops_errors_only(recorder: Recorder) -> None:
    """The guard stops and counts errors, lets an interrupt pass; strict, it stops nothing."""
    guard = recorder.guard
    with pytest.raises(RuntimeError), guard("x"):
        raise RuntimeError
    guard.strict = False
    with guard("x"):
        raise RuntimeError
    with pytest.raises(KeyboardInterrupt), guard("x"):
        raise KeyboardInterrupt
    guard.strict = True

    assert guard.take() == {"x": 2}


def test_settings_have_readable_defaults() -> None:
    """Every setting can be given by its variable; the defaults are those of the documentation."""
    assert Settings() == load_settings({})
    assert load_settings({"QGM_OBSERVE_DETAIL_RATE": "7.5"}).detail_rate == 7.5
    assert load_settings({"OTEL_SERVICE_NAME": "nightly"}).pipeline == "nightly"


def test_a_row_that_cannot_be_written_costs_itself_alone(
    recorder: Recorder, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row on which the journal breaks is dropped and counted; those beside it are written."""
    recorder.started, recorder.guard.strict = True, False
    append = Journal.append

    def picky(journal: Journal, events: list[Event], **extra: object) -> list[Event]:
        if any(event.body.get("model") == "bad" for event in events):
            raise RuntimeError("cannot")
        return append(journal, events, **extra)  # type: ignore[arg-type]

    monkeypatch.setattr(Journal, "append", picky)
    for model in ("first", "bad", "last"):
        with qgm.job("aer", model=model):
            pass
    recorder.flush(5)
    events = rows()

    assert [e.body["model"] for e in events if e.verb == "finished"] == ["first", "last"]
    (noted,) = [e.body for e in events if e.verb == "noted"]
    assert noted[observe_signals.UNWRITTEN.name] == [[[], 1]]


def test_an_end_that_was_interrupted_half_way_is_completed(
    recorder: Recorder, clock: Clock, rows: Rows
) -> None:
    """A job that had ended and never reached the ring is recorded by a later beat, once."""
    job = qgm.job("aer").begin()
    clock.tick(1)
    job.ended = job.now()  # as Ctrl-C leaves it
    clock.tick(2)
    assert recorder.flush(5)
    events = rows(verbs=("finished",))

    assert [event.body["outcome"] for event in events] == ["cancelled"]
    assert job not in recorder.open


def test_what_ended_before_its_beginning_was_written_is_not_open(
    path: Path, recorder: Recorder
) -> None:
    """A run that ends while the writer takes up its beginning leaves no open row behind."""
    run = qgm.run(model="m").begin()
    run.end()
    recorder.flush()
    recorder.announced.append(run)
    recorder.flush()

    with open_journal(path, read_only=True) as journal:
        assert journal.open_work() == []
        assert [event.verb for event in journal.events(nouns=["run"])][-1] == "finished"


def test_what_ends_after_the_close_is_written_too(path: Path, recorder: Recorder) -> None:
    """A job that an exit handler runs after ours is in the journal when it has ended."""
    recorder.close()
    with qgm.job("aer", model="late"):
        pass

    with open_journal(path, read_only=True) as journal:
        assert [event.body["model"] for event in journal.events()] == ["late"]


def test_an_intent_that_nobody_waits_for_any_more_is_no_error(
    recorder: Recorder, rows: Rows
) -> None:
    """An answer that was cancelled, as asyncio does on a time-out, keeps no other from its own."""
    attempt = qgm.job("aer").begin().intend()
    late, waited = recorder._ask(attempt, "intent"), recorder._ask(attempt, "submitted")
    late.cancel()
    rows()

    assert waited.done() or waited.cancelled()


def test_rows_wait_while_the_journal_cannot_be_opened(
    recorder: Recorder, clock: Clock, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever keeps the journal from being opened, the rows are there once it can be."""

    def nowhere(_: Path) -> None:
        raise RuntimeError("no home")

    recorder.started, recorder.guard.strict = True, False
    with monkeypatch.context() as patch:
        patch.setattr("qgm_observe.lifecycle.writer.open_journal", nowhere)
        with qgm.job("aer", model="waits"):
            pass
        assert not recorder.flush(5)
    clock.tick(6)

    assert [event.body["model"] for event in rows(verbs=("finished",))] == ["waits"]
