"""Can it work? What is mathematically dead is refused, what is weak is named.

Refused: an alert that no error ratio can reach, a window longer than what is kept. Named: a
budget too small to be burnt (degraded), traffic unknown.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from qgm_observe.slo.decimals import percent, plain
from qgm_observe.slo.indicator import Ratio
from qgm_observe.slo.objective import FEWEST_BUDGET_EVENTS, Objective

REFUSED, WEAK = "refused", "weak"
RETENTION_DAYS = 90.0


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about an objective.

    Attributes:
        objective: Its name.
        severity: `refused` or `weak`.
        message: What is wrong and what to write instead.
    """

    objective: str
    severity: str
    message: str


def judge(objectives: Iterable[Objective], retention_days: float = RETENTION_DAYS) -> list[Finding]:
    """Return what is wrong with objectives, in their order.

    Args:
        objectives: To be judged, each by itself.
        retention_days: For how long counts are kept, in the journal or Prometheus.
    """
    return [
        Finding(each.name, severity, message)
        for each in objectives
        for severity, message in _found(each, retention_days)
    ]


def _found(objective: Objective, retention_days: float) -> Iterator[tuple[str, str]]:
    if objective.reported.days > retention_days:
        yield (
            REFUSED,
            (
                f"its window of {objective.reported.days:g} days is longer than the "
                f"{retention_days:g} days that are kept; write a shorter window, or keep more"
            ),
        )
    if objective.is_degraded:
        yield WEAK, _degraded(objective)
    yield from _unreachable(objective)
    if objective.method == "score" and objective.target is not None:
        yield from _scored(objective)


def _degraded(objective: Objective) -> str:
    held = objective.budget_events or 0.0
    wanted = FEWEST_BUDGET_EVENTS / (objective.window.days * float(objective.budget))
    return (
        f"degraded: {plain(round(held, 1))} bad ones are the whole budget, fewer than "
        f"{FEWEST_BUDGET_EVENTS}: a ticket for each failure, no page, a report of "
        f"{objective.reported.days:g} days; "
        f"lower the target, or wait for {plain(round(wanted, 1))} a day"
    )


def _unreachable(objective: Objective) -> Iterator[tuple[str, str]]:
    for burn in objective.burns:
        limit = burn.factor * objective.budget
        if limit >= 1:
            yield (
                REFUSED,
                (
                    f"its {burn.severity} above {plain(burn.factor)}x needs {percent(limit)} "
                    "errors, which no traffic has; raise the target, or write method: score"
                ),
            )


def _scored(objective: Objective) -> Iterator[tuple[str, str]]:
    assert objective.target is not None  # noqa: S101  told to the type checker
    if objective.budget >= 1 - objective.budget:
        yield REFUSED, "a score needs a target above 50 %; write method: burnrate or none"
        return
    if not isinstance(objective.indicator, Ratio):
        yield (
            REFUSED,
            (
                "minutes and money come one after the other, which a score takes for evidence; "
                "write method: burnrate or none"
            ),
        )
        return
    if objective.events_per_day is None:
        yield (
            WEAK,
            "events_per_day is not written, so that nobody is told how often its alerts are false",
        )
