"""Folds from events and open work into records."""

import pytest

from qgm_observe.catalog import ErrorClass, ExecutionMode, Outcome, Purpose
from qgm_observe.errors import CorruptJournal
from qgm_observe.records import (
    Attempt,
    Failure,
    Job,
    Run,
    Session,
    StageTime,
    Step,
    Work,
)

LABELS = {
    "project": "lab",
    "pipeline": "nightly",
    "model": "qcbm",
    "model_version": "3",
    "kind": "inference",
}
WORK = Work("lab", "nightly", "qcbm", "3", Purpose.INFERENCE)


def test_a_whole_job(journal, make):
    """Every key of a finished job has its place in the record."""
    body = LABELS | {
        "provider": "ibm",
        "device": "ibm_fez",
        "region": "us-east",
        "execution_mode": "session",
        "start": 100.0,
        "duration": 9.5,
        "outcome": "failure",
        "error": {"class": "network", "type": "builtins.TimeoutError", "stage": "queue"},
        "stages": [["compile", 0.0, 1.0, "local"], ["queue", 1.0, 8.0, "provider"]],
        "attributes": {"note": "x"},
        "step": "s",
        "session": "i",
        "shots": 4096,
        "circuits": 4,
        "attempts": [
            {
                "number": 1,
                "outcome": "failure",
                "provider_job_id": "d1",
                "error": {"class": "network", "type": "T"},
                "queue_seconds": 8.0,
            }
        ],
    }
    journal.append([make.finished("job", "j", run="r", **body)])
    (job,) = journal.records(Job)
    assert job == Job(
        id="j",
        work=WORK,
        started_at=100.0,
        duration=9.5,
        outcome=Outcome.FAILURE,
        failure=Failure(ErrorClass.NETWORK, "builtins.TimeoutError", "queue"),
        stages=(StageTime("compile", 0.0, 1.0), StageTime("queue", 1.0, 8.0, "provider")),
        attributes={"note": "x"},
        run="r",
        step="s",
        provider="ibm",
        device="ibm_fez",
        region="us-east",
        execution_mode=ExecutionMode.SESSION,
        shots=4096,
        circuits=4,
        session="i",
        attempts=(
            Attempt(
                number=1,
                outcome=Outcome.FAILURE,
                provider_job_id="d1",
                failure=Failure(ErrorClass.NETWORK, "T"),
                queue_seconds=8.0,
            ),
        ),
    )


def test_a_whole_run_step_and_session(journal, make):
    """Every key of a finished run, step and session has its place in the record."""
    times = {"start": 100.0, "duration": 5.0, "outcome": "success"}
    device = {"provider": "ibm", "device": "ibm_fez", "region": "eu", "execution_mode": "batch"}
    journal.append(
        [
            make.finished(
                "run", "r", **LABELS, **times, steps=7, resumed_from=3, restart_seconds=0.5
            ),
            make.finished("step", "s", run="r", **LABELS, **times, index=4, loss=0.25),
            make.finished("session", "i", **LABELS, **times, **device, usage_seconds=4.5),
        ]
    )
    common = {"work": WORK, "started_at": 100.0, "duration": 5.0, "outcome": Outcome.SUCCESS}
    assert [*journal.records(Run), *journal.records(Step)] == [
        Run(id="r", **common, steps=7, resumed_from=3, restart_seconds=0.5),
        Step(id="s", **common, run="r", index=4, loss=0.25),
    ]
    assert list(journal.records(Session)) == [
        Session(
            id="i",
            work=WORK,
            mode=ExecutionMode.BATCH,
            provider="ibm",
            device="ibm_fez",
            region="eu",
            opened_at=100.0,
            closed_at=105.0,
            outcome=Outcome.SUCCESS,
            usage_seconds=4.5,
        )
    ]


@pytest.mark.parametrize("kind", [Run, Step, Job, Session])
def test_missing_means_unknown(journal, make, kind):
    """A body that tells nothing makes a record of defaults and `None`, never of zeros."""
    noun = kind.__name__.lower()
    event = make.event("finished", noun, "x", at=90.0, outcome="success")
    journal.append([event])
    (record,) = journal.records(kind)
    assert record.outcome == "success"
    assert record.work == Work("default", "default", "unknown", "unknown")
    assert (record.closed_at if kind is Session else record.duration) is None
    if kind is Job:
        assert (record.shots, record.circuits, record.device) == (None, None, "unknown")


def test_open_work_has_no_outcome(journal, make):
    """What goes on is a record without duration and outcome, with what is known so far."""
    journal.append([make.event("opened", "step", "s", run="r", index=2, start=399.5)])
    journal.append([], open_work=[make.open_work("s", "step", run="r", loss=0.5)])
    (step,) = journal.records(Step)
    assert (step.index, step.loss, step.run, step.started_at) == (2, 0.5, "r", 399.5)
    assert (step.outcome, step.duration, step.failure) == (None, None, None)


def test_work_of_a_dead_process_is_lost(journal, make):
    """Open work whose process is gone is shown as lost in its stage, before anyone reaps it."""
    lost = make.open_work("j", process=make.gone, heartbeat=407.5, stage="queue")
    journal.append([], open_work=[lost])
    (job,) = journal.records(Job)
    assert (job.outcome, job.duration) == (Outcome.LOST, 7.5)
    assert job.failure == Failure(ErrorClass.LOST, "", "queue")
    assert list(journal.records(Job, outcome="lost")) == [job]


@pytest.mark.parametrize(("silent", "outcome"), [(59.0, None), (61.0, "lost")])
def test_another_machine_speaks_by_its_heartbeat(journal, make, clock, silent, outcome):
    """Where the process cannot be looked at, a minute without a heartbeat means lost."""
    beat = clock.now - silent
    far = make.open_work("r", "run", process=make.elsewhere, heartbeat=beat)
    journal.append([], open_work=[far])
    assert [run.outcome for run in journal.records(Run)] == [outcome]


def test_a_later_truth_overrides(journal, make):
    """What was reconciled replaces what was told first, and an error that no longer holds goes."""
    lost = {"outcome": "lost", "error": {"class": "lost", "type": ""}, "shots": 100}
    journal.append([make.finished("job", "j", **lost, project="lab")])
    truth = make.event("reconciled", "job", "j", outcome="success", duration=99.0)
    journal.append([truth])
    (job,) = journal.records(Job)
    assert (job.outcome, job.failure, job.duration) == (Outcome.SUCCESS, None, 99.0)
    assert (job.shots, job.work.project) == (100, "lab")


def test_the_latest_truth_counts(journal, make):
    """Of several later truths the last one that was recorded holds."""
    journal.append([make.finished("run", "r", outcome="lost")])
    for duration in (1.0, 2.0, 3.0):
        journal.append([make.event("reconciled", "run", "r", duration=duration)])
    assert [run.duration for run in journal.records(Run)] == [3.0]


def test_words_of_a_later_version_are_softened(journal, make):
    """An error class that is not known is `other`, a stage that is not known is left out."""
    body = {
        "outcome": "failure",
        "error": {"class": "gremlins", "type": "T", "stage": "compile"},
        "stages": [["teleport", 0.0, 1.0, "local"], ["compile", 1.0, -0.5, "martian"]],
    }
    journal.append([make.finished("job", "j", **body)])
    (job,) = journal.records(Job)
    assert job.failure.error_class is ErrorClass.OTHER
    assert job.stages == (StageTime("compile", 1.0, 0.0, "local"),)


def test_a_row_that_makes_no_record_is_named(journal, make):
    """A row nobody can read gives one line with the record's id."""
    journal.append([make.finished("job", "j42", outcome="splendid")])
    with pytest.raises(CorruptJournal, match="job j42 cannot be read"):
        next(journal.records(Job))


def test_a_stage_told_twice_is_summed(journal, make):
    """The seconds of a stage are those of all its parts."""
    stages = [["queue", 0.0, 1.0, "local"], ["queue", 5.0, 2.5, "provider"]]
    journal.append([make.finished(stages=stages)])
    assert journal.columns(Job, ["queue", "decode"]) == {"queue": [3.5], "decode": [None]}


@pytest.mark.parametrize(("body", "expected"), [({"shots": 4096}, "1k"), ({}, "none")])
def test_the_shot_class_follows_from_the_shots(journal, make, body, expected):
    """A job that does not tell its shot class has that of its shots."""
    journal.append([make.finished(**body)])
    assert journal.columns(Job, ["shot_class"]) == {"shot_class": [expected]}
