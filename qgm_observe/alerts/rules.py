"""From objectives to Prometheus rules: one group an objective, a static `slo` label on every rule.

Rules of one group run in order, so that a score never rests on counts of the evaluation before.
What is recorded is counts and their weighted differences; nothing is divided, and a service
without events is 0, not NaN. Burn rates, in `burn_rules`, bear the names of sloth's rules.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from qgm_observe.alerts import burn_rules, money_rules, score_rules
from qgm_observe.alerts.budget import ERRORS, EVENTS, Rule, budget_alert, one, units
from qgm_observe.alerts.configuration import Configuration
from qgm_observe.alerts.selectors import Selectors
from qgm_observe.alerts.text import Said, asked
from qgm_observe.slo import promql
from qgm_observe.slo.decimals import plain
from qgm_observe.slo.indicator import Comparison, Level, Ratio, Slices, Spend
from qgm_observe.slo.objective import Objective
from qgm_observe.slo.window import DAY, HOUR, shorthand

MINUTELY = "1m"
"""How often minutes are looked at."""


def groups(configuration: Configuration) -> list[dict[str, Any]]:
    """Return a rule group an objective; each rule is a mapping as Prometheus reads it."""
    return [group(each, configuration) for each in configuration.objectives]


def group(objective: Objective, configuration: Configuration) -> dict[str, Any]:
    """Return the group of an objective."""
    made: dict[str, Any] = {"name": f"qgm-slo-{objective.name}"}
    if isinstance(objective.indicator, Slices):
        made["interval"] = MINUTELY
    return made | {"rules": list(rules(objective, configuration))}


def rules(objective: Objective, configuration: Configuration) -> Iterator[Rule]:
    """Yield the rules of an objective, in the order in which they have to be evaluated."""
    selectors = Selectors(configuration)
    yield from _firsts(objective, selectors)
    if isinstance(objective.indicator, Spend):
        yield from money_rules.rules(objective, configuration, selectors)
        return
    yield from _counts(objective, windows(objective), selectors)
    yield {
        "record": "qgm:slo_budget:ratio",
        "expr": f"vector({plain(objective.budget)})",
        "labels": {"slo": objective.name, "window": shorthand(objective.window.seconds)},
    }
    if objective.score is not None:
        yield from score_rules.rules(objective, configuration)
    elif objective.burns:
        yield from burn_rules.rules(objective, configuration)
    elif objective.is_degraded:
        yield _each_failure(objective, configuration)


def _firsts(objective: Objective, selectors: Selectors) -> Iterator[Rule]:
    """First samples of what is counted; all that is good is among the total."""
    indicator = objective.indicator
    if isinstance(indicator, Slices):
        return
    counted = indicator.spent if isinstance(indicator, Spend) else indicator.total
    told = {(each.signal, each.at_most) for each in counted}
    if isinstance(indicator, Ratio):
        further = (each for each in indicator.good if (each.signal, each.at_most) not in told)
        counted = (*counted, *further)
    yield from selectors.firsts(counted, objective.name)


def windows(objective: Objective) -> list[float]:
    """Return all that a rule, a text or the budget asks for, seconds, ascending."""
    found = {objective.window.seconds, DAY}
    if objective.score is not None:
        found |= {*score_rules.USED}
    elif objective.burns:
        found |= {*burn_rules.used(objective)}
    elif objective.is_degraded:
        found.add(HOUR)
    return sorted(found)


def _counts(objective: Objective, windows: Iterable[float], selectors: Selectors) -> Iterator[Rule]:
    slo, indicator = objective.name, objective.indicator
    if isinstance(indicator, Slices):
        narrow = _narrowed(indicator, selectors)
        counted = promql.recorded(promql.COUNTED, slo)
        for record, is_good in ((promql.COUNTED, False), (promql.GOOD, True)):
            text = promql.minute(narrow, good=is_good, counted=counted)
            yield {"record": record, "expr": text, "labels": {"slo": slo}}
    for window in windows:
        good, total = _good_and_total(objective, window, selectors)
        text = shorthand(window)
        labels = {"slo": slo, "window": text}
        yield {"record": EVENTS, "expr": total, "labels": labels}
        yield {
            "record": ERRORS,
            "expr": f"clamp_min({one(EVENTS, slo, text)} - on () ({good}), 0)",
            "labels": labels,
        }


def _good_and_total(objective: Objective, window: float, selectors: Selectors) -> tuple[str, str]:
    indicator = objective.indicator
    if isinstance(indicator, Slices):
        length = shorthand(window)
        return (
            f"sum_over_time({promql.recorded(promql.GOOD, objective.name)}[{length}])",
            f"sum_over_time({promql.recorded(promql.COUNTED, objective.name)}[{length}])",
        )
    assert isinstance(indicator, Ratio)  # noqa: S101  money is held against its cap
    good, total = (
        [selectors.count(selection, window, slo=objective.name) for selection in each]
        for each in (indicator.good, indicator.total)
    )
    return _or_none(good), total[0] if len(total) == 1 else _or_none(total)


def _or_none(counts: Iterable[str]) -> str:
    """What was never seen adds 0: a service without a success has errors all the same."""
    return " + ".join(f"({count} or vector(0))" for count in counts)


def _narrowed(slices: Slices, selectors: Selectors) -> Slices:
    def level(found: Level) -> Level:
        return Level(
            selectors.narrowed(found.selection),
            found.quantile,
            found.over,
            found.age,
            found.factor,
        )

    def comparison(found: Comparison | None) -> Comparison | None:
        if found is None:
            return None
        right = level(found.right) if isinstance(found.right, Level) else found.right
        return Comparison(level(found.left), found.op, right, found.on)

    good = comparison(slices.good)
    assert good is not None  # noqa: S101  told to the type checker
    return Slices(good, comparison(slices.counted), comparison(slices.excused))


def _each_failure(objective: Objective, configuration: Configuration) -> Rule:
    """A budget under five events cannot burn: each failure is a ticket, which ends in an hour.

    So one that comes later is a ticket of its own: an alert that lasts is not told again.
    """
    slo, hour = objective.name, shorthand(HOUR)
    failed, all_, of_day = (
        asked(each)
        for each in (one(ERRORS, slo, hour), one(EVENTS, slo, hour), one(ERRORS, slo, "1d"))
    )
    said = Said(
        count=f"{failed} of {all_} {units(objective)} failed in the last hour, {of_day} "
        "in the last day.",
        spending=f"The budget holds {plain(round(objective.budget_events or 0, 1))}: too few "
        "to burn, so each failure is told; `qgm-observe slo status` tells the last "
        f"{objective.reported.days:g} days.",
        false="Each failure is told, whether it came by chance or not.",
    )
    expression = f"{one(ERRORS, slo, hour)} > 0"
    return budget_alert("QgmSloBurnTicket", objective, configuration, expression, said)
