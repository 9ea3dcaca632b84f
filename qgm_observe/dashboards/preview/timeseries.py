"""Time series: lines, bars, stacks, intervals between two lines, thresholds, two scales."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from qgm_observe.dashboards.preview.asking import Answer, Frame, Line
from qgm_observe.dashboards.preview.fields import Field, Json, field_of
from qgm_observe.dashboards.preview.svg import (
    Plot,
    box,
    color,
    drawing,
    path,
    text,
    ticks,
    time_axis,
)
from qgm_observe.dashboards.preview.units import tick as tick_text

_PALETTE = ("#1f5fa8", "#a35200", "#1a7f37", "#8a2a6b", "#4a5058", "#0f7173", "#806000", "#6b3fa0")
_DASHES = ("", "6 3", "2 2", "8 3 2 3")
"""Lines differ by color and by dash; after eight the dash changes."""

_STYLES = {"dash": "8 6", "dot": "1 4"}

_SIZES = {"s": (86400, 3600, 60), "bytes": (2**40, 2**30, 2**20, 2**10)}
_LONGER = {100.0: 60.0, 1e3: 600.0, 1e4: 3600.0, 1e5: 86400.0}
"""Units that larger numbers are round in, the largest first; and powers of ten in minutes, hours
and days.
"""

_MOST_LINES = 32
_RIGHT_ROOM = 56.0
_LINE_OF_TEXT = 12.0


@dataclass(frozen=True, slots=True)
class Curve:
    """A series with how it is drawn."""

    line: Line
    field: Field
    frame: Frame
    stroke: str
    dash: str

    @property
    def is_right(self) -> bool:
        """Whether its scale is on the right."""
        return self.field.custom.get("axisPlacement") == "right"

    @property
    def is_bars(self) -> bool:
        """Whether it is drawn as bars."""
        return self.field.custom.get("drawStyle") == "bars"

    @property
    def is_named(self) -> bool:
        """Whether it stands in the legend."""
        return not self.field.custom.get("hideFrom", {}).get("legend")

    @property
    def is_stacked(self) -> bool:
        """Whether it stands upon the ones before."""
        return bool(self.field.custom.get("stacking", {}).get("mode") == "normal")


@dataclass(frozen=True, slots=True)
class Scale:
    """From numbers to shares of the height."""

    low: float
    high: float
    is_log: bool

    def share(self, value: float) -> float:
        """Return where a number is, 0 at the bottom."""
        if self.is_log:
            if value <= 0:
                return 0.0
            low, high, value = (math.log10(each) for each in (self.low, self.high, value))
            return (value - low) / (high - low)
        return (value - self.low) / (self.high - self.low)

    def ticks(self, unit: str) -> list[float]:
        """Return round numbers of a unit along it."""
        if self.is_log:
            low, high = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
            every = max(1, (high - low) // 5)
            powers = [10.0**each for each in range(low, high + 1, every)]
            found = [_LONGER.get(each, each) for each in powers] if unit == "s" else powers
            inside = [each for each in found if self.low <= each <= self.high]
            return inside or ticks(self.low, self.high)
        size = next((n for n in _SIZES.get(unit, ()) if n * 2 <= self.high - self.low), 1)
        return [each * size for each in ticks(self.low / size, self.high / size)]


def curves_of(panel: Json, answers: Sequence[Answer]) -> list[Curve]:
    """Return every series of a panel with how it is drawn."""
    made: list[Curve] = []
    for answer in answers:
        for line in answer.lines[:_MOST_LINES]:
            number = len(made)
            field = field_of(panel, answer.ref, line)
            fixed = field.settings.get("color", {}).get("fixedColor")
            stroke = color(fixed) if fixed else _PALETTE[number % len(_PALETTE)]
            dash = _DASHES[number // len(_PALETTE) % len(_DASHES)]
            dash = _STYLES.get(field.custom.get("lineStyle", {}).get("fill"), dash)
            made.append(Curve(line, field, answer.frame, stroke, dash))
    return made


def timeseries(panel: Json, answers: Sequence[Answer], width: float, height: float) -> str:
    """Return the drawing of a panel, without its legend."""
    curves = curves_of(panel, answers)
    if not curves:
        return ""
    right = [curve for curve in curves if curve.is_right]
    left = [curve for curve in curves if not curve.is_right]
    widest = max((curve.frame for curve in curves), key=lambda frame: frame.length)
    plot = Plot(width, height, widest, right=_RIGHT_ROOM if right else 14.0)
    parts = [*time_axis(plot)]
    for group, is_right in ((right, True), (left, False)):
        if group:
            scale = _scale(group)
            parts += [*_axis(plot, scale, group[0].field, is_right=is_right)]
            parts += [*_bands(plot, scale, group), *_drawn(plot, scale, group)]
    if left:
        parts += [*_thresholds(plot, _scale(left), left[0].field)]
    return drawing(plot, f"{panel['title']}: {len(curves)} series over time", parts)


def _numbers(curves: Iterable[Curve]) -> Iterator[float]:
    sums: dict[float, float] = {}
    for curve in curves:
        for at, value in curve.line.points:
            if math.isfinite(value):
                sums[at] = sums.get(at, 0.0) + max(value, 0.0) if curve.is_stacked else value
                yield sums[at]


def _scale(curves: Sequence[Curve]) -> Scale:
    """The scale that holds every number, from 0 unless the panel says otherwise."""
    settings = curves[0].field.settings
    is_log = settings["custom"].get("scaleDistribution", {}).get("type") == "log"
    numbers = [*_numbers(curves)]
    if is_log:
        numbers = [value for value in numbers if value > 0] or [1.0]
        return Scale(min(numbers) / 1.2, max(numbers) * 1.2, is_log=True)
    low, high = settings.get("min"), settings.get("max")
    low = min([0.0, *numbers]) if low is None else float(low)
    high = max([low, *numbers]) * 1.05 if high is None else float(high)
    return Scale(low, high if high > low else low + 1.0, is_log=False)


def _axis(plot: Plot, scale: Scale, field: Field, *, is_right: bool) -> Iterator[str]:
    for tick in scale.ticks(field.unit):
        y = plot.y(scale.share(tick))
        words = tick_text(tick, field.unit)
        if is_right:
            yield text(plot.width - plot.right + 6, y + 4, words)
        else:
            yield f'<path class="grid" d="M{plot.left:.1f} {y:.1f}h{plot.inner[0]:.1f}"/>'
            yield text(plot.left - 6, y + 4, words, "end")
    label = field.custom.get("axisLabel")
    if label and is_right:
        turned = f' transform="rotate(90 {plot.width - 8:.1f} {plot.height / 2:.1f})"'
        yield text(plot.width - 8, plot.height / 2, label, "middle", turned)


def _thresholds(plot: Plot, scale: Scale, field: Field) -> Iterator[str]:
    if field.custom.get("thresholdsStyle", {}).get("mode", "off") == "off":
        return
    told_at = math.inf
    for step in field.steps:
        value = step["value"]
        if value is not None and 0 <= scale.share(value) <= 1:
            y, stroke = plot.y(scale.share(value)), color(step["color"])
            line = f'd="M{plot.left:.1f} {y:.1f}h{plot.inner[0]:.1f}" stroke="{stroke}"'
            yield f'<path {line} stroke-dasharray="4 4"/>'
            if told_at - y >= _LINE_OF_TEXT:
                told_at = y
                words = f"{step['color']} from {tick_text(value, field.unit)} on"
                yield text(plot.left + 3, y - 3, words)


def _drawn(plot: Plot, scale: Scale, curves: Sequence[Curve]) -> Iterator[str]:
    below: dict[float, float] = {}
    for curve in curves:
        if curve.is_bars:
            yield from _bars(plot, scale, curve, below)
        elif curve.field.custom.get("lineWidth", 1):
            yield from _line(plot, scale, curve)


def _bars(plot: Plot, scale: Scale, curve: Curve, below: dict[float, float]) -> Iterator[str]:
    width = max(1.0, plot.x(curve.frame.start + curve.frame.step) - plot.left - 1)
    fill = curve.stroke + ("" if curve.is_stacked else "33")
    for at, value in curve.line.points:
        if not math.isfinite(value) or value == 0:
            continue
        base = below.get(at, 0.0) if curve.is_stacked else 0.0
        below[at] = base + value
        top, bottom = plot.y(scale.share(base + value)), plot.y(scale.share(base))
        x = max(plot.left, plot.x(at) - width)
        yield box((x, top), (width, bottom - top), fill)


def _line(plot: Plot, scale: Scale, curve: Curve) -> Iterator[str]:
    dash = f' stroke-dasharray="{curve.dash}"' if curve.dash else ""
    for run in _runs(curve):
        points = [(plot.x(at), plot.y(scale.share(value))) for at, value in run]
        yield path(points, curve.stroke, f' stroke-width="1.6"{dash}')


def _runs(curve: Curve) -> Iterator[list[tuple[float, float]]]:
    """Parts without a gap: nothing is drawn where nothing is known."""
    run: list[tuple[float, float]] = []
    for at, value in curve.line.points:
        if run and (not math.isfinite(value) or at - run[-1][0] > 1.5 * curve.frame.step):
            yield run
            run = []
        if math.isfinite(value):
            run.append((at, value))
    if run:
        yield run


def _bands(plot: Plot, scale: Scale, curves: Sequence[Curve]) -> Iterator[str]:
    """Fill between the upper and the lower end of an interval."""
    by_name = {curve.line.name: curve for curve in curves}
    for curve in curves:
        low = by_name.get(curve.field.custom.get("fillBelowTo", ""))
        if low is None:
            continue
        bottom = dict(low.line.points)
        both = [(at, high, bottom[at]) for at, high in curve.line.points if at in bottom]
        known = [each for each in both if math.isfinite(each[1]) and math.isfinite(each[2])]
        upper = [f"{plot.x(at):.1f},{plot.y(scale.share(high)):.1f}" for at, high, _ in known]
        lower = [f"{plot.x(at):.1f},{plot.y(scale.share(to)):.1f}" for at, _, to in known]
        yield f'<polygon points="{" ".join([*upper, *reversed(lower)])}" fill="{curve.stroke}2e"/>'
