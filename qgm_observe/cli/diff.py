"""Tell what changed between two runs, the most suspicious first.

Changes are ranked by a weight: by their kind first (encoding, device, compiler and settings before
circuits, code, versions, seeds and packages), shots and calibrations by how much they changed.
Circuits and layouts stand behind whatever explains them.
"""

import argparse
import json
import math
import sys
from pathlib import Path
from typing import Any

from qgm_observe.cli.differences import Change, calibrated, compare
from qgm_observe.cli.finding import find_run, journal_at
from qgm_observe.cli.run_facts import RunFacts, facts_of

_MOST_PARAMETERS = 10


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the two runs and the options."""
    for name, brief in (("before", "the run that was good"), ("after", "the run in question")):
        parser.add_argument(
            name, metavar="RUN", help=f"{brief}: id, its beginning, latest or previous"
        )
    parser.add_argument("--journal", type=Path, metavar="PATH", help="default: the user's own")
    parser.add_argument(
        "--after-journal", type=Path, metavar="PATH", help="of the second run, where it differs"
    )
    parser.add_argument("--json", action="store_true", help="for machines")


def main(args: argparse.Namespace) -> int:
    """Print the changes; 0 also where there are some."""
    before = _facts(args.journal, args.before)
    after = _facts(args.after_journal or args.journal, args.after)
    changes = compare(before, after)
    if args.json:
        sys.stdout.write(json.dumps(_to_json(before, after, changes)) + "\n")
    else:
        show(before, after, changes)
    return 0


def _facts(path: Path | None, text: str) -> RunFacts:
    with journal_at(path) as journal:
        return facts_of(journal, find_run(journal, text))


def _to_json(before: RunFacts, after: RunFacts, changes: list[Change]) -> dict[str, Any]:
    parameters = [
        each._asdict() | {"ratio": each.ratio if math.isfinite(each.ratio) else None}
        for each in calibrated(before, after)
    ]
    return {
        "runs": [before.run, after.run],
        "changes": [each._asdict() for each in changes],
        "calibration": parameters,
        "gaps": [before.gaps, after.gaps],
    }


def show(before: RunFacts, after: RunFacts, changes: list[Change]) -> None:
    """Print the changes as a table, and below it what is not known of which run."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", show_edge=False)
    table.add_column("weight", justify="right")
    for name in ("what", before.run[:8], after.run[:8], ""):
        table.add_column(name, overflow="fold")
    for each in changes:
        shown = [_shown(each.before), _shown(each.after), each.note]
        table.add_row(f"{each.weight:.0f}", _named(each), *shown)
    if changes:
        console.print(table)
    else:
        console.print("nothing that is known differs")
    for told in calibrated(before, after)[:_MOST_PARAMETERS]:
        values = f"{_value(told.before)} -> {_value(told.after)}"
        console.print(f"  {told.name}: {values}", highlight=False)
    both = before.gaps.items() & after.gaps.items()
    for whose, gaps in (
        ("either run", both),
        (before.run[:8], before.gaps.items() - both),
        (after.run[:8], after.gaps.items() - both),
    ):
        if gaps:
            listed = "; ".join(f"{name} ({why})" for name, why in sorted(gaps))
            console.print(f"not known of {whose}: {listed}", highlight=False)


def _named(change: Change) -> str:
    """Kind and name, in one word where one says the other."""
    if change.kind in change.name.replace("_", " "):
        return change.name
    return change.kind if change.name in change.kind else f"{change.kind} {change.name}"


def _shown(text: str | None) -> str:
    return "-" if text is None else text


def _value(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.4g}"
