"""Aggregates: what is published, and when."""

import math
import os
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qgm_observe.catalog import (
    STAGES,
    ErrorClass,
    Outcome,
    observe_signals,
    provider_signals,
)
from qgm_observe.journal.event import Event
from qgm_observe.journal.totals import NANO, SCALES, Totals
from qgm_observe.telemetry.aggregates import Aggregates
from qgm_observe.version import __version__

WORK = 'project="chem",pipeline="nightly",model="qcbm",model_version="3",kind="training"'
JOB = (
    f'{WORK},provider="ibm",device="ibm_fez",region="us-east",execution_mode="job",shot_class="1k"'
)


def jobs(outcome: str) -> str:
    return f'qgm_jobs_total{{{JOB},outcome="{outcome}",source="process"}}'


def work(name: str) -> str:
    return f'{name}{{{WORK},source="process"}}'


def test_a_first_failure_is_seen_as_an_increase(aggregates, clock, event, numbers):
    """A label set is at 0 first and shows its count two scrape intervals later."""
    aggregates.fold([event("job", outcome="failure")])
    assert numbers(aggregates)[jobs("failure")] == 0
    clock.tick(29)
    assert numbers(aggregates)[jobs("failure")] == 0
    clock.tick(1)

    assert numbers(aggregates)[jobs("failure")] == 1


def test_what_is_counted_meanwhile_is_released_together(aggregates, clock, event, numbers):
    """Counts of the holding time are not lost, and later ones show at once."""
    aggregates.fold([event("job", outcome="success")])
    clock.tick(15)
    aggregates.fold([event("job", outcome="success")] * 2)
    clock.tick(15)
    assert numbers(aggregates)[jobs("success")] == 3
    aggregates.fold([event("job", outcome="success")])

    assert numbers(aggregates)[jobs("success")] == 4


def test_an_opened_run_declares_its_outcomes_and_stages(aggregates, event, numbers):
    """Opening a run publishes all six outcomes and the stages of runs and steps at 0."""
    aggregates.fold([event("run", "opened")])
    shown = numbers(aggregates)

    assert {
        shown[f'qgm_runs_total{{{WORK},outcome="{outcome}",source="process"}}']
        for outcome in Outcome
    } == {0}
    counts = [line for line in shown if line.startswith("qgm_job_stage_duration_seconds_count")]
    assert len(counts) == 5
    assert shown[work("qgm_runs_in_flight")] == 0


@pytest.mark.parametrize("verb", ["opened", "finished"])
def test_a_job_declares_all_ten_stages(aggregates, event, numbers, verb):
    """Opening a job, or its end if that comes first, publishes ten stage histograms at 0."""
    aggregates.fold([event("job", verb, outcome="success")])
    shown = numbers(aggregates)

    for stage in STAGES:
        name = f'qgm_job_stage_duration_seconds_count{{{JOB},stage="{stage}",source="process"}}'
        assert shown[name] == 0


def test_a_declared_label_set_counts_at_once_when_its_time_has_passed(
    aggregates, clock, event, numbers
):
    """A job that ran longer than two intervals is shown as soon as it ends."""
    aggregates.declare("job", event("job").body)
    clock.tick(31)
    aggregates.fold([event("job", outcome="timeout")])

    assert numbers(aggregates)[jobs("timeout")] == 1


def test_seeded_counts_are_shown_at_once(aggregates, event, numbers):
    """After a restart the counters go on where they were: they were shown before."""
    totals = Totals()
    for outcome in ("success", "success", "failure"):
        totals.add(event("job", outcome=outcome, duration=1.0))
    aggregates.seed(totals)
    shown = numbers(aggregates)

    assert (shown[jobs("success")], shown[jobs("failure")], shown[jobs("lost")]) == (2, 1, 0)
    assert shown[f'qgm_job_duration_seconds_count{{{JOB},source="process"}}'] == 3


def test_a_tallied_event_counts_as_its_jobs_would(aggregates, clock, event, numbers):
    """Jobs whose detail was not kept are counted from their totals, held like any other."""
    totals = Totals()
    for _ in range(5):
        totals.add(event("job", outcome="success", duration=0.5, shots=100))
    aggregates.fold([event("process", "tallied", totals=totals.to_json())])
    assert numbers(aggregates)[jobs("success")] == 0
    clock.tick(30)
    shown = numbers(aggregates)

    assert shown[jobs("success")] == 5
    assert shown[f'qgm_job_shots_total{{{JOB},source="process"}}'] == 500
    assert shown[f'qgm_job_duration_seconds_sum{{{JOB},source="process"}}'] == 2.5


def test_session_usage_is_shown_in_seconds(aggregates, clock, event, numbers):
    """A counter with a unit keeps its fractions."""
    aggregates.fold([event("session", outcome="success", usage_seconds=0.1)] * 3)
    clock.tick(30)

    assert numbers(aggregates)[f'qgm_session_usage_seconds_total{{{JOB},source="process"}}'] == 0.3


def test_the_loss_is_that_of_the_last_completed_step(aggregates, event, numbers):
    """A step that ended earlier does not overwrite the loss of a later one."""
    aggregates.fold([event("step", at=2.0, loss=0.25), event("step", at=1.0, loss=0.75)])
    assert numbers(aggregates)[work("qgm_step_loss")] == 0.25
    aggregates.fold([event("step", at=3.0)])

    assert numbers(aggregates)[work("qgm_step_loss")] == 0.25


def test_device_time_that_open_work_needs_adds_up_and_goes_away(
    aggregates, clock, open_row, numbers
):
    """Jobs that wait and what a run has planned further add up by device; of none is no sample."""
    rows = [
        open_row("job", needed_seconds=3.0),
        open_row("job"),
        open_row("run", needed=[["ibm", "ibm_fez", 40.0], ["ibm", "ibm_kyiv", 5.0]]),
    ]
    aggregates.set_open(rows, clock())
    shown = {k: v for k, v in numbers(aggregates).items() if "device_time_needed" in k}

    assert {key.split('device="')[1].split('"')[0]: v for key, v in shown.items()} == {
        "ibm_fez": 43.0,
        "ibm_kyiv": 5.0,
    }
    aggregates.set_open([open_row("job")], clock())
    assert not [key for key in numbers(aggregates) if "device_time_needed" in key]


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_loss_that_is_no_number_has_no_sample(aggregates, event, numbers, loss):
    """A diverged loss is not shown as the last good one, nor as NaN."""
    aggregates.fold([event("step", at=1.0, loss=0.5), event("step", at=2.0, loss=loss)])

    assert work("qgm_step_loss") not in numbers(aggregates)


def test_open_work_is_shown_and_goes_back_to_zero(aggregates, clock, open_row, numbers):
    """In-flight gauges follow what is open; an age with nothing waiting has no sample."""
    now = clock()
    rows = [
        open_row("run", last_step_at=now - 60, median_step_seconds=10.0),
        open_row("job", waiting_since=now - 100),
        open_row("job", waiting_since=now - 40),
        open_row("job", stage="execute"),
    ]
    aggregates.set_open(rows, now)
    shown = numbers(aggregates)
    age = f'qgm_job_oldest_waiting_age_seconds{{{JOB},source="process"}}'

    assert shown[work("qgm_runs_in_flight")] == 1
    assert shown[work("qgm_runs_stalled")] == 1
    assert shown[f'qgm_jobs_in_flight{{{JOB},source="process"}}'] == 3
    assert shown[age] == 100
    aggregates.set_open([], now)
    shown = numbers(aggregates)
    assert shown[work("qgm_runs_in_flight")] == 0
    assert shown[work("qgm_runs_stalled")] == 0
    assert shown[f'qgm_jobs_in_flight{{{JOB},source="process"}}'] == 0
    assert age not in shown


def test_open_work_declares_its_counters(aggregates, clock, open_row, numbers):
    """What is open when a follower starts has its counters at 0 before it ends."""
    aggregates.set_open([open_row("job")], clock())

    assert numbers(aggregates)[jobs("failure")] == 0


def test_own_health_is_there_from_the_start(aggregates, event, clock, numbers):
    """Health counters without labels and the version need no event."""
    shown = numbers(aggregates)

    assert shown[f'qgm_observe_build_info{{version="{__version__}",source="process"}}'] == 1
    assert shown['qgm_observe_events_dropped_total{source="process"}'] == 0
    clock.tick(30)
    aggregates.fold([event("process", "noted", **{"qgm.observe.events.dropped": [[[], 4]]})])
    assert numbers(aggregates)['qgm_observe_events_dropped_total{source="process"}'] == 4


def test_a_gauge_can_be_set_from_outside(aggregates, numbers):
    """The owner of a size or a skew sets it, and takes it away again."""
    aggregates.set_gauge(observe_signals.SKEW, ("ibm",), -0.25)
    assert (
        numbers(aggregates)['qgm_observe_clock_skew_seconds{provider="ibm",source="process"}']
        == -0.25
    )
    aggregates.set_gauge(observe_signals.SKEW, ("ibm",), None)

    assert not [line for line in numbers(aggregates) if "skew" in line]


def test_every_series_says_whose_it_is(clock, event, numbers):
    """The constant label `source` is on every sample."""
    aggregates = Aggregates(source="journal", clock=clock)
    aggregates.fold([event("job", outcome="success"), event("run", "opened")])

    assert all('source="journal"' in line for line in numbers(aggregates))


@pytest.mark.parametrize(
    ("noun", "verb"), [("job", "intent"), ("device", "reading"), ("x", "opened")]
)
def test_other_events_change_nothing(aggregates, event, noun, verb):
    """Events that measure nothing leave the very same exposition."""
    before = aggregates.exposition()
    aggregates.fold([event(noun, verb)])

    assert aggregates.exposition() is before


NAMES = st.sampled_from(["a", "b", "c"])
BODIES = st.fixed_dictionaries(
    {
        "model": NAMES,
        "device": NAMES,
        "outcome": st.sampled_from(Outcome),
        "duration": st.floats(0, 1e6),
        "stages": st.lists(
            st.tuples(st.sampled_from([*STAGES]), st.just(0.0), st.floats(0, 1e5)), max_size=3
        ),
        "error": st.none()
        | st.fixed_dictionaries({"class": st.sampled_from(ErrorClass), "stage": st.just("queue")}),
        "shots": st.integers(0, 10**6),
        "usage_seconds": st.floats(0, 1e6),
    }
)
EVENTS = st.lists(
    st.builds(
        lambda noun, body: Event(
            verb="finished", noun=noun, subject="0", at=0.0, body=body, id="0/finished"
        ),
        st.sampled_from(["run", "step", "job", "session"]),
        BODIES,
    ),
    max_size=10,
)


def assert_shows(aggregates: Aggregates, totals: Totals) -> None:
    with aggregates.families() as families:
        shown = {family.signal.name: family for family in families}
    for name, counters in totals.counters.items():
        for labels, number in counters.items():
            series = shown[name].series[labels]
            assert shown[name].shown(series) * SCALES[name] == pytest.approx(number)
            assert series.number == number
    for name, histograms in totals.histograms.items():
        for labels, histogram in histograms.items():
            assert shown[name].shown_histogram(shown[name].series[labels]) == histogram


@given(EVENTS, st.integers(0, 10), st.integers(0, 10))
def test_after_the_holding_time_aggregates_equal_the_totals(events, cut, batch):
    """Seeded with some events and fed the rest in any batches, all numbers are those of Totals."""
    now = [0.0]
    seed, everything = Totals(), Totals()
    for event in events[:cut]:
        seed.add(event)
    for event in events:
        everything.add(event)
    aggregates = Aggregates(clock=lambda: now[0])
    aggregates.seed(seed)
    rest = events[cut:]
    aggregates.fold(rest[:batch])
    aggregates.fold(rest[batch:])
    now[0] = 31.0

    assert_shows(aggregates, everything)


@settings(max_examples=50)
@given(st.lists(st.tuples(EVENTS, st.floats(0, 40)), max_size=5))
def test_no_counter_ever_falls(steps):
    """Whatever is folded and however time goes, no counter or bucket is lower than before."""
    now = [0.0]
    aggregates = Aggregates(clock=lambda: now[0])
    before: dict[str, float] = {}
    for events, seconds in steps:
        aggregates.fold(events)
        now[0] += seconds
        lines = aggregates.exposition().text.decode().splitlines()
        pairs = [line.rpartition(" ") for line in lines if line.startswith("qgm_")]
        after = {series: float(n) for series, _, n in pairs if "loss" not in series}
        assert all(after[series] >= number for series, number in before.items())
        before = after


def test_threads_may_fold_at_once(aggregates, clock, event, numbers):
    """Four threads that fold at once lose no count."""
    rows = [event("job", outcome="success", duration=0.1)] * 50
    threads = [
        threading.Thread(target=lambda: [aggregates.fold(rows) for _ in range(10)])
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    clock.tick(30)

    assert numbers(aggregates)[jobs("success")] == 4 * 10 * 50


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_does_not_wait_for_a_thread_that_is_not_there(aggregates, event):
    """A fork in the midst of a fold leaves the child with aggregates that it can use."""
    with aggregates.families():
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                aggregates.fold([event("job", outcome="success")])
                code = 0 if b"qgm_jobs_total" in aggregates.exposition().text else 2
            finally:
                os._exit(code)

    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_a_sum_is_kept_to_the_billionth(aggregates, clock, event, numbers):
    """Ten thousand tiny durations add up exactly."""
    tiny = event("job", outcome="success", duration=1 / NANO)
    aggregates.fold([tiny] * 10_000)
    clock.tick(30)

    assert numbers(aggregates)[f'qgm_job_duration_seconds_sum{{{JOB},source="process"}}'] == 1e-5


def test_an_estimate_shows_what_it_tells_and_nothing_else(aggregates, clock, event, numbers):
    """Value, interval and floor are gauges; without them there is no sample; shots are counted."""
    told = {"value": 0.75, "low": 0.5, "high": 0.9, "floor": 1.0, "n": 400}
    aggregates.fold([event("job", "estimate", name="valid_shot_ratio", **told)])
    clock.tick(60)
    shown = numbers(aggregates)

    def of(family):
        return [number for series, number in shown.items() if series.startswith(f"{family}{{")]

    assert of("qgm_quality_value") == [0.75]
    assert (of("qgm_quality_low"), of("qgm_quality_high")) == ([0.5], [0.9])
    assert of("qgm_quality_floor") == [1.0]
    assert (of("qgm_quality_shots_scored_total"), of("qgm_quality_shots_valid_total")) == (
        [400],
        [300],
    )

    aggregates.fold([event("job", "estimate", name="valid_shot_ratio", reason="no shots")])

    assert not [series for series in numbers(aggregates) if series.startswith("qgm_quality_value")]


def test_what_no_event_tells_is_added_directly(clock, numbers):
    """A counter and a histogram are at 0 for two intervals, then at what was added."""
    aggregates = Aggregates("provider", 15.0, clock)
    labels = ("ibm", "team", "fleet")
    aggregates.add(provider_signals.PROVIDER_REQUESTS, (*labels, "ok"), 2)
    aggregates.add(provider_signals.PROVIDER_REQUEST_DURATION, labels, 0.25)
    of = 'provider="ibm",account="team",collector="fleet"'
    calls = f'qgm_provider_requests_total{{{of},result="ok",source="provider"}}'
    seconds = f'qgm_provider_request_duration_seconds_sum{{{of},source="provider"}}'
    assert (numbers(aggregates)[calls], numbers(aggregates)[seconds]) == (0, 0)
    clock.tick(30)

    assert (numbers(aggregates)[calls], numbers(aggregates)[seconds]) == (2, 0.25)
    count = seconds.replace("_sum{", "_count{")
    assert numbers(aggregates)[count] == 1
