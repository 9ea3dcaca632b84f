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
    Kind,
    Link,
    Panel,
    Query,
    Row,
    Variable,
)
from qgm_observe.dashboards.field_config import REFS, field_config
from qgm_observe.dashboards.normalizing import normal
from qgm_observe.dashboards.options import options
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
            _target(query, panel, ref) for query, ref in zip(panel.queries, REFS, strict=False)
        ],
        transformations=_transformations(panel),
        links=[_panel_link(link) for link in panel.links],
        extraJson=_details(panel),
    )


def _details(panel: Panel) -> Json:
    """What grafanalib does not say, or says in an old form; it wins over grafanalib."""
    return {
        "type": panel.kind.value,
        "options": options(panel),
        "fieldConfig": field_config(panel),
    }


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


def _transformations(panel: Panel) -> list[Json]:
    """A table: the queries side by side, by their titles; they keep no labels but the keys."""
    if panel.kind is not Kind.TABLE:
        return []
    values = [
        f"Value #{ref}" if len(panel.queries) > 1 else "Value" for ref in REFS[: len(panel.queries)]
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
