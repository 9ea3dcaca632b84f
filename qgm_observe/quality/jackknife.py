"""Debiasing and variance of divergences that are functions of a sum over cells.

The jackknife leaves out one shot at a time. Shots on the same cell are alike, so one evaluation a
cell is exact and costs O(m) instead of O(N m).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from qgm_observe.quality.cells import Cells

Vector = NDArray[np.float64]
CellTerm = Callable[[Vector, Vector], Vector]


def jackknife(
    term: Callable[[Vector], Vector], outer: Callable[[Vector], Vector], numbers: Vector
) -> tuple[float, float, float]:
    """Leave out one shot at a time from outer(sum of term(frequencies)).

    Args:
        term: Contribution of each cell, from frequencies of shape (m,) to shape (m,).
        outer: Function of the summed contributions, on arrays.
        numbers: Shots on each cell, shape (m,), N >= 2 in all.

    Returns:
        The plug-in value, its estimated bias, and the variance to first order.

    Source: Efron and Stein, Annals of Statistics 9, 586 (1981).
    """
    shots = numbers.sum()
    plugin = float(outer(term(numbers / shots).sum(keepdims=True))[0])
    fewer = term(numbers / (shots - 1))
    removed = term(np.maximum(numbers - 1, 0) / (shots - 1))
    seen = numbers > 0
    left = outer(fewer.sum() - fewer[seen] + removed[seen])
    weights = numbers[seen]
    mean = float(weights @ left / shots)
    variance = float((shots - 1) / shots * (weights @ (left - mean) ** 2))
    return plugin, (shots - 1) * (mean - plugin), variance


def jackknife_cells(
    term: CellTerm, outer: Callable[[Vector], Vector], cells: Cells
) -> tuple[float, float]:
    """Debias a divergence of frequencies and target; a data set's rows are left out as well.

    Args:
        term: Contribution of each cell, from the target's and the sampler's shares.
        outer: Function of the summed contributions.
        cells: The comparison.

    Returns:
        The debiased value and the variance to first order.
    """
    plugin, bias, variance = jackknife(
        lambda shares: term(cells.target_p, shares), outer, cells.numbers
    )
    if cells.rows is not None:
        _, more_bias, more = jackknife(
            lambda shares: term(shares, cells.frequencies), outer, cells.rows
        )
        bias, variance = bias + more_bias, variance + more
    return plugin - bias, variance
