"""How long a canary takes until an equal candidate is promoted, told before it has shown anything.

The spread is the stable version's, the numbers are those of both so far. Criteria are taken to be
independent, and each look for itself, so that it may take somewhat less.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import ndtr

from qgm_observe.quality.canary import Criterion, Plan, Statistic
from qgm_observe.quality.series import Array
from qgm_observe.quality.spending import critical_values
from qgm_observe.quality.traffic import Traffic

_HALVINGS = 40
_MOST_TIMES = 1e6


@dataclass(frozen=True, slots=True)
class Length:
    """How long a canary takes.

    Attributes:
        a_look: Clusters of the stable version and of the candidate that come from look to look.
        looks: After which an equal candidate is promoted at the plan's power; `None` where the
            plan has too few.
        times: So many times the information of all the plan's looks is needed; at most 1 where
            `looks` is told.
        slowest: The criterion that takes longest.
    """

    a_look: tuple[float, float]
    looks: int | None
    times: float
    slowest: str

    @property
    def share(self) -> float | None:
        """The candidate's part of the same traffic that the plan's looks suffice for, if any."""
        stable, mine = self.a_look
        wanted = self.times * stable * mine / (stable + mine) ** 2
        return None if wanted > 1 / 4 else (1 - math.sqrt(1 - 4 * wanted)) / 2


class _Need(NamedTuple):
    """A criterion by what it takes: what is tolerated, and each arm's variance of one cluster."""

    name: str
    tolerated: float
    variances: tuple[float, float]
    counts: tuple[float, float]

    def score(self, looks: float) -> float:
        """The expected score of an equal candidate after so many looks."""
        stable, mine = (
            var / (count * looks) for var, count in zip(self.variances, self.counts, strict=True)
        )
        return self.tolerated / math.sqrt(max(stable + mine, 1e-300))


def length_of(
    criteria: Sequence[tuple[Criterion, Traffic]], elapsed: float, plan: Plan
) -> Length | None:
    """Return how long a canary takes, `None` before both versions were seen.

    Args:
        criteria: Those that `judge` is given, with all that was seen so far.
        elapsed: Looks since it began, a broken number.
        plan: Of the looks.
    """
    needs = list(_needs(criteria, max(elapsed, 1e-6), plan))
    if not needs:
        return None
    first = max(math.ceil(plan.least / min(min(need.counts) for need in needs)), 1)
    looks = range(first, plan.looks + 1)
    critical = _critical(looks, plan)
    for look, value in zip(looks, critical, strict=True):
        if _chance(needs, look, value) >= plan.power:
            return Length(needs[0].counts, look, look / plan.looks, _slowest(needs))
    last = float(critical[-1]) if len(critical) else _alone(plan)
    return Length(needs[0].counts, None, _times(needs, last, plan), _slowest(needs))


def _needs(
    criteria: Sequence[tuple[Criterion, Traffic]], elapsed: float, plan: Plan
) -> Iterator[_Need]:
    for criterion, seen in criteria:
        stable, mine = seen.counts
        if stable < plan.least or not mine:
            continue
        tolerated, variances = _spread(criterion, seen)
        yield _Need(criterion.name, tolerated, variances, (stable / elapsed, mine / elapsed))


def _spread(criterion: Criterion, seen: Traffic) -> tuple[float, tuple[float, float]]:
    """What is tolerated, and the variance of one cluster's mean in each arm at the margin."""
    values, tolerated = seen.values, criterion.tolerated
    if criterion.statistic is Statistic.QUANTILE:
        logs = np.log(values)[~seen.is_candidate[seen.cluster]]
        limit = float(np.quantile(logs, criterion.quantile))
        beyond = 1 - criterion.quantile
        near = float(np.mean((logs > limit - tolerated) & (logs <= limit)))
        return max(near, 0.5 / len(logs)), (beyond * (1 - beyond),) * 2
    if criterion.statistic is Statistic.SHARE:
        return tolerated, _of_shares(seen, criterion)
    variance = _within(seen, seen.means(np.log(values) if criterion.is_ratio else values))
    return tolerated, (variance, variance)


def _of_shares(seen: Traffic, criterion: Criterion) -> tuple[float, float]:
    """The candidate's is what a share worse by the margin has, as in the test."""
    means = seen.means(1 - seen.values if criterion.higher_is_better else seen.values)
    stable = means[~seen.is_candidate]
    share = (float(stable.sum()) + 0.5) / (len(stable) + 1)
    plain = share * (1 - share)
    size = float(seen.sizes.mean())
    own = max(_within(seen, means), plain / size) if size > 1 else plain
    supposed = min(share + criterion.margin, 0.5)
    return own, own * supposed * (1 - supposed) / plain


def _within(seen: Traffic, means: Array) -> float:
    """The variance of the stable version's clusters within strata."""
    stable = ~seen.is_candidate
    own, place = means[stable], seen.stratum[stable]
    every = np.maximum(np.bincount(place), 1)
    rest = own - (np.bincount(place, own) / every)[place]
    return float(rest @ rest) / max(len(own) - len(np.unique(place)), 1)


def _critical(looks: range, plan: Plan) -> Array:
    """Of each look, when information comes evenly."""
    spent = np.array(looks) / plan.looks
    return critical_values(plan.false_promotion, spent, np.array(looks, np.float64))


def _alone(plan: Plan) -> float:
    """Of a plan's last look where no earlier one has clusters enough."""
    return float(critical_values(plan.false_promotion, [1.0], [1.0])[0])


def _chance(needs: Sequence[_Need], looks: float, critical: float) -> float:
    return math.prod(float(ndtr(need.score(looks) - critical)) for need in needs)


def _slowest(needs: Sequence[_Need]) -> str:
    return min(needs, key=lambda need: need.score(1.0)).name


def _times(needs: Sequence[_Need], critical: float, plan: Plan) -> float:
    """How many times the traffic of all looks has the power at the last of them."""
    low, high = 1.0, _MOST_TIMES
    for _ in range(_HALVINGS):
        middle = math.sqrt(low * high)
        enough = _chance(needs, plan.looks * middle, critical) >= plan.power
        low, high = (low, middle) if enough else (middle, high)
    return high
