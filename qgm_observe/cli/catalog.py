"""Print every signal: what it is called, what it tells, and what may be relied on."""

import argparse
import difflib
import json
import re
import sys
from pathlib import Path
from typing import Any

from qgm_observe.catalog import SIGNALS, Label, Signal, lock
from qgm_observe.catalog import labels as by
from qgm_observe.catalog.semconv import semconv
from qgm_observe.errors import UsageError

FORMATS = ("table", "markdown", "json", "semconv")
BEGIN, END = "<!-- catalog:begin -->", "<!-- catalog:end -->"
_BLOCK = re.compile(f"{re.escape(BEGIN)}\n.*?{re.escape(END)}", re.DOTALL)
_HEADINGS = ("Signal", "Prometheus name", "Kind", "Unit", "Labels", "What it tells", "Stability")
_GROUPS = {"job": by.JOB, "work": by.WORK}
_WIDE = 320
_FORMAT_HELP = "semconv: OpenTelemetry semantic conventions, YAML (default: %(default)s)"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--format", choices=FORMATS, default="table", help=_FORMAT_HELP)
    act = parser.add_mutually_exclusive_group()
    act.add_argument("--write", metavar="FILE", type=Path, help="fill the marked block of a file")
    act.add_argument("--check", metavar="FILE", type=Path, help="fail if that block is stale")
    act.add_argument("--write-lock", action="store_true", help="refresh the lock of stable signals")
    act.add_argument(
        "--check-lock", action="store_true", help="fail if a stable signal changed unannounced"
    )
    parser.add_argument(
        "--changelog",
        metavar="FILE",
        type=Path,
        default=Path("CHANGELOG.md"),
        help="where changes of stable signals are announced (default: %(default)s)",
    )


def main(args: argparse.Namespace) -> int:
    """Run the command and return its exit code."""
    if args.write:
        _write(args.write, filled(_read(args.write), args.write))
        return 0
    if args.check:
        return _check(args.check)
    if args.write_lock or args.check_lock:
        return _lock(args.changelog, write=args.write_lock)
    _print(args.format)
    return 0


def rows() -> list[tuple[str, ...]]:
    """Return the table of all signals, a tuple of texts a signal, in the order of `_HEADINGS`."""
    return [
        (
            signal.name,
            signal.prometheus,
            signal.kind.value,
            signal.unit,
            _labels(signal),
            signal.brief,
            signal.stability.value,
        )
        for signal in SIGNALS.values()
    ]


def markdown() -> str:
    """Return the table as Markdown, with the labels explained below it."""
    lines = [_row(_HEADINGS), _row(["---"] * len(_HEADINGS))]
    lines += [_row([f"`{row[0]}`", f"`{row[1]}`", *row[2:]]) for row in rows()]
    lines += ["", *(f"{line}  " for line in _groups()), ""]
    lines += [_row(["Label", "What it tells", "Values"]), _row(["---"] * 3)]
    lines += [_row([f"`{label.name}`", label.brief, _values(label)]) for label in _used_labels()]
    return "\n".join(lines) + "\n"


def filled(text: str, path: Path) -> str:
    """Return a Markdown text with its marked block filled.

    Raises:
        UsageError: the text has no such block.
    """
    if not _BLOCK.search(text):
        raise UsageError(f"{path} has no block to fill: add the lines {BEGIN} and {END}")
    return _BLOCK.sub(lambda _: f"{BEGIN}\n{markdown()}{END}", text)


def _check(path: Path) -> int:
    text = _read(path)
    fresh = filled(text, path)
    if text == fresh:
        return 0
    told = difflib.unified_diff(
        text.splitlines(), fresh.splitlines(), str(path), "the catalog", lineterm="", n=0
    )
    print("\n".join(told))
    sys.stderr.write(f"{path} is stale: qgm-observe catalog --write {path}\n")
    return 1


def _lock(changelog: Path, *, write: bool) -> int:
    locked = lock.LOCK.read_text(encoding="utf-8") if lock.LOCK.exists() else ""
    announced = changelog.read_text(encoding="utf-8") if changelog.exists() else ""
    problems = lock.unannounced(locked, SIGNALS.values(), announced)
    if not problems and write:
        _write(lock.LOCK, lock.lock_text(SIGNALS.values()))
        return 0
    if not problems:
        problems = [
            f"{line}: refresh with 'qgm-observe catalog --write-lock'"
            for line in lock.outdated(locked, SIGNALS.values())
        ]
    sys.stderr.write("".join(f"{problem}\n" for problem in problems))
    return 1 if problems else 0


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: write the path of a Markdown file") from error


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"{path} cannot be written ({error.strerror}): make it writable"
        ) from error


def _print(form: str) -> None:
    if form == "json":
        print(json.dumps([_described(signal) for signal in SIGNALS.values()], indent=2))
    elif form == "semconv":
        print(semconv(SIGNALS.values()), end="")
    elif form == "markdown":
        print(markdown(), end="")
    else:
        _print_table()


def _print_table() -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(width=None if sys.stdout.isatty() else _WIDE, highlight=False)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in _HEADINGS:
        table.add_column(heading, overflow="fold")
    for row in rows():
        table.add_row(*row)
    console.print(table)
    console.print("\n".join(["", *_groups()]), soft_wrap=True)


def _described(signal: Signal) -> dict[str, Any]:
    return {
        "name": signal.name,
        "prometheus": signal.prometheus,
        "kind": signal.kind.value,
        "unit": signal.unit,
        "labels": list(signal.label_names),
        "brief": signal.brief,
        "stability": signal.stability.value,
    }


def _labels(signal: Signal) -> str:
    for name, group in _GROUPS.items():
        if signal.labels[: len(group)] == group:
            return ", ".join([name, *signal.label_names[len(group) :]])
    return ", ".join(signal.label_names)


def _groups() -> list[str]:
    work, job = by.WORK, by.JOB[len(by.WORK) :]
    return [
        f"work: {', '.join(label.name for label in work)}",
        f"job: work, {', '.join(label.name for label in job)}",
        "every series: source",
    ]


def _used_labels() -> list[Label]:
    return list({label: None for signal in SIGNALS.values() for label in signal.labels})


def _values(label: Label) -> str:
    return ", ".join(label.values) if label.values else f"at most {label.bound}, then `other`"


def _row(cells: list[str] | tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"
