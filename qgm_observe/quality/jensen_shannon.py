"""Jensen-Shannon divergence in bits, debiased, with an interval for the bias that is left."""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import xlogy

from qgm_observe.quality.cells import Cells, shortage
from qgm_observe.quality.intervals import mean_of_cut, normal_quantile, within
from qgm_observe.quality.jackknife import jackknife_cells
from qgm_observe.quality.residual_bias import bias_range
from qgm_observe.quality.shot_noise import shot_noise
from qgm_observe.records import Estimate


def jensen_shannon(cells: Cells, level: float = 0.95) -> Estimate:
    """Estimate the Jensen-Shannon divergence H((p + q) / 2) - (H(p) + H(q)) / 2, in bits, [0, 1].

    Args:
        cells: Counts and target side by side.
        level: Confidence level of the interval.

    Returns:
        The jackknife value and an interval of two parts. Its normal part adds the variance of a
        perfect sampler to the first-order one, which vanishes there. Its other part is the range
        of the bias that the jackknife leaves on cells with few shots; it closes as shots are
        added. Below one shot a cell of the support there is a reason and no value. The floor is
        what a perfect sampler shows on average: the value is debiased but cut at 0. Its plug-in
        reading, (k - 1) / (8 N ln 2) for many shots, is `shot_noise(...).mean`.

    Source: Lin, IEEE Transactions on Information Theory 37, 145 (1991), for the divergence; Efron
    and Stein, Annals of Statistics 9, 586 (1981), for the jackknife.
    """
    shots = cells.effective_shots
    noise = shot_noise("jensen-shannon", cells.null_p, shots)
    empty = Estimate(
        name="jensen_shannon",
        level=level,
        floor=mean_of_cut(math.sqrt(noise.variance)),
        method="jackknife-delta",
        n=cells.shots,
        reason=shortage(cells) or "pending",
    )
    if shortage(cells):
        return empty
    value, variance = jackknife_cells(_term, _same, cells)
    least, most = bias_range("jensen-shannon", cells)
    reach = normal_quantile(level) * math.sqrt(variance + noise.variance)
    high_reach = math.hypot(reach, cells.unseen_outside(level) / 2)
    return within(empty, value, (value - most - reach, value - least + high_reach))


def _term(target_p: NDArray[np.float64], shares: NDArray[np.float64]) -> NDArray[np.float64]:
    both = np.maximum(target_p + shares, np.finfo(float).tiny)
    nats = xlogy(target_p, 2 * target_p / both) + xlogy(shares, 2 * shares / both)
    return np.asarray(nats / math.log(4), dtype=np.float64)


def _same(total: NDArray[np.float64]) -> NDArray[np.float64]:
    return total
