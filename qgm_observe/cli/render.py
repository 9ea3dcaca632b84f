"""Render the shelves: alert rules and their tests, boards, runbooks. Reads no journal.

What is rendered depends on the configuration alone: the same bytes each time. A file that an
earlier version rendered and this one does not is removed; a file of yours is never touched.
"""

import argparse
import difflib
import importlib
import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qgm_observe.errors import UsageError

SHELVES = {
    "alerts": "qgm_observe.alerts.shelf",
    "dashboards": "qgm_observe.dashboards.shelf",
    "runbooks": "qgm_observe.runbooks.shelf",
}
"""Shelf to the module that fills it: its `render(configuration)` returns text by path there.

Where people write into its files its `merged(there, rendered)` keeps what they wrote.
"""

MARK = "rendered by qgm-observe"
"""Stands in every rendered file that its format leaves room for: it may be removed."""

TOKEN = "QGM_OBSERVE_PROMETHEUS_TOKEN"  # noqa: S105  the name of a variable
_MOST_LINES = 60


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("folder", type=Path, metavar="DIR", help="the shelves are folders in it")
    parser.add_argument("--config", type=Path, metavar="FILE", help="default: what is shipped")
    parser.add_argument("--check", action="store_true", help="write nothing; 1 if a file is stale")
    parser.add_argument(
        "--selector",
        action="append",
        default=[],
        type=_selector,
        metavar="LABEL=VALUE",
        help="only work of this label, such as project=chem; may be repeated",
    )
    parser.add_argument(
        "--datasource", metavar="UID", help="of the Prometheus that boards choose first"
    )
    parser.add_argument(
        "--only", action="append", choices=SHELVES, metavar="SHELF", help="may be repeated"
    )
    parser.add_argument(
        "--preview",
        action="store_true",
        help="draw the boards instead, a page each in DIR/previews; needs --prometheus",
    )
    parser.add_argument(
        "--prometheus", metavar="URL", help=f"whose data are drawn (token: {TOKEN})"
    )
    parser.add_argument(
        "--at", type=float, metavar="EPOCH", help="end of the time drawn, default: now"
    )


def main(args: argparse.Namespace) -> int:
    """Run the command and return its exit code: 1 if `--check` finds a stale file."""
    from qgm_observe.alerts.configuration import load_configuration

    configuration = load_configuration(args.config, dict(args.selector), args.datasource)
    if args.preview:
        return _preview(args, configuration)
    stale = 0
    for name in args.only or SHELVES:
        module = importlib.import_module(SHELVES[name])
        rendered, shelf = module.render(configuration), args.folder / name
        if hasattr(module, "merged"):
            rendered = {p: module.merged(_text(shelf / p), text) for p, text in rendered.items()}
        rendered |= _settings(shelf, rendered, args.config)
        stale += _check(shelf, rendered) if args.check else _write(shelf, rendered)
    if stale:
        where = f" --config {args.config}" if args.config else ""
        sys.stderr.write(f"{stale} files are stale: qgm-observe render {args.folder}{where}\n")
    return 1 if stale else 0


def _settings(shelf: Path, rendered: Mapping[str, str], config: Path | None) -> dict[str, str]:
    """Return the file that settings were read from as it is, where the shelf itself has it."""
    if config is None:
        return {}
    places = (place for place in rendered if (shelf / place).resolve() == config.resolve())
    return {place: _text(shelf / place) or "" for place in places}


def _preview(args: argparse.Namespace, configuration: Any) -> int:
    """Draw every board; each page needs nothing else."""
    from qgm_observe.dashboards import shelf
    from qgm_observe.dashboards.preview import preview
    from qgm_observe.slo.prometheus import Prometheus

    if not args.prometheus:
        raise UsageError("--preview: write --prometheus http://HOST:9090 too")
    server = Prometheus(args.prometheus, os.environ.get(TOKEN))
    now = time.time() if args.at is None else args.at
    boards = shelf.render(configuration).items()
    pages = {
        f"{Path(place).stem}.html": preview(json.loads(text), server, now)
        for place, text in boards
        if place.startswith("boards/")
    }
    return _write(args.folder / "previews", pages)


def _selector(text: str) -> tuple[str, str]:
    name, found, value = text.partition("=")
    if not (found and name and value):
        raise argparse.ArgumentTypeError(f"{text!r}: write LABEL=VALUE, such as project=chem")
    return name, value


def _write(shelf: Path, rendered: Mapping[str, str]) -> int:
    changed = 0
    try:
        for place, text in rendered.items():
            path = shelf / place
            if _text(path) != text:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
                changed += 1
        gone = _left_over(shelf, rendered)
        for path in gone:
            path.unlink()
    except OSError as error:
        raise UsageError(f"{shelf} cannot be written: {error.strerror}") from None
    removed = f", {len(gone)} removed" if gone else ""
    print(f"{shelf}: {len(rendered)} files, {changed} changed{removed}")
    return 0


def _check(shelf: Path, rendered: Mapping[str, str]) -> int:
    stale = {place: text for place, text in rendered.items() if _text(shelf / place) != text}
    for place, text in stale.items():
        _show_difference(shelf / place, text)
    gone = _left_over(shelf, rendered)
    for path in gone:
        print(f"{path}: is rendered no longer")
    return len(stale) + len(gone)


def _show_difference(path: Path, text: str) -> None:
    there = _text(path)
    if there is None:
        print(f"{path}: is missing")
        return
    lines = list(
        difflib.unified_diff(
            there.splitlines(), text.splitlines(), str(path), f"{path} (rendered)", lineterm="", n=2
        )
    )
    print("\n".join(lines[:_MOST_LINES]))
    if len(lines) > _MOST_LINES:
        print(f"... {len(lines) - _MOST_LINES} lines more")


def _left_over(shelf: Path, rendered: Mapping[str, str]) -> list[Path]:
    """Return files that bear the mark and are rendered no longer."""
    kept = {shelf / place for place in rendered}
    return [
        path
        for path in sorted(shelf.rglob("*"))
        if path.is_file() and path not in kept and MARK in (_text(path) or "")[:1000]
    ]


def _text(path: Path) -> str | None:
    try:
        return path.read_bytes().decode("utf-8")
    except (FileNotFoundError, UnicodeDecodeError):
        return None
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
