"""What a perfect sampler reads: mean and variance of plug-in divergences under the target itself.

Each divergence here is a sum over cells of a function of the expected shots mu = N p and the seen
shots x, divided by N. Under the target x is nearly Poisson, so one table over mu serves every
target and every number of shots, also where the asymptotic (k - 1) / N formulas fail (few shots a
cell). What the fixed total takes away is subtracted: the covariance with x, and a factor 1 - p.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, xlogy

Vector = NDArray[np.float64]
Form = Literal["jensen-shannon", "hellinger"]

_SMALLEST, _LARGEST, _POINTS = 1e-6, 300.0, 260


@dataclass(frozen=True, slots=True)
class ShotNoise:
    """Reading of a perfect sampler at N shots.

    Attributes:
        mean: Expected plug-in value: the floor.
        variance: Variance of the plug-in value.
        cells: How many well-filled cells would give this floor: the effective support k.
    """

    mean: float
    variance: float
    cells: float


def shot_noise(form: Form, probabilities: Vector, shots: float) -> ShotNoise:
    """Give what a perfect sampler reads at so many shots.

    Args:
        form: Which divergence: "jensen-shannon" (bits) or "hellinger" (1 - sum sqrt(p q)).
        probabilities: The target's, shape (k,), summing to one.
        shots: N; for a data set as target 1 / (1/N + 1/T).
    """
    grid, means, variances, slopes = _table(form)
    expected = probabilities * shots
    place = np.log(np.clip(expected, _SMALLEST, _LARGEST))
    small = np.minimum(expected, 1)
    mean = float((np.interp(place, grid, means) * small) @ (1 - probabilities))
    spread = float((np.interp(place, grid, variances) * small) @ (1 - probabilities))
    slope = float(np.interp(place, grid, slopes) @ small)
    noise = max(spread - slope**2 / shots, 0.0)
    return ShotNoise(mean / shots, noise / shots**2, 1 + mean / float(means[-1]))


def _jensen_shannon(mu: Vector, seen: Vector) -> Vector:
    both = mu + seen
    nats = xlogy(mu, 2 * mu / both) + xlogy(seen, 2 * seen / both)
    return np.asarray(nats / np.log(4), dtype=np.float64)


def _hellinger(mu: Vector, seen: Vector) -> Vector:
    return np.asarray((np.sqrt(mu) - np.sqrt(seen)) ** 2 / 2, dtype=np.float64)


_FORMS: dict[Form, Callable[[Vector, Vector], Vector]] = {
    "jensen-shannon": _jensen_shannon,
    "hellinger": _hellinger,
}


@lru_cache
def _table(form: Form) -> tuple[Vector, Vector, Vector, Vector]:
    """Tabulate mean, variance and covariance with x over log mu, each over min(mu, 1)."""
    grid = np.linspace(np.log(_SMALLEST), np.log(_LARGEST), _POINTS)
    mu = np.exp(grid)[:, None]
    seen = np.arange(int(_LARGEST + 12 * np.sqrt(_LARGEST) + 30), dtype=np.float64)[None, :]
    weights = np.exp(xlogy(seen, mu) - mu - gammaln(seen + 1))
    values = _FORMS[form](mu, seen)
    means = (weights * values).sum(axis=1)
    centered = values - means[:, None]
    variances = (weights * centered**2).sum(axis=1)
    slopes = (weights * centered * (seen - mu)).sum(axis=1)
    small = np.minimum(mu[:, 0], 1)
    return grid, means / small, variances / small, slopes / small
