"""The rules of an objective that is judged by burn rates, under the names of sloth's rules.

What reads sloth's recording rules, its dashboards for instance, reads these. Other than sloth's
they are exact counts over counts, and no sample where nothing counted: never NaN.

Source: slok/sloth v0.16, recording rules of the default SLO plugins and their labels.
"""

from collections.abc import Iterator

from qgm_observe.alerts.budget import ERRORS, EVENTS, Rule, budget_alert, one, units
from qgm_observe.alerts.configuration import Configuration
from qgm_observe.alerts.text import Said, asked
from qgm_observe.slo.burn import PAGE, TICKET, Burn, burns, windows_of
from qgm_observe.slo.decimals import plain
from qgm_observe.slo.objective import Objective
from qgm_observe.slo.window import DAY, shorthand
from qgm_observe.version import __version__

_RATIO = "slo:sli_error:ratio_rate"
_NAMES = {PAGE: "QgmSloBurnPage", TICKET: "QgmSloBurnTicket"}


def used(objective: Objective) -> tuple[float, ...]:
    """Return the windows that are recorded: the workbook's, its own, and the period; seconds."""
    period = objective.window.days * DAY
    own = (*windows_of(burns(period)), *windows_of(objective.burns), period)
    return tuple(sorted(set(own)))


def sloth_labels(objective: Objective) -> dict[str, str]:
    """Return the labels that sloth gives all rules of an objective, and our own."""
    return {
        "slo": objective.name,
        "sloth_id": f"{objective.service}-{objective.name}",
        "sloth_service": objective.service,
        "sloth_slo": objective.name,
    }


def rules(objective: Objective, configuration: Configuration) -> Iterator[Rule]:
    """Yield what follows the counts of an objective."""
    labels = sloth_labels(objective)
    for window in used(objective):
        text = shorthand(window)
        failed, all_ = (one(name, objective.name, text) for name in (ERRORS, EVENTS))
        yield {
            "record": f"{_RATIO}{text}",
            "expr": f"{failed} / on () ({all_} > 0)",
            "labels": labels | {"sloth_window": text},
        }
    yield from _facts(objective)
    for severity in (PAGE, TICKET):
        pairs = [each for each in objective.burns if each.severity == severity]
        if pairs:
            yield _alert(objective, configuration, severity, pairs)


def _facts(objective: Objective) -> Iterator[Rule]:
    assert objective.target is not None  # noqa: S101  money has no burn rate
    labels, slo = sloth_labels(objective), objective.name
    period, shortest = shorthand(objective.window.seconds), shorthand(used(objective)[0])
    budget = plain(objective.budget)
    told = (
        ("slo:objective:ratio", f"vector({plain(objective.target)})"),
        ("slo:error_budget:ratio", f"vector({budget})"),
        ("slo:time_period:days", f"vector({plain(objective.window.days)})"),
        ("slo:current_burn_rate:ratio", f"{_ratio(slo, shortest)} / {budget}"),
        ("slo:period_burn_rate:ratio", f"{_ratio(slo, period)} / {budget}"),
        (
            "slo:period_error_budget_remaining:ratio",
            f'1 - sum(slo:period_burn_rate:ratio{{slo="{slo}"}})',
        ),
    )
    for record, expression in told:
        yield {"record": record, "expr": expression, "labels": labels}
    about = {
        "sloth_version": f"qgm-observe-{__version__}",
        "sloth_mode": "qgm-observe",
        "sloth_spec": "openslo/v1",
        "sloth_objective": plain(objective.target * 100),
    }
    yield {"record": "sloth_slo_info", "expr": "vector(1)", "labels": labels | about}


def _alert(
    objective: Objective, configuration: Configuration, severity: str, pairs: list[Burn]
) -> Rule:
    sloth = {k: v for k, v in sloth_labels(objective).items() if k != "slo"}
    rule = budget_alert(
        _NAMES[severity],
        objective,
        configuration,
        "\nor\n".join(_both(objective, each) for each in pairs),
        _said(objective, pairs),
        **sloth,
        sloth_severity=severity,
    )
    hold = max(each.after for each in pairs)
    return (
        {"alert": rule["alert"], "expr": rule["expr"]}
        | ({"for": shorthand(hold)} if hold else {})
        | rule
    )


def _both(objective: Objective, burn: Burn) -> str:
    limit = plain(burn.factor * objective.budget)
    long, short = (
        f"{_ratio_series(objective.name, shorthand(window))} > {limit}"
        for window in (burn.long, burn.short)
    )
    return f"group({long} and on () {short})"


def _said(objective: Objective, pairs: list[Burn]) -> Said:
    slo = objective.name
    long, short = shorthand(pairs[-1].long), shorthand(pairs[0].short)
    failed, all_ = (asked(one(name, slo, long)) for name in (ERRORS, EVENTS))
    now, of = (asked(one(name, slo, short)) for name in (ERRORS, EVENTS))
    return Said(
        count=f"{failed} of {all_} {units(objective)} were bad in the last {long}.",
        spending=f"Still spending: {now} of {of} were bad in the last {short}.",
        false=f"How often this {pairs[0].severity} is false: not known; burn rates do not tell "
        "chance from trouble where little is counted.",
    )


def _ratio(slo: str, window: str) -> str:
    return f"sum({_ratio_series(slo, window)})"


def _ratio_series(slo: str, window: str) -> str:
    return f'{_RATIO}{window}{{slo="{slo}"}}'
