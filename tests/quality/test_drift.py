"""Drift against a fixed baseline: false alarms, detection, state that survives restarts."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgm_observe.errors import UsageError
from qgm_observe.quality.baseline import capture_baseline
from qgm_observe.quality.drift import DriftState, slot_means, watch_drift

HISTORY = 0.9 + 0.02 * np.random.default_rng(1).standard_normal(60)
WATCHED = watch_drift(capture_baseline("xeb_score", HISTORY), HISTORY)


def after(state: DriftState, values: list[float]) -> DriftState:
    """The state after all values."""
    for value in values:
        state = state.after(value)
    return state


def test_a_large_drop_is_found_within_three_days():
    """A drop of five deviations raises an alarm on the third day at the latest."""
    assert after(WATCHED, [0.8] * 3).drifting


def test_a_ramp_is_found_although_no_step_is_large():
    """A slow slide by three deviations in a month raises an alarm."""
    assert after(WATCHED, list(np.linspace(0.9, 0.84, 30))).drifting


def test_a_rise_of_a_score_is_no_drift():
    """Only the worse side counts: lower for scores, higher for errors."""
    mirrored = watch_drift(capture_baseline("error", HISTORY), HISTORY, worse="higher")

    assert not after(WATCHED, [1.1] * 30).drifting
    assert after(mirrored, [1.1] * 3).drifting
    assert not after(mirrored, [0.7] * 30).drifting


@pytest.mark.parametrize("phi", [0.0, 0.7, 0.9])
def test_false_alarms_stay_within_twice_the_stated_rate(phi):
    """On 25 AR(1) series of a year, 4 alarms a year stated, at most 8 a year are raised."""
    # false failure below 1e-6 with free seeds: single series spread by 2.3 alarms about at most 4
    random, alarms = np.random.default_rng(int(10 * phi)), 0
    for seed in range(25):
        values = random.standard_normal(60 + 365)
        for day in range(1, len(values)):
            values[day] = phi * values[day - 1] + math.sqrt(1 - phi**2) * values[day]
        history = values[:60]
        baseline = capture_baseline("x", history)
        state = watch_drift(baseline, history, false_alarms_per_year=4.0, seed=seed)
        for value in values[60:]:
            before, state = state.drifting, state.after(float(value))
            alarms += state.drifting and not before

    assert alarms / 25 <= 8.0


def test_autocorrelation_widens_the_limits():
    """A history that wanders gets higher limits than one of independent points."""
    random = np.random.default_rng(2)
    wander = np.convolve(random.standard_normal(80), 0.85 ** np.arange(20))[19:79]
    slow = watch_drift(capture_baseline("x", wander), wander)

    for ours, theirs in zip(slow.charts, WATCHED.charts, strict=True):
        assert ours.limit > 1.2 * theirs.limit


@given(st.lists(st.floats(0, 2) | st.none(), max_size=20), st.integers(0, 20))
def test_a_restart_changes_nothing(values, cut):
    """Writing and reading the state at any time leaves every later state equal."""
    kept = DriftState.from_json(after(WATCHED, values[:cut]).to_json())

    assert after(kept, values[cut:]) == after(WATCHED, values)


def test_what_was_not_measured_changes_nothing():
    """A missing value is no point; a value that is no number is refused."""
    assert WATCHED.after(None) is WATCHED
    with pytest.raises(UsageError, match="None for what is missing"):
        WATCHED.after(float("nan"))


def test_a_lasting_shift_of_the_promised_size_is_found():
    """A level that stays 1.1 promised shifts below the baseline raises an alarm within 30 days."""
    level = WATCHED.baseline.center - 1.1 * WATCHED.lasting_shift

    assert after(WATCHED, [level] * 30).charts[0].alarm


@pytest.mark.parametrize("glitch", [-1e308, -1e3])
def test_a_glitch_is_forgotten(glitch):
    """One absurd point raises an alarm that is over a week later, and leaves finite levels."""
    state = after(WATCHED, [glitch, *[0.9] * 8])

    assert state.alarms["ewma"] == 1
    assert not state.drifting
    assert all(math.isfinite(chart.level) for chart in state.charts)


def test_alarms_are_counted_by_chart():
    """Two drops with a recovery between them are two alarms of each chart."""
    state = after(WATCHED, ([0.7] * 5 + [0.9] * 60) * 2)

    assert state.alarms == {"ewma": 2, "cusum": 2}
    assert state.observed == 130


@pytest.mark.parametrize("text", ["", "{}", "[]", "7", WATCHED.to_json().replace("cusum", "x")])
def test_other_json_is_no_state(text):
    """Anything else, and a later format, is refused with what to write."""
    later = WATCHED.to_json().replace('"format": 1', '"format": 2')
    for wrong in (text, later):
        with pytest.raises(UsageError):
            DriftState.from_json(wrong)


@pytest.mark.parametrize(
    "wrong",
    [{"worse": "sideways"}, {"false_alarms_per_year": 0}, {"points_per_day": float("inf")}],
)
def test_impossible_settings_are_refused(wrong):
    """One line says what to write."""
    with pytest.raises(UsageError, match="write"):
        watch_drift(WATCHED.baseline, HISTORY, **wrong)


def test_a_short_history_is_refused():
    """Below 30 points limits would be guesses."""
    with pytest.raises(UsageError, match="write 30 numbers or more"):
        watch_drift(WATCHED.baseline, HISTORY[:29])


def test_the_same_history_gives_the_same_limits():
    """Limits are reproducible: the seed is an argument."""
    assert watch_drift(WATCHED.baseline, HISTORY) == WATCHED
    assert replace(WATCHED, observed=1) != WATCHED


def test_means_of_days_are_in_order():
    """Values are averaged by UTC day, days without a value are left out."""
    day = 86_400.0

    assert slot_means([day * 3, 10, 20, day * 3 + 5], [4, 1, 2, 6], day).tolist() == [1.5, 5.0]
    with pytest.raises(UsageError, match="one time a value"):
        slot_means([1.0], [], day)
