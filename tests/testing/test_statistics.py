"""Assertions on sampled output."""

import numpy as np
import pytest

from qgm_observe.errors import UsageError
from qgm_observe.testing import (
    assert_same_distribution,
    assert_score_at_least,
    assert_valid_ratio,
)

BELL = {"00": 0.5, "11": 0.5}


def test_an_honest_sampler_passes_a_thousand_times():
    """None of 1,000 honest samples of 500 shots fails."""
    # false failure: 1,000 x 1e-6 = 0.001
    for zeros in np.random.default_rng(1).binomial(500, 0.5, 1000):
        assert_same_distribution({"00": int(zeros), "11": int(500 - zeros)}, BELL)


def test_the_stated_rate_is_an_upper_bound():
    """Allowed 20 % false failures, at most 20 % of 400 honest samples fail."""
    random, p = np.random.default_rng(2), np.array([0.4, 0.3, 0.2, 0.1])
    target, failed = dict(zip(("00", "01", "10", "11"), p, strict=True)), 0
    for row in random.multinomial(200, p, 400):
        counts = {key: int(n) for key, n in zip(target, row, strict=True) if n}
        try:
            assert_same_distribution(counts, target, false_failure=0.2)
        except AssertionError:
            failed += 1

    assert failed <= 80


def test_a_wrong_sampler_fails_with_a_number():
    """A biased coin, an outcome that cannot be, and another sampler fail."""
    for counts in ({"00": 700, "11": 300}, {"00": 500, "11": 499, "01": 1}):
        with pytest.raises(AssertionError, match="1000 shots do not come from the target: chance"):
            assert_same_distribution(counts, BELL)
    with pytest.raises(AssertionError):
        assert_same_distribution({"0": 900, "1": 100}, {"0": 500, "1": 500})
    assert_same_distribution({"0": 480, "1": 520}, {"0": 500, "1": 500})


def test_a_promised_ratio_is_held_or_not():
    """790 valid of 1,000 may come from 0.8, 600 cannot."""
    assert_valid_ratio(790, 1000, 0.8)
    with pytest.raises(AssertionError, match=r"600 valid of 1000 shots, promised 0\.8: chance"):
        assert_valid_ratio(600, 1000, 0.8)


def test_a_promised_mean_is_held_or_not():
    """Scores about 0 may come from a mean of 0 in [-1, 1], scores about -0.5 cannot."""
    random = np.random.default_rng(3)
    assert_score_at_least(random.uniform(-1, 1, 500), 0.0, least=-1.0)
    with pytest.raises(AssertionError, match="promised 0: chance"):
        assert_score_at_least(random.uniform(-1, 0, 500), 0.0, least=-1.0)


@pytest.mark.parametrize(
    "call",
    [
        lambda: assert_valid_ratio(0, 0, 0.5),
        lambda: assert_valid_ratio(1, 2, 0.5, false_failure=0.0),
        lambda: assert_score_at_least([], 0.5),
        lambda: assert_score_at_least([2.0], 0.5),
        lambda: assert_score_at_least([float("nan")], 0.5),
        lambda: assert_score_at_least([0.5], 1.5),
        lambda: assert_same_distribution({}, BELL),
        lambda: assert_same_distribution({"00": 5}, {"0": 1.0}),
        lambda: assert_same_distribution({"0": 5}, {"0": 0.7, "1": 0.7}),
    ],
    ids=map(str, range(9)),
)
def test_what_proves_nothing_is_refused(call):
    """Empty samples, scores out of bounds, other widths and targets that are none are refused."""
    with pytest.raises(UsageError):
        call()
