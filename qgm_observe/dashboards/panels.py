"""From the model to Grafana's JSON: the one door to grafanalib, whose output is never used raw.

grafanalib 0.7.1 writes the panels of 2022; `normalizing` brings them to today's form. Kinds that
it does not have, or has in a form that Grafana has dropped, are written out here.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from qgm_observe.dashboards.board import (
    COLUMNS,
    Annotation,
    Board,
    Color,
    Kind,
    Link,
    Meaning,
    Panel,
    Query,
    Role,
    Row,
    Step,
    Variable,
)
from qgm_observe.dashboards.normalizing import normal
from qgm_observe.dashboards.options import custom, options
from qgm_observe.errors import MissingExtra

try:
    from grafanalib import core
except ImportError as error:
    raise MissingExtra("rendering boards", "render") from error

Json = dict[str, Any]
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
SCHEMA_VERSION = 39
"""Of the classic form; what is written needs no migration in Grafana 10.4 to 13."""

TAG = "qgm-observe"
_REFS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def board_json(board: Board, datasource: str = "prometheus") -> Json:
    """Return a board as Grafana imports it: ids by order, no time of its making.

    Args:
        board: The model.
        datasource: Uid of the one that is chosen at first; where there is none of it Grafana takes
            its first Prometheus.
    """
    made = core.Dashboard(
        title=board.title,
        uid=board.uid,
        description=board.brief,
        tags=[TAG],
        editable=False,
        graphTooltip=1,
        schemaVersion=SCHEMA_VERSION,
        refresh=board.refresh,
        timezone="browser",
        time=core.Time(board.time_from, "now"),
        templating=core.Templating(
            list=[_datasource(datasource), *map(_variable, board.variables)]
        ),
        annotations=core.Annotations(list=[_annotation(each) for each in board.annotations]),
        links=[_board_link(each) for each in board.links],
        panels=_placed(board.rows),
    )
    raw: Json = json.loads(json.dumps(made, default=lambda each: each.to_json_data()))
    return normal(raw)


def canonical(board: Mapping[str, Any]) -> str:
    """Return JSON text that is the same for the same board, a line a field of board or panel.

    Keys are sorted. A change shows as the lines of the fields that changed, and the text is half
    as long as with an indented line for each number.
    """
    fields = [f' "panels": [\n{_lines(board["panels"])}\n ]']
    fields += [f" {_compact(key)}: {_compact(board[key])}" for key in board if key != "panels"]
    return "{\n" + ",\n".join(sorted(fields)) + "\n}\n"


def _lines(panels: Sequence[Mapping[str, Any]]) -> str:
    made = (
        ",\n".join(f"   {_compact(key)}: {_compact(panel[key])}" for key in sorted(panel))
        for panel in panels
    )
    return ",\n".join(f"  {{\n{text}\n  }}" for text in made)


def _compact(data: Any) -> str:
    return json.dumps(data, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


# ---------------------------------------------------------------------------------------- layout


def _placed(rows: Sequence[Row]) -> list[Any]:
    """Rows one below the other; ids count up."""
    made: list[Any] = []
    number, top = 1, 0
    for row in rows:
        head = core.RowPanel(
            title=row.title,
            id=number,
            collapsed=row.collapsed,
            gridPos=core.GridPos(h=1, w=COLUMNS, x=0, y=top),
        )
        number, top = number + 1, top + 1
        inside = [
            _panel(panel, number + at, place)
            for at, (panel, place) in enumerate(_places(row.panels, top))
        ]
        number += len(inside)
        if row.collapsed:
            head.panels = inside
            made.append(head)
        else:
            made += [head, *inside]
            top = max((each.gridPos.y + each.gridPos.h for each in inside), default=top)
    return made


def _places(panels: Sequence[Panel], top: int) -> Iterator[tuple[Panel, Any]]:
    """In order, each as high up as it fits, and there as far left: short ones stack."""
    ends = [top] * COLUMNS
    for panel in panels:
        free = range(COLUMNS - panel.width + 1)
        row, left = min((max(ends[x : x + panel.width]), x) for x in free)
        ends[left : left + panel.width] = [row + panel.height] * panel.width
        yield panel, core.GridPos(h=panel.height, w=panel.width, x=left, y=row)


# ---------------------------------------------------------------------------------------- panels


class _Written(core.Panel):  # type: ignore[misc]  # grafanalib ships no types
    """A panel of a kind that grafanalib has not, or in no form of today."""

    def to_json_data(self) -> Any:
        return self.panel_json({})


def _panel(panel: Panel, number: int, place: Any) -> Any:
    made = {
        Kind.STAT: core.Stat,
        Kind.TIMESERIES: core.TimeSeries,
        Kind.STATE_TIMELINE: core.StateTimeline,
        Kind.TEXT: core.Text,
    }.get(panel.kind, _Written)
    return made(
        id=number,
        gridPos=place,
        title=panel.title,
        description=panel.description,
        dataSource=DATASOURCE,
        targets=[
            _target(query, panel, ref) for query, ref in zip(panel.queries, _REFS, strict=False)
        ],
        transformations=_transformations(panel),
        links=[_panel_link(link) for link in panel.links],
        extraJson=_details(panel),
    )


def _details(panel: Panel) -> Json:
    """What grafanalib does not say, or says in an old form; it wins over grafanalib."""
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
    return {
        "type": panel.kind.value,
        "options": options(panel),
        "fieldConfig": {"defaults": defaults, "overrides": [*_overrides(panel), *_colored(panel)]},
    }


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


def _target(query: Query, panel: Panel, ref: str) -> Json:
    made: Json = core.Target(
        expr=query.expr,
        legendFormat=query.legend,
        refId=ref,
        instant=query.instant,
        interval=query.interval,
        format=_FORMATS.get(panel.kind, "time_series"),
        datasource=DATASOURCE,
    ).to_json_data()
    made |= {"range": not query.instant}
    return made | ({"exemplar": True} if query.exemplar else {})


_FORMATS = {Kind.TABLE: "table", Kind.NODEGRAPH: "table", Kind.HEATMAP: "heatmap"}


def _overrides(panel: Panel) -> Iterator[Json]:
    for query, ref in zip(panel.queries, _REFS, strict=False):
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


def _transformations(panel: Panel) -> list[Json]:
    """A table: the queries side by side, by their titles; they keep no labels but the keys."""
    if panel.kind is not Kind.TABLE:
        return []
    values = [
        f"Value #{ref}" if len(panel.queries) > 1 else "Value"
        for ref in _REFS[: len(panel.queries)]
    ]
    titles = [query.legend for query in panel.queries]
    order = {name: index for index, name in enumerate((*panel.keys, *values))}
    renamed = dict(zip(values, titles, strict=True))
    shown = {"excludeByName": {"Time": True}, "indexByName": order, "renameByName": renamed}
    return [{"id": "merge", "options": {}}, {"id": "organize", "options": shown}]


# ----------------------------------------------------------------------------------- around panels


def _datasource(uid: str) -> Any:
    return core.Template(
        name="datasource",
        label="Data source",
        type="datasource",
        query="prometheus",
        default=uid,
    )


def _variable(variable: Variable) -> Any:
    return core.Template(
        name=variable.name,
        label=variable.title,
        query=variable.query,
        dataSource=DATASOURCE,
        type="query",
        refresh=2,
        includeAll=not variable.single,
        multi=not variable.single,
        allValue=None if variable.single else ".*",
        default=(variable.default or None) if variable.single else "$__all",
    )


def _annotation(annotation: Annotation) -> Json:
    return {
        "name": annotation.name,
        "datasource": DATASOURCE,
        "enable": True,
        "hide": False,
        "expr": annotation.expr,
        "iconColor": annotation.color.value,
        "titleFormat": annotation.title,
        "step": "60s",
    }


def _board_link(link: Link) -> Any:
    return _panel_link(link) | {"includeVars": True, "keepTime": True, "targetBlank": False}


def _panel_link(link: Link) -> Json:
    return {
        "asDropdown": False,
        "icon": "external link",
        "includeVars": False,
        "keepTime": False,
        "tags": [],
        "targetBlank": True,
        "title": link.title,
        "tooltip": link.title,
        "type": "link",
        "url": link.url,
    }
