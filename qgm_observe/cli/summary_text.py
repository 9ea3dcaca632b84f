"""What the work came to, for people."""

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from qgm_observe.catalog import Outcome
from qgm_observe.cli.estimate_table import estimate_table
from qgm_observe.cli.summary import Summary

UNPRICED = "unknown until priced"
_STYLES = {"success": "green", "failure": "red", "lost": "red", "timeout": "red"}
_UNITS = ((999.5, 1e6, "µs"), (999.5, 1e3, "ms"), (119.5, 1.0, "s"))
_ASKED = {"collapse": "modes"}
"""Question to what its answer is of, where `whole` beside the question would be no answer."""


def render(
    summary: Summary, extra: Sequence[tuple[str, str]] = (), heading: str = "more"
) -> RenderableType:
    """Return the summary as something that rich prints.

    Args:
        summary: What to show.
        extra: Further rows, name and text, in a section of their own.
        heading: Of that section.
    """
    parts: list[RenderableType] = [_facts(summary)]
    if summary.stages:
        parts += [Text(), _stage_table(summary)]
    if summary.estimates:
        parts += [Text(), estimate_table(summary.estimates)]
    if extra:
        parts += [Text(), Text(heading, style="bold"), _grid(list(extra))]
    last = [("cost", _cost(summary)), ("run id", summary.run), ("journal", summary.journal)]
    return Group(*parts, Text(), _grid([(name, value) for name, value in last if value]))


def duration(seconds: float | None) -> str:
    """Return a duration in the unit that people would use."""
    if seconds is None:
        return "-"
    for limit, factor, unit in _UNITS:
        if seconds * factor < limit:
            number = seconds * factor
            return f"{number:.{max(0, 2 - int(math.log10(max(number, 1))))}f} {unit}"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min"


def _cost(summary: Summary) -> str:
    if not summary.expected and (summary.remote or summary.open_jobs):
        return UNPRICED
    if not summary.expected:
        return "nothing: simulated here" if summary.jobs else "none"
    return f"about {_money(summary.expected)} by estimate; 'qgm-observe cost' tells the bills"


def _money(amounts: Mapping[str, str]) -> str:
    return ", ".join(f"{Decimal(text):,.2f} {currency}" for currency, text in amounts.items())


def _guards(summary: Summary) -> str:
    reasons = list(summary.stopped)
    told = f"{_many(sum(summary.stopped.values()), 'job')} stopped: {reasons[0]}"
    more = f", and {_many(len(reasons) - 1, 'other reason')}" if len(reasons) > 1 else ""
    spared = f"; {_money(summary.prevented)} not spent" if summary.prevented else ""
    return told + more + spared


def _facts(summary: Summary) -> Table:
    rows: list[tuple[str, str | Text]] = []
    if summary.run is not None:
        rows.append(("run", _ending(summary)))
    rows.append(("jobs", _outcomes(summary)))
    if summary.shots:
        rows.append(("shots", f"{summary.shots:,} in {_many(summary.circuits, 'circuit')}"))
    if summary.steps:
        rows.append(("steps", f"{summary.steps:,}{summary.course}"))
    rows += [(_ASKED.get(name, name), answer) for name, answer in summary.verdicts.items()]
    if summary.stopped:
        rows.append(("guards", _guards(summary)))
    if summary.errors:
        told = [f"{count:,} {place}" for place, count in summary.errors.items()]
        rows.append(("errors", ", ".join(told)))
    return _grid(rows)


def _ending(summary: Summary) -> Text:
    how = Text(summary.outcome or "open", style=_STYLES.get(summary.outcome or "", ""))
    after = "" if summary.seconds is None else f" after {duration(summary.seconds)}"
    by = ""
    if summary.error == "SystemExit":
        by = f" with exit code {summary.exit_code}"
    elif summary.error and summary.outcome != Outcome.GUARDED:
        by = f" by {summary.error}"
    return how + Text(by + after)


def _outcomes(summary: Summary) -> Text:
    told = [
        Text(f"{count:,} {outcome}", style=_STYLES.get(outcome, ""))
        for outcome, count in summary.jobs.items()
    ]
    told += [Text(f"{summary.open_jobs:,} still open")] if summary.open_jobs else []
    text = Text(", ").join(told) if told else Text("none")
    return text + Text(f" ({summary.tallied:,} without detail)" if summary.tallied else "")


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _stage_table(summary: Summary) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", show_edge=False)
    table.add_column("stage", min_width=8)
    for name in ("count", "p50", "p95"):
        table.add_column(name, justify="right", min_width=8)
    for each in summary.stages:
        table.add_row(each.stage, f"{each.count:,}", duration(each.p50), duration(each.p95))
    return table


def _grid(rows: Sequence[tuple[str, str | Text]]) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(min_width=8, style="bold")
    grid.add_column(overflow="fold")
    for name, value in rows:
        grid.add_row(name, value if isinstance(value, Text) else Text(value))
    return grid
