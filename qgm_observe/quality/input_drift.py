"""Has the input changed? Each feature of a window against a frozen reference.

Few distinct values: a chi-square test on pooled cells. Many: a permutation test of the unbiased
MMD^2. The population stability index is left out: without any drift it exceeds its folklore
threshold in 34 % to 100 % of windows.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc

from qgm_observe.errors import UsageError
from qgm_observe.quality.multiplicity import BENJAMINI_HOCHBERG, corrected
from qgm_observe.quality.series import Array, finite_series, finite_table, open_share, positive

CHI_SQUARE, MMD = "chi-square", "mmd-permutation"
MOST_CELLS = 256
"""Up to so many distinct values the chi-square test is used."""

LEAST_EXPECTED = 5.0
_LEAST_ROWS = 20
_MOST_ROWS = 1000
_MEDIAN_ROWS = 200
_LEAST_PERMUTATIONS, _MOST_PERMUTATIONS, _AT_ONCE = 999, 20_000, 500
_DAYS_PER_YEAR = 365
_SAME = 1e-12
"""Equal relabelings and equal rows may differ by rounding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InputDrift:
    """One feature's answer.

    Attributes:
        feature: Its name.
        statistic: Chi-square, or MMD^2 (may be negative: it has no bias); `None` with a reason.
        p: Chance of such a statistic without drift, `None` with a reason.
        adjusted_p: Corrected for the number of features, `None` with a reason.
        drifted: Whether the adjusted p is below the level.
        method: `chi-square` or `mmd-permutation`.
        rows: Of the reference and of the window.
        reason: Why there is no answer, or `None`.
    """

    feature: str
    statistic: float | None = None
    p: float | None = None
    adjusted_p: float | None = None
    drifted: bool = False
    method: str
    rows: tuple[int, int]
    reason: str | None = None


def alpha_for(false_alarms_per_year: float, windows_per_day: float) -> float:
    """Return the level at which so many windows raise so many false alarms a year."""
    rate = positive("false_alarms_per_year", false_alarms_per_year)
    windows = positive("windows_per_day", windows_per_day) * _DAYS_PER_YEAR
    return min(rate / windows, 0.5)


def input_drift(
    reference: Mapping[str, ArrayLike],
    window: Mapping[str, ArrayLike],
    *,
    alpha: float = 0.01,
    correction: str = BENJAMINI_HOCHBERG,
    permutations: int | None = None,
    seed: int = 0,
) -> tuple[InputDrift, ...]:
    """Compare each feature of a window with the frozen reference.

    Args:
        reference: Feature name to values, shape (n,) or (n, d): numbers, categories as text or
            number, or a feature of d columns such as the bits of a bitstring.
        window: The same features, shape (m,) or (m, d).
        alpha: Level of the family of features in this window; `alpha_for` gives it from a yearly
            rate.
        correction: `benjamini-hochberg` or `holm`.
        permutations: Of each MMD test, whose p is never below 1 / (permutations + 1); enough for
            a single feature to be found at this level if `None`, 20,000 at most.
        seed: Of the permutations, and of the choice of 1,000 rows where there are more.

    Raises:
        UsageError: the features differ, or a feature is no table of finite numbers.
    """
    open_share("alpha", alpha)
    if set(reference) != set(window) or not reference:
        odd = ", ".join(sorted(set(reference) ^ set(window))) or "none at all"
        raise UsageError(f"reference and window differ in features ({odd}): write the same ones")
    random = np.random.default_rng(seed)
    enough = min(max(_LEAST_PERMUTATIONS, math.ceil(len(reference) / alpha)), _MOST_PERMUTATIONS)
    count = enough if permutations is None else permutations
    if count < 1:
        raise UsageError(f"permutations {count}: write a count of 1 or more")
    told = [_tested(name, reference[name], window[name], count, random) for name in reference]
    known = [each for each in told if each.p is not None]
    adjusted = corrected([each.p or 0.0 for each in known], correction)
    by_name = dict(zip([each.feature for each in known], adjusted.tolist(), strict=True))
    return tuple(_judged(each, by_name.get(each.feature), alpha) for each in told)


def chi_square(first: ArrayLike, second: ArrayLike) -> tuple[float, int, float]:
    """Test whether two rows of counts come from one distribution; rare cells are pooled.

    Args:
        first: Counts by cell, shape (k,).
        second: Counts of the same cells, shape (k,).

    Returns:
        Chi-square, its degrees of freedom and p; with a single cell left 0, 0 and 1.

    Raises:
        UsageError: the lengths differ, or a cell holds no count.

    Source: Pearson, Philosophical Magazine 50, 157 (1900); cells are merged until each expects 5
    (Cochran, Biometrics 10, 417 (1954)).
    """
    one, other = finite_series("first", first), finite_series("second", second)
    if len(one) != len(other) or (one < 0).any() or (other < 0).any():
        raise UsageError("counts: write two rows of one length, 0 or more in each cell")
    table = _pooled(np.stack([one, other]))
    cells = table.shape[1]
    if cells <= 1:
        return 0.0, 0, 1.0
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    statistic = float(((table - expected) ** 2 / expected).sum())
    return statistic, cells - 1, float(chdtrc(cells - 1, statistic))


def mmd_permutation(
    first: Array, second: Array, permutations: int, random: np.random.Generator
) -> tuple[float, float]:
    """Test two samples by the unbiased MMD^2 under relabeling of the rows.

    Args:
        first: Shape (n, d).
        second: Shape (m, d).
        permutations: How many relabelings.
        random: Where they come from.

    Returns:
        MMD^2 with the Gaussian kernel at the median distance, and p in (0, 1].

    Source: Gretton et al., Journal of Machine Learning Research 13, 723 (2012).
    """
    rows = np.concatenate([first, second])
    kernel = _kernel(rows)
    owner = np.zeros((1, len(rows)))
    owner[0, : len(first)] = 1.0
    value = float(_unbiased(kernel, owner, len(first), len(second))[0])
    as_large = 1 + sum(
        np.count_nonzero(_unbiased(kernel, labels, len(first), len(second)) >= value - _SAME)
        for labels in _relabeled(owner, permutations, random)
    )
    return value, as_large / (permutations + 1)


def _relabeled(owner: Array, count: int, random: np.random.Generator) -> Iterator[Array]:
    for start in range(0, count, _AT_ONCE):
        yield random.permuted(np.repeat(owner, min(_AT_ONCE, count - start), axis=0), axis=1)


def _tested(
    name: str, before: ArrayLike, now: ArrayLike, permutations: int, random: np.random.Generator
) -> InputDrift:
    first, second = (finite_table(name, side) for side in _numbered(before, now))
    if first.shape[1] != second.shape[1]:
        raise UsageError(f"{name}: write as many columns in the window as in the reference")
    cells, place = np.unique(np.concatenate([first, second]), axis=0, return_inverse=True)
    method = CHI_SQUARE if len(cells) <= MOST_CELLS else MMD
    rows = (len(first), len(second))
    if min(rows) < _LEAST_ROWS:
        reason = f"insufficient rows: {min(rows)}, needs {_LEAST_ROWS} on each side"
        return InputDrift(feature=name, method=method, rows=rows, reason=reason)
    if method == CHI_SQUARE:
        owners = np.repeat([0, 1], rows)
        table = np.bincount(owners * len(cells) + place.ravel(), minlength=2 * len(cells))
        statistic, _, p = chi_square(*table.reshape(2, -1))
    else:
        some, others = _some(first, random), _some(second, random)
        statistic, p = mmd_permutation(some, others, permutations, random)
    return InputDrift(feature=name, statistic=statistic, p=p, method=method, rows=rows)


def _numbered(before: ArrayLike, now: ArrayLike) -> tuple[ArrayLike, ArrayLike]:
    """Give categories that are text a number each; all else stays."""
    sides = [np.asarray(before), np.asarray(now)]
    if any(side.dtype.kind != "U" or side.ndim != 1 for side in sides):
        return before, now
    _, place = np.unique(np.concatenate(sides), return_inverse=True)
    return place[: len(sides[0])], place[len(sides[0]) :]


def _judged(told: InputDrift, adjusted: float | None, alpha: float) -> InputDrift:
    if adjusted is None:
        return told
    return InputDrift(
        feature=told.feature,
        statistic=told.statistic,
        p=told.p,
        adjusted_p=adjusted,
        drifted=adjusted < alpha,
        method=told.method,
        rows=told.rows,
    )


def _pooled(table: Array) -> Array:
    """Merge the rarest cells until each expects enough on the smaller side."""
    table = table[:, table.sum(axis=0) > 0]
    total = table.sum()
    if not total or not table.sum(axis=1).all():
        return table[:, :1]
    least = LEAST_EXPECTED * total / table.sum(axis=1).min()
    order = np.argsort(table.sum(axis=0), kind="stable")
    sums = np.cumsum(table.sum(axis=0)[order])
    rare = int(np.count_nonzero(table.sum(axis=0) < least))
    if not rare:
        return table
    merged = max(rare, min(int(np.searchsorted(sums, least)) + 1, len(order)))
    pool = table[:, order[:merged]].sum(axis=1, keepdims=True)
    return np.concatenate([pool, table[:, order[merged:]]], axis=1)


def _some(rows: Array, random: np.random.Generator) -> Array:
    if len(rows) <= _MOST_ROWS:
        return rows
    return rows[random.choice(len(rows), _MOST_ROWS, replace=False)]


def _kernel(rows: Array) -> Array:
    """Gaussian kernel of scaled rows, without its diagonal; on bits a Hamming kernel."""
    spread = np.ptp(rows, axis=0)
    scaled = (rows - rows.min(axis=0)) / np.where(spread > 0, spread, 1.0)
    squares = (scaled**2).sum(axis=1)
    distance = squares[:, np.newaxis] + squares - 2 * scaled @ scaled.T
    step = max(1, len(rows) // _MEDIAN_ROWS)
    some = distance[::step, ::step]
    apart = some[some > _SAME]
    kernel = np.exp(-distance / (float(np.median(apart)) if len(apart) else 1.0))
    np.fill_diagonal(kernel, 0.0)
    return np.asarray(kernel)


def _unbiased(kernel: Array, labels: Array, n: int, m: int) -> Array:
    """MMD^2 without bias for each row of labels, from sums of kernel blocks."""
    product = labels @ kernel
    within = np.einsum("ij,ij->i", product, labels)
    rows = product.sum(axis=1)
    across = rows - within
    other = kernel.sum() - within - 2 * across
    return np.asarray(within / (n * (n - 1)) + other / (m * (m - 1)) - 2 * across / (n * m))
