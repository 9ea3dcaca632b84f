"""Node graphs: nodes in layers of their distance from the first, edges in their colors."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape

from qgm_observe.dashboards.preview.asking import Answer, Frame, Line
from qgm_observe.dashboards.preview.fields import Json
from qgm_observe.dashboards.preview.svg import Plot, color, drawing, text

_MOST_NODES = 400
_LARGEST, _SMALLEST = 17.0, 3.0
"""Radius of a node, pixels."""

_READABLE = 12.0
"""Radius from which a node has room for its title, and an edge for its figure."""

_ROUND = 40.0
"""Room around the drawing, pixels."""

Place = tuple[float, float]


def graph(panel: Json, answers: Sequence[Answer], width: float, height: float) -> str:
    """Return nodes and edges; an edge whose ends are not both there is left out."""
    rows = [line for answer in answers for line in answer.lines if "id" in line.labels]
    nodes = {each.labels["id"]: each for each in rows if "source" not in each.labels}
    edges = [each for each in rows if _ends(each) <= nodes.keys() and "source" in each.labels]
    if not nodes or len(nodes) > _MOST_NODES:
        return f'<p class="none">{len(nodes)} nodes: too many to draw; see the numbers below</p>'
    layers = _layers(nodes, edges)
    plot = Plot(width, height, Frame(0.0, 1.0, 1.0))
    places = dict(_placed(layers, plot))
    radius = _radius(layers, plot)
    drawn = [*_drawn_edges(edges, places, radius), *_drawn_nodes(nodes, places, radius)]
    return drawing(plot, f"{panel['title']}: {len(nodes)} nodes, {len(edges)} edges", drawn)


def _ends(edge: Line) -> set[str]:
    return {edge.labels.get(end, "") for end in ("source", "target")}


def _layers(nodes: Mapping[str, Line], edges: Iterable[Line]) -> list[list[list[str]]]:
    """Each connected part in layers, by the number of edges from its first node."""
    neighbors: dict[str, list[str]] = {name: [] for name in nodes}
    for edge in edges:
        one, other = edge.labels["source"], edge.labels["target"]
        neighbors[one].append(other)
        neighbors[other].append(one)
    left = dict.fromkeys(sorted(nodes, key=_numbered))
    parts = []
    while left:
        layer, part = [next(iter(left))], []
        while layer:
            for name in layer:
                del left[name]
            part.append(layer)
            further = (name for each in layer for name in sorted(neighbors[each], key=_numbered))
            layer = list(dict.fromkeys(name for name in further if name in left))
        parts.append(part)
    return parts


def _numbered(name: str) -> tuple[str, int, str]:
    """By the number behind the last space, so that 9 comes before 10."""
    head, _, number = name.rpartition(" ")
    return (head, int(number), "") if number.isdigit() else (head, -1, number)


def _placed(parts: Sequence[Sequence[Sequence[str]]], plot: Plot) -> Iterator[tuple[str, Place]]:
    """Parts one below the other, layers from left to right."""
    tall = [max(map(len, part)) for part in parts]
    step = (plot.height - _ROUND) / sum(tall)
    top = _ROUND / 2
    for part, high in zip(parts, tall, strict=True):
        across = (plot.width - 2 * _ROUND) / max(1, len(part) - 1)
        for at, layer in enumerate(part):
            for number, name in enumerate(layer):
                y = top + high * step * (number + 0.5) / len(layer)
                yield name, (_ROUND + at * across, y)
        top += high * step


def _radius(parts: Sequence[Sequence[Sequence[str]]], plot: Plot) -> float:
    across = (plot.width - 2 * _ROUND) / max(1, *map(len, parts))
    down = (plot.height - _ROUND) / sum(max(map(len, part)) for part in parts)
    return max(_SMALLEST, min(_LARGEST, 0.28 * across, 0.28 * down))


def _drawn_edges(
    edges: Iterable[Line], places: Mapping[str, Place], radius: float
) -> Iterator[str]:
    for edge in edges:
        told = edge.labels
        (x, y), (to_x, to_y) = places[told["source"]], places[told["target"]]
        dash = told.get("strokedasharray", "")
        words = " ".join(told[name] for name in ("id", "mainstat", "secondarystat") if name in told)
        line = f'x1="{x:.1f}" y1="{y:.1f}" x2="{to_x:.1f}" y2="{to_y:.1f}"'
        yield (
            f'<line {line} stroke="{color(told.get("color", ""))}" stroke-width="2.5" '
            f'stroke-dasharray="{escape(dash, quote=True)}"><title>{escape(words)}</title></line>'
        )
        if radius >= _READABLE:
            yield text((x + to_x) / 2, (y + to_y) / 2 - 4, told.get("mainstat", ""), "middle")


def _drawn_nodes(
    nodes: Mapping[str, Line], places: Mapping[str, Place], radius: float
) -> Iterator[str]:
    named: set[str | None] = {None}
    for name in sorted(nodes, key=lambda each: places[each]):
        (x, y), told = places[name], nodes[name].labels
        words = f"{name}: {told.get('mainstat', '')}"
        yield (
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="#ffffff" '
            f'stroke="{color(told.get("color", ""))}" stroke-width="2.5">'
            f"<title>{escape(words)}</title></circle>"
        )
        if told.get("subtitle") not in named:
            named.add(told.get("subtitle"))
            yield text(max(4.0, x - _ROUND), y - radius - 10, told.get("subtitle", ""))
        if radius >= _READABLE:
            yield text(x, y + 4, told.get("title", ""), "middle")
            yield text(x, y + radius + 12, told.get("mainstat", ""), "middle")
