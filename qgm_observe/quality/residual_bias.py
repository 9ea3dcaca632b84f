"""The bias that the jackknife leaves on cells with few shots, as a range.

On a cell with mu = N p expected and x seen shots, whose true mean nu is unknown, the jackknifed
contribution is off by a function of mu and nu. Over every nu that x allows, its extremes are
tabulated once; summed over cells they say how far off the total can be. Cells with many shots add
nothing, so the range closes by itself as shots are added.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincinv, gammaln, xlogy

from qgm_observe.quality.cells import Cells
from qgm_observe.quality.shot_noise import Form

Vector = NDArray[np.float64]

_MAX_SEEN = 60
_SEEN = 220
_SMALLEST, _LARGEST, _POINTS = 1e-5, 400.0, 140
_MEANS = 240
_TAIL = 0.05


@dataclass(frozen=True, eq=False, slots=True)
class _Table:
    """Lowest and highest bias a cell, each of shape (points of log mu, seen shots)."""

    log_mu: Vector
    lowest: Vector
    highest: Vector


def bias_range(form: Form, cells: Cells) -> tuple[float, float]:
    """Bound the bias of a jackknifed sum over cells.

    Args:
        form: Which divergence's contributions; "hellinger" means those of sum sqrt(p q).
        cells: Counts and target side by side; a data set's rows add a range of their own, taken
            as if the sampler's shares were exact.

    Returns:
        Lowest and highest bias.
    """
    low, high = _side(form, cells.target_p, cells.numbers)
    if cells.rows is None:
        return low, high
    more_low, more_high = _side(form, cells.frequencies, cells.rows)
    return low + more_low, high + more_high


def _side(form: Form, shares: Vector, seen: Vector) -> tuple[float, float]:
    """Bound the bias from the noise of one side, in the other side's shares."""
    table, shots = _table(form), float(seen.sum())
    few = (seen <= _MAX_SEEN) & (shares > 0)
    mu = shares[few] * shots
    columns = seen[few].astype(np.int64)
    step = table.log_mu[1] - table.log_mu[0]
    position = (np.log(np.clip(mu, _SMALLEST, _LARGEST)) - table.log_mu[0]) / step
    left = np.minimum(position.astype(np.int64), _POINTS - 2)
    share = position - left
    fade = np.minimum(mu / _SMALLEST, 1) / shots
    low, high = (
        (bound[left, columns] * (1 - share) + bound[left + 1, columns] * share) @ fade
        for bound in (table.lowest, table.highest)
    )
    return float(low), float(high)


def _contributions(form: Form, mu: Vector, seen: Vector) -> tuple[Vector, Vector]:
    """Give a cell's contribution and its derivative with respect to the seen shots."""
    positive = np.maximum(seen, 1e-300)
    if form == "hellinger":  # the overlap's own sign: contributions to sum sqrt(p q)
        return np.sqrt(mu * seen), np.sqrt(mu / positive) / 2
    both = mu + seen
    value = (xlogy(mu, 2 * mu / both) + xlogy(seen, 2 * seen / both)) / np.log(4)
    return value, np.log2(2 * positive / both) / 2


@lru_cache
def _table(form: Form) -> _Table:
    log_mu = np.linspace(np.log(_SMALLEST), np.log(_LARGEST), _POINTS)
    mu = np.exp(log_mu)[:, None]
    seen = np.arange(_SEEN, dtype=np.float64)[None, :]
    value, slope = _contributions(form, mu, seen)
    before = np.concatenate([value[:, :1], value[:, :-1]], axis=1)
    jackknifed = value + seen * (value - before) - np.where(seen > 0, seen * slope, 0.0)
    means = np.concatenate([[0.0], np.geomspace(1e-3, 110, _MEANS)])
    weights = np.exp(xlogy(seen.T, means) - means - gammaln(seen.T + 1))
    bias = jackknifed @ weights - _contributions(form, mu, means[None, :])[0]
    lowest, highest = np.zeros((2, _POINTS, _MAX_SEEN + 1))
    for column in range(_MAX_SEEN + 1):
        allowed = bias[:, _plausible(means, column)]
        lowest[:, column], highest[:, column] = allowed.min(axis=1), allowed.max(axis=1)
    return _Table(log_mu, lowest, highest)


def _plausible(means: Vector, seen: int) -> NDArray[np.bool_]:
    """Mark the means that the exact Poisson interval (Garwood, 1936) allows for so many shots."""
    low = gammaincinv(seen, _TAIL) if seen else 0.0
    high = gammaincinv(seen + 1, 1 - _TAIL)
    return np.asarray((means >= low) & (means <= high))
