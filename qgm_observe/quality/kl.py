"""Kullback-Leibler divergence in nats, for the few cases in which counts can tell it."""

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import xlogy

from qgm_observe.quality.cells import Cells
from qgm_observe.quality.intervals import mean_of_cut, normal_quantile, within
from qgm_observe.quality.jackknife import jackknife_cells
from qgm_observe.records import Estimate

MIN_RATIO = 100.0
"""Shots a cell of the support below which intervals do not cover."""

MIN_CELL = 10
"""Shots, expected and seen, below which the logarithm of a cell's share is mostly noise."""


def kullback_leibler(cells: Cells, level: float = 0.95) -> Estimate:
    """Estimate the divergence sum p ln(p / q) of the sampler q from the target p, in nats.

    Args:
        cells: Counts and target side by side.
        level: Confidence level of the interval.

    Returns:
        The jackknife value with a normal interval. It is infinite where the sampler misses a cell,
        and clipping it measures the clip. So with fewer than 100 shots a cell, or fewer than ten on
        one of the target's cells, or a data set as target there is a reason and no value. The
        floor is what a perfect sampler shows on average: the value is debiased but cut at 0. Its
        plug-in reading is (k - 1) / (2 N).
    """
    support = cells.target.outcomes.size
    least = min(cells.target.probabilities) * cells.shots
    seen = int(cells.numbers[cells.target_p > 0].min())
    empty = Estimate(name="kullback_leibler", level=level, n=cells.shots, reason="not yet known")
    if cells.rows is not None:
        return replace(empty, reason="the target is a data set: its unseen cells decide")
    if cells.shots < MIN_RATIO * support or min(least, seen) < MIN_CELL:
        reason = f"insufficient shots: {seen} on the rarest of {support} cells, use 100 a cell"
        return replace(empty, reason=reason)
    null_variance = (support - 1) / cells.shots**2
    value, variance = jackknife_cells(_term, _same, cells)
    reach = normal_quantile(level) * math.sqrt(variance + null_variance)
    found = replace(
        empty, floor=mean_of_cut(math.sqrt(null_variance / 2)), method="jackknife-delta"
    )
    return within(found, value, (value - reach, value + reach), (0.0, math.inf))


def _term(target_p: NDArray[np.float64], shares: NDArray[np.float64]) -> NDArray[np.float64]:
    least = np.where(target_p > 0, np.maximum(shares, np.finfo(float).tiny), 1.0)
    return np.asarray(xlogy(target_p, target_p / least), dtype=np.float64)


def _same(total: NDArray[np.float64]) -> NDArray[np.float64]:
    return total
