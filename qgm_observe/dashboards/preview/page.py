"""A board as one page of HTML that needs nothing else, drawn from a Prometheus."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any

from qgm_observe.dashboards.preview import figures, grids
from qgm_observe.dashboards.preview.asking import Answer, Asker
from qgm_observe.dashboards.preview.fields import NO_VALUE, Json
from qgm_observe.dashboards.preview.graph import graph
from qgm_observe.dashboards.preview.timeseries import timeseries
from qgm_observe.slo.prometheus import Prometheus

BANNER = (
    "Preview drawn by qgm-observe, not Grafana: queries, units, layout and thresholds are real."
)
COLUMN, ROW, GAP = 50.0, 30.0, 8.0
"""A column of the grid, a row of it, and the room between panels, in pixels."""

_HEAD = 56.0
_LEGEND = 17.0
_CELLS = {
    "state-timeline": grids.states,
    "status-history": grids.states,
    "heatmap": grids.heatmap,
    "nodeGraph": graph,
}
_DRAWN = {"timeseries", *_CELLS}


def preview(
    board: Mapping[str, Any],
    server: Prometheus,
    now: float,
    chosen: Mapping[str, str] | None = None,
) -> str:
    """Return the page of a board.

    Args:
        board: Its JSON, as Grafana imports it.
        server: Whom to ask.
        now: End of the time shown, epoch seconds.
        chosen: Values of variables, where not all are meant.

    Raises:
        UsageError: the server cannot be asked.
    """
    asker = Asker(board, server, now, chosen)
    body = "".join(_placed(asker))
    shown = ", ".join(f"{name} = {value}" for name, value in asker.variables.items() if value)
    until = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d %H:%M UTC")
    title = escape(board["title"])
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width">'
        f"<style>{_style()}</style></head><body><header><h1>{title}</h1>"
        f"<p>{escape(board.get('description', ''))}</p>"
        f'<p class="banner"><strong>{BANNER}</strong> {escape(board["time"]["from"])} to {until}; '
        f"{escape(shown)}</p></header><main>{body}</main></body></html>\n"
    )


def _placed(asker: Asker) -> Iterator[str]:
    """Rows as headings; those that are collapsed in Grafana are open here."""
    grid: list[str] = []
    top = 0
    for panel in asker.board["panels"]:
        if panel["type"] != "row":
            top = top or panel["gridPos"]["y"]
            grid.append(_panel(panel, asker, top))
            continue
        yield _grid(grid)
        grid, top = [], 0
        yield f"<h2>{escape(panel['title'])}</h2>"
        inside = panel.get("panels", ())
        first = min((each["gridPos"]["y"] for each in inside), default=0)
        yield _grid([_panel(each, asker, first) for each in inside])
    yield _grid(grid)


def _grid(panels: Sequence[str]) -> str:
    return f'<div class="grid">{"".join(panels)}</div>' if panels else ""


def _panel(panel: Json, asker: Asker, top: int) -> str:
    panel = {**panel, "title": asker.filled(panel["title"])}
    place = panel["gridPos"]
    area = (
        f"grid-column:{place['x'] + 1}/span {place['w']};"
        f"grid-row:{place['y'] - top + 1}/span {place['h']}"
    )
    answers = asker.answers(panel)
    told = "".join(f"<p class=error>{escape(each.error)}</p>" for each in answers if each.error)
    about = f'<div class="about">{figures.markdown(panel.get("description", ""))}</div>'
    return (
        f'<section class="panel" style="{area}" id="panel-{panel["id"]}" '
        f'data-type="{panel["type"]}"><h3>{escape(panel["title"])}</h3>'
        f'<div class="body">{told}{_body(panel, answers, asker)}</div>'
        f"<details><summary>{_returned(panel, answers)}</summary>"
        f"{about}{_asked(answers)}{_numbers(panel, answers)}</details></section>"
    )


def _returned(panel: Json, answers: Sequence[Answer]) -> str:
    if not panel.get("targets"):
        return "asks no query"
    count = sum(len(answer.lines) for answer in answers)
    return f"returned {count} series"


def _asked(answers: Sequence[Answer]) -> str:
    return "".join(
        f"<p>{escape(answer.ref)}: {len(answer.lines)} series</p><pre>{escape(answer.query)}</pre>"
        for answer in answers
    )


def _numbers(panel: Json, answers: Sequence[Answer]) -> str:
    return figures.numbers(panel, answers) if panel["type"] in _DRAWN else ""


def _body(panel: Json, answers: Sequence[Answer], asker: Asker) -> str:
    kind = panel["type"]
    if kind == "text":
        return figures.markdown(panel["options"]["content"])
    if kind == "alertlist":
        labels = panel["options"].get("alertInstanceLabelFilter", "")
        return figures.alerts(asker.firing(labels))
    if not any(answer.lines for answer in answers):
        words = panel["fieldConfig"]["defaults"].get("noValue") or NO_VALUE
        return f'<p class="none">{escape(words)}</p>'
    width = panel["gridPos"]["w"] * COLUMN - GAP - 18
    height = panel["gridPos"]["h"] * ROW - GAP - _HEAD
    if kind == "timeseries":
        below = figures.legend_lines(panel, answers, width) * _LEGEND
        made = timeseries(panel, answers, width, height - below)
        return made + figures.legend(panel, answers)
    if kind in _CELLS:
        return _CELLS[kind](panel, answers, width, height)
    return (figures.table if kind == "table" else figures.stat)(panel, answers)


@cache
def _style() -> str:
    return files(__package__).joinpath("page.css").read_text(encoding="utf-8")
