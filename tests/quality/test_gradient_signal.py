"""Gradients beneath shot noise."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2, ncx2

from qgm_observe.errors import UsageError
from qgm_observe.quality.gradient_signal import gradient_signal, shift_standard_errors


def test_p_is_that_of_the_pooled_chi_square():
    """The chance equals the survival function of an independent implementation."""
    gradient, error = np.array([0.3, -0.1, 0.2]), np.array([0.1, 0.2, 0.1])

    assert gradient_signal(gradient, error).p == pytest.approx(
        chi2.sf(float(((gradient / error) ** 2).sum()), 3)
    )


def test_the_debiased_norm_has_no_bias():
    """Over 4,000 measurements the mean of norm2 is the true squared norm; g^2 alone is not."""
    random = np.random.default_rng(1)
    truth, error = np.array([0.02, 0.0, -0.03, 0.01]), 0.05
    seen = truth + error * random.standard_normal((4000, 4))
    values = [gradient_signal(row, error).norm2.value for row in seen]

    assert np.mean(values) == pytest.approx(truth @ truth, abs=4 * np.std(values) / 4000**0.5)
    assert (seen**2).sum(axis=1).mean() > 5 * truth @ truth


@pytest.mark.parametrize("strength", [0.0, 0.5, 2.0])
def test_the_intervals_cover(strength):
    """Both 95 % intervals cover the truth in at least 92 % of 1,000 gradients."""
    random = np.random.default_rng(2)
    truth = strength * 0.1 * np.array([1.0, -1.0, 1.0, 1.0, -1.0] * 4)
    seen = [gradient_signal(truth + 0.1 * random.standard_normal(20), 0.1) for _ in range(1000)]
    covered = {
        "snr": [s.snr.low <= strength**2 <= s.snr.high for s in seen],
        "norm2": [s.norm2.low <= truth @ truth <= s.norm2.high for s in seen],
    }

    assert {name: np.mean(each) >= 0.92 for name, each in covered.items()} == {
        "snr": True,
        "norm2": True,
    }


@given(st.integers(1, 60), st.floats(0.01, 400))
def test_the_ends_of_the_ratio_invert_the_noncentral_distribution(components, statistic):
    """At each end the statistic is a 2.5 % or 97.5 % quantile, or the end is 0."""
    row = np.full(components, math.sqrt(statistic / components))
    told = gradient_signal(row, 1.0).snr
    for end, tail in ((told.low, 0.975), (told.high, 0.025)):
        share = ncx2.cdf(statistic, components, max(end * components, 1e-12))
        assert share == pytest.approx(tail, abs=1e-3) or end == 0


def test_shots_to_see_the_signal_follow_from_the_ratio():
    """With a ratio of 4 a quarter of the shots would do; without signal nobody can say."""
    told = gradient_signal(np.full(400, math.sqrt(5.0)), 1.0)

    assert told.shots_factor == pytest.approx(0.25)
    assert gradient_signal(np.ones(50), 1.0).shots_factor is None


def test_the_standard_error_of_a_parameter_shift():
    """With single-shot deviations of 1 a component's variance is 1 / 2N, and 2 / N more."""
    variance = shift_standard_errors([1.0], [1.0], 1000)[0] ** 2

    assert variance == pytest.approx(1.002 / 2000)


def test_measured_deviations_leave_pure_noise_pure():
    """At 100 shots the mean of g^2 / s^2 over 200,000 components without a gradient is 1."""
    seen = 2 * np.random.default_rng(3).binomial(100, 0.5, (2, 200_000)) / 100 - 1
    errors = shift_standard_errors(*np.sqrt(1 - seen**2), 100)
    ratio = ((seen[0] - seen[1]) / 2 / errors) ** 2

    assert ratio.mean() == pytest.approx(1, abs=0.01)  # 3 deviations; 1.02 without the factor


@pytest.mark.parametrize(
    ("gradient", "error"),
    [([0.1], 0.0), ([0.1], -1.0), ([0.1, 0.2], [0.1, 0.1, 0.1]), ([float("nan")], 1.0), ([], 1.0)],
)
def test_unusable_gradients_are_refused(gradient, error):
    """Errors of 0, other shapes and missing numbers are one line."""
    with pytest.raises(UsageError, match="write"):
        gradient_signal(gradient, error)


@pytest.mark.parametrize(
    ("plus", "minus", "shots"), [([1.0], [1.0, 1.0], 5), ([-1], [1], 5), (1, 1, 0)]
)
def test_unusable_deviations_are_refused(plus, minus, shots):
    """Other shapes, negative deviations and no shots are one line."""
    with pytest.raises(UsageError, match="standard errors: write"):
        shift_standard_errors(plus, minus, shots)
