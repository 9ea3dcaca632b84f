"""Critical values that spend alpha look by look."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import multivariate_normal, norm

from qgm_observe.errors import UsageError
from qgm_observe.quality.spending import critical_values


def test_one_look_is_an_ordinary_test():
    """All of alpha at a single look gives the normal quantile."""
    assert critical_values(0.05, [1.0], [7.0])[0] == pytest.approx(norm.isf(0.05), abs=1e-6)


@pytest.mark.parametrize("information", [(1.0, 2.0, 3.0), (1.0, 1.1, 9.0), (5.0, 30.0, 31.0)])
def test_crossing_chances_are_those_spent(information):
    """By the distribution of all looks together, each look adds what it was given."""
    alpha, spent = 0.025, np.array([0.2, 0.5, 1.0])
    found = critical_values(alpha, spent, information)
    together = np.sqrt(np.minimum.outer(information, information))
    together /= np.sqrt(np.maximum.outer(information, information))

    for look in range(1, 4):
        inside = multivariate_normal(cov=together[:look, :look], seed=1).cdf(found[:look])
        assert 1 - inside == pytest.approx(alpha * spent[look - 1], abs=3e-5)


def test_many_looks_keep_alpha():
    """Of 200,000 simulated tests with 28 looks 5 % cross, and a plain test would in four times."""
    looks, paths = 28, 200_000
    found = critical_values(0.05, np.arange(1, looks + 1) / looks, np.arange(1.0, looks + 1))
    scores = np.random.default_rng(1).standard_normal((looks, paths)).cumsum(axis=0)
    scores /= np.sqrt(np.arange(1, looks + 1))[:, None]

    crossed = (scores > found[:, None]).any(axis=0).mean()
    assert crossed == pytest.approx(0.05, abs=5 * math.sqrt(0.05 * 0.95 / paths))
    assert (scores > norm.isf(0.05)).any(axis=0).mean() > 0.2


@given(st.lists(st.floats(0.02, 1), min_size=1, max_size=8), st.floats(0.001, 0.2))
def test_looks_cost_something(gains, alpha):
    """No critical value is below that of a single look."""
    information = np.cumprod(1 + np.array(gains))
    spent = np.arange(1, len(gains) + 1) / len(gains)

    assert (critical_values(alpha, spent, information) >= norm.isf(alpha) - 1e-6).all()


def test_what_is_not_spent_cannot_be_crossed():
    """A look without a share has an infinite value, and the next one gets what is left."""
    first, second = critical_values(0.05, [0.0, 1.0], [1.0, 2.0])

    assert first == math.inf
    assert second == pytest.approx(norm.isf(0.05), abs=1e-4)


@pytest.mark.parametrize(
    ("spent", "information", "said"),
    [
        ([0.5, 0.4], [1, 2], "never fall"),
        ([0.5, 1.2], [1, 2], "up to 1"),
        ([0.5, 1.0], [2, 2], "1 % above"),
        ([1.0], [0], "above 0"),
        ([1.0], [1, 2], "one of each"),
    ],
)
def test_impossible_plans_are_refused(spent, information, said):
    """Shares that fall and looks that add nothing are one line."""
    with pytest.raises(UsageError, match=said):
        critical_values(0.05, spent, information)
