"""Devices for a reader, at 100 columns, and for a machine; what is not known says so."""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal
from itertools import compress
from typing import Any

from qgm_observe.providers.cost import Cost
from qgm_observe.providers.layout import LayoutFaults
from qgm_observe.providers.ranking import Candidate, ExpectedWait
from qgm_observe.records import Estimate

UNKNOWN = "unknown"
FAULTS = {"disabled": "off", "suspect": "suspect", "missing": "uncalibrated", "stale": "stale"}
MOST_NAMED = 3
OLD = 14 * 86400.0
UNITS = ((86400.0, "d"), (3600.0, "h"), (60.0, "m"), (1.0, "s"))
NARROW, NARROWEST, PIPED = 99, 16, 120
COLUMNS = (
    *("#", "device", "state", "qubits", "queue"),
    *("wait", "faults", "calibrated", "success", "cost"),
)
NUMBERS = ("#", "qubits", "queue", "cost")


def render(candidates: Sequence[Candidate], top: int, now: float) -> None:
    """Print the first devices as a table, and below it what the columns rest on."""
    from rich.console import Console
    from rich.table import Table

    console = Console(width=None if sys.stdout.isatty() else PIPED)
    gap = 1 if console.width <= NARROW else 2
    several = len({each.info.provider for each in candidates}) > 1
    rows = [numbered(n, each, now, several) for n, each in enumerate(candidates[:top], 1)]
    known = [any(told[place] != UNKNOWN for told in rows) for place in range(len(COLUMNS))]
    table = Table(box=None, pad_edge=False, padding=(0, gap, 0, 0), header_style="bold")
    for name in compress(COLUMNS, known):
        table.add_column(
            name,
            justify="right" if name in NUMBERS else "left",
            no_wrap=name != "faults",
            overflow="fold",
            min_width=NARROWEST if name == "faults" else None,
        )
    for each, told in zip(candidates, rows, strict=False):
        table.add_row(*compress(told, known), style="dim" if each.reason else "")
    console.print(table)
    untold = [name for name, is_known in zip(COLUMNS, known, strict=True) if not is_known]
    if untold and rows:
        console.print(f"not known of any device: {', '.join(untold)}", highlight=False)
    for line in footnotes(candidates, top):
        console.print(line, highlight=False, soft_wrap=True)


def numbered(number: int, each: Candidate, now: float, several: bool) -> tuple[str, ...]:
    """Return a device's whole line; its provider stands before its name where there are several."""
    name, *told = row(each, now)
    return (str(number), f"{each.info.provider}/{name}" if several else name, *told)


def row(each: Candidate, now: float) -> tuple[str, ...]:
    """Return what a device's line says after its number."""
    status = each.status
    waiting = UNKNOWN if status.queue_jobs is None else f"{status.queue_jobs:,}"
    return (
        each.info.name,
        each.reason or _state(each),
        UNKNOWN if each.info.num_qubits is None else str(each.info.num_qubits),
        f">{waiting}" if status.queue_is_lower_bound else waiting,
        _wait(each.wait),
        _faults(each.faults),
        UNKNOWN if each.calibrated_at is None else _when(each.calibrated_at, now),
        _success(each.quality),
        UNKNOWN if each.cost is None else _money(each.cost),
    )


def footnotes(candidates: Sequence[Candidate], top: int) -> list[str]:
    """Return what the table leaves out, and what its numbers rest on."""
    lines = []
    if len(candidates) > top:
        lines.append(f"{len(candidates) - top} more: --top {len(candidates)}")
    sources = {each.wait.source for each in candidates[:top]} - {UNKNOWN}
    if sources:
        lines.append(f"wait: median / 95 %, from {', '.join(sorted(sources))}")
    if any(each.quality for each in candidates):
        lines.append("success: probability that no gate and no readout fails, by calibration")
        reasons = {each.quality.reason: None for each in candidates[:top] if each.quality}
        lines += [f"  unknown: {reason}" for reason in list(reasons)[:MOST_NAMED] if reason]
    return lines


def as_json(each: Candidate) -> dict[str, Any]:
    """Return a device for a machine: unknown is null."""
    info, status = each.info, each.status
    return {
        "provider": info.provider,
        "account": each.account,
        "device": info.name,
        "usable": each.reason is None,
        "reason": each.reason,
        "state": str(status.state),
        "processing": status.is_processing,
        "qubits": info.num_qubits,
        "queue_jobs": status.queue_jobs,
        "queue_is_lower_bound": status.queue_is_lower_bound,
        "wait_seconds": {"p50": each.wait.p50, "p95": each.wait.p95, "source": each.wait.source},
        "calibrated_at": each.calibrated_at,
        "faults": None if each.faults is None else each.faults._asdict(),
        "expected_success": None if each.quality is None else asdict(each.quality),
        "cost": None
        if each.cost is None
        else {"amount": str(each.cost.amount), "currency": each.cost.currency},
    }


def _state(each: Candidate) -> str:
    if each.status.is_processing is False:
        return f"{each.status.state}, held"
    return str(each.status.state)


def _wait(told: ExpectedWait) -> str:
    if told.p50 is None and told.p95 is None:
        return UNKNOWN
    return f"{_span(told.p50)} / {_span(told.p95)}"


def _span(seconds: float | None) -> str:
    if seconds is None:
        return UNKNOWN
    size, unit = next((each for each in UNITS if seconds >= each[0]), UNITS[-1])
    if seconds / size >= 10:  # noqa: PLR2004  two digits are enough
        return f"{seconds / size:.0f}{unit}"
    return f"{seconds / size:.2g}{unit}"


def _when(at: float, now: float) -> str:
    if now - at > OLD:
        return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d}"
    return f"{_span(max(0.0, now - at))} ago"


def _faults(told: LayoutFaults | None) -> str:
    if told is None:
        return UNKNOWN
    said = []
    for kind, word in FAULTS.items():
        qubits, edges = getattr(told, f"{kind}_qubits"), getattr(told, f"{kind}_edges")
        named = [f"q{q}" for q in qubits] + [f"{a}-{b}" for a, b in edges]
        if named:
            many = len(named) > MOST_NAMED
            said.append(f"{len(named) if many else ' '.join(named)} {word}")
    return ", ".join(said) or "none"


def _money(told: Cost) -> str:
    amount = f"{told.amount:,.2f}"
    if told.amount and Decimal(amount.replace(",", "")) == 0:
        amount = f"{told.amount:.1g}"
    return f"{amount} {told.currency}"


def _success(told: Estimate | None) -> str:
    if told is None or told.value is None:
        return UNKNOWN
    if told.low is None or told.high is None:
        return f"{told.value:.3f}"
    return f"{told.value:.3f}±{(told.high - told.low) / 2:.3f}"
