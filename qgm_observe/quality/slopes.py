"""The slope of a noisy series against what its noise alone would show."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri, stdtr, stdtrit

from qgm_observe.quality.series import Array
from qgm_observe.records import Estimate

LEAST_STEPS = 10
"""Below so many steps there is no trend to speak of."""

_LEAST_P = 1e-300
_MOST_CORRELATION = 0.9
_CURVE = 4  # coefficients of a cubic


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """A straight line through a window.

    Attributes:
        rise: Change a step.
        slope_error: Its standard error.
        z: Rise over error, as a normal deviation.
        mean: Mean of the window.
        noise: Standard deviation of one value about the line.
        inflation: Of a standard error by correlated noise, 1 or more.
        freedom: Degrees of freedom of the noise, `inf` where it was told.
        n: Steps.
    """

    rise: float
    slope_error: float
    z: float
    mean: float
    noise: float
    inflation: float
    freedom: float
    n: int

    def slope(self, level: float = 0.95) -> Estimate:
        """Return the change a step with its interval."""
        return self._estimate("loss_slope", self.rise, self.slope_error, level, 0.0)

    def level(self, level: float = 0.95) -> Estimate:
        """Return the mean with its interval."""
        error = self.noise * self.inflation / math.sqrt(self.n)
        return self._estimate("loss", self.mean, error, level, None)

    def _estimate(
        self, name: str, value: float, error: float, level: float, floor: float | None
    ) -> Estimate:
        reach = _quantile(self.freedom, level) * error
        return Estimate(
            name=name,
            value=value,
            low=value - reach,
            high=value + reach,
            level=level,
            floor=floor,
            method="least squares",
            n=self.n,
        )


def trend_of(values: Array, noise: float | None = None) -> Trend:
    """Fit a line by least squares.

    Args:
        values: Shape (n,), n of 10 or more.
        noise: Known standard deviation of one value. The scatter about a cubic may show more, as
            an optimizer that bounces does; then that counts, and where `None` was given.

    Source: the inflation by sqrt((1 + r) / (1 - r)) with the correlation r of neighboring
    deviations is that of an AR(1) process (Bartlett, Journal of the Royal Statistical Society 98,
    536 (1935)).
    """
    n = len(values)
    steps = np.arange(n) - (n - 1) / 2
    squares = float(steps @ steps)
    rise = float(steps @ values) / squares
    bent = _bent(values)
    least = 1e-12 * float(np.abs(values).max())
    sd, freedom = _noise(bent, noise, least)
    inflation = _inflation(bent) if sd > least else 1.0
    error = sd * inflation / math.sqrt(squares)
    return Trend(
        rise=rise,
        slope_error=error,
        z=_deviation(rise, error, freedom),
        mean=float(values.mean()),
        noise=sd,
        inflation=inflation,
        freedom=freedom,
        n=n,
    )


def _noise(bent: Array, told: float | None, least: float) -> tuple[float, float]:
    freedom = len(bent) - _CURVE
    measured = math.sqrt(float(bent @ bent) / freedom)
    if told is None:
        return max(measured, least), freedom
    larger = measured > told * (1 + 3 / math.sqrt(2 * freedom))  # beyond what chance explains
    return (measured, freedom) if larger else (told, math.inf)


def _bent(values: Array) -> Array:
    """Deviations from a cubic, which follows a loss that falls ever more slowly."""
    places = np.linspace(-1, 1, len(values))
    basis, _ = np.linalg.qr(np.vander(places, _CURVE))
    return np.asarray(values - basis @ (basis.T @ values))


def _inflation(bent: Array) -> float:
    total = float(bent @ bent)
    if not total > 0:
        return 1.0
    n = len(bent)
    correlation = float(bent[1:] @ bent[:-1]) / total
    correlation += _CURVE * (1 + max(correlation, 0.0)) / n  # what fitting the cubic took away
    if correlation < 2 / math.sqrt(n):
        return 1.0
    correlation = min(correlation, _MOST_CORRELATION)
    return math.sqrt((1 + correlation) / (1 - correlation))


def _deviation(rise: float, error: float, freedom: float) -> float:
    """Translate Student's t into the normal deviation of the same chance."""
    if not error > 0:
        return math.copysign(math.inf, rise) if rise else 0.0
    t = rise / error
    if math.isinf(freedom):
        return t
    chance = max(float(stdtr(freedom, -abs(t))), _LEAST_P)
    return math.copysign(-float(ndtri(chance)), t)


def _quantile(freedom: float, level: float) -> float:
    share = (1 + level) / 2
    return float(ndtri(share)) if math.isinf(freedom) else float(stdtrit(freedom, share))
