"""Show what the journal holds, export it or prune it."""

import argparse
import contextlib
import csv
import dataclasses
import json
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from qgm_observe.catalog import STAGES
from qgm_observe.cli import option_types
from qgm_observe.errors import UsageError
from qgm_observe.journal import TERMINAL, Event, JournalInfo, PruneReport, Store, open_journal
from qgm_observe.journal.folds import FIELDS
from qgm_observe.records import Job, Run, Session, Step
from qgm_observe.settings import load_settings

DAY = 86400.0
_TALLIED_WITHIN = 2.0
"""Seconds after its end in which what a run's process had tallied is written."""

_KINDS: dict[str, type] = {"run": Run, "step": Step, "job": Job, "session": Session}
_STAGES = {noun: tuple(s.name for s in STAGES.values() if s.level == noun) for noun in _KINDS}
_EVENT_FIELDS = tuple(field.name for field in dataclasses.fields(Event))


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verbs and their options."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    info = _verb(verbs, "info", "tell what the journal holds", _info)
    info.add_argument("--json", action="store_true", help="for machines")
    info.add_argument("--check", action="store_true", help="read all of it for faults")
    show = _verb(verbs, "show", "show what a run came to, as `qgm-observe run` does", _show)
    show.add_argument(
        "run",
        nargs="?",
        default="latest",
        metavar="RUN",
        help="id, its beginning, latest, previous",
    )
    show.add_argument("--json", action="store_true", help="for machines")
    export = _verb(verbs, "export", "write records or events out", _export)
    export.add_argument("--format", choices=("jsonl", "csv"), default="jsonl")
    export.add_argument("--noun", choices=(*_KINDS, "event"), default="job")
    for name, brief in (("--since", "that began at or after"), ("--until", "that began before")):
        export.add_argument(
            name,
            type=option_types.instant,
            metavar="TIME",
            help=f"{brief} an ISO 8601 date or time, local",
        )
    export.add_argument("--output", type=Path, metavar="FILE", help="instead of standard output")
    compilation = _verb(
        verbs, "compilation", "show compilations that failed or were slow, pass by pass", _compiled
    )
    compilation.add_argument("id", metavar="ID", help="job or run, its beginning, latest, previous")
    compilation.add_argument("--json", action="store_true", help="for machines")
    prune = _verb(verbs, "prune", "remove old rows; what they counted stays", _prune)
    prune.add_argument("--older-than", type=_amount, metavar="DAYS", help="default: the settings")
    prune.add_argument("--max-bytes", type=_amount, metavar="N", help="default: the settings")
    prune.add_argument("--dry-run", action="store_true", help="tell what would go")
    prune.add_argument("--yes", action="store_true", help="do not ask")


def main(args: argparse.Namespace) -> int:
    """Do one verb; 1 if `info --check` finds a fault or the answer to a question is no."""
    code: int = args.act(args)
    return code


def _verb(
    verbs: Any, name: str, brief: str, act: Callable[[argparse.Namespace], int]
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = verbs.add_parser(name, help=brief, description=brief)
    parser.add_argument("--journal", type=Path, metavar="PATH", help="default: the user's own")
    parser.set_defaults(act=act)
    return parser


def _show(args: argparse.Namespace) -> int:
    from qgm_observe.cli.finding import events_of, find_run, journal_at, tallied_by
    from qgm_observe.cli.summary import summarize, to_json
    from qgm_observe.cli.summary_text import render

    with journal_at(args.journal) as journal:
        run = find_run(journal, args.run)
        start, process = run.body.get("start", run.at), run.body.get("process", "")
        until = run.at + _TALLIED_WITHIN if run.verb == TERMINAL else None
        events = events_of(journal, [run.subject])
        events += tallied_by(journal, process, start, until)
        open_work = [each for each in journal.open_work() if each.run == run.subject]
    still_open = sum(each.noun == "job" for each in open_work)
    summary = summarize(events, Path(journal.path), still_open)
    if args.json:
        print(json.dumps(to_json(summary), indent=2))
        return 0
    from rich.console import Console

    Console().print(render(summary))
    return 0


def _compiled(args: argparse.Namespace) -> int:
    from qgm_observe.cli.compile_log import lines_of, logs_of
    from qgm_observe.cli.finding import journal_at

    with journal_at(args.journal) as journal:
        logs = logs_of(journal, args.id)
    if args.json:
        print(json.dumps(logs, indent=2))
    else:
        print("\n\n".join("\n".join(lines_of(log)) for log in logs))
    return 0


def _amount(text: str) -> float:
    try:
        amount = float(text)
    except ValueError:
        amount = -1.0
    if not 0 <= amount < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r}: write a number of 0 or more")
    return amount


@contextlib.contextmanager
def _journal(args: argparse.Namespace, *, read_only: bool) -> Iterator[Store]:
    path = args.journal or load_settings().journal_path
    if not read_only:
        open_journal(path, read_only=True).close()  # a mistyped path creates nothing
    with open_journal(path, read_only=read_only) as journal:
        yield journal


# ----------------------------------------------------------------------------------------- info


def _info(args: argparse.Namespace) -> int:
    with _journal(args, read_only=True) as journal:
        info = journal.info(check=args.check)
    if args.json:
        print(json.dumps(dataclasses.asdict(info), default=str))
    else:
        print("\n".join(f"{name:<12}{value}" for name, value in _lines(info)))
    return 0 if info.integrity in {None, "ok"} else 1


def _lines(info: JournalInfo) -> Iterator[tuple[str, str]]:
    yield "journal", str(info.path)
    yield "form", f"{info.form}, schema {info.schema}, written by qgm-observe {info.written_by}"
    yield "id", info.id
    yield "created", _clock(info.created)
    yield "runs", f"{info.runs:,}"
    for noun, verbs in sorted(info.rows.items()):
        yield noun, ", ".join(f"{count:,} {verb}" for verb, count in sorted(verbs.items()))
    open_work = (f"{count:,} {noun}" for noun, count in sorted(info.open_work.items()))
    yield "open now", ", ".join(open_work) or "nothing"
    if info.first_at is not None and info.last_at is not None:
        yield "events", f"{_clock(info.first_at)} to {_clock(info.last_at)}"
    yield "pruned", f"{info.pruned_rows:,} rows, kept in the totals"
    yield "blobs", f"{info.blobs:,} of {_size(info.blob_bytes)}"
    yield "size", f"{_size(info.size_bytes)}, log {_size(info.log_bytes)}"
    if info.integrity is not None:
        yield "integrity", info.integrity


def _clock(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().isoformat(sep=" ", timespec="seconds")


def _size(count: float) -> str:
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:  # noqa: PLR2004  the binary units' step
            return f"{count:,.4g} {unit}"
        count /= 1024
    return f"{count:,.1f} GiB"


# --------------------------------------------------------------------------------------- export


def _export(args: argparse.Namespace) -> int:
    with _journal(args, read_only=True) as journal, _output(args.output) as file:
        if args.format == "jsonl":
            for row in _objects(journal, args):
                file.write(json.dumps(row, default=str) + "\n")
        else:
            writer = csv.writer(file)
            writer.writerows(_table(journal, args))
    return 0


@contextlib.contextmanager
def _output(path: Path | None) -> Iterator[IO[str]]:
    if path is None:
        yield sys.stdout
        return
    try:
        file = path.open("w", encoding="utf-8", newline="")
    except OSError as error:
        raise UsageError(f"--output {path}: {error.strerror}; give another file") from None
    with file:
        yield file


def _objects(journal: Store, args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    if args.noun == "event":
        found: Iterator[Any] = journal.events(since=args.since, until=args.until)
    else:
        found = journal.records(_KINDS[args.noun], since=args.since, until=args.until)
    yield from map(dataclasses.asdict, found)


def _table(journal: Store, args: argparse.Namespace) -> Iterator[tuple[Any, ...]]:
    if args.noun == "event":
        yield _EVENT_FIELDS
        for event in _objects(journal, args):
            yield (*(event[n] if n != "body" else json.dumps(event[n]) for n in _EVENT_FIELDS),)
        return
    fields = FIELDS[args.noun]
    stages = _STAGES[args.noun]
    yield (*fields, *(f"{stage}_seconds" for stage in stages))
    kind = _KINDS[args.noun]
    yield from journal.rows(kind, (*fields, *stages), since=args.since, until=args.until)


# ---------------------------------------------------------------------------------------- prune


def _prune(args: argparse.Namespace) -> int:
    settings = load_settings()
    days = settings.retention_days if args.older_than is None else args.older_than
    limit = settings.retention_bytes if args.max_bytes is None else int(args.max_bytes)
    with _journal(args, read_only=False) as journal:

        def prune(*, dry_run: bool) -> PruneReport:
            return journal.prune(
                journal.clock(),
                older_than_seconds=days * DAY,
                max_bytes=limit,
                dry_run=dry_run,
            )

        foreseen = prune(dry_run=True)
        if args.dry_run:
            print(_told(foreseen, "would go"))
            return 0
        if foreseen.rows and not (args.yes or _agreed(foreseen)):
            print("nothing was pruned")
            return 1
        print(_told(prune(dry_run=False), "pruned"))
        return 0


def _agreed(foreseen: PruneReport) -> bool:
    if not sys.stdin.isatty():
        raise UsageError("prune removes rows: write --yes, or --dry-run to see what would go")
    return input(f"{_told(foreseen, 'will go')}; go on? [y/N] ").strip().lower() in {"y", "yes"}


def _told(report: PruneReport, verb: str) -> str:
    sizes = f"{_size(report.bytes_before)} -> {_size(report.bytes_after)}"
    return f"{report.rows:,} rows and {report.blobs:,} blobs {verb}, {sizes}"
