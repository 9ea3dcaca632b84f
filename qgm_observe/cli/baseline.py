"""Capture, show or freeze the levels that drift and residuals are judged against."""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qgm_observe.cli import option_types
from qgm_observe.cli.progress import progress
from qgm_observe.errors import MissingExtra, UsageError
from qgm_observe.journal import Store, open_journal
from qgm_observe.settings import load_settings

if TYPE_CHECKING:
    from qgm_observe.lifecycle.baselines import Baselines, History, KeptBaseline

_UNITS = {"h": 3600.0, "d": 86_400.0}
_EACH = "evaluation"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the three verbs and their options."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    capture = _verb(
        verbs, "capture", "take the levels of a healthy time from the journal", _capture
    )
    capture.add_argument(
        "--since",
        type=option_types.instant,
        metavar="TIME",
        help="begin of the healthy time, ISO 8601",
    )
    capture.add_argument(
        "--until", type=option_types.instant, metavar="TIME", help="its end (default: now)"
    )
    capture.add_argument(
        "--every",
        type=_every,
        metavar="TIME",
        default=_UNITS["d"],
        help="one point each 1d (default), 1h or more; or each evaluation, which is not watched",
    )
    capture.add_argument(
        "--false-alarms",
        type=option_types.above_zero,
        default=1.0,
        metavar="N",
        help="a year and series (default: 1)",
    )
    capture.add_argument("--force", action="store_true", help="also replace frozen ones")
    _verb(verbs, "show", "list the baselines and where their charts stand", _show)
    freeze = _verb(verbs, "freeze", "keep them from being captured anew", _freeze)
    freeze.add_argument("--undo", action="store_true", help="let them be captured again")


def main(args: argparse.Namespace) -> int:
    """Do one verb; 1 if there was nothing to capture, show or freeze."""
    try:
        import qgm_observe.lifecycle.baselines  # noqa: F401  a missing extra shows here
    except ImportError as error:
        raise MissingExtra("baseline", "quality") from error
    path = args.journal or load_settings().journal_path
    if not path.exists() and not path.with_suffix(".jsonl").exists():
        raise UsageError(f"journal {path}: no such file; record some work first, or name another")
    with open_journal(path) as journal:
        code: int = args.act(args, journal)
        return code


def _verb(
    verbs: Any, name: str, brief: str, act: Callable[[argparse.Namespace, Store], int]
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = verbs.add_parser(name, help=brief, description=brief)
    parser.add_argument("--journal", type=Path, metavar="PATH", help="default: the user's own")
    parser.add_argument("--file", type=Path, metavar="FILE", help="keep them there instead")
    for label in ("statistic", "model", "device", "circuit"):
        parser.add_argument(f"--{label}", metavar="NAME", help="only of this one")
    parser.add_argument("--json", action="store_true", help="one JSON object a baseline")
    parser.set_defaults(act=act)
    return parser


def _capture(args: argparse.Namespace, journal: Store) -> int:
    from qgm_observe.lifecycle.baselines import Baselines, histories
    from qgm_observe.quality.persistence import LEAST_HISTORY

    now = journal.clock()
    events = journal.events(
        verbs=("estimate", "finished"),
        nouns=("run", "step", "job", "model"),
        since=args.since,
    )
    kept = _kept(args, journal)
    chosen = {s: h for s, h in histories(events).items() if _wanted(args, h.labels)}
    made: dict[str, KeptBaseline] = {}
    passed: list[str] = []
    short: list[int] = []
    with _bar(len(chosen)) as advance:
        for series, history in chosen.items():
            advance(None)
            if series in kept.kept and kept.kept[series].frozen and not args.force:
                passed.append(f"{series} is frozen: write --force to replace it")
                continue
            try:
                healthy = history.before(now if args.until is None else args.until)
                if len(healthy.spaced(args.every)) < LEAST_HISTORY:
                    short.append(len(healthy.spaced(args.every)))
                else:
                    before = kept.kept.get(series)
                    made[series] = _captured(args, history, healthy, now, before)
            except UsageError as error:
                passed.append(f"{series}: {error}")
    passed += _too_short(args, short, "no series has" if not made else f"{len(short)} series lack")
    if not made:
        raise UsageError(
            passed[0] if passed else "nothing was measured: widen --since or the names"
        )
    _keep(args, journal, kept, made, now)
    _tell(args, Baselines(made))
    if passed:
        more = f" and {len(passed) - 1} more" if len(passed) > 1 else ""
        sys.stderr.write(f"not captured: {passed[0]}{more}\n")
    return 0


def _too_short(args: argparse.Namespace, points: list[int], who: str) -> Iterator[str]:
    """What is missing, in one line for all series: one is often as short as the other."""
    from qgm_observe.quality.persistence import LEAST_HISTORY

    if points and not max(points):
        yield "nothing was measured until then: write a later --until"
    elif points:
        each = _EACH if args.every is None else f"{args.every / _UNITS['h']:g} h"
        shorter = "" if args.every is None else ", or write a shorter --every"
        most = f"{max(points)}, one each {each}"
        yield f"{who} {LEAST_HISTORY} points yet (most: {most}): let it work on{shorter}"


def _captured(
    args: argparse.Namespace,
    history: "History",
    healthy: "History",
    now: float,
    before: "KeptBaseline | None",
) -> "KeptBaseline":
    """Capture the healthy level, and step its charts over what came after."""
    from dataclasses import replace

    from qgm_observe.lifecycle.baselines import captured

    made = captured(healthy, now, every=args.every, false_alarms_per_year=args.false_alarms)
    ended = now if made.every is None else now // made.every * made.every
    made = made.after(history.points, ended)
    return replace(made, frozen=before is not None and before.frozen)


def _bar(total: int) -> AbstractContextManager[Callable[[float | None], None]]:
    """A bar for whoever looks on: limits are simulated, a good part of a second a series."""
    if sys.stderr.isatty() and total:
        return progress("capturing", total)
    return nullcontext(lambda _: None)


def _show(args: argparse.Namespace, journal: Store) -> int:
    chosen = _chosen(args, _kept(args, journal))
    _tell(args, chosen)
    if not chosen.kept:
        sys.stderr.write("no baseline: write `qgm-observe baseline capture` after a healthy time\n")
    return 0 if chosen.kept else 1


def _freeze(args: argparse.Namespace, journal: Store) -> int:
    from dataclasses import replace

    from qgm_observe.lifecycle.baselines import Baselines

    kept = _kept(args, journal)
    chosen = _chosen(args, kept)
    made = {s: replace(each, frozen=not args.undo) for s, each in chosen.kept.items()}
    _keep(args, journal, kept, made, journal.clock())
    _tell(args, Baselines(made))
    return 0 if made else 1


def _kept(args: argparse.Namespace, journal: Store) -> "Baselines":
    from qgm_observe.lifecycle.baselines import Baselines, load, read

    if args.file is None:
        return read(journal)
    return load(args.file) if args.file.exists() else Baselines({})


def _keep(
    args: argparse.Namespace,
    journal: Store,
    kept: "Baselines",
    made: "dict[str, KeptBaseline]",
    now: float,
) -> None:
    from qgm_observe.lifecycle.baselines import Baselines, save

    if not made:
        return
    if args.file is None:
        journal.append([each.event("baseline", now) for each in made.values()])
        return
    try:
        save(args.file, Baselines({**kept.kept, **made}))
    except OSError as error:
        raise UsageError(f"file {args.file} cannot be written: {error.strerror}") from None


def _chosen(args: argparse.Namespace, kept: "Baselines") -> "Baselines":
    from qgm_observe.lifecycle.baselines import Baselines

    return Baselines({s: each for s, each in kept.kept.items() if _wanted(args, each.labels)})


def _wanted(args: argparse.Namespace, labels: Any) -> bool:
    asked = {"name": args.statistic, "model": args.model, "device": args.device}
    asked["circuit"] = args.circuit
    return all(value is None or labels.get(name) == value for name, value in asked.items())


def _tell(args: argparse.Namespace, baselines: "Baselines") -> None:
    if args.json:
        for each in baselines.kept.values():
            sys.stdout.write(json.dumps({"series": each.series, **each.body()}) + "\n")
        return
    if not baselines.kept:
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", show_edge=False)
    table.add_column("statistic", no_wrap=True)
    table.add_column("of", overflow="fold")
    for name in ("level", "points"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in ("captured", "charts"):
        table.add_column(name)
    for each in baselines.kept.values():
        table.add_row(*_row(each))
    Console().print(table)


def _row(kept: "KeptBaseline") -> Iterator[str]:
    baseline, mitigation = kept.baseline, kept.labels.get("mitigation", "none")
    yield baseline.metric
    known = [baseline.model, baseline.device or "unknown", baseline.circuit]
    known += [] if mitigation == "none" else [mitigation]
    yield ", ".join(each for each in known if each != "unknown")
    yield f"{baseline.center:.4g} +- {baseline.sd:.2g}"
    yield str(baseline.n)
    at = baseline.captured_at
    day = "-" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")
    yield day + (" frozen" if kept.frozen else "")
    yield _standing(kept)


def _standing(kept: "KeptBaseline") -> str:
    """Where the charts stand, in deviations of the baseline, and whether an alarm is raised."""
    if kept.state is None:
        return "not watched"
    told = [f"{c.kind} {c.level:.1f} of {c.limit:.1f}" for c in kept.state.charts]
    return ", ".join(told) + (", drifting" if kept.state.drifting else "")


def _every(text: str) -> float | None:
    if text == _EACH:
        return None
    try:
        seconds = float(text[:-1]) * _UNITS[text[-1:]]
    except (ValueError, KeyError):
        seconds = 0.0
    if not _UNITS["h"] <= seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r}: write 1d, 6h, 1h or {_EACH}")
    return seconds
