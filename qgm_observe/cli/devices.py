"""List devices, and rank them for a circuit: wait, faulty qubits, expected quality, cost."""

import argparse
import contextlib
import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from qgm_observe.cli import option_types
from qgm_observe.cli.device_table import as_json, render
from qgm_observe.errors import MissingExtra, UsageError
from qgm_observe.providers.cost import cost
from qgm_observe.providers.layout import LayoutFaults, layout_faults
from qgm_observe.providers.local import require_snapshots
from qgm_observe.providers.placement import Placement, place, read_circuit
from qgm_observe.providers.protocol import (
    AER,
    FAKE,
    Calibration,
    Capability,
    DeviceInfo,
    Price,
    Provider,
)
from qgm_observe.providers.ranking import (
    Candidate,
    expected_wait,
    ranked,
    why_unusable,
)
from qgm_observe.records import Estimate, Job
from qgm_observe.settings import load_settings

HISTORY_DAYS = 90
DAY = 86400.0
Waits = Mapping[tuple[str, str], Sequence[tuple[float, float]]]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    from qgm_observe.providers.registry import providers

    parser.add_argument(
        "--provider",
        action="append",
        choices=providers(),
        metavar="NAME",
        help=f"may be repeated; default: local; known: {', '.join(providers())}",
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="accounts, as `export` takes")
    work = parser.add_mutually_exclusive_group()
    work.add_argument("--circuit", type=Path, metavar="FILE", help="OpenQASM 2 or 3, or QPY")
    work.add_argument("--qubits", type=int, metavar="N", help="that a circuit needs")
    parser.add_argument(
        "--layout",
        type=option_types.qubits,
        metavar="Q,Q,...",
        help="the device's qubits that it runs on",
    )
    parser.add_argument(
        "--shots", type=option_types.count, metavar="N", help="of a job, for its cost"
    )
    parser.add_argument(
        "--seconds", type=float, metavar="S", help="a job's device time, where that is billed"
    )
    parser.add_argument("--plan", help="the account's plan, where prices differ by it")
    parser.add_argument("--prices", type=Path, metavar="FILE", help="your own, before the shipped")
    parser.add_argument("--journal", type=Path, metavar="PATH", help="with waits of earlier jobs")
    parser.add_argument(
        "--stale-after", type=float, default=48.0, metavar="HOURS", help="default: 48"
    )
    parser.add_argument("--by", choices=("wait", "quality", "cost"), help="what counts most")
    parser.add_argument(
        "--top", type=option_types.count, default=20, metavar="N", help="default: 20"
    )
    parser.add_argument("--json", action="store_true", help="all of them, for machines")


def main(args: argparse.Namespace) -> int:
    """Run the command and return its exit code; 1 if a provider did not answer."""
    circuit = read_circuit(args.circuit) if args.circuit else None
    _check_layout(args, circuit)
    waits = _history(args.journal)
    found, failed = [], []
    for provider in _opened(args):
        with contextlib.closing(provider):
            try:
                found += _candidates(provider, args, circuit, waits)
            except UsageError:
                raise
            except Exception as error:  # noqa: BLE001  each provider's library has types of its own
                failed.append(f"{provider.name}: {provider.classify(error)}: {_first_line(error)}")
    ordered = ranked(found, args.by or ("quality" if circuit is not None else "wait"))
    if args.json:
        print(json.dumps([as_json(each) for each in ordered], indent=2))
    else:
        render(ordered, args.top, time.time())
    for line in [*_absent(found), *failed]:
        sys.stderr.write(f"qgm-observe: {line}\n")
    return 1 if failed else 0


def _absent(found: Sequence[Candidate]) -> list[str]:
    """Name the extra that brings IBM's snapshots, where Aer stands alone for want of it."""
    if [each.info.name for each in found] != [AER]:
        return []
    try:
        require_snapshots(f"{FAKE}fez")
    except MissingExtra as error:
        return [str(error)]
    return []


def _opened(args: argparse.Namespace) -> Iterator[Provider]:
    from qgm_observe.providers.registry import open_provider

    if args.config is not None:
        if args.provider:
            raise UsageError("write --config or --provider, not both: the file names its providers")
        yield from _configured(args.config)
        return
    for kind in dict.fromkeys(args.provider or ["local"]):
        yield open_provider(kind)


def _configured(path: Path) -> Iterator[Provider]:
    from qgm_observe.exporters.config import load_config
    from qgm_observe.exporters.provider import open_provider

    for account in load_config(path).providers:
        yield open_provider(account)


def _candidates(
    provider: Provider, args: argparse.Namespace, circuit: Any, waits: Waits
) -> list[Candidate]:
    from rich.console import Console
    from rich.progress import track

    known_price = _prices(args)
    needed = circuit.num_qubits if circuit is not None else args.qubits
    found, now = [], time.time()
    err = Console(stderr=True)
    told = track(provider.devices(), f"asking {provider.name}", console=err, transient=True)
    for info, status in told:
        reason = why_unusable(info, status, needed, args.shots, args.layout or ())
        calibration, full = None, info
        if reason is None and Capability.CALIBRATION in provider.capabilities:
            calibration = provider.calibration(info.name)
        if calibration is not None and circuit is not None:
            full = info if info.edges else provider.device(info.name)
        faults, quality = _examined(full, calibration, circuit, args, now)
        listed = known_price(provider.name, info.name)
        asked_for = listed if args.prices or args.plan else None
        price = asked_for or provider.price(info.name) or listed
        found.append(
            Candidate(
                info=info,
                status=status,
                account=provider.account,
                calibrated_at=None if calibration is None else calibration.taken_at,
                wait=expected_wait(status, waits.get((provider.name, info.name), ()), now),
                is_laid_out=bool(args.layout) or circuit is not None,
                faults=faults,
                quality=quality,
                cost=cost(price, shots=args.shots, seconds=args.seconds),
                reason=reason,
            )
        )
    return found


def _prices(args: argparse.Namespace) -> Callable[[str, str], Price | None]:
    """Look prices up, where what reads the file is installed; else they are unknown."""
    try:
        from qgm_observe.providers.prices import prices
    except MissingExtra:
        needed = MissingExtra("a price", "guard")
        if args.prices is not None:
            raise needed from None
        sys.stderr.write(f"qgm-observe: no cost: {needed}\n")
        return lambda *_: None
    listed = prices(args.prices)
    return lambda provider, device: listed.price(provider, device, args.plan)


def _examined(
    info: DeviceInfo,
    calibration: Calibration | None,
    circuit: Any,
    args: argparse.Namespace,
    now: float,
) -> tuple[LayoutFaults | None, Estimate | None]:
    """Look at the qubits in use, else at all, and at the circuit on them."""
    if calibration is None:
        return None, None
    placed = None if circuit is None else place(circuit, info, calibration, args.layout)
    chosen = args.layout or (placed.qubits if placed else ())
    edges = placed.edges if placed and not placed.reason else None
    # a snapshot of a simulator does not age
    limit = None if info.is_simulator else now - args.stale_after * 3600
    faults = layout_faults(
        calibration, chosen or sorted(calibration.qubits), edges=edges, stale_before=limit
    )
    return faults, None if placed is None else _expected(placed)


def _expected(placed: Placement) -> Estimate:
    from qgm_observe.quality.noise import expected_success

    if placed.reason:
        return Estimate(name="expected_success", level=0.95, reason=placed.reason)
    errors: dict[Hashable, float | None] = dict(placed.errors.items())
    uses: dict[Hashable, int] = dict(placed.uses.items())
    return expected_success(errors, uses, placed.readout_errors)


def _history(path: Path | None) -> Waits:
    """Waits of remote jobs by provider and device, from the named journal or the user's own."""
    from qgm_observe.journal import open_journal

    place_ = path or load_settings().journal_path
    if path is None and not place_.exists():
        return {}
    waits: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    fields = ("provider", "device", "execution_mode", "started_at", "queue")
    with open_journal(place_, read_only=True) as journal:
        rows = journal.rows(Job, fields, since=time.time() - HISTORY_DAYS * DAY)
        for provider, device, mode, start, waited in rows:
            if waited is not None and mode != "local":
                waits[provider, device].append((start, waited))
    return waits


def _check_layout(args: argparse.Namespace, circuit: Any) -> None:
    needed = circuit.num_qubits if circuit is not None else args.qubits
    if args.layout and needed is not None and len(args.layout) != needed:
        raise UsageError(f"--layout names {len(args.layout)} qubits: write {needed}")
    if args.qubits is not None and args.qubits < 1:
        raise UsageError(f"--qubits {args.qubits}: write a count of 1 or more")


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
