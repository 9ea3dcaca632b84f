"""What one version of a model came to by itself, beside what it came to against another."""

import math

import numpy as np
from scipy.special import bdtrik

from qgm_observe.quality.canary import Criterion, Statistic
from qgm_observe.quality.intervals import clopper_pearson, normal_quantile
from qgm_observe.quality.series import Array
from qgm_observe.quality.strata import Fit
from qgm_observe.quality.traffic import Traffic
from qgm_observe.records import Estimate


def estimate_of(
    criterion: Criterion, seen: Traffic, *, candidate: bool, level: float = 0.95
) -> Estimate:
    """Return what a version came to: over its clusters, a quantile over its roots.

    The interval is that of a single look; whether versions differ it does not tell.
    """
    arm = seen.is_candidate == candidate
    roots = arm[seen.cluster]
    if not roots.any():
        return Estimate(name=criterion.name, level=level, reason="nothing was recorded")
    if criterion.statistic is Statistic.QUANTILE:
        return _quantile(criterion, np.sort(seen.values[roots]), level)
    values = seen.means(np.log(seen.values) if criterion.is_ratio else seen.values)[arm]
    value = float(values.mean())
    if criterion.statistic is Statistic.SHARE:
        low, high = clopper_pearson(round(float(values.sum())), len(values), level)
        ends = min(low, value), max(high, value)
    else:
        ends = _student(values, level)
    back = math.exp if criterion.is_ratio else float
    return Estimate(
        name=criterion.name,
        value=back(value),
        low=None if math.isinf(ends[0]) else back(ends[0]),
        high=None if math.isinf(ends[1]) else back(ends[1]),
        level=level,
        n=len(values),
    )


def _student(values: Array, level: float) -> tuple[float, float]:
    if len(values) < 2:  # noqa: PLR2004
        return -math.inf, math.inf
    value = float(values.mean())
    error = float(values.std(ddof=1)) / math.sqrt(len(values))
    reach = Fit(value, error, len(values) - 1.0).reach(normal_quantile(level))
    return value - reach, value + reach


def _quantile(criterion: Criterion, ascending: Array, level: float) -> Estimate:
    """By ranks, whatever the distribution (David and Nagaraja, Order Statistics, 2003, 7.1)."""
    n, share = len(ascending), criterion.quantile
    tail = (1 - level) / 2
    has_low, has_high = (1 - share) ** n <= tail, share**n <= tail
    value = float(np.quantile(ascending, share))
    low = float(ascending[int(bdtrik(tail, n, share))]) if has_low else None
    high = float(ascending[math.ceil(bdtrik(1 - tail, n, share))]) if has_high else None
    return Estimate(
        name=criterion.name,
        value=value,
        low=None if low is None else min(low, value),
        high=None if high is None else max(high, value),
        level=level,
        n=n,
    )
