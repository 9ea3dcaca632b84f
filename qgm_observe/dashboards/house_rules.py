"""Our own rules on a board's JSON: layout, thresholds, units, metrics, words beside colors."""

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence

from qgm_observe.alerts import budget, money_rules, score_rules
from qgm_observe.catalog import SIGNALS, Kind, Label, Signal
from qgm_observe.dashboards.board import COLUMNS, INSUFFICIENT
from qgm_observe.dashboards.expressions import Asked, asked, kept_labels, made_labels
from qgm_observe.dashboards.grafana_rules import Complaint, Json, Rule, panels, targets

MOST_PANELS = 25
"""Outside collapsed rows; more are not looked at."""

RECORDED = {
    budget.EVENTS: {"slo", "window"},
    budget.ERRORS: {"slo", "window"},
    "qgm:slo_budget:ratio": {"slo", "window"},
    money_rules.SPENT: {"slo", "window"},
    score_rules.HIGHEST: {"slo"},
    score_rules.THRESHOLD: {"slo"},
}
FOREIGN = {
    "ALERTS": {"alertname", "alertstate", "severity", "slo", "pipeline", "provider", "device"},
    "ALERTS_FOR_STATE": {"alertname", "severity", "slo", "pipeline", "provider", "device"},
    "up": {"job", "instance", "namespace"},
    "kube_pod_container_status_restarts_total": {"namespace", "pod"},
}
"""Metrics that others make, with the labels that we may ask for."""

_UNITS = {
    "s": ("s",),
    "By": ("bytes",),
    "USD": ("currencyUSD",),
    "1": ("percentunit", "none"),
}
_OF_SCRAPES = {"source", "le", "job", "instance", "pod", "namespace"}
_OPEN = {"account", "device", "model", "pipeline", "project", "provider", "qubit", "region"}


def labels_of(metric: str) -> Mapping[str, Label | None] | None:
    """Return the labels of a metric, with what the catalog says of them; `None` if unknown."""
    if metric in RECORDED or metric in FOREIGN:
        return dict.fromkeys((RECORDED | FOREIGN)[metric])
    signal = signal_of(metric)
    if signal is None:
        return None
    return {label.name: label for label in signal.labels} | dict.fromkeys(_OF_SCRAPES)


def signal_of(metric: str) -> Signal | None:
    """Return the signal that a metric's name belongs to."""
    for signal in SIGNALS.values():
        endings = ("_bucket", "_sum", "_count") if signal.kind is Kind.HISTOGRAM else ("",)
        if metric in {signal.prometheus + ending for ending in endings}:
            return signal
    return None


# ---------------------------------------------------------------------------------------- layout


def unique_refs(board: Json) -> Iterator[Complaint]:
    """Two queries of one name: Grafana forgets the second."""
    for panel in panels(board):
        refs = [target.get("refId") for target in panel.get("targets", ())]
        if len(set(refs)) != len(refs) or not all(refs):
            yield panel["title"], f"refIds {refs} are not unique"


def unique_ids(board: Json) -> Iterator[Complaint]:
    """Links to panels go by their id."""
    ids = [panel["id"] for panel in (*board["panels"], *panels(board))]
    own = [panel["id"] for panel in panels(board)]
    if len(set(own)) != len(own) or not all(isinstance(each, int) for each in ids):
        yield "board", "ids of panels are not unique numbers"


def grid(board: Json) -> Iterator[Complaint]:
    """Panels lie inside 24 columns, and none upon another."""
    for group in _groups(board):
        for panel in group:
            place = panel["gridPos"]
            if place["x"] < 0 or place["x"] + place["w"] > COLUMNS or place["w"] < 1:
                yield panel["title"], f"leaves the {COLUMNS} columns"
        for one, other in itertools.combinations(group, 2):
            if _overlap(one["gridPos"], other["gridPos"]):
                yield one["title"], f"overlaps {other['title']!r}"


def _groups(board: Json) -> Iterator[Sequence[Json]]:
    yield board["panels"]
    for panel in board["panels"]:
        if panel.get("panels"):
            yield panel["panels"]


def _overlap(one: Mapping[str, int], other: Mapping[str, int]) -> bool:
    return (
        one["x"] < other["x"] + other["w"]
        and other["x"] < one["x"] + one["w"]
        and one["y"] < other["y"] + other["h"]
        and other["y"] < one["y"] + one["h"]
    )


def few_panels(board: Json) -> Iterator[Complaint]:
    """A board answers one question."""
    shown = [panel for panel in board["panels"] if panel["type"] != "row"]
    if len(shown) > MOST_PANELS:
        yield "board", f"shows {len(shown)} panels at once, more than {MOST_PANELS}"


# ---------------------------------------------------------------------------- thresholds, units


def threshold_base(board: Json) -> Iterator[Complaint]:
    """The first threshold is null, not the text "null", by which all would be the worst color."""
    for panel in panels(board):
        for steps in thresholds(panel):
            values = [step["value"] for step in steps]
            if values[0] is not None:
                yield panel["title"], f"its base threshold is {values[0]!r}, not null"
            elif not all(isinstance(value, int | float) for value in values[1:]):
                yield panel["title"], f"its thresholds {values[1:]} are not numbers"
            elif values[1:] != sorted(values[1:]):
                yield panel["title"], "its thresholds do not ascend"


def thresholds(panel: Json) -> Iterator[Sequence[Json]]:
    """Yield the steps of a panel and of its overrides."""
    config = panel.get("fieldConfig", {})
    if "thresholds" in config.get("defaults", {}):
        yield config["defaults"]["thresholds"]["steps"]
    for override in config.get("overrides", ()):
        for each in override["properties"]:
            if each["id"] == "thresholds":
                yield each["value"]["steps"]


def unit_fits(board: Json) -> Iterator[Complaint]:
    """Seconds are shown as seconds, bytes as bytes, ratios as percentunit."""
    for panel, target in targets(board):
        unit, expr = unit_of(panel, target), target["expr"]
        wanted = _units_for(expr)
        if wanted and unit not in wanted:
            yield panel["title"], f"query {target['refId']} is {unit!r}, not {' or '.join(wanted)}"


def unit_of(panel: Json, target: Json) -> str:
    """Return the unit of what a query gives."""
    config = panel["fieldConfig"]
    names = {target["refId"], target["legendFormat"]}
    for override in config["overrides"]:
        if override["matcher"]["options"] in names:
            for each in override["properties"]:
                if each["id"] == "unit":
                    return str(each["value"])
    return str(config["defaults"].get("unit"))


def _units_for(expr: str) -> tuple[str, ...]:
    """What the catalog's units say of an expression, where they say something."""
    if re.match(r"\(*(sgn|count)\(", expr) or "count by" in expr or "count_over_time(" in expr:
        return ("none", "short")
    found = [signal_of(each.metric) for each in asked(expr)]
    units = {signal.unit for signal in found if signal is not None}
    if len(units) != 1 or None in found:
        return ()
    (unit,) = units
    if " / " in expr or "avg_over_time" in expr:
        return (*_UNITS["1"], *(_UNITS["USD"] if unit == "USD" else ()))
    if unit == "s" and "_bucket{" in expr and "histogram_quantile" not in expr:
        return ("s",)
    if unit == "s" and re.search(r"_count\{", expr):
        return ("short", "none")
    return _UNITS.get(unit, ("short", "none"))


def word_beside_color(board: Json) -> Iterator[Complaint]:
    """Where a reading is colored there is a word for it, or the number in the cell itself."""
    for panel in panels(board):
        if panel["type"] not in {"stat", "table"}:
            continue
        colored = sum(len(steps) > 1 for steps in thresholds(panel))
        words = sum(
            each["id"] == "mappings"
            and any(told["type"] in {"value", "range"} for told in each["value"])
            for override in panel["fieldConfig"]["overrides"]
            for each in override["properties"]
        )
        if colored > words:
            yield panel["title"], "colors a reading without a word for it"


def says_insufficient(board: Json) -> Iterator[Complaint]:
    """What has no number says so, and takes no color from the thresholds."""
    for panel in panels(board):
        if panel["type"] in {"text", "heatmap"}:
            continue
        told = [
            each["options"]["result"]
            for each in panel["fieldConfig"]["defaults"].get("mappings", ())
            if each["type"] == "special" and each["options"]["match"] == "null+nan"
        ]
        if [each["text"] for each in told] != [INSUFFICIENT] or told[0]["color"] != "text":
            yield panel["title"], f"does not say {INSUFFICIENT!r} where there is no number"


def rests_on_events(board: Json) -> Iterator[Complaint]:
    """A stat or chart of ratios, times or levels shows how many events it rests on."""
    for panel in panels(board):
        if panel["type"] not in {"stat", "timeseries"}:
            continue
        units = [unit_of(panel, target) for target in panel["targets"]]
        if "short" not in units:
            yield panel["title"], "does not show how many events it rests on"


def explains(board: Json) -> Iterator[Complaint]:
    """Every panel tells what is good, and where the runbook is."""
    for panel in panels(board):
        text = panel.get("description", "")
        if not re.search(r"Good: .+ \[What to do\]\(https?://[^)]+/Qgm\w+\.md\)", text):
            yield panel.get("title", ""), "does not tell what is good or where the runbook is"


def graph_fields(board: Json) -> Iterator[Complaint]:
    """A node graph has nodes with an id, and edges with two ends; it reads them from a table."""
    for panel in panels(board):
        if panel["type"] != "nodeGraph":
            continue
        made = [made_labels(target["expr"]) for target in panel["targets"]]
        if not all("id" in each for each in made):
            yield panel["title"], "has nodes or edges without an id"
        if sum({"source", "target"} <= each for each in made) != 1:
            yield panel["title"], "has not exactly one query of edges, with source and target"
        if any(target.get("format") != "table" for target in panel["targets"]):
            yield panel["title"], "does not ask for a table"


# ---------------------------------------------------------------------------------------- queries


def known_metrics(board: Json) -> Iterator[Complaint]:
    """Every metric is in the catalog, recorded by our rules, or one of the few of others."""
    for place, each in _asked(board):
        if labels_of(each.metric) is None:
            yield place, f"asks for the unknown metric {each.metric}"


def known_labels(board: Json) -> Iterator[Complaint]:
    """Every condition is on a label of its metric, and on a value that it can have."""
    for place, each in _asked(board):
        labels = labels_of(each.metric) or {}
        for found in each.conditions if labels else ():
            if found.label not in labels:
                yield place, f"{each.metric} has no label {found.label}"
                continue
            label = labels[found.label]
            values = found.value.split("|") if found.operator in {"=~", "!~"} else [found.value]
            for value in values if label is not None and label.values else ():
                if not value.startswith("$") and label and value not in label.values:
                    yield place, f"{found.label} is never {value!r}"


def known_groupings(board: Json) -> Iterator[Complaint]:
    """Every label that a query keeps is a label of one of its metrics."""
    for panel, target in targets(board):
        metrics = [labels_of(each.metric) or {} for each in asked(target["expr"])]
        known = {name for labels in metrics for name in labels}
        for label in sorted(kept_labels(target["expr"]) - known):
            yield panel["title"], f"query {target['refId']} keeps {label}, which none of it has"


def no_hard_coded_place(board: Json) -> Iterator[Complaint]:
    """No device, model or project stands in a query; whoever opens the board chooses."""
    for place, each in _asked(board):
        for found in each.conditions:
            if found.label in _OPEN and not found.value.startswith("$"):
                yield place, f"names {found.label} {found.value!r}"


def scope_variables(board: Json) -> Iterator[Complaint]:
    """Every selector carries the board's choices whose label its metric has.

    Money that is held against a cap is of its objective's work, whatever is chosen.
    """
    chosen = {each["name"] for each in board["templating"]["list"] if each["type"] == "query"} & {
        label.name for signal in SIGNALS.values() for label in signal.labels
    }
    for panel, target in targets(board):
        for each in asked(target["expr"]):
            signal = signal_of(each.metric)
            if signal is None or _is_capped(panel):
                continue
            missing = chosen & set(signal.label_names) - {c.label for c in each.conditions}
            for name in sorted(missing - {"statistic"}):
                yield panel["title"], f"{each.metric} is not narrowed to ${name}"


def _is_capped(panel: Json) -> bool:
    told = (each for target in panel["targets"] for each in asked(target["expr"]))
    return any(each.metric == money_rules.SPENT for each in told)


def _asked(board: Json) -> Iterator[tuple[str, Asked]]:
    for panel, target in targets(board):
        for each in asked(target["expr"]):
            yield panel["title"], each
    for annotation in board["annotations"]["list"]:
        for each in asked(annotation["expr"]):
            yield annotation["name"], each


RULES: dict[str, Rule] = {
    "unique-refs": unique_refs,
    "unique-ids": unique_ids,
    "grid": grid,
    "few-panels": few_panels,
    "threshold-base": threshold_base,
    "unit-fits": unit_fits,
    "word-beside-color": word_beside_color,
    "says-insufficient": says_insufficient,
    "rests-on-events": rests_on_events,
    "explains": explains,
    "graph-fields": graph_fields,
    "known-metrics": known_metrics,
    "known-labels": known_labels,
    "known-groupings": known_groupings,
    "no-hard-coded-place": no_hard_coded_place,
    "scope-variables": scope_variables,
}
