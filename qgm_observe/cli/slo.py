"""Objectives: how they stand, targets from history, how their alerts behave, what is wrong."""

import argparse
import dataclasses
import json
import os
import sys
import time
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from qgm_observe.cli import option_types, slo_tables
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
    lint.epilog = (
        "Exit codes: 0 none is refused; 1 one is; 2 bad input. Both forms of a file stand in "
        "alerts/shipped-objectives.yml, which `qgm-observe shelf copy DIR` brings."
    )
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


# --------------------------------------------------------------------------------------- status


def _status(args: argparse.Namespace) -> int:
    objectives = _objectives(args)
    now = time.time()
    if args.prometheus:
        if args.exclude:
            raise UsageError(
                "--exclude needs a journal: a Prometheus has no single events; "
                "write --journal PATH in place of --prometheus"
            )
        from qgm_observe.slo.prometheus import Prometheus
        from qgm_observe.slo.scraped import statuses

        server = Prometheus(args.prometheus, os.environ.get(TOKEN))
        if not args.files:
            objectives = _evaluated(server, objectives)
        found = statuses(objectives, server, now)
    else:
        from qgm_observe.journal import open_journal
        from qgm_observe.slo import journaled

        path = args.journal or load_settings().journal_path
        with open_journal(path, read_only=True) as journal:
            found = journaled.statuses(objectives, journal, now, args.exclude)
    if args.json:
        _print_json([_status_facts(each) for each in found])
    else:
        slo_tables.print_statuses(found)
    return 1 if any(each.left is not None and each.left < 0 for each in found) else 0


def _evaluated(server: Any, known: list[Any]) -> list[Any]:
    """Return what the server's rules evaluate, and name what only a file tells."""
    from qgm_observe.runbooks.evaluated import evaluated

    try:
        found, unknown = evaluated(server, known)
    except UsageError:  # behind a proxy that tells no rules
        return known
    if unknown:
        names = ", ".join(unknown)
        sys.stderr.write(f"qgm-observe slo status: evaluated there, write their files: {names}\n")
    return found


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
    slo_tables.print_suggestions(found, waited, args.days)
    return 0


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
    slo_tables.print_characteristics(cases)
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
