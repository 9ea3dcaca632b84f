"""Pieces of drawings: escaped text, scales, axes. Every drawing is a picture with a title."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape

from qgm_observe.dashboards.preview.asking import Frame

LEFT, RIGHT, TOP, BOTTOM = 62.0, 14.0, 8.0, 22.0
"""Room around a plot, in pixels."""

COLORS = {
    "green": "#1a7f37",
    "orange": "#a35200",
    "red": "#c0202c",
    "blue": "#1f5fa8",
    "yellow": "#806000",
    "purple": "#6b3fa0",
    "text": "#4a5058",
}
"""Of Grafana's names: dark enough to be read on white (contrast 4.5 and more)."""

_DAY = 86400.0


@dataclass(frozen=True, slots=True)
class Plot:
    """A drawing's size and its time; pixels from the upper left."""

    width: float
    height: float
    frame: Frame
    left: float = LEFT
    right: float = RIGHT

    @property
    def inner(self) -> tuple[float, float]:
        """Width and height without the room around."""
        return self.width - self.left - self.right, self.height - TOP - BOTTOM

    def x(self, at: float) -> float:
        """Return where an instant (epoch s) is."""
        return self.left + (at - self.frame.start) / self.frame.length * self.inner[0]

    def y(self, share: float) -> float:
        """Return where a share of the height is, 0 at the bottom."""
        return TOP + (1 - min(1.0, max(0.0, share))) * self.inner[1]


def color(name: str) -> str:
    """Return a color that can be read, by Grafana's name; an unknown one is gray."""
    return COLORS.get(name.rpartition("-")[2], COLORS["text"])


def drawing(plot: Plot, title: str, parts: Iterable[str]) -> str:
    """Return a picture; its title is what a screen reader says of it."""
    size = f'viewBox="0 0 {plot.width:.0f} {plot.height:.0f}"'
    words = escape(title, quote=True)
    return f'<svg role="img" aria-label="{words}" {size}>{"".join(parts)}</svg>'


def text(x: float, y: float, words: str, anchor: str = "start", more: str = "") -> str:
    """Return words at a place."""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>{escape(words)}</text>'


def box(place: tuple[float, float], size: tuple[float, float], fill: str, words: str = "") -> str:
    """Return a filled rectangle, with words that show when it is pointed at."""
    told = f"<title>{escape(words)}</title>" if words else ""
    (x, y), (width, height) = place, size
    shape = f'width="{max(width, 0.5):.1f}" height="{max(height, 0.0):.1f}"'
    return f'<rect x="{x:.1f}" y="{y:.1f}" {shape} fill="{fill}">{told}</rect>'


def path(points: Sequence[tuple[float, float]], stroke: str, more: str = "") -> str:
    """Return a line through points; a single point is a dot."""
    if len(points) == 1:
        (x, y) = points[0]
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2" fill="{stroke}"/>'
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{line}" fill="none" stroke="{stroke}"{more}/>'


def time_axis(plot: Plot) -> Iterable[str]:
    """Yield the ticks of time below a plot, in UTC."""
    count = max(2, int(plot.inner[0] // 90))
    form = "%m-%d" if plot.frame.length > 2 * _DAY else "%H:%M"
    step = _round_time(plot.frame.length / count)
    at = math.ceil(plot.frame.start / step) * step
    while at <= plot.frame.end:
        x = plot.x(at)
        yield f'<path class="grid" d="M{x:.1f} {TOP}V{plot.height - BOTTOM:.1f}"/>'
        words = datetime.fromtimestamp(at, UTC).strftime(form)
        near_end = x > plot.width - plot.right - 16
        yield text(x, plot.height - 6, words, "end" if near_end else "middle")
        at += step


def ticks(low: float, high: float, count: int = 4) -> list[float]:
    """Return round numbers from the lower to the upper end of a scale."""
    if high <= low:
        return [low]
    raw = (high - low) / count
    size = 10.0 ** math.floor(math.log10(raw))
    step = next(size * each for each in (1, 2, 2.5, 5, 10) if size * each >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [number * step for number in range(first, int(high / step + 1e-9) + 1)]


def _round_time(seconds: float) -> float:
    steps = (60, 300, 900, 1800, 3600, 7200, 21600, 43200, 86400, 172800, 432000, 864000)
    return float(next((each for each in steps if each >= seconds), steps[-1]))
