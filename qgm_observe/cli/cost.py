"""Tell what recorded work cost: estimated, billed, wasted, pending; take in invoice lines."""

import argparse
import json
import statistics
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from qgm_observe.cli import option_types
from qgm_observe.errors import UsageError
from qgm_observe.journal import Store, open_journal
from qgm_observe.settings import load_settings

_BY = ("project", "pipeline", "model", "provider", "device", "mode")
DAY = 86400.0


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("journal", nargs="?", type=Path, metavar="PATH", help="default: your own")
    parser.add_argument("--by", choices=_BY, default="project", help="default: project")
    for name, brief in (("--since", "began at or after"), ("--until", "began before")):
        parser.add_argument(
            name,
            type=option_types.instant,
            metavar="TIME",
            help=f"work that {brief} an ISO 8601 date or time",
        )
    parser.add_argument("--plan", help="the account's plan, such as pay-as-you-go")
    parser.add_argument("--prices", type=Path, metavar="FILE", help="your prices, before the list")
    parser.add_argument(
        "--import",
        dest="invoice",
        type=Path,
        metavar="CSV",
        help="first take in invoice lines: provider, amount, currency, and where there are any "
        "line, date, device, id, tags, seconds",
    )
    parser.add_argument(
        "--column",
        action="append",
        default=[],
        metavar="NAME=HEADER",
        help="what the file calls one of these columns",
    )
    parser.add_argument("--json", action="store_true", help="for machines")


def main(args: argparse.Namespace) -> int:
    """Print the report; always 0."""
    from qgm_observe.spend.pricing import tariff
    from qgm_observe.spend.report import report
    from qgm_observe.spend.statement import Statement

    settings = load_settings()
    path = args.journal or settings.journal_path
    prices = tariff(args.plan or settings.plan, args.prices)
    told = _take_in(path, args)
    with open_journal(path, read_only=True) as journal:
        spent = Statement.of(journal, prices.price, since=args.since, until=args.until)
        rows = report(spent, args.by, journal)
    if args.json:
        content = {
            "by": args.by,
            "rows": [_row_json(row) for row in rows],
            "untagged": _json(_sums(spent.untagged)),
            "prevented": _json(_sums(spent.prevented)),
            "imported": told,
        }
        print(json.dumps(content, indent=2))
    else:
        _print(rows, spent, args.by, told)
    return 0


def _take_in(path: Path, args: argparse.Namespace) -> dict[str, Any] | None:
    if args.invoice is None:
        return None
    from qgm_observe.spend.invoices import read_lines, take_in

    lines = read_lines(args.invoice, _columns(args.column))
    open_journal(path, read_only=True).close()  # a mistyped path creates nothing
    journal: Store
    with open_journal(path) as journal:
        done = take_in(journal, lines)
    lag = statistics.median(done.lags) if done.lags else None
    longest = max(done.lags, default=None)
    return {
        "new": done.new,
        "known": done.known,
        "untagged": done.untagged,
        "median_lag_seconds": lag,
        "longest_lag_seconds": longest,
    }


def _columns(words: Sequence[str]) -> dict[str, str]:
    pairs = [word.partition("=") for word in words]
    for name, sign, header in pairs:
        if not (name and sign and header):
            raise UsageError(f"--column {name}{sign}{header}: write NAME=HEADER")
    return {name: header for name, _, header in pairs}


# ------------------------------------------------------------------------------------------ text


def _print(rows: Sequence[Any], spent: Any, by: str, told: dict[str, Any] | None) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    if told is not None:
        _print_import(console, told)
    if not rows:
        console.print("no remote work is recorded here; simulations cost nothing")
    else:
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", show_edge=False)
        table.add_column(by)
        for name in _HEADINGS:
            table.add_column(name, justify="right")
        for row in rows:
            for cells in _cells(row):
                table.add_row(*cells)
        console.print(table)
        for line in _notes(rows, spent):
            console.print(line, highlight=False)


_HEADINGS = ("device time", "estimated", "billed", "error", "wasted", "a sample", "a usable one")


def _cells(row: Any) -> list[list[str]]:
    """One line of the table a currency; work without any has one line."""
    currencies = sorted({*row.known, *row.estimated}) or [""]
    lines = []
    for place, currency in enumerate(currencies):
        wasted = sum((money.get(currency, Decimal(0)) for money in row.wasted.values()), Decimal(0))
        error = row.error(currency)
        lines.append(
            [
                row.name if place == 0 else "",
                f"{row.seconds:,.1f} s" if place == 0 else "",
                _told(row.estimated.get(currency), currency),
                _told(row.known.get(currency), currency),
                "" if error is None else f"{error:+.1%}",
                _told(wasted if row.known.get(currency) is not None else None, currency),
                _small(row.per_sample(currency), currency),
                _small(row.per_usable_sample(currency), currency),
            ]
        )
    return lines


def _notes(rows: Sequence[Any], spent: Any) -> list[str]:
    lines = [""]
    for row in rows:
        for reason, money in row.wasted.items():
            if any(money.values()):
                lines.append(f"{row.name}: {_all(money)} wasted, {reason}")
        for currency in sorted(row.known):
            each = row.per_improvement(currency)
            if each is not None:
                lines.append(f"{row.name}: {each:,.2f} {currency} for a loss lower by 1")
        if row.pending:
            expected = f", {_all(row.pending_estimated)} expected" if row.pending_estimated else ""
            lines.append(f"{row.name}: {_bills(row.pending)} pending{expected}: not free")
        if row.unpriced:
            lines.append(
                f"{row.name}: {_bills(row.unpriced)} without a price: tell the account's --plan, "
                "or --prices FILE"
            )
    for name, amounts in (("untagged", spent.untagged), ("prevented", spent.prevented)):
        if amounts:
            meaning = "of no recorded work" if name == "untagged" else "stopped by guards"
            lines.append(f"{_all(_sums(amounts))} {meaning}")
    return lines if len(lines) > 1 else []


def _bills(number: int) -> str:
    return f"{number:,} {'bill is' if number == 1 else 'bills are'}"


def _print_import(console: Any, told: dict[str, Any]) -> None:
    lag = ""
    if told["median_lag_seconds"] is not None:
        days = told["median_lag_seconds"] / DAY, told["longest_lag_seconds"] / DAY
        lag = f"; {days[0]:.1f} days after the work in the median, {days[1]:.1f} at most"
    console.print(
        f"{told['new']:,} new lines, {told['known']:,} known, {told['untagged']:,} of no recorded "
        f"work{lag}",
        highlight=False,
    )


def _sums(amounts: Sequence[Any]) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = {}
    for amount in amounts:
        sums[amount.currency] = sums.get(amount.currency, Decimal(0)) + amount.amount
    return sums


def _told(amount: Decimal | None, currency: str) -> str:
    return "" if amount is None else f"{amount:,.2f} {currency}"


def _small(amount: Decimal | None, currency: str) -> str:
    return "" if amount is None else f"{amount:.3g} {currency}"


def _all(money: dict[str, Decimal]) -> str:
    return ", ".join(f"{amount:,.2f} {currency}" for currency, amount in sorted(money.items()))


# ------------------------------------------------------------------------------------------ JSON


def _row_json(row: Any) -> dict[str, Any]:
    each = ("error", "per_sample", "per_usable_sample", "per_improvement")
    content: dict[str, Any] = {
        "name": row.name,
        "attempts": row.attempts,
        "device_seconds": row.seconds,
        "estimated": _json(row.estimated),
        "billed": _json(row.known),
        "wasted": {reason: _json(money) for reason, money in row.wasted.items()},
        "pending": row.pending,
        "pending_estimated": _json(row.pending_estimated),
        "unpriced": row.unpriced,
        "shots": sum(row.shots.values()),
    }
    for name in each:
        content[name] = {
            currency: told if isinstance(told, float) else str(told)
            for currency in row.known
            if (told := getattr(row, name)(currency)) is not None
        }
    return content


def _json(money: dict[str, Decimal]) -> dict[str, str]:
    return {currency: str(amount) for currency, amount in sorted(money.items())}
