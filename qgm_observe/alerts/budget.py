"""What the rules of all objectives share: the names of recorded counts, and the form of alerts."""

from typing import Any

from qgm_observe.alerts.configuration import Configuration
from qgm_observe.alerts.table import BY_NAME, Alert
from qgm_observe.alerts.text import Said, annotations, asked
from qgm_observe.slo.decimals import percent
from qgm_observe.slo.objective import Objective
from qgm_observe.slo.window import shorthand

Rule = dict[str, Any]
EVENTS, ERRORS = "qgm:slo_events:count", "qgm:slo_errors:count"
PLACES = ("pipeline", "provider", "device", "region")
"""Labels that alerts are aggregated by, grouped by and inhibited by; every alert carries them."""

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
    told = Said(
        count=f"{_promise(objective)}\n{said.count}",
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
    share = f"1 - {failed} / ({all_} > 0) / {float(objective.budget):g}"
    shown = "{{ . | first | value | humanizePercentage }}"
    return f"{asked(share, shown)} of {window}"
