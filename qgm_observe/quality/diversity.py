"""How many different samples come: coverage, entropy and the effective number of modes."""

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, xlogy

from qgm_observe.quality.cells import Cells
from qgm_observe.quality.intervals import normal_quantile, within
from qgm_observe.records import Estimate

MIN_COVERAGE = 0.6
"""Good-Turing coverage below which the shots do not tell the entropy."""

MIN_COINCIDENCES = 10
"""Pairs of equal shots below which the purity is mostly noise."""

_MIN_SHOTS = 2


def good_turing_coverage(cells: Cells, level: float = 0.95) -> Estimate:
    """Estimate the probability of the outcomes that were seen, in [0, 1]: were the shots enough?

    Args:
        cells: Counts and target side by side.
        level: Confidence level of the interval.

    Returns:
        1 - f1 / N, with f1 outcomes seen once, and Esty's normal interval. The floor is what a
        perfect sampler would show. Read a diversity only where this is high.

    Source: Good, Biometrika 40, 237 (1953); Esty, Annals of Statistics 11, 905 (1983).
    """
    shots = cells.shots
    once, twice = (int(np.sum(cells.counts.numbers == number)) for number in (1, 2))
    value = 1 - once / shots
    # one outcome seen once more or less is the least that the count can be off
    variance = (once * (1 - once / shots) + 2 * twice) / shots**2
    reach = normal_quantile(level) * math.sqrt(variance) + 1 / shots
    probabilities = cells.target.probabilities
    empty = Estimate(
        name="good_turing_coverage",
        value=value,
        level=level,
        floor=float(1 - probabilities @ (1 - probabilities) ** shots),
        method="esty",
        n=shots,
    )
    return within(empty, value, (value - reach, value + reach))


def entropy(cells: Cells, level: float = 0.95) -> Estimate:
    """Estimate the Shannon entropy of the sampler, in bits, [0, n].

    Noise raises it and mode collapse lowers it, so the two can cancel: read it beside the valid
    shot ratio, and mode collapse by its own verdict.

    Args:
        cells: Counts and target side by side.
        level: Confidence level of the interval.

    Returns:
        Grassberger's estimate. The interval spans his and the coverage-adjusted one of Chao and
        Shen, which err on different sides, and reaches up to the entropy that the outcomes seen
        once stand for if they are spread over everything. The jackknife's
        normal reach is added to both ends. The floor is the entropy of the target. With a
        Good-Turing coverage below 0.6 there is a reason and no value.

    Source: Grassberger, arXiv physics/0307138 (2003), equation 28; Chao and Shen, Environmental
    and Ecological Statistics 10, 429 (2003).
    """
    numbers, shots = cells.counts.numbers.astype(np.float64), cells.shots
    goal = cells.target.probabilities
    empty = Estimate(
        name="entropy",
        level=level,
        floor=float(-xlogy(goal, goal).sum() / math.log(2)),
        method="grassberger",
        n=shots,
        reason="pending",
    )
    coverage = 1 - float(np.sum(numbers == 1)) / shots
    if coverage < MIN_COVERAGE or shots < _MIN_SHOTS:
        reason = f"insufficient shots: the outcomes seen hold {coverage:.0%}, use more"
        return replace(empty, reason=reason)
    value, variance = _grassberger(numbers)
    other = _chao_shen(numbers, coverage)
    widest = value + _spread_out(numbers, cells.counts.num_bits)
    reach = normal_quantile(level) * math.sqrt(variance)
    ends = (min(value, other) - reach, max(value, other, widest) + reach)
    return within(empty, value, ends, (0.0, float(cells.counts.num_bits)))


def effective_modes(cells: Cells, level: float = 0.95) -> Estimate:
    """Estimate the effective number of modes 1 / sum q^2 (Hill number of order 2), in [1, 2^n].

    Args:
        cells: Counts and target side by side.
        level: Confidence level of the interval.

    Returns:
        The inverse of the unbiased purity, sum x (x - 1) / (N (N - 1)), with the inverted normal
        interval of that U-statistic. The floor is the target's own number. With fewer than ten
        pairs of equal shots there is a reason and no value.

    Source: Simpson, Nature 163, 688 (1949), for the purity; Hill, Ecology 54, 427 (1973).
    """
    numbers, shots = cells.counts.numbers.astype(np.float64), cells.shots
    empty = Estimate(
        name="effective_modes",
        level=level,
        floor=float(1 / (cells.target.probabilities @ cells.target.probabilities)),
        method="unbiased-purity",
        n=shots,
        reason="pending",
    )
    coincidences = float(numbers @ (numbers - 1)) / 2
    if coincidences < MIN_COINCIDENCES:
        reason = f"insufficient shots: {coincidences:.0f} pairs of equal shots, use more"
        return replace(empty, reason=reason)
    purity = 2 * coincidences / (shots * (shots - 1))
    reach = normal_quantile(level) * math.sqrt(_purity_variance(numbers, purity))
    most = 2.0**cells.counts.num_bits
    # an interval in the logarithm keeps the purity above zero
    ends = (1 / (purity * math.exp(reach / purity)), 1 / (purity * math.exp(-reach / purity)))
    return within(empty, 1 / purity, ends, (1.0, most))


def _purity_variance(numbers: NDArray[np.float64], purity: float) -> float:
    """Hoeffding variance of the share of equal pairs."""
    shots = float(numbers.sum())
    triples = float(numbers @ ((numbers - 1) * (numbers - 2)))
    third = triples / (shots * (shots - 1) * max(shots - 2, 1))
    first = max(third - purity**2, 0.0)
    second = purity - purity**2
    return float((4 * max(shots - 2, 0) * first + 2 * second) / (shots * (shots - 1)))


def _grassberger(numbers: NDArray[np.float64]) -> tuple[float, float]:
    """Give the entropy in bits and its jackknife variance."""
    shots = float(numbers.sum())
    terms = numbers * _digits(numbers)
    fewer = numbers - 1
    removed = np.where(fewer > 0, fewer * _digits(np.maximum(fewer, 1)), 0.0)
    value = math.log(shots) - terms.sum() / shots
    left = math.log(shots - 1) - (terms.sum() - terms + removed) / (shots - 1)
    center = float(numbers @ left / shots)
    variance = (shots - 1) / shots * float(numbers @ (left - center) ** 2)
    return float(value) / math.log(2), variance / math.log(2) ** 2


def _digits(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Grassberger's function G of a number of shots, in place of its logarithm."""
    parity = np.where(numbers % 2 == 0, 0.5, -0.5)
    steps = digamma((numbers + 1) / 2) - digamma(numbers / 2)
    return np.asarray(digamma(numbers) + parity * steps, dtype=np.float64)


def _spread_out(numbers: NDArray[np.float64], num_bits: int) -> float:
    """Bits to add if what was seen once stands for mass spread evenly over all outcomes.

    Grassberger's estimate already takes such a shot for (log N - G(1)) / N.
    """
    once = float(np.sum(numbers == 1))
    if not once:
        return 0.0
    taken = -float(_digits(np.ones(1))[0]) / math.log(2)
    return once / float(numbers.sum()) * max(num_bits - math.log2(once) - taken, 0.0)


def _chao_shen(numbers: NDArray[np.float64], coverage: float) -> float:
    """Entropy in bits, of shares shrunk by the coverage and divided by their chance of sight."""
    shots = float(numbers.sum())
    shares = coverage * numbers / shots
    seen = -np.expm1(shots * np.log1p(-np.minimum(shares, 1 - 1e-15)))
    return float(-(xlogy(shares, shares) / seen).sum()) / math.log(2)
