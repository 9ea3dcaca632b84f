"""The field configuration of a panel: units, colors, thresholds, value mappings, and overrides."""

from collections.abc import Iterator, Sequence
from typing import Any

from qgm_observe.dashboards.board import Color, Kind, Meaning, Panel, Query, Role, Step
from qgm_observe.dashboards.options import custom

Json = dict[str, Any]
REFS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
"""Names of a panel's queries, in order, by which overrides find them."""


def field_config(panel: Panel) -> Json:
    """Return how a panel's values are told and drawn, all of them and those of single queries."""
    defaults: Json = {
        "unit": panel.unit,
        "color": _color_mode(panel),
        "thresholds": _thresholds(panel),
        "mappings": _mappings(panel.meanings),
        "noValue": panel.empty if panel.meanings else None,
        "min": panel.minimum,
        "max": panel.maximum,
        "decimals": panel.decimals,
        "custom": custom(panel),
    }
    return {"defaults": defaults, "overrides": [*_overrides(panel), *_colored(panel)]}


def _color_mode(panel: Panel) -> Json | None:
    """Lines keep colors of their own, to be told apart; their thresholds are lines as well.

    The first color of a palette is green, which would praise a stat that nobody judges.
    """
    if panel.kind in {Kind.TIMESERIES, Kind.STATE_TIMELINE}:
        return {"mode": "palette-classic"}
    return {"mode": "thresholds"} if panel.steps or panel.kind is Kind.STAT else None


def _thresholds(panel: Panel) -> Json | None:
    """Where something is colored or lined by them."""
    if not panel.steps and panel.kind is not Kind.STAT:
        return None
    return {"mode": "absolute", "steps": _steps(panel.steps)}


def _steps(steps: Sequence[Step]) -> list[Json]:
    if not steps:
        return [{"color": Color.PLAIN.value, "value": None}]
    return [{"color": step.color.value, "value": step.value} for step in steps]


def _mappings(meanings: Sequence[Meaning], words: Sequence[Step] = ()) -> list[Json]:
    """The first that fits holds: single values, then steps from the highest, then no number."""
    texts = {
        f"{each.value:g}": _result(each.text, each.color)
        for each in meanings
        if each.value is not None
    }
    made: list[Json] = [{"type": "value", "options": texts}] if texts else []
    ends = (None, *(step.value for step in reversed(words)))
    for step, end in zip(reversed(words), ends, strict=False):
        span = {"from": step.value, "to": end, "result": _result(step.word, step.color)}
        made.append({"type": "range", "options": span})
    for each in meanings:
        if each.value is None:
            told = {"match": "null+nan", "result": _result(each.text, each.color)}
            made.append({"type": "special", "options": told})
    return made


def _result(text: str, color: Color) -> Json:
    return {"text": text, "color": color.value}


def _overrides(panel: Panel) -> Iterator[Json]:
    for query, ref in zip(panel.queries, REFS, strict=False):
        properties = [*_own(query, panel), *_drawn(query, panel)]
        if properties:
            matcher = (
                {"id": "byName", "options": query.legend}
                if panel.kind is Kind.TABLE
                else {"id": "byFrameRefID", "options": ref}
            )
            yield {"matcher": matcher, "properties": properties}


def _colored(panel: Panel) -> Iterator[Json]:
    for name, color in panel.colors:
        told = {"mode": "fixed", "fixedColor": color.value}
        yield {
            "matcher": {"id": "byName", "options": name},
            "properties": [{"id": "color", "value": told}],
        }


def _own(query: Query, panel: Panel) -> Iterator[Json]:
    if query.unit not in {None, panel.unit}:
        yield {"id": "unit", "value": query.unit}
    if query.steps:
        steps = {"mode": "absolute", "steps": _steps(query.steps)}
        yield {"id": "thresholds", "value": steps}
        yield {"id": "color", "value": {"mode": "thresholds"}}
    if query.meanings:
        yield {"id": "mappings", "value": _mappings(query.meanings, query.words)}


def _drawn(query: Query, panel: Panel) -> Iterator[Json]:
    if panel.kind is Kind.TABLE:
        if query.steps or query.meanings:
            yield {
                "id": "custom.cellOptions",
                "value": {"type": "color-background", "mode": "basic"},
            }
    elif query.role is Role.BASIS:
        yield {"id": "color", "value": {"mode": "fixed", "fixedColor": Color.UNKNOWN.value}}
        yield {"id": "decimals", "value": 0}
        if panel.kind is Kind.TIMESERIES:
            yield {"id": "custom.drawStyle", "value": "bars"}
            yield {"id": "custom.fillOpacity", "value": 10}
            yield {"id": "custom.lineWidth", "value": 0}
            yield {"id": "custom.axisPlacement", "value": "right"}
            yield {"id": "custom.axisLabel", "value": query.legend}
            yield {"id": "max", "value": None}
            if panel.log:
                yield {"id": "custom.scaleDistribution", "value": {"type": "linear"}}
                yield {"id": "min", "value": 0}
    elif query.role is Role.LIMIT:
        yield {"id": "custom.lineStyle", "value": {"fill": "dash", "dash": [8, 6]}}
        yield {"id": "custom.lineWidth", "value": 1}
    elif query.role in {Role.LOW, Role.HIGH}:
        yield from _end_of_interval(query, panel)


def _end_of_interval(query: Query, panel: Panel) -> Iterator[Json]:
    """A fill between both ends; Grafana finds the lower one by its name, so there may be one only.

    Of several intervals the ends are dots, and left out of the legend.
    """
    if "{{" in query.legend:
        yield {"id": "custom.lineStyle", "value": {"fill": "dot", "dash": [1, 4]}}
        yield {"id": "custom.hideFrom", "value": {"legend": True, "tooltip": False, "viz": False}}
        return
    yield {"id": "custom.lineWidth", "value": 0}
    if query.role is Role.HIGH:
        low = next(each.legend for each in panel.queries if each.role is Role.LOW)
        yield {"id": "custom.fillBelowTo", "value": low}
