"""Parts that several intervals share."""

import math
from dataclasses import replace

from scipy.special import betaincinv, ndtri

from qgm_observe.errors import UsageError
from qgm_observe.records import Estimate


def require_level(level: float) -> None:
    """Refuse a confidence level that is none."""
    if not 0 < level < 1:
        raise UsageError(f"level {level}: write a confidence level between 0 and 1")


def normal_quantile(level: float) -> float:
    """Give z such that a normal variable lies within z deviations with this probability."""
    require_level(level)
    return float(ndtri((1 + level) / 2))


def mean_of_cut(deviation: float) -> float:
    """Give the mean of max(x, 0) over normal x of mean 0: what an unbiased value cut at 0 shows."""
    return deviation / math.sqrt(2 * math.pi)


def clopper_pearson(seen: int, shots: int, level: float) -> tuple[float, float]:
    """Give the exact interval of a binomial share (Clopper and Pearson, Biometrika, 1934)."""
    require_level(level)
    tail = (1 - level) / 2
    low = float(betaincinv(seen, shots - seen + 1, tail)) if seen else 0.0
    high = float(betaincinv(seen + 1, shots - seen, 1 - tail)) if seen < shots else 1.0
    return low, high


def within(
    estimate: Estimate,
    value: float,
    interval: tuple[float, float],
    bounds: tuple[float, float] = (0.0, 1.0),
) -> Estimate:
    """Fill in value and interval, cut to the range that the quantity can have."""
    low, high = (float(min(max(end, bounds[0]), bounds[1])) for end in interval)
    inside = float(min(max(value, low), high))
    return replace(estimate, value=inside, low=low, high=high, reason=None)
