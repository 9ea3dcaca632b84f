"""Measurements: what one event adds to which signal."""

import math
import time

import pytest

from qgm_observe.catalog import STAGES, ErrorClass, Outcome, Purpose, observe_signals, signals
from qgm_observe.journal.event import Event
from qgm_observe.journal.measure import NO_DEVICE, job_labels, measurements, work_labels

WORK = {
    "project": "chem",
    "pipeline": "nightly",
    "model": "qcbm",
    "model_version": "3",
    "kind": "training",
}
DEVICE = {
    "provider": "ibm",
    "device": "ibm_fez",
    "region": "us-east",
    "execution_mode": "session",
    "shot_class": "1k",
}
WORK_LABELS = ("chem", "nightly", "qcbm", "3", "training")
JOB_LABELS = (*WORK_LABELS, "ibm", "ibm_fez", "us-east", "session", "1k")


def event(noun: str, verb: str = "finished", run: str | None = "00ff", **body: object) -> Event:
    labels = WORK | DEVICE if noun in {"job", "session"} else WORK
    return Event(
        verb=verb, noun=noun, subject="00aa", at=1.0, run=run, body=labels | body, id=f"00aa/{verb}"
    )


@pytest.mark.parametrize(
    ("noun", "run", "parent", "roots"),
    [
        ("job", None, None, 1),
        ("job", "00ff", None, 0),
        ("run", "00aa", None, 1),
        ("run", "00aa", "00ff", 0),
        ("step", "00ff", None, 0),
        ("session", None, None, 0),
    ],
)
def test_a_root_is_a_run_inside_no_run_or_a_job_outside_any(noun, run, parent, roots):
    """What was asked for by itself is counted once, with the labels of the work and its end."""
    ended = event(noun, run=run, outcome="failure", **({"parent": parent} if parent else {}))
    counted = [each for each in measurements(ended) if each[0] is signals.ROOTS]

    assert counted == [(signals.ROOTS, (*WORK_LABELS, "failure"), 1)] * roots


def test_a_successful_job_counts_itself_its_time_its_attempts_shots_and_circuits():
    """A successful job adds 1 job, its duration, its stages, its attempts, shots and circuits."""
    job = event(
        "job",
        outcome="success",
        duration=2.5,
        stages=[["compile", 0.0, 0.5, "local"], ["queue", 0.5, 2.0, "provider"]],
        shots=4096,
        circuits=7,
        attempts=[{"number": 1, "outcome": "failure"}, {"number": 2, "outcome": "success"}],
    )

    assert measurements(job) == [
        (signals.JOBS, (*JOB_LABELS, "success"), 1),
        (signals.JOB_DURATION, JOB_LABELS, 2.5),
        (signals.JOB_STAGE_DURATION, (*JOB_LABELS, "compile"), 0.5),
        (signals.JOB_STAGE_DURATION, (*JOB_LABELS, "queue"), 2.0),
        (signals.JOB_SHOTS, JOB_LABELS, 4096),
        (signals.JOB_CIRCUITS, JOB_LABELS, 7),
        (signals.JOB_ATTEMPTS, (*JOB_LABELS, "failure"), 1),
        (signals.JOB_ATTEMPTS, (*JOB_LABELS, "success"), 1),
    ]


def test_a_failed_job_counts_an_error_by_stage_and_class_and_no_shots():
    """A failed job adds an error with stage and class; its shots brought nothing and are left."""
    error = {"class": "quota", "type": "x.QuotaError", "stage": "submit"}
    job = event("job", outcome="failure", duration=0.1, shots=4096, circuits=7, error=error)

    assert measurements(job) == [
        (signals.JOBS, (*JOB_LABELS, "failure"), 1),
        (signals.JOB_DURATION, JOB_LABELS, 0.1),
        (signals.JOB_ERRORS, (*JOB_LABELS, "submit", "quota"), 1),
    ]


@pytest.mark.parametrize(
    ("outcome", "error_class"),
    [("lost", "lost"), ("timeout", "run_timeout"), ("failure", "other")],
)
def test_a_failure_without_a_known_error_is_still_an_error(outcome, error_class):
    """A job that ended badly counts as an error even when nobody could tell which."""
    errors = [m for m in measurements(event("job", outcome=outcome)) if m[0] is signals.JOB_ERRORS]

    assert errors == [(signals.JOB_ERRORS, (*JOB_LABELS, "", error_class), 1)]


@pytest.mark.parametrize("outcome", ["success", "cancelled", "guarded"])
def test_what_did_not_fail_is_no_error(outcome):
    """A job that succeeded, was cancelled or was stopped by a guard adds no error by itself."""
    assert signals.JOB_ERRORS not in [m[0] for m in measurements(event("job", outcome=outcome))]


def test_an_attempt_that_was_open_ends_as_its_job_did():
    """An attempt without an outcome of its own ended with its job."""
    job = event("job", outcome="lost", attempts=[{"number": 1}])

    assert (signals.JOB_ATTEMPTS, (*JOB_LABELS, "lost"), 1) in measurements(job)


def test_a_step_counts_itself_and_its_stages_without_a_device():
    """Stages of a step carry empty device labels."""
    step = event(
        "step", outcome="success", duration=1.5, index=4, stages=[["encode", 0.0, 0.25, "local"]]
    )

    assert measurements(step) == [
        (signals.STEPS, (*WORK_LABELS, "success"), 1),
        (signals.STEP_DURATION, WORK_LABELS, 1.5),
        (signals.JOB_STAGE_DURATION, (*WORK_LABELS, *[""] * 5, "encode"), 0.25),
    ]


def test_a_resumed_run_counts_its_restart():
    """A resumed run adds its restart time beside its duration and stages."""
    run = event(
        "run",
        outcome="guarded",
        duration=60.0,
        restart_seconds=3.0,
        stages=[["prepare", 0.0, 1.0, "local"]],
    )

    assert measurements(run) == [
        (signals.RUNS, (*WORK_LABELS, "guarded"), 1),
        (signals.RUN_DURATION, WORK_LABELS, 60.0),
        (signals.RUN_RESTART_DURATION, WORK_LABELS, 3.0),
        (signals.JOB_STAGE_DURATION, (*WORK_LABELS, *NO_DEVICE, "prepare"), 1.0),
        (signals.ROOTS, (*WORK_LABELS, "guarded"), 1),
    ]


def test_a_run_counts_what_it_took_and_an_inner_one_nothing():
    """Time and bytes of a run are counted once: a run inside another adds nothing of its own."""
    took = {"cpu_seconds": 2.5, "read_bytes": 4096, "written_bytes": 0, "memory_peak_bytes": 9}
    took |= {"reads": 3, "writes": 0}
    outer = measurements(event("run", outcome="success", resources=took))
    inner = measurements(event("run", outcome="success", resources=took, parent="ab" * 16))

    assert outer[1:-1] == [
        (signals.RUN_CPU_TIME, WORK_LABELS, 2.5),
        (signals.RUN_READ, WORK_LABELS, 4096),
        (signals.RUN_READS, WORK_LABELS, 3),
    ]
    assert inner == outer[:1]


def test_a_session_counts_itself_and_the_device_time_it_used():
    """A finished session adds 1 session and its usage."""
    assert measurements(event("session", outcome="success", usage_seconds=12.5)) == [
        (signals.SESSIONS, (*JOB_LABELS, "success"), 1),
        (signals.SESSION_USAGE, JOB_LABELS, 12.5),
    ]


def test_a_noted_event_carries_own_health_counters():
    """A noted event adds its increments; gauges, unknown signals and non-amounts add nothing."""
    body = {
        "qgm.observe.errors": [[["writer"], 2], [["fold"], 1]],
        "qgm.observe.events.dropped": [[[], 5]],
        "qgm.observe.journal.size": [[[], 4096]],
        "qgm.of.tomorrow": [[["x"], 1]],
        "qgm.observe.intent.gaps": [[[], math.nan], [[], -1]],
    }
    noted = Event(verb="noted", noun="process", subject="h:1", at=1.0, body=body, id="n/1")

    assert measurements(noted) == [
        (observe_signals.ERRORS, ("writer",), 2),
        (observe_signals.ERRORS, ("fold",), 1),
        (observe_signals.DROPPED, (), 5),
    ]


def test_noted_labels_are_cut_or_filled_to_the_signal():
    """An increment with too few or too many labels is counted all the same."""
    body = {"qgm.observe.errors": [[[], 1]], "qgm.observe.events.dropped": [[["extra"], 1]]}
    noted = Event(verb="noted", noun="process", subject="h:1", at=1.0, body=body, id="n/1")

    assert measurements(noted) == [
        (observe_signals.ERRORS, ("",), 1),
        (observe_signals.DROPPED, (), 1),
    ]


@pytest.mark.parametrize("verb", ["opened", "intent", "submitted", "reconciled", "tallied"])
def test_only_ends_are_measured(verb):
    """An event of another verb adds nothing, so that no subject is counted twice."""
    assert measurements(event("job", verb, outcome="success", duration=1.0)) == []


@pytest.mark.parametrize("seconds", [None, -1.0, math.nan, math.inf])
def test_a_duration_that_cannot_be_is_not_observed(seconds):
    """Unknown, negative and non-finite durations are left out; the job itself is counted."""
    stages = [["compile", 0.0, seconds, "local"]]
    job = event("job", outcome="cancelled", duration=seconds, stages=stages)

    assert measurements(job) == [(signals.JOBS, (*JOB_LABELS, "cancelled"), 1)]


def test_missing_labels_are_empty():
    """Labels nobody told are empty texts, never the word None."""
    assert job_labels({"model": "qcbm", "device": None}) == ("", "", "qcbm", *[""] * 7)
    assert work_labels({}) == ("",) * 5


def test_labels_are_plain_texts_whatever_was_given():
    """Enumerations, numbers and values without a hash become plain texts."""
    labels = work_labels({"kind": Purpose.TRAINING, "model_version": 3, "model": ["a"]})

    assert labels == ("", "", "['a']", "3", "training")
    assert [type(label) for label in work_labels({"kind": Purpose.TRAINING})] == [str] * 5


def test_enumerations_of_the_catalog_count_like_their_texts():
    """An event straight from the recorder measures the same as one read back from the journal."""
    error = {"class": ErrorClass.OFFLINE, "stage": "submit"}
    live = event("job", outcome=Outcome.FAILURE, error=error, kind=Purpose.INFERENCE)
    stored = event(
        "job",
        outcome="failure",
        error={"class": "offline", "stage": "submit"},
        kind="inference",
    )

    assert measurements(live) == measurements(stored)


def test_measuring_a_job_of_nine_stages_is_cheap():
    """A job of nine stages is measured in far less than the 30 µs that folding may take."""
    stages = [[name, 0.0, 0.1, "local"] for name in list(STAGES)[:9]]
    job = event("job", outcome="success", duration=1.0, stages=stages, shots=1, circuits=1)
    best = math.inf
    for _ in range(20):
        began = time.process_time_ns()
        for _ in range(200):
            measurements(job)
        best = min(best, (time.process_time_ns() - began) / 200)

    assert best < 20_000
