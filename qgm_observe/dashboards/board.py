"""The model: boards, rows, panels, queries. Frozen data without any form of Grafana's or ours.

`panels` turns it into Grafana's JSON. A panel's reading is the last value of its first query; which
color it gets is told by its steps, what it means by their words: color is never alone.
"""

import enum
from collections.abc import Iterator
from dataclasses import dataclass, field

from qgm_observe.alerts.links import board_uid
from qgm_observe.errors import UsageError

COLUMNS = 24
"""Widths are in columns of Grafana's grid, heights in its rows of 30 pixels."""

INSUFFICIENT = "insufficient data"
"""What a panel says in place of a number that rests on too little."""


class Color(enum.StrEnum):
    """What a color says, as Grafana names it."""

    GOOD = "green"
    WATCH = "orange"
    BAD = "red"
    PLAIN = "blue"
    UNKNOWN = "text"


class Kind(enum.StrEnum):
    """How a panel is drawn: Grafana's panel types."""

    STAT = "stat"
    TIMESERIES = "timeseries"
    STATE_TIMELINE = "state-timeline"
    STATUS_HISTORY = "status-history"
    HEATMAP = "heatmap"
    TABLE = "table"
    NODEGRAPH = "nodeGraph"
    TEXT = "text"


class Role(enum.StrEnum):
    """What a query is to its panel.

    `VALUE` is what the panel is for, `VERDICT` the same in a word, `BASIS` how many events it rests
    on, `LIMIT` a line that it is held against, `LOW` and `HIGH` the ends of its interval.
    """

    VALUE = "value"
    VERDICT = "verdict"
    BASIS = "basis"
    LIMIT = "limit"
    LOW = "low"
    HIGH = "high"


@dataclass(frozen=True, slots=True)
class Step:
    """A threshold: from its value on a reading has its color and means its word.

    Attributes:
        value: In the panel's unit; `None` for the first, which holds below all others.
        color: Of a reading that is not below it.
        word: What such a reading means, for instance `at risk`.
    """

    value: float | None
    color: Color
    word: str


@dataclass(frozen=True, slots=True)
class Meaning:
    """The text and the color of one value; `None` stands for no number at all."""

    value: float | None
    text: str
    color: Color


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One PromQL expression of a panel.

    Attributes:
        expr: With Grafana's variables and macros.
        legend: Name of what it gives, may hold `{{label}}`; in a table the title of its column.
        role: See `Role`.
        unit: Grafana's, where it is not the panel's.
        steps: Thresholds of its own.
        meanings: Value mappings of its own.
        words: Steps whose words are shown in place of the number.
        instant: Asked once, at the end of the time shown.
        exemplar: Whether exemplars are asked for.
        interval: Least step, for instance `1m`; Grafana's own where empty.
    """

    expr: str
    legend: str
    role: Role = Role.VALUE
    unit: str | None = None
    steps: tuple[Step, ...] = ()
    meanings: tuple[Meaning, ...] = ()
    words: tuple[Step, ...] = ()
    instant: bool = False
    exemplar: bool = False
    interval: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """A way out of a board or panel.

    Attributes:
        title: What it leads to.
        url: Relative to Grafana, or whole; may hold Grafana's variables.
    """

    title: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One panel.

    Attributes:
        kind: How it is drawn.
        title: What it shows.
        description: What it tells, what is good, and where the runbook is.
        unit: Grafana's name of the unit.
        queries: The first one is its reading.
        steps: Thresholds, ascending, the first without a value; none where nothing is judged.
        meanings: Value mappings.
        width: Columns of 24.
        height: Rows of 30 pixels.
        minimum: Lower end of the scale.
        maximum: Upper end of the scale.
        decimals: Shown after the point; Grafana's choice where `None`.
        style: `line`, `bars` or `stacked`; only for time series.
        log: Whether the scale is logarithmic.
        keys: Label columns of a table, in order.
        empty: What it says without any row or series.
        lowest_first: Column that a table is sorted by; without it the first query, highest first.
        colors: Series by name with a color that says something of them.
        content: Markdown of a text.
        links: Where its data lead to.
    """

    kind: Kind
    title: str
    description: str
    unit: str
    queries: tuple[Query, ...] = ()
    steps: tuple[Step, ...] = ()
    meanings: tuple[Meaning, ...] = ()
    width: int = 6
    height: int = 8
    minimum: float | None = None
    maximum: float | None = None
    decimals: int | None = None
    style: str = "line"
    log: bool = False
    keys: tuple[str, ...] = ()
    empty: str = INSUFFICIENT
    lowest_first: str = ""
    colors: tuple[tuple[str, Color], ...] = ()
    content: str = ""
    links: tuple[Link, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what could not be drawn or read."""
        if not (self.title and self.description):
            raise UsageError(f"panel {self.title!r}: write a title and a description")
        if not 1 <= self.width <= COLUMNS:
            raise UsageError(f"panel {self.title!r}: write a width from 1 to {COLUMNS}")
        for steps in (self.steps, *(query.steps for query in self.queries)):
            _check_steps(self.title, steps)

    @property
    def basis(self) -> Query | None:
        """The query that counts the events it rests on."""
        return next((query for query in self.queries if query.role is Role.BASIS), None)


def _check_steps(title: str, steps: tuple[Step, ...]) -> None:
    if not steps:
        return
    values = [step.value for step in steps[1:]]
    known = [value for value in values if value is not None]
    if steps[0].value is not None or known != values or known != sorted(set(known)):
        raise UsageError(f"panel {title!r}: the first step has no value, the others ascend")


@dataclass(frozen=True, slots=True)
class Row:
    """Panels that belong together, laid out from left to right.

    Attributes:
        title: What they answer.
        panels: In order.
        collapsed: Whether it is opened by a click.
    """

    title: str
    panels: tuple[Panel, ...]
    collapsed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """A choice at the head of a board: values of a label.

    Attributes:
        name: As queries call it.
        title: As people see it.
        query: `label_values(...)`.
        single: Whether exactly one value is chosen.
        default: The value that a single one has at first, where it is there.
    """

    name: str
    title: str
    query: str
    single: bool = False
    default: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """What happened beside the data, as vertical lines.

    Attributes:
        name: What happened.
        expr: Has a sample when it did.
        title: Shown at the line, may hold `{{label}}`.
        color: Of the line.
    """

    name: str
    expr: str
    title: str
    color: Color


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """One board.

    Attributes:
        slug: Stable; names the file, and gives the uid.
        title: As people see it.
        brief: The question that it answers.
        rows: From symptom to cause to resource.
        variables: At its head.
        annotations: Over its time series.
        links: Out of it.
        refresh: How often it asks anew, for instance `30s`.
        time_from: Begin of the time shown, for instance `now-6h`.
    """

    slug: str
    title: str
    brief: str
    rows: tuple[Row, ...]
    variables: tuple[Variable, ...] = ()
    annotations: tuple[Annotation, ...] = ()
    links: tuple[Link, ...] = ()
    refresh: str = "1m"
    time_from: str = "now-6h"
    uid: str = field(init=False)

    def __post_init__(self) -> None:
        """Make the uid, under which links find it."""
        object.__setattr__(self, "uid", board_uid(self.slug))

    @property
    def panels(self) -> Iterator[Panel]:
        """All panels, in order."""
        for row in self.rows:
            yield from row.panels
