"""Baselines, residuals and differences of estimates."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgm_observe.errors import UsageError
from qgm_observe.quality.baseline import (
    NO_BASELINE,
    Baseline,
    capture_baseline,
    difference,
    residual,
)
from qgm_observe.records import Estimate

numbers = st.floats(-1e6, 1e6)
HISTORY = list(0.9 + 0.01 * np.random.default_rng(1).standard_normal(60))


def score(value: float, half: float = 0.0) -> Estimate:
    """A score with a symmetric interval."""
    return Estimate(name="xeb_score", value=value, low=value - half, high=value + half, n=100)


def test_a_baseline_is_the_mean_and_spread_of_its_history():
    """Center and deviation are those of NumPy, and whose they are is kept."""
    baseline = capture_baseline("xeb", HISTORY, model="qcbm:3", device="ibm_x", captured_at=5.0)

    assert (baseline.center, baseline.sd) == pytest.approx(
        (np.mean(HISTORY), np.std(HISTORY, ddof=1))
    )
    assert (baseline.model, baseline.device, baseline.captured_at) == ("qcbm:3", "ibm_x", 5.0)


@given(numbers, st.floats(1e-6, 1e6), st.floats(0, 0.99), st.none() | st.floats(0, 1e10))
def test_a_baseline_survives_json(center, sd, autocorrelation, captured_at):
    """What is written is read back equal."""
    baseline = Baseline(
        metric="x",
        center=center,
        sd=sd,
        autocorrelation=autocorrelation,
        n=40,
        captured_at=captured_at,
    )

    assert Baseline.from_json(baseline.to_json()) == baseline


@pytest.mark.parametrize("text", ["", "[]", "3", "{}", '{"metric": "x"}'])
def test_other_json_is_no_baseline(text):
    """Anything else is refused with what to write."""
    with pytest.raises(UsageError, match=r"Baseline\.to_json"):
        Baseline.from_json(text)


def test_a_baseline_without_spread_is_refused():
    """A deviation of 0 in a kept file is refused instead of dividing by it."""
    told = json.loads(capture_baseline("x", HISTORY).to_json()) | {"sd": 0.0}
    with pytest.raises(UsageError):
        Baseline.from_json(json.dumps(told))


@given(numbers, numbers, st.floats(0, 100), st.floats(0, 100))
def test_a_difference_adds_up_squares_of_symmetric_intervals(a, b, first, second):
    """For symmetric intervals the half-width is the root of the summed squares."""
    gap = difference(score(a, first), score(b, second))

    assert gap.value == a - b
    assert gap.high - gap.low == pytest.approx(2 * np.hypot(first, second), abs=1e-6)


def test_a_residual_is_measured_minus_predicted_minus_the_usual_gap():
    """The usual gap of the circuit is taken off value and interval."""
    baseline = Baseline(metric="residual", center=0.05, sd=0.01, n=60)
    told = residual(score(0.9, 0.03), score(0.8, 0.04), baseline)

    assert (told.value, told.low, told.high) == pytest.approx((0.05, 0.0, 0.10))


def test_without_a_baseline_a_residual_says_so():
    """No baseline is a reason, and so is a part that is not available."""
    missing = Estimate(name="xeb_score", reason="no shots")

    assert residual(score(0.9), 0.8, None).reason == NO_BASELINE
    assert residual(missing, 0.8, None).reason == "xeb_score: no shots"
    assert residual(score(0.9), float("nan"), None).reason == "prediction: it is no finite number"
