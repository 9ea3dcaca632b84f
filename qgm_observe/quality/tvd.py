"""Total variation distance with an interval that knows its bias.

The plug-in value 1/2 sum |p - q| is too large by something between 0 and R, depending on the
unknown truth; no resampling finds out how much. So the interval allows for all of it.
"""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, ndtr, xlog1py, xlogy

from qgm_observe.quality.cells import Cells, shortage
from qgm_observe.quality.intervals import normal_quantile, within
from qgm_observe.records import Estimate

_SCREEN = 2.0
"""Deviations beyond which a cell's sign is taken as certain, so that it has no bias."""

_CLOSE = 0.954
"""Share of cells that lie closer than that under the target."""


def total_variation(cells: Cells, level: float = 0.95) -> Estimate:
    """Estimate the total variation distance 1/2 sum |p - q|, in [0, 1].

    Args:
        cells: Counts and target side by side.
        level: Confidence level of the interval.

    Returns:
        The middle of the range in which the plug-in value minus its bias lies. The interval
        [plug-in - R - z s, plug-in + z s] covers at least as often as it says, at about twice the
        width of a tight one: R is the bias that the cells closer than two deviations to the target
        could have. Against a data set with fewer than one shot a cell there is a reason and no
        value. The floor is what a perfect sampler shows on average, about half of its plug-in
        reading, which is half the sum of the exact mean absolute deviations of the binomial
        distribution.

    Source: de Moivre's formula for that deviation (Diaconis and Zabell, Statistical Science 6, 284
    (1991)).
    """
    if cells.rows is not None and (reason := shortage(cells)):
        return Estimate(name="total_variation", level=level, n=cells.shots, reason=reason)
    shares, target_p, shots = cells.frequencies, cells.target_p, cells.effective_shots
    null_p = cells.null_p
    difference = shares - target_p
    plugin = float(np.abs(difference).sum() / 2)
    deviations = mean_deviation(null_p, shots) / 2
    close = np.abs(difference) <= _SCREEN * (np.sqrt(null_p * (1 - null_p) / shots) + 1 / shots)
    bias = min(float(deviations[close].sum()), plugin)
    null_variance = float((null_p * (1 - null_p) / shots / 4 - deviations**2)[close].sum())
    variance = max(_variance(cells, np.sign(difference)), null_variance)
    reach = normal_quantile(level) * math.sqrt(variance)
    high_reach = math.hypot(reach, cells.unseen_outside(level))
    empty = Estimate(
        name="total_variation",
        value=plugin,
        level=level,
        floor=_floor(deviations, null_p, shots),
        method="bias-aware",
        n=cells.shots,
    )
    return within(empty, plugin - bias / 2, (plugin - bias - reach, plugin + high_reach))


def _floor(deviations: NDArray[np.float64], null_p: NDArray[np.float64], shots: float) -> float:
    """Mean of the value under the target: its plug-in x minus half of min(bias, x)."""
    mean = float(deviations.sum())
    spread = math.sqrt(max(float((null_p * (1 - null_p) / shots / 4 - deviations**2).sum()), 0.0))
    gap = mean * _CLOSE - mean
    below = gap / spread if spread > 0 else -math.inf
    cut = gap * float(ndtr(below)) + spread * math.exp(-below * below / 2) / math.sqrt(2 * math.pi)
    return min(mean - (mean * _CLOSE - cut) / 2, 1.0)


def mean_deviation(probabilities: NDArray[np.float64], shots: float) -> NDArray[np.float64]:
    """Give E|x / N - p| of binomial shots x on cells of probability p, shape (k,)."""
    ceiling = np.minimum(np.floor(shots * probabilities) + 1, shots)
    logarithm = (
        gammaln(shots + 1)
        - gammaln(ceiling)
        - gammaln(shots - ceiling + 1)
        + xlogy(ceiling, probabilities)
        + xlog1py(shots - ceiling + 1, -np.minimum(probabilities, 1 - 1e-16))
    )
    deviation: NDArray[np.float64] = 2 * np.exp(logarithm) / shots
    return np.where((probabilities > 0) & (probabilities < 1), deviation, 0.0)


def _variance(cells: Cells, signs: NDArray[np.float64]) -> float:
    """Variance of half the signed sum: each shot scores the sign of its cell."""
    total = _score_variance(signs, cells.frequencies) / cells.shots
    if cells.rows is not None:
        total += _score_variance(signs, cells.target_p) / cells.total_rows
    return total / 4


def _score_variance(scores: NDArray[np.float64], shares: NDArray[np.float64]) -> float:
    return max(float(shares @ scores**2 - (shares @ scores) ** 2), 0.0)
