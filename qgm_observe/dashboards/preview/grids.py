"""Cells over time: state timelines, status histories, heatmaps."""

import math
from collections.abc import Iterator, Sequence

from qgm_observe.dashboards.preview.asking import Answer, Line
from qgm_observe.dashboards.preview.fields import Field, Json, field_of
from qgm_observe.dashboards.preview.svg import (
    BOTTOM,
    TOP,
    Plot,
    box,
    color,
    drawing,
    text,
    time_axis,
)

_MOST_ROWS = 40
_NAMES, _MOST_NAMES = 80.0, 0.35
"""Room for the names of rows: at least so many pixels, at most such a share of the width."""

_CHARACTER = 6.6
"""Width of a letter, pixels; what does not fit is left to the table below."""

_NOISE = 1e-6
"""Of an observation: what the difference of two sums may leave of none."""

_LIGHT = "#ffffff"


def states(panel: Json, answers: Sequence[Answer], width: float, height: float) -> str:
    """Return states over time, a row a series; neighbors of one state are one cell."""
    rows = [
        (field_of(panel, answer.ref, line), line)
        for answer in answers
        for line in answer.lines[:_MOST_ROWS]
    ]
    if not rows:
        return ""
    frame = answers[0].frame
    longest = max(len(field.name) for field, _ in rows) * _CHARACTER + 12
    plot = Plot(width, height, frame, left=min(width * _MOST_NAMES, max(longest, _NAMES)))
    merged = panel["type"] == "state-timeline"
    size = plot.inner[1] / len(rows)
    parts = [*time_axis(plot)]
    for number, (field, line) in enumerate(rows):
        top = TOP + number * size
        parts.append(
            text(plot.left - 6, top + size / 2 + 4, _cut(field.name, plot.left - 8), "end")
        )
        for start, end, value in _spans(line, frame.step, merged=merged):
            parts += _cell(plot, (start, end), (top + 1, size - 2), field, value)
    return drawing(plot, f"{panel['title']}: {len(rows)} rows of states over time", parts)


def _spans(line: Line, step: float, *, merged: bool) -> Iterator[tuple[float, float, float]]:
    """Begin, end and value of each cell; a value holds until the next one."""
    start = end = value = math.nan
    for at, number in line.points:
        same = number == value or (math.isnan(number) and math.isnan(value))
        if merged and same and at - end < step / 2:
            end = at + step
            continue
        if not math.isnan(start):
            yield start, end, value
        start, end, value = at, at + step, number
    if not math.isnan(start):
        yield start, end, value


def _cell(
    plot: Plot,
    span: tuple[float, float],
    place: tuple[float, float],
    field: Field,
    value: float,
) -> Iterator[str]:
    left, right = plot.x(span[0]), min(plot.x(span[1]), plot.width - plot.right)
    top, height = place
    words = field.text(value)
    yield box((left, top), (right - left - 0.5, height), color(field.color(value)), words)
    if len(words) * _CHARACTER < right - left and height >= 11:  # noqa: PLR2004  a line of text
        yield text(left + 3, top + height / 2 + 4, words, more=f' fill="{_LIGHT}"')


def heatmap(panel: Json, answers: Sequence[Answer], width: float, height: float) -> str:
    """Return how many observations each bucket had; cumulative buckets are told apart."""
    lines = [line for answer in answers for line in answer.lines]
    if not lines:
        return ""
    frame = answers[0].frame
    unit = panel.get("options", {}).get("yAxis", {}).get("unit", "none")
    bounds, counts = _apart(lines)
    shown = [place for place in range(len(bounds)) if any(row[place] for row in counts.values())]
    if not shown:
        return ""
    rows = range(shown[0], shown[-1] + 1)
    most = max(max(row) for row in counts.values())
    plot = Plot(width, height, frame, left=80.0)
    size = plot.inner[1] / len(rows)
    cell = plot.x(frame.start + frame.step) - plot.left
    parts = [*time_axis(plot)]
    label_every = max(1, math.ceil(14 / size))
    for number, place in enumerate(rows):
        top = plot.height - BOTTOM - (number + 1) * size
        bound = Field("", {"unit": unit}).text(bounds[place])
        if number % label_every == 0:
            parts.append(text(plot.left - 6, top + size / 2 + 4, f"≤ {bound}", "end"))
        for at, row in counts.items():
            if row[place]:
                x = max(plot.left, plot.x(at) - cell)
                words = f"≤ {bound}: {row[place]:.0f}"
                fill = _shade(row[place] / most)
                parts.append(box((x, top), (cell - 0.5, size - 1), fill, words))
    title = f"{panel['title']}: counts by bucket over time, at most {most:.0f} in a cell"
    return drawing(plot, title, parts)


def _apart(lines: Sequence[Line]) -> tuple[list[float], dict[float, list[float]]]:
    """Upper bounds, ascending, and by instant what fell into each bucket alone."""
    by_bound = {float(line.labels["le"]): dict(line.points) for line in lines}
    bounds = sorted(by_bound)
    instants = sorted({at for points in by_bound.values() for at in points})
    counts: dict[float, list[float]] = {}
    for at in instants:
        below, row = 0.0, []
        for bound in bounds:
            reached = by_bound[bound].get(at, below)
            row.append(reached - below if reached - below > _NOISE else 0.0)
            below = max(below, reached)
        counts[at] = row
    return bounds, counts


def _shade(share: float) -> str:
    """From pale to dark blue; the darker the more."""
    part = 0.15 + 0.85 * math.sqrt(share)
    red, green, blue = (round(255 + (dark - 255) * part) for dark in (8, 48, 107))
    return f"#{red:02x}{green:02x}{blue:02x}"


def _cut(words: str, width: float) -> str:
    most = int(width / _CHARACTER)
    return words if len(words) <= most else words[: most - 1] + "…"
