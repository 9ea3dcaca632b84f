"""What a board asks and what a Prometheus answers, with Grafana's variables and macros filled in.

Read from a board's JSON, so that what is shown rests on the very text that Grafana imports.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from qgm_observe.errors import UsageError
from qgm_observe.slo.prometheus import Prometheus

POINTS = 200
"""Points of a series that are drawn at most."""

SCRAPE = 15.0
"""Seconds between two scrapes where a query names no interval of its own."""

_STEPS = (60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_VALUES = re.compile(r"label_values\((?:(?P<of>.+),\s*)?(?P<label>\w+)\)$", re.DOTALL)
_VARIABLE = re.compile(r"\$(?:\{(\w+)(?::\w+)?\}|(\w+))")


@dataclass(frozen=True, slots=True)
class Frame:
    """The time shown: begin, end and step between points, in seconds."""

    start: float
    end: float
    step: float

    @property
    def length(self) -> float:
        """Seconds."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Line:
    """One series of an answer.

    Attributes:
        name: As its legend says.
        labels: By name.
        points: Instants (epoch s) and numbers, one of an instant query.
    """

    name: str
    labels: Mapping[str, str]
    points: tuple[tuple[float, float], ...]

    @property
    def last(self) -> float:
        """The newest number."""
        return self.points[-1][1]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for one target of a panel.

    Attributes:
        ref: The target's letter.
        query: As it was asked.
        lines: Its series; empty where there were none.
        error: What the server complained of.
        frame: Which time was asked for.
    """

    ref: str
    query: str
    lines: tuple[Line, ...]
    error: str
    frame: Frame


def panels_of(board: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the panels of a board in order, rows before what they hold."""
    for panel in board["panels"]:
        yield panel
        yield from panel.get("panels", ())


def frame_of(board: Mapping[str, Any], now: float, least: float = 0.0) -> Frame:
    """Return the time that a board shows when it is opened, on whole steps as Grafana asks.

    Args:
        board: Its JSON.
        now: End of it, epoch seconds.
        least: Step that is not gone below, seconds.
    """
    length = seconds(board["time"]["from"].removeprefix("now-"))
    wanted = max(length / POINTS, least)
    step = next((float(each) for each in _STEPS if each >= wanted), wanted)
    end = now - now % step
    return Frame(end - length, end, step)


def seconds(text: str) -> float:
    """Return how long a duration such as `6h` is."""
    try:
        return float(text[:-1]) * _UNITS[text[-1]]
    except (ValueError, KeyError, IndexError):
        raise UsageError(f"{text!r}: write a duration such as 6h or 30d") from None


class Asker:
    """Asks a Prometheus what a board asks.

    Args:
        board: Its JSON.
        server: Whom to ask.
        now: End of the time shown, epoch seconds.
        chosen: Values of variables, where not all are meant.
    """

    def __init__(
        self,
        board: Mapping[str, Any],
        server: Prometheus,
        now: float,
        chosen: Mapping[str, str] | None = None,
    ) -> None:
        self.board, self.now = board, now
        self._server = server
        self.variables: dict[str, str] = {}
        for variable in board.get("templating", {}).get("list", ()):
            name = variable["name"]
            self.variables[name] = (chosen or {}).get(name) or self._value(variable)

    def answers(self, panel: Mapping[str, Any]) -> list[Answer]:
        """Return the answer to each target of a panel."""
        return [self._answer(panel, target) for target in panel.get("targets", ())]

    def firing(self, labels: str) -> list[Mapping[str, str]]:
        """Return the labels of the alerts that fire, chosen as in `{severity="page"}`."""
        inner = labels.strip().removeprefix("{").removesuffix("}")
        matchers = ",".join(filter(None, ('alertstate="firing"', inner)))
        query = self.filled(f"ALERTS{{{matchers}}}")
        return [found for found, _ in self._server.vector(query, self.now)]

    def filled(self, query: str, frame: Frame | None = None) -> str:
        """Return a query with variables and macros filled in."""
        frame = frame or frame_of(self.board, self.now)
        told = {
            "__range": f"{frame.length:.0f}s",
            "__range_s": f"{frame.length:.0f}",
            "__interval": f"{frame.step:.0f}s",
            "__rate_interval": f"{max(frame.step + SCRAPE, 4 * SCRAPE):.0f}s",
        } | self.variables
        return _VARIABLE.sub(lambda found: told.get(found[1] or found[2], found[0]), query)

    def _answer(self, panel: Mapping[str, Any], target: Mapping[str, Any]) -> Answer:
        least = target.get("interval") or panel.get("interval")
        frame = frame_of(self.board, self.now, seconds(least) if least else 0.0)
        query = self.filled(target["expr"], frame)
        try:
            if target.get("instant"):
                told = [(m, [(self.now, v)]) for m, v in self._server.vector(query, self.now)]
            else:
                told = self._server.matrix(query, frame.start, frame.end, frame.step)
        except UsageError as error:
            return Answer(target["refId"], query, (), str(error), frame)
        named = (Line(_name(target, m), m, tuple(points)) for m, points in told if points)
        lines = sorted(named, key=lambda line: line.name)
        return Answer(target["refId"], query, tuple(lines), "", frame)

    def _value(self, variable: Mapping[str, Any]) -> str:
        """What a variable stands for when the board is opened."""
        if variable["type"] != "query":
            return str(variable.get("current", {}).get("value", ""))
        if variable.get("includeAll"):
            return str(variable.get("allValue") or ".*")
        query = variable["query"]
        found = _VALUES.match(query["query"] if isinstance(query, dict) else query)
        if found is None:
            raise UsageError(f"variable {variable['name']}: only label_values(...) is understood")
        label, of = found["label"], found["of"] or '{__name__=~"qgm.+"}'
        length = frame_of(self.board, self.now).length
        asked = f"group by ({label}) (last_over_time({self.filled(of)}[{length:.0f}s]))"
        values = sorted(m.get(label, "") for m, _ in self._server.vector(asked, self.now))
        first = variable.get("current", {}).get("value")
        return first if first in values else values[0] if values else ""


def _name(target: Mapping[str, Any], labels: Mapping[str, str]) -> str:
    """The name that a legend gives a series; without a legend its labels."""
    legend = target.get("legendFormat") or "__auto"
    if legend == "__auto":
        pairs = (f"{key}={value}" for key, value in sorted(labels.items()) if key != "__name__")
        return ", ".join(pairs) or labels.get("__name__", "value")
    return re.sub(r"\{\{\s*(\w+)\s*\}\}", lambda found: labels.get(found[1], ""), legend).strip()
