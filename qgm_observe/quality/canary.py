"""A new version on a small part of the traffic: promote it, hold on, or roll back.

A canary is looked at every day, on several criteria. Both are paid for: the chance that an equal
version is ever rolled back, by any criterion at any look, is at most `Plan.false_rollback`, and the
chance that one worse by a criterion's margin is ever promoted at most `Plan.false_promotion`.

Versions are compared within strata (what an hour or a device does to both cancels), cluster by
cluster: the roots of one session stand or fall together. Harm is in the criterion's own scale, the
candidate's minus the stable version's, positive where the candidate is worse.
"""

import enum
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.special import ndtri

from qgm_observe.errors import UsageError
from qgm_observe.quality.series import Array, open_share, positive
from qgm_observe.quality.spending import LEAST_GAIN, critical_values
from qgm_observe.quality.strata import Fit, weights
from qgm_observe.quality.traffic import Traffic

MOST_LOOKS = 60
_HALVINGS = 40


class Statistic(enum.StrEnum):
    """What is compared."""

    SHARE = "share"
    MEAN = "mean"
    RATIO = "ratio of geometric means"
    QUANTILE = "ratio of quantiles"


class Verdict(enum.StrEnum):
    """What is to be done with the candidate."""

    PROMOTE = "promote"
    HOLD = "hold"
    ROLL_BACK = "roll back"


class State(enum.StrEnum):
    """What a criterion says."""

    WORSE = "worse"
    WITHIN = "within margin"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Criterion:
    """One thing in which the candidate may be worse.

    Attributes:
        name: What people read.
        statistic: What is compared.
        margin: Harm that is accepted: a difference of shares or means; of ratios the share by which
            it may be larger, so 0.1 for a tenth.
        higher_is_better: Whether more of it is good.
        quantile: Which one, in (0, 1), of a `QUANTILE`.
    """

    name: str
    statistic: Statistic
    margin: float
    higher_is_better: bool = False
    quantile: float = 0.5

    def __post_init__(self) -> None:
        """Refuse margins and quantiles that are none."""
        positive(f"margin of {self.name}", self.margin)
        open_share(f"quantile of {self.name}", self.quantile)

    @property
    def is_ratio(self) -> bool:
        """Whether harm is the logarithm of a ratio."""
        return self.statistic in {Statistic.RATIO, Statistic.QUANTILE}

    @property
    def tolerated(self) -> float:
        """The margin as harm."""
        return math.log1p(self.margin) if self.is_ratio else self.margin


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How often is looked, and how often the verdict may be wrong.

    Attributes:
        looks: At most so many; which one it is depends on the time alone.
        false_rollback: Of an equal candidate, over all criteria and looks.
        false_promotion: Of one that is worse by the margin of a criterion, over all looks.
        power: Of an equal candidate to be promoted, for what is said to be missing.
        least: Clusters in each arm before a criterion is looked at.
    """

    looks: int = 28
    false_rollback: float = 0.05
    false_promotion: float = 0.05
    power: float = 0.8
    least: int = 10

    def __post_init__(self) -> None:
        """Refuse what cannot be planned."""
        if not 1 <= self.looks <= MOST_LOOKS:
            raise UsageError(f"{self.looks} looks: write 1 to {MOST_LOOKS}")
        for name in ("false_rollback", "false_promotion", "power"):
            open_share(name.replace("_", " "), getattr(self, name))


@dataclass(frozen=True, slots=True)
class Finding:
    """What a criterion says at a look.

    Attributes:
        harm: The candidate's; `None` where it cannot be told yet.
        low: At least so much harm, at all looks and criteria together.
        high: At most so much, at all looks.
        counts: Clusters of the stable version and of the candidate.
        needed: Further clusters of the candidate, at its present share of the traffic, after which
            an equal candidate is shown to be within the margin, at the plan's power; `None` where
            nothing tells.
        reason: Why there is no number.
    """

    criterion: Criterion
    state: State
    counts: tuple[int, int]
    harm: float | None = None
    low: float | None = None
    high: float | None = None
    needed: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Judgment:
    """What is to be done, and why.

    Attributes:
        look: The last one that was used: that which decided, else the last that is over.
    """

    verdict: Verdict
    look: int
    findings: tuple[Finding, ...] = field(default=())


def judge(
    criteria: Sequence[tuple[Criterion, Traffic]], looks_over: int, plan: Plan | None = None
) -> Judgment:
    """Judge a canary by all looks that are over; the first that decides holds.

    Rolled back is what some criterion shows to be worse before it shows it to be within its margin;
    promoted what all show to be within. So the line is near half a margin.

    Args:
        criteria: Those that either version was seen in, fixed before it began.
        looks_over: How many.
        plan: The default if `None`.

    Raises:
        UsageError: there is no criterion, or ratios are to be taken of what is not above 0.
    """
    plan = plan or Plan()
    if not criteria:
        raise UsageError("nothing to compare: write criteria that both versions have")
    over = min(looks_over, plan.looks)
    watches = [_Watch(each, seen, over, plan, len(criteria)) for each, seen in criteria]
    for look in range(1, over + 1):
        states = [watch.state(look) for watch in watches]
        if State.WORSE in states:
            return _judgment(Verdict.ROLL_BACK, look, watches)
        if all(state is State.WITHIN for state in states):
            return _judgment(Verdict.PROMOTE, look, watches)
    return _judgment(Verdict.HOLD, over, watches)


def _judgment(verdict: Verdict, look: int, watches: "Sequence[_Watch]") -> Judgment:
    return Judgment(verdict, look, tuple(watch.finding(look) for watch in watches))


class _Watch:
    """One criterion with its critical values, look by look."""

    def __init__(
        self, criterion: Criterion, traffic: Traffic, over: int, plan: Plan, criteria: int
    ) -> None:
        if criterion.is_ratio and (traffic.values <= 0).any():
            raise UsageError(f"{criterion.name}: write values above 0, or leave them out")
        self.criterion, self.traffic, self.plan = criterion, traffic, plan
        self.used = _used_looks(traffic, over, plan.least)
        spent = np.array(list(self.used)) / plan.looks
        information = list(self.used.values())
        worse = critical_values(plan.false_rollback / criteria, spent, information)
        within = critical_values(plan.false_promotion, spent, information)
        self.critical = dict(zip(self.used, zip(worse, within, strict=True), strict=True))

    def state(self, look: int) -> State:
        """What is shown at a look; one that adds nothing shows nothing."""
        if look not in self.critical:
            return State.OPEN if not self._last(look) else self.state(self._last(look))
        seen = self.traffic.until(look)
        worse, within = self.critical[look]
        score = self._score(seen)
        if -score(self.criterion.tolerated) >= within:
            return State.WITHIN
        return State.WORSE if score(0.0) >= worse else State.OPEN

    def finding(self, look: int) -> Finding:
        """All that a look tells."""
        last = self._last(look)
        seen = self.traffic.until(last or look)
        if not last:
            return self._too_few(self.traffic.until(look).counts)
        worse, within = map(float, self.critical[last])
        harm, low, high = self._interval(seen, worse, within)
        state = self.state(last)
        needed = 0 if state is State.WITHIN else self._needed(seen, harm, within)
        return Finding(self.criterion, state, seen.counts, harm, low, high, needed)

    def _last(self, look: int) -> int:
        return max((each for each in self.critical if each <= look), default=0)

    def _too_few(self, counts: tuple[int, int]) -> Finding:
        least = self.plan.least
        reason = f"{counts[0]} and {counts[1]}, needs {least} of each"
        missing = max(least - counts[1], 0) or None
        return Finding(self.criterion, State.OPEN, counts, needed=missing, reason=reason)

    def _score(self, seen: Traffic) -> Callable[[float], float]:
        """The standard normal score of harm beyond so much, falling in that."""
        if self.criterion.statistic is Statistic.QUANTILE:
            return lambda harm: self._beyond(seen, harm)
        if self.criterion.statistic is Statistic.SHARE:
            good_is_one = self.criterion.higher_is_better
            return _of_shares(seen, 1 - seen.values if good_is_one else seen.values)
        return self._fit(seen).score

    def _fit(self, seen: Traffic) -> Fit:
        values = np.log(seen.values) if self.criterion.is_ratio else seen.values
        fit = seen.fit(-values if self.criterion.higher_is_better else values, is_share=False)
        return fit or _nothing()

    def _beyond(self, seen: Traffic, harm: float) -> float:
        """By how much more often the candidate, made so much better, is beyond the quantile."""
        mine = seen.is_candidate[seen.cluster]
        logs = np.log(seen.values) - harm * mine
        rank = min(int(self.criterion.quantile * len(logs)), len(logs) - 1)
        beyond = logs > np.partition(logs, rank)[rank]
        return _of_shares(seen, beyond.astype(np.float64))(0.0)

    def _interval(self, seen: Traffic, worse: float, within: float) -> tuple[float, float, float]:
        if self.criterion.statistic in {Statistic.MEAN, Statistic.RATIO}:
            fit = self._fit(seen)
            return fit.value, fit.value - fit.reach(worse), fit.value + fit.reach(within)
        score, reach = self._score(seen), 1.0
        if self.criterion.is_ratio:
            reach = float(np.ptp(np.log(seen.values))) + 1e-6
        low, high = (_where(score, wanted, reach) for wanted in (worse, -within))
        is_ratio = self.criterion.is_ratio
        middle = _gap(seen, self.criterion) if is_ratio else _where(score, 0.0, reach)
        return min(max(middle, low), high), low, high

    def _needed(self, seen: Traffic, harm: float, critical: float) -> int | None:
        """Clusters until an equal candidate's bound is near enough, by the error at the margin."""
        tolerated = self.criterion.tolerated
        score = self._score(seen)(tolerated)
        if not (harm < tolerated and -math.inf < score < 0):
            return None
        error = (tolerated - harm) / -score
        times = ((critical + float(ndtri(self.plan.power))) * error / tolerated) ** 2
        return max(math.ceil(seen.counts[1] * (times - 1)), 1)


def _used_looks(traffic: Traffic, over: int, least: int) -> dict[int, float]:
    """Looks with clusters enough that add information, and how much there is by then."""
    gained = weights(traffic.is_candidate, traffic.stratum)
    at = np.zeros(len(gained), np.int64)
    at[traffic.stratum] = traffic.look
    found: dict[int, float] = {}
    known = 0.0
    for look in range(1, over + 1):
        inside = traffic.look <= look
        mine = int(traffic.is_candidate[inside].sum())
        information = float(gained[at <= look].sum())
        enough = mine >= least and int(inside.sum()) - mine >= least
        if enough and information - known > LEAST_GAIN * information:
            found[look] = known = information
    return found


def _of_shares(seen: Traffic, bad: Array) -> Callable[[float], float]:
    """The score of harm beyond so much, with the variance that a share so much worse would have.

    A candidate of which nothing happened to be bad yet has next to no variance of its own.

    Source: Farrington and Manning, Statistics in Medicine 9, 1447 (1990).
    """
    fit = seen.fit(bad, is_share=True) or _nothing()
    means = seen.means(bad)
    stable, candidate = (
        (float(means[arm].sum()) + 0.5) / (int(arm.sum()) + 1)  # that is what `fit` adds
        for arm in (~seen.is_candidate, seen.is_candidate)
    )

    def score(harm: float) -> float:
        supposed = min(max(stable + harm, 0.0), 0.5)
        times = max(supposed * (1 - supposed) / (candidate * (1 - candidate)), 1.0)
        found = fit.score(harm)
        return found if found > 0 else found / math.sqrt(1 + fit.second * (times - 1))

    return score


def _nothing() -> Fit:
    return Fit(0.0, math.inf, 1.0)


def _gap(seen: Traffic, criterion: Criterion) -> float:
    """The ratio of the quantiles of all roots, as a logarithm."""
    mine = seen.is_candidate[seen.cluster]
    stable, candidate = (
        float(np.quantile(np.log(seen.values[arm]), criterion.quantile)) for arm in (~mine, mine)
    )
    return candidate - stable


def _where(score: Callable[[float], float], wanted: float, reach: float) -> float:
    """The harm at which a falling score is as wanted, infinite beyond reach."""
    low, high = -reach, reach
    if score(low) < wanted:
        return -math.inf
    if score(high) > wanted:
        return math.inf
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if score(middle) > wanted else (low, middle)
    return (low + high) / 2
