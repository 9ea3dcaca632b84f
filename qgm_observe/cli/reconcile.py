"""Ask providers how remote jobs ended, and complete their records."""

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qgm_observe.cli.summary_text import duration
from qgm_observe.errors import UsageError
from qgm_observe.journal import Store, open_journal
from qgm_observe.records import Job
from qgm_observe.settings import load_settings

if TYPE_CHECKING:
    from qgm_observe.exporters.journal_config import JournalConfig
    from qgm_observe.exporters.reconciling.abandoned import Abandoned, Abandonment

DAY = 86400.0
_PLURALS = {"job": "jobs", "session": "sessions", "batch": "batches"}


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
    parser.add_argument(
        "--cancel-abandoned",
        action="store_true",
        help="cancel jobs, and close sessions and batches, whose process is gone and whose guard's "
        "ttl passed",
    )
    parser.add_argument(
        "--ttl",
        metavar="TIME",
        help="how long work may live whose guards told no ttl, such as '2 h'",
    )
    parser.add_argument("--json", action="store_true", help="for machines")


def main(args: argparse.Namespace) -> int:
    """Reconcile once; 1 if jobs are left whose end or bill is still unknown."""
    from qgm_observe.exporters.journal_config import load_journal_config
    from qgm_observe.exporters.reconciling.desk import desks_of
    from qgm_observe.exporters.reconciling.docket import Docket, scan
    from qgm_observe.exporters.reconciling.reconciler import Reconciler

    config = load_journal_config(args.config)
    if not config.providers:
        raise UsageError(f"{args.config}: no providers: write the accounts that are to be asked")
    how = _abandonment(config, args)
    path = args.journal or load_settings().journal_path
    open_journal(path, read_only=True).close()  # a mistyped path creates nothing
    with open_journal(path) as journal:
        now = time.time()
        journal.reap(now)
        docket = Docket(config.reconcile.max_age_days * DAY)
        scan(journal, docket, now)
        wanted = [job.subject for job in docket.due(now, early=True)]
        sys.stderr.write(f"{len(wanted):,} jobs, sessions and batches to ask for\n")
        reconciler = Reconciler(desks_of(config, now), time.time, how)
        try:
            asked = reconciler.settle(journal, docket, early=True)
        finally:
            reconciler.release(journal)
            reconciler.close()
        if asked is None:
            raise UsageError(f"journal {path} is reconciled by another process; stop that first")
        told = {
            "asked": asked,
            "outcomes": _found(journal, wanted),
            "unsettled": docket.counts(),
        }
    if args.json:
        print(json.dumps(told | {"abandoned": [_as_json(each) for each in reconciler.abandoned]}))
    else:
        _print(told, reconciler.abandoned)
    return 1 if told["unsettled"] else 0


def _abandonment(config: "JournalConfig", args: argparse.Namespace) -> "Abandonment":
    """What the configuration has done about abandoned work, and the command line beyond that."""
    from qgm_observe.exporters.reconciling.reconciler import abandonment_of
    from qgm_observe.spend.limits import limits

    how = abandonment_of(config)
    if args.ttl is not None:
        try:
            how = replace(how, seconds=limits(f"ttl {args.ttl}").job_seconds)
        except UsageError:
            raise UsageError(
                f"--ttl {args.ttl!r}: write a time such as '2 h' or '90 min'"
            ) from None
    return replace(how, cancels=how.cancels or args.cancel_abandoned)


def _found(journal: Store, wanted: list[str]) -> dict[str, int]:
    """Return how the jobs ended, as their records tell now."""
    subjects = set(wanted)
    jobs = (job for job in journal.records(Job) if job.id in subjects)
    return dict(Counter(job.outcome.value for job in jobs if job.outcome is not None))


# ------------------------------------------------------------------------------------------ text


def _print(told: dict[str, Any], abandoned: Sequence["Abandoned"]) -> None:
    outcomes = ", ".join(f"{number:,} {how}" for how, number in sorted(told["outcomes"].items()))
    left = ", ".join(f"{number:,} at {name}" for name, number in sorted(told["unsettled"].items()))
    print(f"asked for    {told['asked']:,} jobs, sessions and batches")
    print(f"records say  {outcomes or 'nothing'}")
    print(f"unsettled    {left or 'none'}")
    cancelled = [each for each in abandoned if each.is_cancelled]
    left_alone = [each for each in abandoned if not each.is_cancelled]
    if cancelled:
        print(f"cancelled    {_counted(cancelled)}{_spared(cancelled, 'not spent')}")
    if left_alone:
        spared = _spared(left_alone, "still to be spent")
        print(f"abandoned    {_counted(left_alone)}{spared}: --cancel-abandoned cancels")
    for each in abandoned:
        print(f"             {each.id} on {each.device}, {duration(each.age)} old{_costs(each)}")


def _counted(abandoned: Sequence["Abandoned"]) -> str:
    counts = Counter(each.noun for each in abandoned)
    return " and ".join(
        f"{number:,} {noun if number == 1 else _PLURALS[noun]}" for noun, number in counts.items()
    )


def _spared(abandoned: Sequence["Abandoned"], what: str) -> str:
    sums: dict[str, Decimal] = {}
    for each in abandoned:
        if each.amount is not None:
            total = sums.get(each.amount.currency, Decimal(0)) + each.amount.amount
            sums[each.amount.currency] = total
    told = ", ".join(f"{amount:,.2f} {currency}" for currency, amount in sorted(sums.items()))
    return f", {told} by estimate {what}" if told else ""


def _costs(each: "Abandoned") -> str:
    seconds = "" if each.seconds is None else f", about {each.seconds:,.1f} s"
    if each.amount is None:
        return seconds
    return f"{seconds}, {each.amount.amount:,.2f} {each.amount.currency}"


def _as_json(each: "Abandoned") -> dict[str, Any]:
    amount = each.amount
    return {
        "noun": each.noun,
        "id": each.id,
        "provider": each.provider,
        "device": each.device,
        "age_seconds": each.age,
        "device_seconds": each.seconds,
        "cost": None if amount is None else str(amount.amount),
        "currency": None if amount is None else amount.currency,
        "is_cancelled": each.is_cancelled,
    }
