"""Kinds of panels. Each demands what it tells, what is good, its unit, and what it rests on.

Every reading with thresholds comes with its word (`at risk`) and with the count of events that it
rests on; without enough of them it is "insufficient data" and has no color.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from qgm_observe.catalog import Label
from qgm_observe.dashboards.board import (
    INSUFFICIENT,
    Color,
    Kind,
    Link,
    Meaning,
    Panel,
    Query,
    Role,
    Step,
)

RATIO, SECONDS, COUNT = "percentunit", "s", "short"
NONE = "none"
"""What an empty list of things that went wrong says."""

NOTHING = Meaning(None, INSUFFICIENT, Color.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Told:
    """What a panel says of itself.

    Attributes:
        what: What it shows, a sentence.
        good: What is good, a sentence.
        runbook: Address of what to do when it is not good.
    """

    what: str
    good: str
    runbook: str

    @property
    def text(self) -> str:
        """As Markdown."""
        return f"{self.what} Good: {self.good} [What to do]({self.runbook})"


def higher_is_better(
    bad_below: float, watch_below: float, words: Sequence[str]
) -> tuple[Step, ...]:
    """Return steps of a reading that should be high; words from worst to best."""
    bad, watch, good = words
    return (
        Step(None, Color.BAD, bad),
        Step(bad_below, Color.WATCH, watch),
        Step(watch_below, Color.GOOD, good),
    )


def lower_is_better(watch_from: float, bad_from: float, words: Sequence[str]) -> tuple[Step, ...]:
    """Return steps of a reading that should be low; words from best to worst."""
    good, watch, bad = words
    return (
        Step(None, Color.GOOD, good),
        Step(watch_from, Color.WATCH, watch),
        Step(bad_from, Color.BAD, bad),
    )


def basis(expr: str, what: str, *, interval: str = "", instant: bool = False) -> Query:
    """Return the query that counts what a panel rests on, for instance `runs`."""
    return Query(
        expr=expr, legend=what, role=Role.BASIS, unit=COUNT, interval=interval, instant=instant
    )


def stat(
    title: str,
    told: Told,
    unit: str,
    reading: str,
    rests_on: Query,
    *,
    steps: tuple[Step, ...] = (),
    name: str = "now",
    width: int = 4,
    height: int = 4,
    decimals: int | None = None,
    links: tuple[Link, ...] = (),
) -> Panel:
    """One number, its word, and what it rests on."""
    value = Query(expr=reading, legend=name, instant=True)
    words = (_word(reading, steps),) if steps else ()
    counted = basis(rests_on.expr, rests_on.legend, instant=True)
    return Panel(
        kind=Kind.STAT,
        title=title,
        description=told.text,
        unit=unit,
        queries=(value, *words, counted),
        steps=steps,
        meanings=(NOTHING,),
        width=width,
        height=height,
        decimals=decimals,
        links=links,
    )


def ratio_stat(
    title: str,
    told: Told,
    share: str,
    rests_on: Query,
    *,
    steps: tuple[Step, ...],
    width: int = 4,
    links: tuple[Link, ...] = (),
) -> Panel:
    """A share in [0, 1], its word, and what it rests on."""
    return stat(
        title, told, RATIO, share, rests_on, steps=steps, width=width, decimals=1, links=links
    )


def _word(reading: str, steps: tuple[Step, ...]) -> Query:
    return Query(
        expr=reading,
        legend="is",
        role=Role.VERDICT,
        meanings=(NOTHING,),
        words=steps,
        instant=True,
    )


def meaning(panel: Panel, *meanings: Meaning) -> Panel:
    """Return a panel whose word is told by these values before it is by its steps."""
    queries = (
        replace(each, meanings=(*meanings, *each.meanings)) if each.role is Role.VERDICT else each
        for each in panel.queries
    )
    return replace(panel, queries=tuple(queries))


def lines(
    title: str,
    told: Told,
    unit: str,
    queries: Sequence[Query],
    rests_on: Query | None,
    *,
    steps: tuple[Step, ...] = (),
    width: int = 12,
    height: int = 8,
    minimum: float | None = 0,
    maximum: float | None = None,
    log: bool = False,
    style: str = "line",
    links: tuple[Link, ...] = (),
) -> Panel:
    """Numbers over time; what they rest on stands behind them as gray bars.

    It is `None` only where the numbers are themselves counts of events.
    """
    return Panel(
        kind=Kind.TIMESERIES,
        title=title,
        description=told.text,
        unit=unit,
        queries=(*queries, *([rests_on] if rests_on else [])),
        steps=steps,
        meanings=(NOTHING,),
        width=width,
        height=height,
        minimum=minimum,
        maximum=maximum,
        log=log,
        style=style,
        links=links,
    )


def ratio_timeseries(
    title: str,
    told: Told,
    queries: Sequence[Query],
    rests_on: Query,
    *,
    steps: tuple[Step, ...] = (),
    width: int = 12,
    maximum: float | None = 1,
) -> Panel:
    """Shares in [0, 1] over time."""
    return lines(title, told, RATIO, queries, rests_on, steps=steps, width=width, maximum=maximum)


def counted_bars(
    title: str,
    told: Told,
    expr: str,
    legend: str,
    *,
    width: int = 12,
    interval: str = "5m",
    colors: tuple[tuple[str, Color], ...] = (),
    empty: str = INSUFFICIENT,
) -> Panel:
    """Counts of events an interval, stacked: the bars add up to what happened."""
    query = Query(expr=expr, legend=legend, interval=interval)
    made = lines(title, told, COUNT, [query], None, width=width, style="stacked")
    return replace(made, colors=colors, empty=empty)


def burn_timeseries(
    title: str, told: Told, queries: Sequence[Query], limits: Sequence[Query], rests_on: Query
) -> Panel:
    """Burn rates over time with the lines that they are held against; 1 spends it as planned."""
    return lines(title, told, "none", (*queries, *limits), rests_on, width=24, height=9)


def limit(expr: str, legend: str) -> Query:
    """Return a line that readings are held against."""
    return Query(expr=expr, legend=legend, role=Role.LIMIT)


def bucket_heatmap(title: str, told: Told, unit: str, expr: str, *, width: int = 12) -> Panel:
    """How many observations fell into each bucket, over time; its cells are counts."""
    query = Query(expr=expr, legend="{{le}}", exemplar=True, interval="15m")
    return Panel(
        kind=Kind.HEATMAP,
        title=title,
        description=told.text,
        unit=unit,
        queries=(query,),
        width=width,
    )


def state_timeline(
    title: str, told: Told, queries: Sequence[Query], *, width: int = 12, height: int = 7
) -> Panel:
    """States over time, a row a series; each query has the texts of its own states."""
    return Panel(
        kind=Kind.STATE_TIMELINE,
        title=title,
        description=told.text,
        unit="none",
        queries=tuple(queries),
        meanings=(NOTHING,),
        width=width,
        height=height,
    )


def meanings_of(label: Label, colors: dict[str, Color]) -> tuple[Meaning, ...]:
    """Return the texts of `Scope.state`: 0 is untold, 1 the first value of the label."""
    told = (
        Meaning(number, value.replace("_", " "), colors.get(value, Color.PLAIN))
        for number, value in enumerate(label.values, start=1)
    )
    return (Meaning(0, "untold", Color.UNKNOWN), *told)


def level_grid(
    title: str,
    told: Told,
    unit: str,
    expr: str,
    *,
    legend: str,
    steps: tuple[Step, ...],
    width: int = 24,
    height: int = 10,
) -> Panel:
    """One row of cells a series, over time, colored by level; each cell shows its number."""
    return Panel(
        kind=Kind.STATUS_HISTORY,
        title=title,
        description=told.text,
        unit=unit,
        queries=(Query(expr=expr, legend=legend, interval="1h"),),
        steps=steps,
        meanings=(NOTHING,),
        width=width,
        height=height,
    )


def table(
    title: str,
    told: Told,
    keys: Sequence[str],
    columns: Sequence[Query],
    *,
    width: int = 12,
    height: int = 8,
    lowest_first: str = "",
    empty: str = INSUFFICIENT,
    links: tuple[Link, ...] = (),
) -> Panel:
    """Rows of labels, and a column a query; sorted by the first one, highest first, unless told.

    `empty` is `NONE` where no row means that nothing is wrong.
    """
    return Panel(
        kind=Kind.TABLE,
        title=title,
        description=told.text,
        unit=COUNT,
        queries=tuple(columns),
        meanings=(NOTHING,),
        keys=tuple(keys),
        lowest_first=lowest_first,
        empty=empty,
        width=width,
        height=height,
        links=links,
    )


def column(
    expr: str,
    title: str,
    unit: str,
    *,
    steps: tuple[Step, ...] = (),
    meanings: tuple[Meaning, ...] = (),
    role: Role = Role.VALUE,
) -> Query:
    """Return a column of a table."""
    return Query(
        expr=expr,
        legend=title,
        unit=unit,
        steps=steps,
        meanings=meanings,
        instant=True,
        role=role,
    )


def judged_columns(
    expr: str, title: str, unit: str, steps: tuple[Step, ...], word: str = "Is"
) -> tuple[Query, Query]:
    """Return a column of readings, and one that tells in a word how they stand."""
    reading = column(expr, title, unit, steps=steps)
    return reading, replace(_word(expr, steps), legend=word, unit=unit)


def note(title: str, told: Told, content: str, *, width: int = 6, height: int = 6) -> Panel:
    """Markdown."""
    return Panel(
        kind=Kind.TEXT,
        title=title,
        description=told.text,
        unit="none",
        content=content,
        width=width,
        height=height,
    )
