"""Scores of single shots and their intervals."""

import numpy as np
import pytest
from scipy.stats import binom, binomtest

from qgm_observe.errors import UsageError
from qgm_observe.quality.scores import valid_shot_ratio


@pytest.mark.parametrize(("valid", "shots"), [(0, 10), (10, 10), (3, 8), (700, 1024)])
def test_the_interval_is_the_exact_binomial_one(valid: int, shots: int) -> None:
    """The interval equals that of an independent implementation of the exact binomial test."""
    estimate = valid_shot_ratio(valid, shots)
    exact = binomtest(valid, shots).proportion_ci(0.95, method="exact")

    assert (exact.low, exact.high) == pytest.approx((estimate.low, estimate.high), abs=1e-9)


@pytest.mark.parametrize("truth", [0.02, 0.375, 0.9])
def test_the_interval_covers_what_it_says(truth: float) -> None:
    """Weighted by exact probability, the interval covers the truth 95 % of the time or more."""
    shots = 200
    outcomes = np.arange(shots + 1)
    estimates = [valid_shot_ratio(int(k), shots) for k in outcomes]
    covers = [
        e.low <= truth <= e.high for e in estimates if e.low is not None and e.high is not None
    ]

    assert binom.pmf(outcomes, shots, truth) @ np.array(covers) >= 0.95


def test_without_shots_there_is_a_reason_and_no_number() -> None:
    """No shots give no value, and the reason says so."""
    estimate = valid_shot_ratio(0, 0)

    assert estimate.value is None
    assert estimate.reason == "no shots"


def test_impossible_counts_are_refused() -> None:
    """More valid shots than shots are refused with what to write."""
    with pytest.raises(UsageError, match="0 <= valid <= shots"):
        valid_shot_ratio(5, 4)
