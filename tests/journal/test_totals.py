"""Totals: sums that depend on nothing but their parts."""

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgm_observe.catalog import SIGNALS, STAGES, ErrorClass, Outcome, signals
from qgm_observe.journal.event import Event
from qgm_observe.journal.totals import NANO, Histogram, Totals

NAMES = st.sampled_from(["a", "b", 'quo"te', "ünï"])
SECONDS = st.floats(0, 1e7, allow_nan=False)
ERRORS = st.none() | st.fixed_dictionaries(
    {"class": st.sampled_from(ErrorClass), "stage": st.sampled_from([*STAGES])}
)


@st.composite
def finished(draw):
    noun = draw(st.sampled_from(["run", "step", "job", "session"]))
    body = {
        "model": draw(NAMES),
        "device": draw(NAMES),
        "outcome": draw(st.sampled_from(Outcome)),
        "duration": draw(SECONDS),
        "error": draw(ERRORS),
        "stages": [
            [draw(st.sampled_from([*STAGES])), 0.0, draw(SECONDS), "local"]
            for _ in range(draw(st.integers(0, 3)))
        ],
        "shots": draw(st.integers(0, 10**6)),
        "usage_seconds": draw(SECONDS),
        "restart_seconds": draw(st.none() | SECONDS),
    }
    return Event(verb="finished", noun=noun, subject="00", at=0.0, body=body, id="00/finished")


@st.composite
def noted(draw):
    amounts = draw(st.lists(st.tuples(NAMES, st.integers(1, 99)), max_size=3))
    body = {"qgm.observe.errors": [[[part], amount] for part, amount in amounts]}
    return Event(verb="noted", noun="process", subject="h:1", at=0.0, body=body, id="n/1")


EVENTS = st.lists(finished() | noted(), max_size=12)


def folded(events) -> Totals:
    totals = Totals()
    for event in events:
        totals.add(event)
    return totals


def merged(*parts: Totals) -> Totals:
    whole = Totals()
    for part in parts:
        whole.merge(part)
    return whole


def through_json(totals: Totals) -> Totals:
    return Totals.from_json(json.loads(json.dumps(totals.to_json())))


@given(EVENTS, EVENTS, EVENTS)
def test_merging_is_associative_and_commutative(a, b, c):
    """However parts are grouped and ordered, the whole is the same to the last digit."""
    x, y, z = folded(a), folded(b), folded(c)

    assert merged(merged(x, y), z) == merged(x, merged(y, z)) == merged(z, y, x)


@given(EVENTS, st.integers(0, 12))
def test_pruning_any_prefix_into_totals_changes_no_number(events, cut):
    """Old rows folded into totals plus the rest equal all rows: no counter ever falls."""
    assert merged(through_json(folded(events[:cut])), folded(events[cut:])) == folded(events)


@given(EVENTS, st.randoms(use_true_random=False))
def test_the_order_of_events_does_not_matter(events, random):
    """Events in any order give equal totals."""
    shuffled = list(events)
    random.shuffle(shuffled)

    assert folded(shuffled) == folded(events)


@given(EVENTS)
def test_totals_survive_json(events):
    """What is written as JSON is read back equal."""
    assert through_json(folded(events)) == folded(events)


@given(st.lists(finished(), max_size=20))
def test_every_finished_subject_is_counted_once(events):
    """The counters of runs, steps, jobs and sessions together equal the number of events."""
    totals = folded(events)
    counted = sum(
        number
        for signal in (signals.RUNS, signals.STEPS, signals.JOBS, signals.SESSIONS)
        for number in totals.counters.get(signal.name, {}).values()
    )

    assert counted == len(events)


@given(st.lists(finished(), max_size=20))
def test_a_histogram_counts_every_duration_and_sums_them(events):
    """A histogram holds as many observations as there were durations, and their sum."""
    totals = folded(events)
    jobs = [event for event in events if event.noun == "job"]
    histograms = totals.histograms.get("qgm.job.duration", {}).values()

    assert sum(histogram.count for histogram in histograms) == len(jobs)
    assert sum(histogram.sum for histogram in histograms) == pytest.approx(
        sum(event.body["duration"] for event in jobs), abs=1e-8 * len(jobs), rel=1e-12
    )


@given(EVENTS, EVENTS)
def test_a_tallied_event_adds_the_totals_it_carries(kept, tallied):
    """A tally of jobs whose detail was not kept counts as the jobs themselves would."""
    body = {"totals": json.loads(json.dumps(folded(tallied).to_json()))}
    row = Event(verb="tallied", noun="process", subject="h:1", at=0.0, body=body, id="t/1")

    assert folded([*kept, row]) == folded([*kept, *tallied])


@given(EVENTS, EVENTS)
def test_merging_leaves_the_other_alone(a, b):
    """What was merged in is not shared: later events do not change it."""
    part = folded(a)
    whole = merged(part)
    for event in b:
        whole.add(event)

    assert part == folded(a)


def test_each_stage_has_buckets_of_its_own():
    """The histogram of a stage uses the bounds that the catalog gives that stage."""
    stages = [[name, 0.0, 1.0, "local"] for name in STAGES]
    totals = folded(
        [Event(verb="finished", noun="job", subject="0", at=0.0, body={"stages": stages}, id="0")]
    )
    histograms = totals.histograms["qgm.job.stage.duration"]

    assert {labels[-1]: h.bounds for labels, h in histograms.items()} == {
        name: stage.buckets for name, stage in STAGES.items()
    }


def test_a_value_on_a_bound_belongs_to_that_bucket():
    """An upper bound is inclusive, as `le` says; what is above the last has no bound."""
    histogram = Histogram((1.0, 2.0))
    for value in (0.0, 1.0, 1.5, 2.0, 2.1):
        histogram.observe(value)

    assert histogram.counts == [2, 2, 1]
    assert histogram.count == 5
    assert histogram.sum == 6.6


def test_device_time_is_summed_in_billionths_and_read_in_seconds():
    """A counter with a unit keeps fractions and is read back in its unit."""
    row = Event(
        verb="finished", noun="session", subject="0", at=0.0, body={"usage_seconds": 0.1}, id="0"
    )
    totals = folded([row] * 3)
    labels = ("",) * 10

    assert totals.counters["qgm.session.usage"] == {labels: 300_000_000}
    assert totals.counter(signals.SESSION_USAGE, labels) == 0.3
    assert totals.counter(signals.SESSIONS, (*labels, "")) == 3
    assert totals.counter(signals.JOBS, (*labels, "success")) == 0


@given(
    st.dictionaries(st.floats(1e-6, 1e9), st.integers(0, 1000), max_size=8),
    st.integers(0, 10**18),
)
def test_other_buckets_lose_no_count_and_no_sum(stored, nanos):
    """Counts stored with other buckets go to the next bound above; count and sum stay."""
    name = "qgm.run.duration"
    numbers = {str(bound): count for bound, count in stored.items()} | {"sum": nanos, "inf": 2}
    family = [name, list(SIGNALS[name].label_names), [[["p", "", "m", "", "training"], numbers]]]
    totals = through_json(Totals.from_json({"families": [family]}))
    histogram = totals.histograms[name]["p", "", "m", "", "training"]

    assert histogram.count == sum(stored.values()) + 2
    assert histogram.nanos == nanos
    for place, bound in enumerate(histogram.bounds):
        covered = sum(count for stored_bound, count in stored.items() if stored_bound <= bound)
        assert sum(histogram.counts[: place + 1]) == covered


def test_histograms_with_other_bounds_merge_upwards():
    """A coarse bucket is put where it is certainly covered, never below."""
    fine = Histogram((1.0, 2.0, 4.0))
    coarse = Histogram((1.5, 4.0, 9.0), [1, 2, 3, 4], 5 * NANO)
    fine.merge(coarse)

    assert fine.counts == [0, 1, 2, 7]
    assert fine.sum == 5.0


def test_labels_of_another_version_are_fitted_and_added_up():
    """A label that is gone is summed over, one that is new is empty."""
    names = ["model", "zone", "outcome"]
    series = [[["m", "east", "success"], {"total": 3}], [["m", "west", "success"], {"total": 4}]]
    totals = Totals.from_json({"families": [["qgm.runs", names, series]]})

    assert totals.counters == {"qgm.runs": {("", "", "m", "", "", "success"): 7}}


def test_signals_of_another_version_are_kept_apart_and_written_back():
    """Numbers this version has no name for are added up and written out again."""
    family = ["qgm.of.tomorrow", ["model"], [[["m"], {"total": 3}]]]
    other_kind = ["qgm.runs", [*SIGNALS["qgm.runs"].label_names], [[["m"] * 6, {"sum": 5, "1": 2}]]]
    content = {"families": [family, other_kind]}
    twice = merged(Totals.from_json(content), Totals.from_json(content))
    run = Event(verb="finished", noun="run", subject="0", at=0.0, body={"model": "m"}, id="0")
    twice.add(run)
    again = through_json(twice)

    assert again == twice
    assert again.foreign["qgm.of.tomorrow", ("model",)] == {("m",): {"total": 6}}
    assert again.counters["qgm.runs"] == {("", "", "m", "", "", ""): 1}
    assert ("qgm.runs", SIGNALS["qgm.runs"].label_names) in again.foreign


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=12,
)


@given(JSON | st.builds(lambda families: {"families": families}, st.lists(st.lists(JSON))))
def test_damaged_content_is_left_out_and_never_raises(content):
    """Whatever stands where totals should, reading it gives totals."""
    totals = Totals.from_json(content)

    assert through_json(totals) == totals


def test_a_damaged_series_does_not_take_its_neighbors_along():
    """Negative, fractional and misshapen series are dropped, the whole ones stay."""
    names = [*SIGNALS["qgm.runs"].label_names]
    good = [["a"] * 6, {"total": 2}]
    bad = [
        [["a"] * 6, {"total": -5}],
        [["b"] * 6, {"total": 1.5}],
        [["c"] * 6, {"total": True}],
        [["d"] * 5, {"total": 1}],
        [[1] * 6, {"total": 1}],
        "nonsense",
        None,
    ]
    totals = Totals.from_json({"families": [["qgm.runs", names, [*bad, good]]]})

    assert totals.counters == {"qgm.runs": {("a",) * 6: 2}}


def test_empty_totals_are_false_and_equal_only_to_totals():
    """Totals say whether anything was counted, and differ from anything else."""
    totals = Totals()
    one = folded([Event(verb="finished", noun="run", subject="0", at=0.0, body={}, id="0")])

    assert not totals
    assert one
    assert totals != one
    assert totals != 0
    assert copy.deepcopy(one) == one
