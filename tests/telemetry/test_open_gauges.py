"""Gauges over open work."""

import pytest

from qgm_observe.catalog import signals
from qgm_observe.telemetry.open_gauges import is_stalled, open_gauges, resource_gauges

NOW = 1_000.0


def values(rows):
    return [(signal.name, value) for signal, _, value in open_gauges(rows, NOW)]


def test_an_open_job_is_in_flight(open_row):
    """A job that does not wait is in flight and has no waiting age."""
    assert values([open_row("job", stage="compile")]) == [("qgm.jobs.in_flight", 1)]


def test_a_waiting_job_has_an_age(open_row):
    """A submitted job that does not execute yet tells how long it has waited."""
    assert values([open_row("job", waiting_since=NOW - 90)]) == [
        ("qgm.jobs.in_flight", 1),
        ("qgm.job.oldest_waiting.age", 90),
    ]


def test_an_age_is_never_negative(open_row):
    """A waiting job that was stamped by a clock ahead of ours is of age 0."""
    assert values([open_row("job", waiting_since=NOW + 5)])[1] == ("qgm.job.oldest_waiting.age", 0)


@pytest.mark.parametrize(
    ("last", "median", "stalled"),
    [(NOW - 50.1, 10.0, True), (NOW - 50.0, 10.0, False), (NOW - 1.0, 10.0, False)],
)
def test_a_run_is_stalled_after_five_median_steps(open_row, last, median, stalled):
    """The last completed step of a stalled run is older than five times the median step."""
    row = open_row("run", last_step_at=last, median_step_seconds=median)

    assert values([row]) == [("qgm.runs.in_flight", 1), ("qgm.runs.stalled", int(stalled))]


@pytest.mark.parametrize("body", [{}, {"last_step_at": 0.0}, {"median_step_seconds": 1.0}])
def test_what_is_unknown_is_not_stalled(body):
    """A run without a completed step is not called stalled."""
    assert not is_stalled(body, NOW)


def test_a_run_shows_what_it_takes():
    """Memory and GPU of a run are gauges where they are known; the rest of its resources is not."""
    told = {"memory_peak_bytes": 5, "gpu_utilization": 0.25, "cpu_seconds": 3.0}

    assert resource_gauges({"resources": told}) == [
        (signals.RUN_MEMORY_PEAK, 5),
        (signals.RUN_GPU_UTILIZATION, 0.25),
    ]
    assert resource_gauges({}) == []


def test_steps_and_sessions_have_no_gauge(open_row):
    """Open steps and sessions add nothing."""
    assert values([open_row("step"), open_row("session")]) == []


def test_labels_are_those_of_the_row(open_row):
    """A gauge is labeled as the work it counts."""
    (signal, labels, _), *_ = open_gauges([open_row("run")], NOW)

    assert signal is signals.RUNS_IN_FLIGHT
    assert labels == ("chem", "nightly", "qcbm", "3", "training")


def test_an_open_job_tells_what_its_layout_rests_on(open_row):
    """Of each parameter its oldest instant, and the disabled pairs; by place, never by job."""
    row = open_row("job", calibrated_at={"t1": 100.0, "cz_error": 90.0}, disabled_edges=2)
    place = ("ibm", "ibm_fez", "us-east")

    assert open_gauges([row], NOW)[1:] == [
        (signals.LAYOUT_CALIBRATION_TIME, (*place, "t1"), 100.0),
        (signals.LAYOUT_CALIBRATION_TIME, (*place, "cz_error"), 90.0),
        (signals.LAYOUT_EDGES_DISABLED, place, 2),
    ]


@pytest.mark.parametrize(
    "body",
    [
        {"calibrated_at": ["t1"], "disabled_edges": "2"},
        {"calibrated_at": {"t1": "yesterday"}},
        {"calibrated_at": None, "disabled_edges": None},
    ],
    ids=["forms", "texts", "nothing"],
)
def test_a_layout_that_cannot_be_read_is_not_told(open_row, body):
    """What another process wrote costs its own gauge alone."""
    assert values([open_row("job", **body)]) == [("qgm.jobs.in_flight", 1)]
