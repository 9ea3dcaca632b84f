"""Confidence sequences: valid at every look."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgm_observe.errors import UsageError
from qgm_observe.quality.sequential import ConfidenceSequence

START = ConfidenceSequence(name="valid_shot_ratio", planned_shots=5000)


def ever_wrong(adaptive: bool, seed: int) -> bool:
    """Whether one of 100 looks every 200 shots excludes the truth."""
    sequence = ConfidenceSequence(planned_shots=5000, adaptive=adaptive)
    for valid in np.random.default_rng(seed).binomial(200, 0.8, 100):
        sequence = sequence.after(200, float(valid))
        if sequence.excludes(0.8):
            return True
    return False


@pytest.mark.parametrize("adaptive", [False, True])
def test_peeking_a_hundred_times_keeps_the_level(adaptive):
    """At most 5 % of 300 sequences exclude the truth at any of 100 looks."""
    assert np.mean([ever_wrong(adaptive, seed) for seed in range(300)]) <= 0.05


def test_the_interval_is_less_than_twice_a_fixed_one():
    """At the planned shots the adaptive sequence is 1.4 to 2 times as wide as one fixed look."""
    sequence = ConfidenceSequence(planned_shots=5000, adaptive=True).after(5000, 4000.0)
    told = sequence.estimate()
    fixed = 1.96 * math.sqrt(0.16 / 5000)

    assert 1.4 <= (told.high - told.low) / (2 * fixed) <= 2.0


@given(st.lists(st.tuples(st.integers(0, 100), st.floats(0, 1)), min_size=1, max_size=8))
def test_batches_add_up(batches):
    """The order and the cut of batches do not matter, and value and interval stay in bounds."""
    sums = [(shots, float(int(shots * share))) for shots, share in batches]
    forwards, backwards = START, START
    for shots, total in sums:
        forwards = forwards.after(shots, total)
    for shots, total in reversed(sums):
        backwards = backwards.after(shots, total)
    told = forwards.estimate()

    assert forwards == backwards
    assert (told.value is None) == (forwards.shots == 0)
    assert told.value is None or 0 <= told.low <= told.value <= told.high <= 1


def test_it_stops_once_it_is_precise():
    """The first look at which the half-width is reached comes before 4 times the fixed plan."""
    sequence = ConfidenceSequence(planned_shots=2000, adaptive=True)
    while not sequence.is_precise(0.02):
        sequence = sequence.after(100, 80.0)

    assert 1537 <= sequence.shots <= 4 * 1537
    assert sequence.excludes(0.7)


def test_without_shots_there_is_a_reason():
    """No shots give no value, prove nothing and are not precise."""
    assert START.estimate().reason == "no shots"
    assert not START.is_precise(1.0)
    assert not START.excludes(0.5)


def test_a_restart_changes_nothing():
    """What is written is read back equal, and other text is refused."""
    state = START.after(200, 150.0)

    assert ConfidenceSequence.from_json(state.to_json()) == state
    for text in ("", "{}", "[]", state.to_json().replace('"format": 1', '"format": 2')):
        with pytest.raises(UsageError, match="to_json"):
            ConfidenceSequence.from_json(text)


@pytest.mark.parametrize(
    "batch", [(-1, 0.0), (10, 11.0), (10, float("nan")), (10, 5.0, 200.0), (10, 8.0, 1.0)]
)
def test_sums_that_cannot_be_are_refused(batch):
    """Totals beyond the bounds and squares below the mean's square are one line."""
    with pytest.raises(UsageError):
        START.after(*batch)


@pytest.mark.parametrize(
    "wrong", [{"level": 1.0}, {"planned_shots": 0}, {"least": 1.0}, {"most": float("inf")}]
)
def test_impossible_sequences_are_refused(wrong):
    """Levels, plans and bounds that are none are one line."""
    with pytest.raises(UsageError, match="write"):
        ConfidenceSequence(**{"planned_shots": 100} | wrong)
