"""Operating characteristics: what to expect of an objective's page, from a table or simulated."""

import json
import math
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib import resources

from qgm_observe.slo.score import score_of

INCIDENTS = (0.25, 0.5, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Characteristics:
    """What the page by score does at a traffic of independent events.

    Attributes:
        target: As text, for instance `0.95`.
        events_per_day: Mean.
        false_pages: In 28 days at half the budget.
        false_at_budget: In 28 days when the budget is just used up.
        hours: Median hours to the page when 25, 50 and 100 % fail; `None` where most incidents
            were not noticed in 14 days.
    """

    target: str
    events_per_day: float
    false_pages: float
    false_at_budget: float
    hours: tuple[float | None, ...]


def expected(target: Decimal, events_per_day: float) -> Characteristics:
    """Return what is to be expected: from the shipped table, between its rates, or simulated."""
    return tabled(target, events_per_day) or characterize(target, events_per_day)


def tabled(target: Decimal, events_per_day: float) -> Characteristics | None:
    """Return what the shipped table says, `None` for another target or beyond its rates."""
    rows = _table().get(Decimal(target).normalize(), [])
    below = [row for row in rows if row.events_per_day <= events_per_day]
    above = [row for row in rows if row.events_per_day >= events_per_day]
    return _between(below[-1], above[0], events_per_day) if below and above else None


def characterize(
    target: Decimal, events_per_day: float, *, repetitions: int = 100, seed: int = 1
) -> Characteristics:
    """Simulate so many periods and incidents; see `qgm_observe.slo.simulation`."""
    from qgm_observe.slo.evaluation import ScoreRule
    from qgm_observe.slo.simulation import delays, false_alerts

    budget = float(1 - target)
    rules = [ScoreRule(score_of(target))]
    false = [
        false_alerts(rules, share * budget, events_per_day, periods=repetitions, seed=seed)[0].value
        for share in (0.5, 1.0)
    ]
    hours = [
        delays(rules, budget / 2, failing, events_per_day, incidents=repetitions, seed=seed + 1)[0]
        for failing in INCIDENTS
        if failing > budget
    ]
    missing = [None] * (len(INCIDENTS) - len(hours))
    return Characteristics(
        target=str(target),
        events_per_day=events_per_day,
        false_pages=round(false[0], 4),
        false_at_budget=round(false[1], 4),
        hours=(*missing, *(_finite(each.value) for each in hours)),
    )


def _finite(hours: float) -> float | None:
    return round(hours, 2) if math.isfinite(hours) else None


@cache
def _table() -> dict[Decimal, list[Characteristics]]:
    text = resources.files(__package__).joinpath("characteristics.json").read_text("utf-8")
    found: dict[Decimal, list[Characteristics]] = {}
    for row in json.loads(text):
        made = Characteristics(**row | {"hours": tuple(row["hours"])})
        found.setdefault(Decimal(made.target).normalize(), []).append(made)
    return found


def _between(low: Characteristics, high: Characteristics, rate: float) -> Characteristics:
    """Interpolate over the logarithm of the rate; hours by their logarithm too."""
    span = math.log(high.events_per_day / low.events_per_day)
    part = math.log(rate / low.events_per_day) / span if span else 0.0
    return Characteristics(
        target=low.target,
        events_per_day=rate,
        false_pages=_mixed(low.false_pages, high.false_pages, part),
        false_at_budget=_mixed(low.false_at_budget, high.false_at_budget, part),
        hours=tuple(
            None if a is None or b is None else _mixed_by_log(a, b, part)
            for a, b in zip(low.hours, high.hours, strict=True)
        ),
    )


def _mixed(low: float, high: float, part: float) -> float:
    return low + (high - low) * part


def _mixed_by_log(low: float, high: float, part: float) -> float:
    least = 0.01
    return math.exp(_mixed(math.log(max(low, least)), math.log(max(high, least)), part))
