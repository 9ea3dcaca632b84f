"""Objectives: how they stand, targets from history, how their alerts behave, what is wrong."""

import argparse
import dataclasses
import json
import os
import shutil
import textwrap
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from qgm_observe.cli import option_types
from qgm_observe.errors import UsageError
from qgm_observe.settings import load_settings

DAY = 86400.0
TOKEN = "QGM_OBSERVE_PROMETHEUS_TOKEN"  # noqa: S105  the name of a variable


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the four verbs and their options."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    status = _verb(verbs, "status", "budget left, burn, and who spent it", _status)
    status.epilog = "Exit codes: 0 no budget is gone; 1 one is; 2 bad input."
    _sources(status)
    status.add_argument(
        "--prometheus", metavar="URL", help=f"ask it instead of a journal (token: {TOKEN})"
    )
    suggest = _verb(verbs, "suggest", "targets from history, with what each costs", _suggest)
    _sources(suggest)
    suggest.add_argument(
        "--days", type=option_types.above_zero, default=90.0, help="of history (default: 90)"
    )
    simulate = _verb(verbs, "simulate", "false pages and hours to detect", _simulate)
    simulate.add_argument("--target", metavar="SHARE", help="with --events-per-day, of no file")
    simulate.add_argument("--events-per-day", metavar="N", type=option_types.above_zero)
    simulate.add_argument("--exact", action="store_true", help="simulate now, at seconds of CPU")
    lint = _verb(verbs, "lint", "refuse what cannot work, name what is weak", _lint)
    lint.epilog = "Exit codes: 0 none is refused; 1 one is; 2 bad input."
    lint.add_argument(
        "--retention-days",
        type=option_types.above_zero,
        default=90.0,
        help="counts are kept (default: 90)",
    )


def main(args: argparse.Namespace) -> int:
    """Do one verb; 1 if `lint` refuses an objective or a budget is gone in `status`."""
    code: int = args.act(args)
    return code


def _verb(
    verbs: Any, name: str, brief: str, act: Callable[[argparse.Namespace], int]
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = verbs.add_parser(name, help=brief, description=brief)
    parser.add_argument(
        "files", nargs="*", type=Path, metavar="FILE", help="objectives; default: the shipped ones"
    )
    parser.add_argument("--json", action="store_true", help="for machines")
    parser.set_defaults(act=act)
    return parser


def _sources(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--journal", type=Path, metavar="PATH", help="default: the user's own")
    parser.add_argument(
        "--exclude",
        action="append",
        default=[],
        type=_interval,
        metavar="FROM/UNTIL",
        help="maintenance that does not count, two ISO 8601 times, local; may be repeated",
    )


def _interval(text: str) -> tuple[float, float]:
    begin, _, end = text.partition("/")
    try:
        found = tuple(datetime.fromisoformat(t).astimezone().timestamp() for t in (begin, end))
    except ValueError:
        found = (0.0, 0.0)
    if found[0] >= found[1]:
        raise argparse.ArgumentTypeError(
            f"{text!r}: write two times, such as 2026-10-01T12:00/2026-10-01T18:00"
        )
    return found[0], found[1]


def _objectives(args: argparse.Namespace) -> list[Any]:
    from qgm_observe.slo.loading import load, shipped

    return load(args.files) if args.files else shipped()


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else str(value)


def _print_json(found: Any) -> None:
    print(json.dumps(found, indent=2, default=_plain))


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


# --------------------------------------------------------------------------------------- status


def _status(args: argparse.Namespace) -> int:
    objectives = _objectives(args)
    now = time.time()
    if args.prometheus:
        if args.exclude:
            raise UsageError("--exclude needs a journal: a Prometheus has no single events")
        from qgm_observe.slo.prometheus import Prometheus
        from qgm_observe.slo.scraped import statuses

        found = statuses(objectives, Prometheus(args.prometheus, os.environ.get(TOKEN)), now)
    else:
        from qgm_observe.journal import open_journal
        from qgm_observe.slo import journaled

        path = args.journal or load_settings().journal_path
        with open_journal(path, read_only=True) as journal:
            found = journaled.statuses(objectives, journal, now, args.exclude)
    if args.json:
        _print_json([_status_facts(each) for each in found])
    else:
        print_statuses(found)
    return 1 if any(each.left is not None and each.left < 0 for each in found) else 0


def _status_facts(status: Any) -> dict[str, Any]:
    objective = status.objective
    return {
        "slo": objective.name,
        "service": objective.service,
        "target": objective.target,
        "window": objective.window.text,
        "reported_over": objective.reported.text,
        "unit": objective.indicator.unit,
        "bad": status.bad,
        "total": status.total,
        "ratio": status.ratio,
        "budget_left": status.left,
        "burn": {f"{window:.0f}": burn for window, burn in status.burn.items()},
        "exhausted_in_seconds": status.exhausted_in,
        "score": status.score,
        "threshold": status.threshold,
        "spent_by": status.spent_by,
        "degraded": objective.is_degraded,
        "reason": status.reason,
    }


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


_SCALES = ((1e6, 1e6, "M"), (1e4, 1e3, "k"))


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


# -------------------------------------------------------------------------------------- suggest


def _suggest(args: argparse.Namespace) -> int:
    from qgm_observe.journal import open_journal
    from qgm_observe.slo.suggesting import suggestions, waits

    objectives = _objectives(args)
    now = time.time()
    with open_journal(args.journal or load_settings().journal_path, read_only=True) as journal:
        found = suggestions(objectives, journal, now, args.days, args.exclude)
        waited = waits(journal, now - args.days * DAY)
    if args.json:
        told = [dataclasses.asdict(each) | {"is_founded": each.is_founded} for each in found]
        _print_json({"objectives": told, "waits": [dataclasses.asdict(each) for each in waited]})
        return 0
    if not found and not waited:
        print(f"nothing counted in the last {args.days:g} days: run some work first")
    for each in found:
        if each.is_founded:
            _print_suggestion(each)
    _print_unfounded([each for each in found if not each.is_founded])
    if waited:
        columns = ("device", "part", "jobs", "median", "p95", "95 % are within")
        _print_table(columns, [_wait_row(each) for each in waited], texts=2)
    return 0


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
    from qgm_observe.cli.summary import duration
    from qgm_observe.slo.suggesting import LEAST_EVENTS

    bound = "-" if wait.bound is None else f"{wait.bound:.6g} s"
    bound = bound if wait.jobs >= LEAST_EVENTS else f"too few, needed: {LEAST_EVENTS}"
    median, p95 = duration(wait.median), duration(wait.p95)
    return f"{wait.provider} {wait.device}", wait.part, f"{wait.jobs:,}", median, p95, bound


# ------------------------------------------------------------------------------------- simulate


def _simulate(args: argparse.Namespace) -> int:
    from qgm_observe.slo.characteristics import characterize, expected

    tell = characterize if args.exact else expected
    if (args.target is None) != (args.events_per_day is None):
        raise UsageError("write both --target 95% and --events-per-day 10, or neither")
    if args.target is not None and args.files:
        raise UsageError("write files, or --target and --events-per-day; not both")
    cases = [(name, tell(target, rate)) for name, target, rate in _cases(args)]
    if not cases:
        raise UsageError("no objective by score with events_per_day: write it, or use --target")
    if args.json:
        _print_json([{"slo": name} | dataclasses.asdict(each) for name, each in cases])
        return 0
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
    return 0


def _cases(args: argparse.Namespace) -> list[tuple[str, Decimal, float]]:
    if args.target is not None:
        from qgm_observe.slo.short import share_of

        return [("-", share_of(args.target), args.events_per_day)]
    return [
        (each.name, each.target, each.events_per_day / each.design_effect)
        for each in _objectives(args)
        if each.score is not None and each.events_per_day is not None
    ]


# ----------------------------------------------------------------------------------------- lint


def _lint(args: argparse.Namespace) -> int:
    from qgm_observe.slo.feasibility import REFUSED, judge

    objectives = _objectives(args)
    found = judge(objectives, args.retention_days)
    refused = sum(each.severity == REFUSED for each in found)
    if args.json:
        _print_json([dataclasses.asdict(each) for each in found])
    else:
        for each in found:
            print(f"{each.severity}  {each.objective}: {each.message}")
        many = "" if len(objectives) == 1 else "s"
        print(f"{len(objectives)} objective{many}, {refused} refused, {len(found) - refused} weak")
    return 1 if refused else 0
