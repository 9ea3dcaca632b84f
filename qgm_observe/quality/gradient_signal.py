"""Is there a gradient beneath the shot noise?

The norm of a measured gradient never vanishes: at a true zero it reads the shot noise of its
components, so that a threshold on it says nothing. Subtract the noise and compare with chi-square.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc, chndtr

from qgm_observe.errors import UsageError
from qgm_observe.quality.intervals import normal_quantile
from qgm_observe.quality.series import LARGEST, Array, finite_table, open_share
from qgm_observe.records import Estimate

_BISECTIONS = 60
_LARGE = 2_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class GradientSignal:
    """What one or several gradients hold.

    Attributes:
        norm2: Mean squared norm of the true gradient, without bias, so that it may be negative.
        snr: Mean squared component over its noise variance; 0 is pure noise.
        p: Chance of so much signal from a true zero (pooled chi-square).
        shots_factor: By how much the shots of an evaluation have to grow for an `snr` of 1; `None`
            where no signal shows.
    """

    norm2: Estimate
    snr: Estimate
    p: float
    shots_factor: float | None


def shift_standard_errors(plus_sd: ArrayLike, minus_sd: ArrayLike, shots: int) -> Array:
    """Return the standard error of parameter-shift components.

    sqrt((s+^2 + s-^2) (1 + 2/N) / 4N); the factor makes up for deviations that are measured in the
    same shots, without which pure noise looks like a signal at 100 shots.

    Args:
        plus_sd: Standard deviation of one shot at the point shifted forwards, shape (P,).
        minus_sd: At the point shifted backwards, shape (P,).
        shots: Shots N of each of the two circuits.

    Raises:
        UsageError: a deviation is negative or no number, the shapes differ, or there are no shots.
    """
    plus, minus = (np.atleast_1d(np.asarray(sd, np.float64)) for sd in (plus_sd, minus_sd))
    if plus.shape != minus.shape or not ((plus >= 0) & (minus >= 0)).all() or shots < 1:
        raise UsageError("standard errors: write deviations of 0 or more in two rows, and shots")
    return np.asarray(np.sqrt((plus**2 + minus**2) * (1 + 2 / shots) / (4 * shots)))


def gradient_signal(
    gradients: ArrayLike, standard_errors: ArrayLike, level: float = 0.95
) -> GradientSignal:
    """Measure the signal in gradients with known shot noise.

    norm2 = sum(g^2 - s^2), with the normal interval of its variance sum(2 s^4 + 4 s^2 g^2);
    snr = (sum(g^2 / s^2) - d) / d with d components, with the interval of the noncentral
    chi-square distribution.

    Args:
        gradients: Shape (P,) or (steps, P), in the loss's unit a radian.
        standard_errors: Of each component, the same shape or one that broadcasts, above 0.
        level: Confidence level.

    Raises:
        UsageError: numbers are not finite, a standard error is not above 0, or the shapes differ.

    Source: the debiasing is that of a noncentral chi-square mean; Johnson, Kotz and Balakrishnan,
    Continuous Univariate Distributions 2 (1995), chapter 29.
    """
    open_share("level", level)
    table, errors = _broadcast(gradients, standard_errors)
    steps, components = len(table), table.size
    excess = table**2 - errors**2
    spread = np.sqrt((2 * errors**4 + 4 * errors**2 * np.maximum(excess, 0)).sum())
    value = float(excess.sum()) / steps
    reach = normal_quantile(level) * float(spread) / steps
    statistic = float(((table / errors) ** 2).sum())
    norm2 = Estimate(
        name="gradient_norm2_debiased",
        value=value,
        low=value - reach,
        high=value + reach,
        level=level,
        floor=0.0,
        method="debiased, normal",
        n=components,
    )
    snr = _snr(statistic, components, level)
    return GradientSignal(
        norm2=norm2,
        snr=snr,
        p=float(chdtrc(components, statistic)),
        shots_factor=1 / snr.value if snr.value and snr.low else None,
    )


def _snr(statistic: float, components: int, level: float) -> Estimate:
    low, high = (end / components for end in _noncentrality(statistic, components, level))
    return Estimate(
        name="gradient_snr",
        value=min(max((statistic - components) / components, low), high),
        low=low,
        high=high,
        level=level,
        floor=0.0,
        method="noncentral chi-square",
        n=components,
    )


def _broadcast(gradients: ArrayLike, standard_errors: ArrayLike) -> tuple[Array, Array]:
    table = finite_table("gradients", _rows(gradients))
    given = np.asarray(standard_errors, np.float64)
    if not ((given > 1 / LARGEST) & (given < LARGEST)).all() or not given.size:
        raise UsageError("standard_errors: write finite numbers above 0, one a component")
    try:
        return table, np.asarray(np.broadcast_to(given, table.shape), np.float64)
    except ValueError as error:
        raise UsageError("standard_errors: write one a component of the gradients") from error


def _rows(gradients: ArrayLike) -> ArrayLike:
    """Take one row of numbers as one gradient, not as one component a step."""
    try:
        return np.atleast_2d(np.asarray(gradients, np.float64))
    except (TypeError, ValueError) as error:
        raise UsageError("gradients: write numbers in rows of one length") from error


def _noncentrality(statistic: float, freedom: int, level: float) -> tuple[float, float]:
    """Noncentralities that fit a statistic; above 2,000 the distribution is as good as normal."""
    if statistic + freedom > _LARGE:
        z = normal_quantile(level)
        middle = statistic - freedom + 2 * z * z
        reach = 2 * z * math.sqrt(max(z * z + statistic - freedom / 2, 0.0))
        return max(middle - reach, 0.0), max(middle + reach, 0.0)
    tail = (1 - level) / 2
    return _fitting(statistic, freedom, 1 - tail), _fitting(statistic, freedom, tail)


def _fitting(statistic: float, freedom: int, share: float) -> float:
    """The noncentrality at which the statistic is the share's quantile, 0 if none is."""
    low, high = 0.0, statistic + 20 * math.sqrt(statistic + 1) + 40
    if chndtr(statistic, freedom, 0.0) < share:
        return 0.0
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        above = chndtr(statistic, freedom, middle) > share
        low, high = (middle, high) if above else (low, middle)
    return (low + high) / 2
