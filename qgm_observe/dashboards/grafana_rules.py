"""The rules of Grafana's dashboard-linter, but for the two on LogQL, on a board's JSON.

Source: grafana/dashboard-linter, `docs/index.md` and `lint/*.go` of 2026-06. A rule yields
the place and what is wrong there. `EXCLUDED` holds those that our boards break on purpose.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from qgm_observe.dashboards.expressions import asked, unbalanced

Json = Mapping[str, Any]
Complaint = tuple[str, str]
Rule = Callable[[Json], Iterator[Complaint]]

_REPLICAS = "series are told apart by project and device; replicas of an exporter are taken as one"
EXCLUDED = {
    "template-job-rule": _REPLICAS,
    "template-instance-rule": _REPLICAS,
    "target-job-rule": _REPLICAS,
    "target-instance-rule": _REPLICAS,
}
"""Rule to the reason why it does not hold for us; `scope-variables` is in its place."""

UNITS = {
    "bool", "bytes", "currencyUSD", "dtdurations", "hertz", "none", "percentunit", "reqps", "s",
    "short",
}  # fmt: skip
"""Those that fit base units; `percent` and `ms` do not."""

_PERFORMED = ("stat", "timeseries", "table", "heatmap", "state-timeline", "status-history",
              "nodeGraph")  # fmt: skip


def panels(board: Json) -> Iterator[Json]:
    """Yield all panels but rows, also those inside collapsed rows."""
    for panel in board["panels"]:
        inside = panel.get("panels", ()) if panel["type"] == "row" else (panel,)
        yield from inside


def targets(board: Json) -> Iterator[tuple[Json, Json]]:
    """Yield every panel with each of its queries."""
    for panel in panels(board):
        for target in panel.get("targets", ()):
            yield panel, target


def _variables(board: Json, kind: str = "query") -> Iterator[Json]:
    return (each for each in board["templating"]["list"] if each["type"] == kind)


def template_datasource(board: Json) -> Iterator[Complaint]:
    """Exactly one datasource variable, named `datasource`, labeled `Data source`."""
    found = list(_variables(board, "datasource"))
    if [each["name"] for each in found] != ["datasource"]:
        yield "variables", "has not exactly one datasource variable named datasource"
    for each in found:
        if each.get("label") != "Data source":
            yield each["name"], "is not labeled Data source"


def _template_named(name: str) -> Rule:
    def rule(board: Json) -> Iterator[Complaint]:
        found = [each for each in _variables(board) if each["name"] == name]
        if not found:
            yield "variables", f"has no variable {name}"
        for each in found:
            if each.get("label") != name.title():
                yield name, f"is not labeled {name.title()}"
            if not (each.get("multi") and each.get("allValue") == ".+"):
                yield name, 'does not take several values with allValue ".+"'

    return rule


def template_label_promql(board: Json) -> Iterator[Complaint]:
    """A query variable asks label_values or alike, with PromQL that closes."""
    for each in _variables(board):
        query = each["query"]
        asks = re.fullmatch(r"(label_values|label_names|metrics|query_result)\((.*)\)", query)
        if asks is None or unbalanced(query):
            yield each["name"], f"asks {query!r}"


def template_reload(board: Json) -> Iterator[Complaint]:
    """Query variables are asked anew when the time shown changes."""
    for each in _variables(board):
        if each.get("refresh") != 2:  # noqa: PLR2004  Grafana's number for it
            yield each["name"], "is not asked anew when the time changes"


def panel_datasource(board: Json) -> Iterator[Complaint]:
    """Panels use the variable, and so do their queries where they name a source at all."""
    named = [(panel, part) for panel, part in targets(board) if "datasource" in part]
    for panel, part in [*((each, each) for each in panels(board)), *named]:
        if panel["type"] == "text":
            continue
        if part.get("datasource") != {"type": "prometheus", "uid": "${datasource}"}:
            yield panel["title"], "does not use the variable datasource"


def panel_title_description(board: Json) -> Iterator[Complaint]:
    """Every panel has a title and a description."""
    for panel in panels(board):
        if not (panel.get("title") and panel.get("description")):
            yield str(panel.get("title") or panel["id"]), "lacks a title or a description"


def panel_units(board: Json) -> Iterator[Complaint]:
    """Every panel has a unit that exists."""
    for panel in panels(board):
        if panel["type"] == "text":
            continue
        unit = panel["fieldConfig"]["defaults"].get("unit")
        if unit not in UNITS:
            yield panel["title"], f"unit {unit!r} is none of {', '.join(sorted(UNITS))}"


def panel_no_targets(board: Json) -> Iterator[Complaint]:
    """Every panel that draws something asks for something."""
    for panel in panels(board):
        if panel["type"] in _PERFORMED and not panel.get("targets"):
            yield panel["title"], "asks nothing"


def target_promql(board: Json) -> Iterator[Complaint]:
    """Brackets close; whether Prometheus takes it is for promtool to say."""
    for panel, target in targets(board):
        if not target["expr"] or unbalanced(target["expr"]):
            yield panel["title"], f"query {target['refId']} does not close its brackets"


def target_rate_interval(board: Json) -> Iterator[Complaint]:
    """Rates are over $__rate_interval."""
    for panel, target in targets(board):
        for window in re.findall(r"\bi?rate\([^\[]*\[([^\]]*)\]", target["expr"]):
            if window != "$__rate_interval":
                yield panel["title"], f"has a rate over {window}"


def _target_carries(label: str) -> Rule:
    def rule(board: Json) -> Iterator[Complaint]:
        for panel, target in targets(board):
            for each in asked(target["expr"]):
                told = {(found.label, found.operator, found.value) for found in each.conditions}
                if (label, "=~", f"${label}") not in told:
                    yield panel["title"], f'{each.metric} lacks {label}=~"${label}"'

    return rule


_COUNTING = re.compile(
    r"(?:rate|irate|increase|changes|count|count_over_time|last_over_time)\(\s*$|"
    r"(?:max|min) (?:by|without) \([^)]*\) \(last_over_time\($"
)


def target_counter_aggregation(board: Json) -> Iterator[Complaint]:
    """A counter's own value means nothing: it is inside rate, increase or a difference."""
    for panel, target in targets(board):
        expr = target["expr"]
        for found in re.finditer(r"\b\w+_total\b", expr):
            if not _COUNTING.search(expr[: found.start()]):
                yield panel["title"], f"shows the bare counter {found.group()}"


def uneditable(board: Json) -> Iterator[Complaint]:
    """Nobody edits a board by hand that is rendered."""
    if board.get("editable") is not False:
        yield "board", "can be edited"


RULES: dict[str, Rule] = {
    "template-datasource-rule": template_datasource,
    "template-job-rule": _template_named("job"),
    "template-instance-rule": _template_named("instance"),
    "template-label-promql-rule": template_label_promql,
    "template-on-time-change-reload-rule": template_reload,
    "panel-datasource-rule": panel_datasource,
    "panel-title-description-rule": panel_title_description,
    "panel-units-rule": panel_units,
    "panel-no-targets-rule": panel_no_targets,
    "target-promql-rule": target_promql,
    "target-rate-interval-rule": target_rate_interval,
    "target-job-rule": _target_carries("job"),
    "target-instance-rule": _target_carries("instance"),
    "target-counter-agg-rule": target_counter_aggregation,
    "uneditable-dashboard": uneditable,
}
