"""How an objective stands: counts, budget left, how fast it burns, when it is gone, by whom."""

from collections.abc import Mapping
from dataclasses import dataclass

from qgm_observe.slo.indicator import Spend
from qgm_observe.slo.objective import Objective
from qgm_observe.slo.score import TRAFFIC_WINDOW, WINDOWS
from qgm_observe.slo.window import DAY, HOUR

BURN_WINDOWS = (HOUR, 6 * HOUR, DAY, 3 * DAY)
"""Seconds over which burn is told."""

PACE = 3 * DAY
"""Seconds whose burn tells how long the budget will last."""


@dataclass(frozen=True, slots=True)
class Count:
    """What was bad of what counted in a window; less than nothing is nothing."""

    bad: float
    total: float

    def __post_init__(self) -> None:
        """Take a surplus of good ones for none bad."""
        object.__setattr__(self, "bad", max(self.bad, 0.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How an objective stands at an instant.

    Attributes:
        objective: Which.
        bad: In the window that it is reported over.
        total: Likewise, up to now.
        ratio: Share of good ones, `None` where nothing counted.
        left: Share of the budget that is left, below 0 when it is overdrawn, `None` likewise.
        burn: Budget spent per budgeted time, by window (s); `None` where nothing counted.
        exhausted_in: Seconds until the budget is gone at the pace of the last three days; 0 when
            it is gone, `None` when it will last.
        score: Largest evidence against it, without the recovery clause, `None` if not by score.
        threshold: Evidence above which it pages.
        spent_by: Bad ones by cause, pipeline, provider and device, as far as they are known.
        reason: Why there is no number.
    """

    objective: Objective
    bad: float = 0.0
    total: float = 0.0
    ratio: float | None = None
    left: float | None = None
    burn: Mapping[float, float | None]
    exhausted_in: float | None = None
    score: float | None = None
    threshold: float | None = None
    spent_by: Mapping[str, Mapping[str, float]]
    reason: str | None = None


def status_of(
    objective: Objective,
    window: Count,
    counts: Mapping[float, Count],
    spent_by: Mapping[str, Mapping[str, float]],
) -> Status:
    """Return how an objective stands.

    Args:
        objective: Which.
        window: Counts in the window that it is reported over.
        counts: Counts by window (s): those of `BURN_WINDOWS` and, for a score, of `WINDOWS` and
            `TRAFFIC_WINDOW`.
        spent_by: Bad ones by cause, pipeline, provider and device.
    """
    if not window.total:
        reason = "nothing counted in its window"
        return Status(objective=objective, burn={}, spent_by={}, reason=reason)
    budget = float(objective.budget)
    left = 1 - window.bad / (window.total * budget)
    burn = {each: _burn(counts[each], budget) for each in BURN_WINDOWS if each in counts}
    score = objective.score
    evidence = threshold = None
    if score is not None and set(WINDOWS) <= set(counts):
        evidence = max(score.page.of(counts[each].bad, counts[each].total) for each in WINDOWS)
        threshold = score.threshold(counts[TRAFFIC_WINDOW].total)
    return Status(
        objective=objective,
        bad=window.bad,
        total=window.total,
        ratio=1 - window.bad / window.total,
        left=left,
        burn=burn,
        exhausted_in=_exhausted_in(left, burn.get(PACE), objective.reported.seconds),
        score=evidence,
        threshold=threshold,
        spent_by=spent_by,
    )


def capped(
    objective: Objective, spent: float, by_window: Mapping[float, float]
) -> tuple[Count, dict[float, Count]]:
    """Return money as counts: what is spent is bad, and a window may spend its share of the cap.

    Args:
        objective: Held against money.
        spent: In its window.
        by_window: Likewise, by window (s).
    """
    assert isinstance(objective.indicator, Spend)  # noqa: S101  told to the type checker
    cap, whole = objective.indicator.cap, objective.window.seconds
    counts = {window: Count(bad, cap * window / whole) for window, bad in by_window.items()}
    return Count(spent, cap), counts


def unknown(objective: Objective, reason: str) -> Status:
    """Return the status of an objective that nothing can be said of."""
    return Status(objective=objective, burn={}, spent_by={}, reason=reason)


def _burn(count: Count, budget: float) -> float | None:
    return count.bad / (count.total * budget) if count.total else None


def _exhausted_in(left: float, pace: float | None, window: float) -> float | None:
    """At a burn of 1 the whole budget lasts the whole window."""
    if left <= 0:
        return 0.0
    return left * window / pace if pace else None
