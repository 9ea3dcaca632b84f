"""Objectives for a reader, at 80 columns: how they stand, targets, and how their alerts behave."""

import shutil
import textwrap
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

DAY = 86400.0
_SCALES = ((1e6, 1e6, "M"), (1e4, 1e3, "k"))


def print_statuses(found: Sequence[Any]) -> None:
    """Print where objectives stand: a table, who spent the budgets, and what is not known."""
    known = [each for each in found if each.reason is None]
    rows = [
        (
            each.objective.name,
            f"{_number(each.bad)} of {_number(each.total)}{_unit(each.objective)}",
            _percent(each.ratio),
            _percent(each.objective.target),
            _percent(each.left, digits=0),
            _times(each.burn.get(DAY)),
            _times(each.burn.get(3 * DAY)),
            _lasts(each.exhausted_in),
        )
        for each in known
    ]
    if rows:
        _print_table(("slo", "bad", "good", "target", "left", "1d", "3d", "lasts"), rows)
    for each in known:
        if each.bad and (most := _most(each.spent_by)):
            print(f"spent by {most}: {each.objective.name}")
    remarks: dict[str, list[str]] = {}
    for each in found:
        if each.objective.is_degraded:
            over = f"degraded, so told over {each.objective.reported.text}"
            remarks.setdefault(over, []).append(each.objective.name)
        if each.reason is not None:
            remarks.setdefault(each.reason, []).append(each.objective.name)
    for remark, names in remarks.items():
        _print_wrapped(f"{remark}: {', '.join(names)}")
    if known:
        print("1d, 3d: burn, the budget spent over what was planned; above 1 it will not last")


def _unit(objective: Any) -> str:
    return " USD" if objective.indicator.unit == "money" else ""


def _number(value: float) -> str:
    """Exact below ten thousand, so that a row fits 80 columns; --json tells the rest."""
    for least, scale, unit in _SCALES:
        if value >= least:
            return f"{value / scale:,.1f}{unit}"
    return f"{value:,.0f}" if value == round(value) else f"{value:,.2f}"


def _percent(share: Any, digits: int = 2) -> str:
    if share is None:
        return "-"
    text = f"{float(share) * 100:.{digits}f}"
    return (text.rstrip("0").rstrip(".") if digits else text) + " %"


def _times(burn: float | None) -> str:
    return "-" if burn is None else f"{burn:.1f}x"


def _lasts(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    if not seconds:
        return "gone"
    if seconds >= 10 * DAY:
        return f"{seconds / DAY:.0f} d"
    return f"{seconds / DAY:.1f} d" if seconds >= DAY else f"{seconds / 3600:.1f} h"


def _most(spent_by: Any) -> str:
    """Return the largest cause, pipeline and device with their shares, as far as they are known."""
    told = []
    for kind in ("cause", "pipeline", "device"):
        sums = spent_by.get(kind) or {}
        name, count = next(iter(sums.items()), ("unknown", 0.0))
        if name != "unknown":
            told.append(f"{kind} {name} {count / sum(sums.values()):.0%}")
    return ", ".join(told)


def print_suggestions(found: Sequence[Any], waited: Sequence[Any], days: float) -> None:
    """Print targets from so many days of history, what is too short for one, and waits."""
    if not found and not waited:
        print(f"nothing counted in the last {days:g} days: run some work first")
    for each in found:
        if each.is_founded:
            _print_suggestion(each)
    _print_unfounded([each for each in found if not each.is_founded])
    if waited:
        columns = ("device", "part", "jobs", "median", "p95", "95 % are within")
        _print_table(columns, [_wait_row(each) for each in waited], texts=2)


def _print_suggestion(found: Any) -> None:
    advice = (
        f"write target: {_percent(found.suggested)}"
        if found.suggested is not None
        else "no target was kept with a budget of five events: wait, or mend what fails"
    )
    a_day = _number(float(f"{found.events_per_day:.3g}"))
    print(
        f"{found.objective}: {_percent(found.ratio)} good, {a_day} a day "
        f"in {found.days:.0f} days; {advice}"
    )
    rows = [
        (
            _percent(option.target),
            f"{option.days_kept:.0%}",
            f"{option.worst:.0%}",
            "-" if option.pages is None else str(option.pages),
            "suggested" if option.target == found.suggested else "",
        )
        for option in found.options
    ]
    _print_table(("target", "days kept", "most spent", "pages", ""), rows)
    print()


def _print_unfounded(found: Sequence[Any]) -> None:
    from qgm_observe.slo.suggesting import LEAST_DAYS, LEAST_EVENTS

    if found:
        told = ", ".join(f"{each.objective} {_number(each.events)}" for each in found)
        days = max(each.days for each in found)
        _print_wrapped(
            f"too little history, {days:.1f} d, for a target (needed: {LEAST_DAYS:g} d and "
            f"{LEAST_EVENTS} events): {told}"
        )
        print("let the work go on, and keep the shipped targets until then")


def _wait_row(wait: Any) -> tuple[str, ...]:
    from qgm_observe.cli.summary_text import duration
    from qgm_observe.slo.suggesting import LEAST_EVENTS

    bound = "-" if wait.bound is None else f"{wait.bound:.6g} s"
    bound = bound if wait.jobs >= LEAST_EVENTS else f"too few, needed: {LEAST_EVENTS}"
    median, p95 = duration(wait.median), duration(wait.p95)
    return f"{wait.provider} {wait.device}", wait.part, f"{wait.jobs:,}", median, p95, bound


def print_characteristics(cases: Sequence[tuple[str, Any]]) -> None:
    """Print how the page of each objective, by its name, behaves."""
    rows = [
        (
            name,
            _percent(Decimal(each.target)),
            f"{each.events_per_day:g}",
            f"{each.false_pages:.2f}",
            f"{each.false_at_budget:.2f}",
            *("never" if hours is None else f"{hours:.1f} h" for hours in each.hours),
            "",
        )
        for name, each in cases
    ]
    columns = ("slo", "target", "a day", "false", "at budget", "25 % fail", "50 %", "100 %", "")
    _print_table(columns, rows)
    print("false pages in 28 days at half the budget and at all of it; median hours to the page")
    print("events are taken to be independent; give batches as one event, or a design_effect")


def _print_table(columns: Sequence[str], rows: Sequence[Sequence[str]], texts: int = 1) -> None:
    """Print a table whose first columns are texts and whose others are numbers."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, padding=(0, 1), pad_edge=False, header_style="bold", show_edge=False)
    for number, name in enumerate(columns):
        side: Any = "left" if number < texts or number == len(columns) - 1 else "right"
        table.add_column(name, justify=side, no_wrap=number > 0, overflow="fold")
    for row in rows:
        table.add_row(*row)
    Console(highlight=False).print(table)


def _print_wrapped(text: str) -> None:
    width = min(shutil.get_terminal_size().columns, 100)
    print(textwrap.fill(text, width, subsequent_indent="  ", break_on_hyphens=False))
