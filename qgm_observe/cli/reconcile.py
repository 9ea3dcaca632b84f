"""Ask providers how remote jobs ended, and complete their records."""

import argparse
import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from qgm_observe.errors import UsageError
from qgm_observe.journal import Store, open_journal
from qgm_observe.records import Job
from qgm_observe.settings import load_settings

DAY = 86400.0


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("journal", nargs="?", type=Path, metavar="PATH", help="default: your own")
    parser.add_argument(
        "--config",
        type=Path,
        required=True,
        metavar="FILE",
        help="as of `export journal`; its providers are asked",
    )
    parser.add_argument("--json", action="store_true", help="for machines")


def main(args: argparse.Namespace) -> int:
    """Reconcile once; 1 if jobs are left whose end or bill is still unknown."""
    from qgm_observe.exporters.docket import Docket, scan
    from qgm_observe.exporters.journal_config import load_journal_config
    from qgm_observe.exporters.reconciler import Reconciler, desks_of

    config = load_journal_config(args.config)
    if not config.providers:
        raise UsageError(f"{args.config}: no providers: write the accounts that are to be asked")
    path = args.journal or load_settings().journal_path
    open_journal(path, read_only=True).close()  # a mistyped path creates nothing
    with open_journal(path) as journal:
        now = time.time()
        journal.reap(now)
        docket = Docket(config.reconcile.max_age_days * DAY)
        scan(journal, docket, now)
        wanted = [job.subject for job in docket.due(now, early=True)]
        sys.stderr.write(f"{len(wanted):,} jobs to ask for\n")
        reconciler = Reconciler(desks_of(config, now), time.time)
        try:
            asked = reconciler.settle(journal, docket, early=True)
        finally:
            reconciler.release(journal)
            reconciler.close()
        if asked is None:
            raise UsageError(f"journal {path} is reconciled by another process; stop that first")
        left = docket.counts()
        _tell(_found(journal, wanted), asked, left, as_json=args.json)
    return 1 if left else 0


def _found(journal: Store, wanted: list[str]) -> dict[str, int]:
    """Return how the jobs ended, as their records tell now."""
    subjects = set(wanted)
    jobs = (job for job in journal.records(Job) if job.id in subjects)
    return dict(Counter(job.outcome.value for job in jobs if job.outcome is not None))


def _tell(found: dict[str, int], asked: int, left: dict[str, int], *, as_json: bool) -> None:
    told: dict[str, Any] = {"asked": asked, "outcomes": found, "unsettled": left}
    if as_json:
        print(json.dumps(told))
        return
    outcomes = ", ".join(f"{number:,} {outcome}" for outcome, number in sorted(found.items()))
    rest = ", ".join(f"{number:,} at {provider}" for provider, number in sorted(left.items()))
    print(f"asked for    {asked:,} jobs")
    print(f"records say  {outcomes or 'nothing'}")
    print(f"unsettled    {rest or 'none'}")
