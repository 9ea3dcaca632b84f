"""Slopes of noisy series."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import linregress

from qgm_observe.quality.slopes import trend_of


@given(st.lists(st.floats(-100, 100), min_size=10, max_size=40))
def test_the_line_is_that_of_scipy(values):
    """Slope and mean equal those of an independent least-squares fit."""
    told = trend_of(np.array(values))

    assert told.rise == pytest.approx(linregress(range(len(values)), values).slope, abs=1e-9)
    assert told.mean == pytest.approx(np.mean(values), abs=1e-9)
    assert math.isfinite(told.slope().value)


def test_known_noise_gives_the_textbook_error():
    """The slope's standard error is sigma over the root of the summed squared steps."""
    values = 0.1 * np.random.default_rng(1).standard_normal(50)
    told = trend_of(values, 0.1)

    assert told.slope_error == pytest.approx(0.1 / math.sqrt(10412.5), rel=1e-9)
    assert told.freedom == math.inf


def test_the_interval_of_a_slope_covers():
    """With noise unknown the 95 % interval covers the true slope in 92 % of 600 windows."""
    random = np.random.default_rng(2)
    told = [trend_of(0.02 * np.arange(30) + random.standard_normal(30)).slope() for _ in range(600)]

    assert np.mean([each.low <= 0.02 <= each.high for each in told]) >= 0.92


def test_a_curve_is_not_taken_for_noise():
    """A loss that falls exponentially keeps the noise of its steps, within 30 %."""
    random = np.random.default_rng(3)
    values = np.exp(-np.arange(50) / 20) + 0.01 * random.standard_normal(50)

    assert trend_of(values).noise == pytest.approx(0.01, rel=0.3)


def test_correlated_noise_widens_the_error():
    """A wander with a correlation of 0.7 has at least 1.5 times the error of its scatter."""
    random = np.random.default_rng(4)
    values = random.standard_normal(200)
    for step in range(1, 200):
        values[step] += 0.7 * values[step - 1]

    assert trend_of(values).inflation >= 1.5


def test_more_scatter_than_was_told_counts():
    """If the losses scatter ten times the told shot noise, the scatter counts."""
    values = np.random.default_rng(5).standard_normal(50)

    assert trend_of(values, 0.1).noise == pytest.approx(1.0, rel=0.3)


@pytest.mark.parametrize("values", [np.zeros(20), np.full(20, 7.3), np.arange(20.0)])
def test_exact_lines_have_no_noise_and_no_warning(values):
    """A constant has z 0, an exact line a large one."""
    told = trend_of(values)

    assert (abs(told.z) > 5) == (values[0] != values[-1])
