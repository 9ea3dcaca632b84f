"""Numbers and words: stats, bars, tables, firing alerts, text, and what stands under charts."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

from qgm_observe.dashboards.preview.asking import Answer, Line
from qgm_observe.dashboards.preview.fields import Field, Json, field_of
from qgm_observe.dashboards.preview.svg import color
from qgm_observe.dashboards.preview.timeseries import curves_of

_MOST_ROWS = 50
_LETTER, _SWATCH = 7.0, 48.0
"""Pixels of a letter, and of a line's sample with the room around."""

_LINK = re.compile(r"\[([^\]]+)\]\(((?:https?:/|[./#])[^)\s]*|[\w./-]+)\)")
_BOLD = re.compile(r"\*\*(.+?)\*\*")
_CODE = re.compile(r"`([^`]+)`")


class Shown(NamedTuple):
    """A value as a panel shows it; the color by Grafana's name."""

    name: str
    text: str
    color: str


def shown(panel: Json, answers: Sequence[Answer]) -> list[Shown]:
    """Return the newest value of each series, with its color."""
    made = []
    for answer in answers:
        for line in answer.lines:
            field = field_of(panel, answer.ref, line)
            value = next((v for _, v in reversed(line.points) if not math.isnan(v)), math.nan)
            made.append(Shown(field.name, field.text(value), field.color(value)))
    return made


def stat(panel: Json, answers: Sequence[Answer]) -> str:
    """Return each value large, under its name."""
    items = (
        f'<div class="figure"><span class="name">{escape(each.name)}</span>'
        f'<span class="value" style="color:{color(each.color)}">{escape(each.text)}</span></div>'
        for each in shown(panel, answers)[:_MOST_ROWS]
    )
    return f'<div class="stat">{"".join(items)}</div>'


def table(panel: Json, answers: Sequence[Answer]) -> str:
    """Return rows of labels with a column a target, as the panel's transformations say."""
    head, rows = _organized(panel, _merged(answers))
    return _table(head, rows[:_MOST_ROWS], f"{len(rows)} rows")


def _merged(answers: Sequence[Answer]) -> list[dict[str, Any]]:
    """One row a label set, the value of each target beside the others."""
    rows: dict[tuple[tuple[str, str], ...], dict[str, Any]] = {}
    for answer in answers:
        column = f"Value #{answer.ref}" if len(answers) > 1 else "Value"
        for line in answer.lines:
            row = rows.setdefault(tuple(sorted(line.labels.items())), dict(line.labels))
            row[column] = (answer.ref, line)
    return list(rows.values())


def _organized(panel: Json, rows: list[dict[str, Any]]) -> tuple[list[str], list[list[Shown]]]:
    told: dict[str, Any] = {}
    for each in panel.get("transformations", ()):
        told |= each.get("options", {})
    renamed, order = told.get("renameByName", {}), told.get("indexByName", {})
    kept = told.get("include", {}).get("names")
    names = sorted({name for row in rows for name in row}, key=lambda name: order.get(name, 99))
    names = [
        name
        for name in names
        if (kept is None or name in kept) and not told.get("excludeByName", {}).get(name)
    ]
    for sort in panel.get("options", {}).get("sortBy", ())[:1]:
        by = next((n for n in names if renamed.get(n, n) == sort["displayName"]), "")
        rows = sorted(rows, key=lambda row: _place(row.get(by)), reverse=bool(sort.get("desc")))
    cells = [
        [_cell(panel, row.get(name), renamed.get(name, name)) for name in names] for row in rows
    ]
    return [renamed.get(name, name) for name in names], cells


def _place(value: Any) -> tuple[float, str]:
    """Where a cell stands in its column: numbers by size, text by its letters."""
    return (0.0, value) if isinstance(value, str) else (_number(value), "")


def _number(cell: Any) -> float:
    known = isinstance(cell, tuple) and not math.isnan(cell[1].last)
    return cell[1].last if known else -math.inf


def _cell(panel: Json, cell: Any, title: str) -> Shown:
    """A column is known to overrides by its title."""
    if not isinstance(cell, tuple):
        return Shown(title, cell or "", "text")
    ref, line = cell
    field = field_of(panel, ref, Line(title, line.labels, line.points))
    return Shown(title, field.text(line.last), field.color(line.last))


def _table(head: Sequence[str], rows: Sequence[Sequence[Shown]], caption: str) -> str:
    top = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    body = "".join(
        "<tr>"
        + "".join(f'<td style="color:{color(c.color)}">{escape(c.text)}</td>' for c in row)
        + "</tr>"
        for row in rows
    )
    return (
        f"<table><caption>{escape(caption)}</caption><thead><tr>{top}</tr></thead>"
        f"<tbody>{body}</tbody></table>"
    )


def alerts(firing: Sequence[Mapping[str, str]]) -> str:
    """Return the alerts that fire, a row each."""
    if not firing:
        return '<p class="none">No alert fires.</p>'
    rows = []
    for labels in sorted(firing, key=lambda each: (each.get("severity", ""), each["alertname"])):
        hidden = ("__name__", "alertname", "alertstate", "severity")
        rest = ", ".join(f"{k}={v}" for k, v in sorted(labels.items()) if k not in hidden)
        fill = "red" if labels.get("severity") == "page" else "orange"
        cells = (labels["alertname"], labels.get("severity", ""), rest)
        rows.append([Shown("", cell, fill if n < 2 else "text") for n, cell in enumerate(cells)])  # noqa: PLR2004  the two that say how bad
    return _table(("alert", "severity", "of"), rows, f"{len(rows)} firing")


def markdown(content: str) -> str:
    """Return text with its headings, bullets, links and emphasis."""
    made: list[str] = []
    for block in re.split(r"\n\s*\n", content.strip()):
        lines = block.splitlines()
        if all(line.lstrip().startswith(("- ", "* ")) for line in lines):
            items = "".join(f"<li>{_inline(line.lstrip()[2:])}</li>" for line in lines)
            made.append(f"<ul>{items}</ul>")
        elif block.startswith("#"):
            made.append(f"<h4>{_inline(block.lstrip('# '))}</h4>")
        else:
            made.append(f"<p>{_inline(' '.join(lines))}</p>")
    return "".join(made)


def _inline(words: str) -> str:
    """Links are written out but lead nowhere: they are relative to a Grafana."""
    safe = escape(words)
    safe = _LINK.sub(r'<span class="link" title="\2">\1</span>', safe)
    return _CODE.sub(r"<code>\1</code>", _BOLD.sub(r"<strong>\1</strong>", safe))


def legend(panel: Json, answers: Sequence[Answer]) -> str:
    """Return names with the color and dash of their lines, and their newest values."""
    items = (
        f'<li><svg viewBox="0 0 22 8" aria-hidden="true"><path d="M0 4h22" stroke="{curve.stroke}" '
        f'stroke-width="{6 if curve.is_bars else 2}" stroke-dasharray="{curve.dash}"/></svg>'
        f"{escape(curve.field.name)} <b>{escape(_newest(curve.field, curve.line))}</b></li>"
        for curve in curves_of(panel, answers)
        if curve.is_named
    )
    return f'<ul class="legend">{"".join(items)}</ul>'


def legend_lines(panel: Json, answers: Sequence[Answer], width: float) -> int:
    """Return about how many lines a legend takes, at most 4."""
    curves = [each for each in curves_of(panel, answers) if each.is_named]
    letters = sum(len(each.field.name) + len(_newest(each.field, each.line)) for each in curves)
    return min(4, 1 + int((letters * _LETTER + len(curves) * _SWATCH) / width))


def _newest(field: Field, line: Line) -> str:
    return field.text(line.last)


def numbers(panel: Json, answers: Sequence[Answer]) -> str:
    """Return a drawing's numbers as a table: the newest, the least and the most of each series."""
    return _table(
        ("series", "newest", "least", "most", "points"),
        list(_summaries(panel, answers)),
        "The same in numbers",
    )


def _summaries(panel: Json, answers: Sequence[Answer]) -> Iterator[list[Shown]]:
    for answer in answers:
        for line in answer.lines[:_MOST_ROWS]:
            field = field_of(panel, answer.ref, line)
            known = [value for _, value in line.points if not math.isnan(value)]
            ends = (min(known), max(known)) if known else (None, None)
            texts = [field.name, field.text(line.last), *map(field.text, ends), str(len(known))]
            colors = ["text", field.color(line.last), *map(field.color, ends), "text"]
            yield [Shown("", words, fill) for words, fill in zip(texts, colors, strict=True)]
