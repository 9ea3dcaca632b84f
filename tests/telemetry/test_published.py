"""Label sets that are published: 0 first, never beyond the bound, forgotten when idle."""

import pytest

from qgm_observe.catalog import observe_signals, signals
from qgm_observe.telemetry.published import IDLE_SECONDS, Published

WORK = {"project": "p", "pipeline": "l", "model": "m", "model_version": "1", "kind": "training"}


@pytest.fixture
def published(clock):
    return Published(30.0, clock)


def run_series(published, project):
    family = published.families["qgm.runs"]
    return published.series(family, (project, "l", "m", "1", "training", "success"))


def projects(published):
    return {labels[0] for labels in published.families["qgm.runs"].series}


def test_a_new_counter_is_held_for_two_intervals(published, clock):
    """A series is released exactly when it has been published for the time that it is held."""
    series = run_series(published, "p")
    clock.tick(29.9)
    published.begin()
    assert series.held_since is not None
    clock.tick(0.1)
    published.begin()

    assert series.held_since is None


def test_a_clock_that_jumps_back_holds_nothing_for_ever(published, clock):
    """When the wall clock is set back, what was held is released."""
    series = run_series(published, "p")
    clock.tick(-3600)
    published.begin()

    assert series.held_since is None


def test_a_gauge_is_never_held(published):
    """A gauge shows its value at once."""
    published.set_gauge(signals.STEP_LOSS, ("p", "l", "m", "1", "training"), 0.5)
    (series,) = published.families["qgm.step.loss"].series.values()

    assert (series.number, series.held_since) == (0.5, None)


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), "0.5"])
def test_what_is_no_number_takes_a_gauge_away(published, value):
    """Missing is missing: no sample, never 0 and never NaN."""
    published.set_gauge(observe_signals.JOURNAL_SIZE, (), 4096)
    published.set_gauge(observe_signals.JOURNAL_SIZE, (), value)

    assert published.families["qgm.observe.journal.size"].series == {}


def test_raw_labels_that_look_the_same_are_one_series(published):
    """Values that sanitize to the same text share a series, so none is exposed twice."""
    first = run_series(published, "a\x00")
    second = run_series(published, "a\x01")

    assert first is second
    assert projects(published) == {"a\ufffd"}


def test_declaring_again_changes_nothing(published):
    """A label set is published once."""
    published.declare("run", WORK)
    before = {name: list(f.series.values()) for name, f in published.families.items()}
    published.declare("step", WORK)

    assert {name: list(f.series.values()) for name, f in published.families.items()} == before


def test_beyond_the_bound_new_projects_are_other(published):
    """The 101st project is published as `other`, and that is counted."""
    for number in range(103):
        run_series(published, f"p{number}")
    folded = published.families["qgm.observe.label_sets.folded"].series[()]

    assert projects(published) == {f"p{number}" for number in range(100)} | {"other"}
    assert folded.number == 3


def test_label_sets_idle_for_a_week_make_room(published, clock):
    """A full label drops what nobody touched for 7 days and keeps what somebody did."""
    for number in range(100):
        run_series(published, f"p{number}")
    clock.tick(IDLE_SECONDS)
    busy = published.families["qgm.steps"]
    steps = published.series(busy, ("p7", "l", "m", "1", "training", "failure"))
    published.changed(busy, steps)
    clock.tick(1)
    run_series(published, "new")

    assert projects(published) == {"p7", "new"}
    assert published.families["qgm.observe.label_sets.folded"].series[()].number == 0


def test_our_own_health_is_never_dropped(published, clock):
    """Health counters and the version stay however long nothing happened."""
    for number in range(100):
        run_series(published, f"p{number}")
    clock.tick(2 * IDLE_SECONDS)
    run_series(published, "new")

    assert published.families["qgm.observe.build"].series
    assert published.families["qgm.observe.events.dropped"].series


def test_a_flood_of_new_values_sweeps_once_a_minute(published, clock, monkeypatch):
    """A hostile stream of values cannot make each of its events look through all series."""
    for number in range(100):
        run_series(published, f"p{number}")
    sweeps = []
    each = published._each
    monkeypatch.setattr(published, "_each", lambda: sweeps.append(1) or each())
    for number in range(500):
        run_series(published, f"flood{number}")
    assert len(sweeps) == 2  # one sweep reads all series twice
    clock.tick(60)
    run_series(published, "later")

    assert len(sweeps) == 4


def test_a_flood_of_new_values_is_not_remembered(published):
    """20,000 distinct values leave memory of a bounded number of them."""
    for number in range(20_000):
        run_series(published, f"flood{number}")

    family = published.families["qgm.runs"]
    assert len(family.series) == 101 * 6
    assert len(family.known) <= 1_001 + 4 * len(family.series)


def test_a_dropped_gauge_is_forgotten_under_every_name_that_led_to_it(published):
    """Once dropped, neither its own labels nor hidden ones that led to it find the old series."""
    measured = ("p\x00", "l", "m", "1", "training")
    published.set_gauge(signals.STEP_LOSS, measured, 1.0)
    family = published.families[signals.STEP_LOSS.name]
    assert len(family.known) == 2
    kept = ("other", *measured[1:])
    published.set_gauge(signals.STEP_LOSS, kept, 2.0)
    published.set_gauge(signals.STEP_LOSS, measured, None)

    assert list(family.series) == list(family.known) == [kept]
