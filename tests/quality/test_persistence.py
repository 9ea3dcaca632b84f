"""What a history says about its own wander."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgm_observe.errors import UsageError
from qgm_observe.quality.persistence import persistence_of, plausible_futures


def ar1(phi: float, size: int, random: np.random.Generator) -> np.ndarray:
    """A stationary series of unit variance."""
    values = random.standard_normal(size)
    for place in range(1, size):
        values[place] = phi * values[place - 1] + math.sqrt(1 - phi**2) * values[place]
    return values


def test_the_likelihood_is_that_of_the_joint_normal_distribution():
    """Weights are those of the dense covariance matrix, with odds of 1 to 2 for no wander."""
    values = ar1(0.6, 40, np.random.default_rng(1))
    told = persistence_of(values)
    scores = []
    for phi, share in zip(told.phi, told.share, strict=True):
        lags = np.abs(np.subtract.outer(np.arange(40), np.arange(40)))
        covariance = share * phi**lags + (1 - share) * np.eye(40)
        inverse, ones = np.linalg.inv(covariance), np.ones(40)
        precision = ones @ inverse @ ones
        rest = values - (ones @ inverse @ values) / precision
        scores.append(
            -0.5 * (np.linalg.slogdet(covariance)[1] + math.log(precision))
            - 39 / 2 * math.log(rest @ inverse @ rest)
        )
    weights = np.exp(np.array(scores) - max(scores))
    weights[told.phi == 0] *= 0.5 * (len(weights) - 1)

    assert told.weight == pytest.approx(weights / weights.sum(), abs=1e-9)


@pytest.mark.parametrize("phi", [0.0, 0.5, 0.9])
def test_a_long_history_tells_its_autocorrelation(phi):
    """From 2,000 points the expected correlation of neighbors is right within 0.06."""
    values = ar1(phi, 2000, np.random.default_rng(2))

    assert persistence_of(values).autocorrelation == pytest.approx(phi, abs=0.06)


def test_futures_wander_like_their_history():
    """Drawn futures have the mean, the spread and the correlation of a long history."""
    random = np.random.default_rng(3)
    history = 5 + 2 * ar1(0.7, 2000, random)
    futures = plausible_futures(persistence_of(history), 300, 200, random)
    centered = futures - futures.mean()
    neighbors = (centered[1:] * centered[:-1]).mean() / (centered**2).mean()

    assert futures.shape == (200, 300)
    assert futures.mean() == pytest.approx(history.mean(), abs=0.2)
    assert futures.std() == pytest.approx(2, rel=0.1)
    assert neighbors == pytest.approx(0.7, abs=0.05)


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_units_do_not_matter(shift, scale):
    """A history in another unit has the same weights."""
    values = ar1(0.4, 35, np.random.default_rng(4))
    weights = persistence_of(shift + scale * values).weight

    assert weights == pytest.approx(persistence_of(values).weight, abs=1e-3)


@pytest.mark.parametrize("history", [[1.0] * 29, [2.0] * 40, [float("nan")] * 40, "text"])
def test_a_history_that_tells_nothing_is_refused(history):
    """Too few, equal or missing values are one line of advice."""
    with pytest.raises(UsageError, match="history: "):
        persistence_of(history)
