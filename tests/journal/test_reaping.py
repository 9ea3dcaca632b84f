"""Reaping: what a dead process left open is finished for it, once."""

import pytest

from qgm_observe.catalog import ErrorClass, Outcome
from qgm_observe.journal import Journal
from qgm_observe.records import Attempt, Job, Run


@pytest.fixture
def died(journal, make):
    """A journal in which a process died while a job of its run waited in a queue."""
    gone = {"process": make.gone}
    journal.append(
        [
            make.event("opened", "run", "r", start=400.0, model="qcbm"),
            make.event("opened", "step", "s", run="r", start=401.0, index=3),
            make.event("intent", "attempt", "j.1", run="r", job="j", number=1, device="ibm_fez"),
            make.event(
                "submitted", "attempt", "j.1", run="r", job="j", number=1, provider_job_id="d1"
            ),
        ],
        open_work=[
            make.open_work("r", "run", heartbeat=410.0, steps=3, stage="prepare", **gone),
            make.open_work("s", "step", run="r", heartbeat=410.0, **gone),
            make.open_work(
                "j", run="r", heartbeat=409.0, stage="queue", waiting_since=404.0, **gone
            ),
            make.open_work("mine", run="r", heartbeat=410.0),
        ],
    )
    return journal


def test_the_dead_are_finished_as_lost(died, clock):
    """Each open subject of a dead process ends as lost at its last heartbeat, in its stage."""
    events = died.reap(clock.now)
    assert [(e.noun, e.subject, e.at, e.id) for e in events] == [
        ("job", "j", 409.0, "j/finished"),
        ("step", "s", 410.0, "s/finished"),
        ("run", "r", 410.0, "r/finished"),
    ]
    run = died.run("r")
    assert (run.outcome, run.duration, run.steps) == (Outcome.LOST, 10.0, 3)
    assert (run.failure.error_class, run.failure.stage) == (ErrorClass.LOST, "prepare")
    job = next(died.records(Job, run="r"))
    assert (job.failure.stage, job.device, job.duration) == ("queue", "ibm_fez", 9.0)


def test_the_attempts_of_a_lost_job_are_told_from_its_intents(died, clock):
    """A lost job keeps what is known of its submissions, so that somebody can look for them."""
    died.reap(clock.now)
    job = next(died.records(Job, run="r"))
    assert job.attempts == (Attempt(number=1, outcome=Outcome.LOST, provider_job_id="d1"),)


def test_the_living_are_left_alone(died, clock):
    """Work of a process that runs stays open, also in a run that was lost."""
    died.reap(clock.now)
    assert [work.subject for work in died.open_work()] == ["mine"]


def test_reaping_again_finds_nothing(died, clock):
    """A second reaping stores nothing and counts nothing."""
    died.reap(clock.now)
    before = died.snapshot()
    assert died.reap(clock.now) == []
    assert died.snapshot() == before


def test_lost_work_is_counted_as_lost(died, clock):
    """Each lost subject is counted once, with its labels."""
    died.reap(clock.now)
    totals, _ = died.snapshot()
    runs = totals.counters["qgm.runs"]
    assert [(labels[2], labels[-1], count) for labels, count in runs.items()] == [
        ("qcbm", "lost", 1)
    ]


@pytest.mark.parametrize(("silent", "reaped"), [(59.0, 0), (61.0, 1)])
def test_another_machine_is_judged_by_its_heartbeat(journal, make, clock, silent, reaped):
    """Work of another host is lost after the timeout without a heartbeat, not before."""
    far = make.open_work("r", "run", process=make.elsewhere, heartbeat=clock.now - silent)
    journal.append([], open_work=[far])
    assert len(journal.reap(clock.now, heartbeat_timeout=60.0)) == reaped


def test_one_reaper_a_journal(died, clock):
    """While one holds the lease another reaps nothing; when it runs out the other takes over."""
    with Journal.open(died.path, clock=clock) as other:
        assert other.reap(clock.now)
        died.append([], open_work=[])
        assert not died.lease("reap", clock.now + 59.0, 60.0)
        assert died.lease("reap", clock.now + 61.0, 60.0)
        assert not other.lease("reap", clock.now + 62.0, 60.0)


def test_a_lease_is_renewed_by_its_holder(journal, clock):
    """Whoever holds a lease may take it again, and names do not meet."""
    with Journal.open(journal.path, clock=clock) as other:
        assert journal.lease("reap", 100.0, 60.0)
        assert journal.lease("reap", 150.0, 60.0)
        assert not other.lease("reap", 200.0, 60.0)
        assert other.lease("reconcile", 200.0, 60.0)


def test_the_lease_of_a_dead_process_is_free(journal, start, clock):
    """A lease whose holder has ended is taken over at once."""
    code = """
import sys
from qgm_observe.journal import Journal
with Journal.open(sys.argv[1]) as journal:
    print(journal.lease("reap", 100.0, 1e9))
"""
    answer, errors = start(code, journal.path).communicate(timeout=30)
    assert (answer, errors) == ("True\n", "")
    assert journal.lease("reap", 101.0, 60.0)


def test_a_resumed_run_that_dies_again_is_open_no_more(journal, make, clock):
    """A loss told twice counts once, and the open row goes all the same."""
    journal.append([make.finished("run", "r", at=300.0, outcome="lost")])
    journal.append([make.event("opened", "run", "r")])
    journal.append([], open_work=[make.open_work("r", "run", process=make.gone)])
    assert journal.reap(clock.now) == []
    assert journal.open_work() == []
    assert [run.outcome for run in journal.records(Run)] == ["lost"]
