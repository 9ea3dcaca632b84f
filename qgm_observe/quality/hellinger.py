"""Hellinger fidelity of counts and target, debiased, with an interval for the bias that is left."""

import math

import numpy as np
from numpy.typing import NDArray

from qgm_observe.quality.cells import Cells, shortage
from qgm_observe.quality.intervals import mean_of_cut, normal_quantile, within
from qgm_observe.quality.jackknife import jackknife_cells
from qgm_observe.quality.residual_bias import bias_range
from qgm_observe.quality.shot_noise import shot_noise
from qgm_observe.records import Estimate


def hellinger_fidelity(cells: Cells, level: float = 0.95) -> Estimate:
    """Estimate the Hellinger fidelity (sum sqrt(p q))^2, in [0, 1]; 1 where they agree.

    Args:
        cells: Counts and target side by side.
        level: Confidence level of the interval.

    Returns:
        The jackknife value and an interval of two parts, as for the Jensen-Shannon divergence:
        a normal one whose variance adds that of a perfect sampler, and the range of the bias that
        the jackknife leaves on cells with few shots. Below one shot a cell of the support there is
        a reason and no value. The floor is what a perfect sampler shows on average: the value is
        debiased but cut at 1. Its plug-in reading is near 1 - (k - 1) / (4 N) for many shots.

    Source: Qiskit's `hellinger_fidelity` for the plug-in value; Efron and Stein, Annals of
    Statistics 9, 586 (1981), for the jackknife.
    """
    noise = shot_noise("hellinger", cells.null_p, cells.effective_shots)
    overlap = max(1 - noise.mean, 0.0)
    empty = Estimate(
        name="hellinger_fidelity",
        level=level,
        floor=1 - mean_of_cut(2 * overlap * math.sqrt(noise.variance)),
        method="jackknife-delta",
        n=cells.shots,
        reason=shortage(cells) or "pending",
    )
    if shortage(cells):
        return empty
    value, variance = jackknife_cells(_overlap, np.square, cells)
    least, most = bias_range("hellinger", cells)
    root = math.sqrt(max(value, 0.0))
    low, high = (max(root - bias, 0.0) ** 2 for bias in (most, least))
    reach = normal_quantile(level) * math.sqrt(variance + 4 * overlap**2 * noise.variance)
    low_reach = math.hypot(reach, cells.unseen_outside(level))
    return within(empty, value, (low - low_reach, high + reach))


def _overlap(target_p: NDArray[np.float64], shares: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.sqrt(target_p * shares)
