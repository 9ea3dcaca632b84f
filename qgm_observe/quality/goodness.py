"""Is the sampler the target? The p-values of Pearson's chi-square and of the G test."""

from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincc, xlogy

from qgm_observe.quality.cells import Cells
from qgm_observe.records import Estimate

Vector = NDArray[np.float64]
Test = Literal["chi_square", "g_test"]

MIN_EXPECTED = 5.0
"""Expected shots below which cells are pooled."""

_MIN_CELLS = 2


def goodness_of_fit(cells: Cells, test: Test = "chi_square", level: float = 0.95) -> Estimate:
    """Test whether the shots came from the target: the p-value, in [0, 1].

    Args:
        cells: Counts and target side by side.
        test: "chi_square" for Pearson's sum (x - N p)^2 / (N p), "g_test" for 2 sum x ln(x / N p);
            against a data set, the same of the table of two rows.
        level: Confidence level that is noted; a p-value has no interval of its own.

    Returns:
        The p-value: uniform on [0, 1] for a perfect sampler, whose mean 0.5 is the floor. Cells
        with fewer than five expected shots are pooled, rarest first; the G statistic is divided
        by Williams' correction. Shots where the target has none give 0. Where pooling leaves one
        cell there is a reason and no value.

    Source: Pearson, Philosophical Magazine 50, 157 (1900); Cochran, Biometrics 10, 417 (1954), for
    the pooling; Williams, Biometrika 63, 33 (1976).
    """
    empty = Estimate(name=f"{test}_p", level=level, floor=0.5, n=cells.shots, reason="pending")
    seen = np.stack([cells.numbers] if cells.rows is None else [cells.numbers, cells.rows])
    totals = seen.sum(axis=1, keepdims=True)
    expected = cells.null_p * totals
    if np.any(seen[:, cells.null_p == 0]):
        outside = "impossible-outcomes"
        return replace(empty, value=0.0, reason=None, method=outside)
    groups = _groups(expected.min(axis=0))
    pooled, wanted = (_pool(rows, groups) for rows in (seen, expected))
    freedom = pooled.shape[1] - 1
    if freedom + 1 < _MIN_CELLS:
        reason = "insufficient shots: fewer than two cells expect five shots or more"
        return replace(empty, reason=reason)
    statistic = _statistic(test, pooled, wanted)
    return replace(
        empty,
        value=float(gammaincc(freedom / 2, max(statistic, 0.0) / 2)),
        reason=None,
        method=f"asymptotic, {freedom + 1} pooled cells",
    )


def _groups(expected: Vector) -> NDArray[np.int64]:
    """Number the pooled cell of each cell: rare ones are gathered until they expect five."""
    order = np.argsort(expected, kind="stable")
    running = np.cumsum(expected[order])
    rare = int(np.searchsorted(expected[order], MIN_EXPECTED))
    if rare == 0:
        return np.arange(expected.size)
    # rare cells first: bins of running totals hold about five to ten expected shots each
    bins = np.floor(running[:rare] / (2 * MIN_EXPECTED)).astype(np.int64)
    if running[rare - 1] - 2 * MIN_EXPECTED * bins[-1] < MIN_EXPECTED and bins[-1] > 0:
        bins[bins == bins[-1]] -= 1
    groups = np.empty(expected.size, dtype=np.int64)
    _, groups[order[:rare]] = np.unique(bins, return_inverse=True)
    first = int(groups[order[:rare]].max()) + 1
    if running[rare - 1] < MIN_EXPECTED:  # too rare even together: add them to the next cell
        first = 0
    groups[order[rare:]] = first + np.arange(expected.size - rare)
    return groups


def _pool(rows: Vector, groups: NDArray[np.int64]) -> Vector:
    return np.stack([np.bincount(groups, weights=row) for row in rows])


def _statistic(test: Test, seen: Vector, expected: Vector) -> float:
    if test == "chi_square":
        return float(((seen - expected) ** 2 / expected).sum())
    statistic = float(2 * xlogy(seen, seen / expected).sum())
    return statistic / (1 + _williams(seen, expected))


def _williams(seen: Vector, expected: Vector) -> float:
    """How much too large the G statistic is on average, relative to chi-square."""
    freedom, total = seen.shape[1] - 1, float(seen.sum())
    if seen.shape[0] == 1:
        return float(((1 / expected).sum() - 1 / total) / (6 * freedom))
    rows = total * float((1 / seen.sum(axis=1)).sum()) - 1
    columns = total * float((1 / seen.sum(axis=0)).sum()) - 1
    return float(rows * columns / (6 * total * freedom))
