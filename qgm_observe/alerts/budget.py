"""What the rules of all objectives share: the names of recorded counts, and the form of alerts."""

from typing import Any

from qgm_observe.alerts.configuration import Configuration
from qgm_observe.alerts.selectors import Selectors
from qgm_observe.alerts.table import BY_NAME, Alert
from qgm_observe.alerts.text import Said, annotations, asked, left_of, listed
from qgm_observe.slo.decimals import percent
from qgm_observe.slo.indicator import Ratio
from qgm_observe.slo.objective import Objective
from qgm_observe.slo.window import DAY, shorthand

Rule = dict[str, Any]
EVENTS, ERRORS = "qgm:slo_events:count", "qgm:slo_errors:count"
PLACES = ("pipeline", "provider", "device", "region")
"""Labels that alerts are aggregated by, grouped by and inhibited by; every alert carries them."""

_PLACES, _PAIR = 3, 2
ALL = "all"
"""A place of an alert that is about all of them."""


def one(name: str, slo: str, window: str) -> str:
    """Return the selector of a recorded count of one window."""
    return f'{name}{{slo="{slo}",window="{window}"}}'


def standing(alert: Alert) -> dict[str, str]:
    """Return the labels that the table gives an alert."""
    return {
        "severity": alert.severity,
        "owner": alert.owner,
        "urgency": alert.urgency,
        "escalation": alert.escalation,
        "layer": alert.layer,
    }


def budget_alert(
    name: str,
    objective: Objective,
    configuration: Configuration,
    expression: str,
    said: Said,
    **further: str,
) -> Rule:
    """Return an alert on an objective's budget.

    Args:
        name: Of the alert.
        objective: Whose budget it is.
        configuration: Of the shelf.
        expression: PromQL with the label `slo` at most.
        said: What it says; the budget left is this objective's.
        further: Labels beside the usual ones, and `keep_firing_for`.
    """
    alert = BY_NAME[name]
    labels = {"slo": objective.name, "service": objective.service} | standing(alert)
    labels |= dict.fromkeys(PLACES, ALL)
    if configuration.written.overnight == "ticket" and objective.service == "training":
        labels["overnight"] = "ticket"
    kept = further.pop("keep_firing_for", None)
    most = most_failures(objective, configuration)
    told = Said(
        count="\n".join(filter(None, (_promise(objective), said.count, most))),
        spending=said.spending,
        budget=said.budget or _budget_left(objective),
        false=said.false,
    )
    rule: Rule = {"alert": name, "expr": expression}
    if kept is not None:
        rule["keep_firing_for"] = kept
    rule["labels"] = labels | further
    rule["annotations"] = annotations(configuration, alert, told, (), {"slo": objective.name})
    rule["annotations"]["summary"] = f"{objective.name}: {alert.loses}"
    return rule


def _promise(objective: Objective) -> str:
    share = "" if objective.target is None else f"{percent(objective.target)} in "
    window = shorthand(objective.window.seconds)
    return f"Promised: {objective.brief.rstrip('.')} ({share}{window})."


def _budget_left(objective: Objective) -> str:
    slo, window = objective.name, shorthand(objective.window.seconds)
    failed, all_ = one(ERRORS, slo, window), one(EVENTS, slo, window)
    counted = f" ({asked(failed)} of {asked(all_)} {units(objective)} in {window})"
    return left_of(f"{failed} / ({all_} > 0) / {float(objective.budget):g}", counted)


def units(objective: Objective) -> str:
    """Return what is counted, as many: `runs`."""
    return f"{objective.indicator.unit}s"


def most_failures(objective: Objective, configuration: Configuration) -> str:
    """Return a line on where most failed in the last day, by labels that all counted has."""
    indicator = objective.indicator
    if not isinstance(indicator, Ratio) or len(indicator.good) + len(indicator.total) > _PAIR:
        return ""
    good, total = indicator.good[0], indicator.total[0]
    by = [
        name
        for name in ("pipeline", "device")
        if name in good.signal.label_names and name in total.signal.label_names
    ]
    if not by:
        return ""
    selectors = Selectors(configuration)
    well, all_ = (selectors.count(each, DAY, by, objective.name) for each in (good, total))
    same = f"on ({', '.join(by)})"
    query = f"query `topk({_PLACES}, {all_} - {same} ({well} or {same} {all_} * 0) > 0)`"
    each = " on ".join(f"{{{{ .Labels.{name} }}}}" for name in by)
    told = listed(query, f'{each} {{{{ .Value | printf "%.0f" }}}}', "none")
    return f"Most failures of the last day: {told}."
