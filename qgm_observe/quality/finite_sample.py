"""Tests whose rate of false alarms is proven at every number of shots, down to one in a million.

The usual chi-square p-value is an approximation that fails far out in the tail, which is where a
test that runs a thousand times a day has to be right. These are upper bounds: a p of 1e-6 happens
to an innocent sampler at most once in a million.
"""

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betainc, gammaln, logsumexp, rel_entr, xlogy

from qgm_observe.errors import UsageError
from qgm_observe.quality.series import Array, finite_series


def multinomial_p(counts: ArrayLike, probabilities: ArrayLike) -> float:
    """Bound the chance of counts as odd as these from a known distribution.

    Half of the chance goes to the oddest single cell (exact binomial tails, Bonferroni), half to
    all cells together: P(N KL >= t) <= exp(-t) (e t / (k - 1))^(k - 1) for t > k - 1.

    Args:
        counts: By cell, shape (k,).
        probabilities: Of the same cells, shape (k,), summing to 1.

    Returns:
        An upper bound of p, 0 where a cell without probability was seen, 1 without shots.

    Raises:
        UsageError: the shapes differ, or the numbers are no counts and no distribution.

    Sources: Clopper and Pearson, Biometrika 26, 404 (1934); Agrawal, IEEE Transactions on
    Information Theory 66, 6297 (2020).
    """
    seen, chances = _counts(counts), finite_series("probabilities", probabilities)
    if len(seen) != len(chances) or (chances < 0).any() or abs(chances.sum() - 1) > 1e-6:  # noqa: PLR2004
        raise UsageError("probabilities: write one a cell, of 0 or more, that sum to 1")
    possible = chances > 0
    if seen[~possible].any():
        return 0.0
    seen, chances = seen[possible], np.minimum(chances[possible], 1.0)
    shots = float(seen.sum())
    if not shots or len(seen) == 1:
        return 1.0
    tails = np.minimum(_at_most(seen, shots, chances), _at_least(seen, shots, chances))
    cells = 2 * len(seen) * float(tails.min())
    together = _entropy_tail(float(rel_entr(seen, shots * chances).sum()), len(seen))
    return min(1.0, 2 * min(cells, together))


def two_sample_p(first: ArrayLike, second: ArrayLike) -> float:
    """Bound the chance of two rows of counts as different as these from one sampler.

    Given the pooled counts, each cell of the first row is hypergeometric; the oddest cell counts,
    times the number of cells that could be odd.

    Args:
        first: Counts by cell, shape (k,).
        second: Counts of the same cells, shape (k,).

    Raises:
        UsageError: the shapes differ, or the numbers are no counts.

    Source: Fisher, The Design of Experiments (1935); Bonferroni.
    """
    one, other = _counts(first), _counts(second)
    if len(one) != len(other):
        raise UsageError("counts: write the same cells twice")
    seen = one + other > 0
    if not one.any() or not other.any() or seen.sum() <= 1:
        return 1.0
    shots, others = int(one.sum()), int(other.sum())
    pairs = np.unique(np.stack([one[seen], other[seen]]).astype(np.int64), axis=1)
    least = min(_fisher_tail(int(a), int(b), shots, others) for a, b in pairs.T)
    return min(1.0, 2 * int(seen.sum()) * least)


def binomial_p(successes: int, shots: int, ratio: float) -> float:
    """Return the exact chance of so few successes or fewer at a ratio.

    Raises:
        UsageError: the counts contradict each other, or the ratio is outside [0, 1].
    """
    if not 0 <= successes <= shots or not 0 <= ratio <= 1:
        raise UsageError(f"{successes} of {shots} shots at {ratio}: write counts and a ratio")
    row = np.array([float(successes)])
    return float(_at_most(row, float(shots), np.array([float(ratio)]))[0])


def bounded_mean_p(mean: float, n: int, expected: float) -> float:
    """Bound the chance of so low a mean of n scores in [0, 1]: exp(-n kl(mean, expected)).

    Raises:
        UsageError: a mean is outside [0, 1], or there are no scores.

    Source: Hoeffding, Journal of the American Statistical Association 58, 13 (1963), theorem 1.
    """
    if not (0 <= mean <= 1 and 0 <= expected <= 1 and n >= 1):
        raise UsageError("scores: write one or more, scaled to 0 to 1, and an expected mean there")
    if mean >= expected:
        return 1.0
    if expected == 1:
        return 0.0
    divergence = float(rel_entr(mean, expected) + rel_entr(1 - mean, 1 - expected))
    return math.exp(-n * divergence)


def _entropy_tail(total: float, cells: int) -> float:
    freedom = cells - 1
    if total <= freedom:
        return 1.0
    return math.exp(-total + freedom + float(xlogy(freedom, total / freedom)))


def _at_least(seen: Array, shots: float, chances: Array) -> Array:
    tail = betainc(np.maximum(seen, 1.0), shots - seen + 1, chances)
    return np.where(seen > 0, tail, 1.0)


def _at_most(seen: Array, shots: float, chances: Array) -> Array:
    tail = betainc(np.maximum(shots - seen, 1.0), seen + 1, 1 - chances)
    return np.where(seen < shots, tail, 1.0)


def _fisher_tail(one: int, other: int, shots: int, others: int) -> float:
    """Chance that the first row holds so few of a cell's counts, or so many, whichever is less."""
    total = one + other
    places = np.arange(max(0, total - others), min(total, shots) + 1, dtype=np.float64)
    logs = _log_choose(shots, places) + _log_choose(others, total - places)
    logs -= float(logsumexp(logs))
    few, many = logs[places <= one], logs[places >= one]
    return math.exp(min(float(logsumexp(few)), float(logsumexp(many)), 0.0))


def _log_choose(n: int, k: Array) -> Array:
    return np.asarray(gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(n - k + 1.0))


def _counts(values: ArrayLike) -> Array:
    counts = finite_series("counts", values)
    if (counts < 0).any() or (counts != np.floor(counts)).any():
        raise UsageError("counts: write whole numbers of 0 or more")
    return counts
