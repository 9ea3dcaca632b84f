"""Tell before work is submitted whether it should be: time, cost, wait, quota, layout, shots.

Maintenance ahead is told by you: what IBM announces on its pages its interface does not tell
(Qiskit/qiskit-ibm-runtime, issue 2480, open). What is on now is in a device's status.

Exit codes: 0 go; 1 no-go, with the cheapest change that makes it go; 2 it cannot be told, or bad
input, each in a line. Nothing is submitted.
"""

import argparse
import contextlib
import json
import time
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from qgm_observe.catalog import ExecutionMode
from qgm_observe.cli import option_types
from qgm_observe.cli.flight_table import render
from qgm_observe.errors import MissingExtra, UsageError
from qgm_observe.journal import open_journal
from qgm_observe.providers.protocol import Price, Provider
from qgm_observe.settings import load_settings
from qgm_observe.spend.checks import Answer, checked_window
from qgm_observe.spend.foresight import History
from qgm_observe.spend.limits import EXAMPLE, SUBMISSIONS_A_MINUTE, limits
from qgm_observe.spend.outlook import earlier, look
from qgm_observe.spend.plan import Plan, provider_of
from qgm_observe.spend.preflight import Preflight, preflight
from qgm_observe.spend.rerun import told_by_last_run

EXIT = {Answer.GO: 0, Answer.NO_GO: 1, Answer.UNKNOWN: 2}
SCRIPT = ".py"
_PLANNED = (
    *("provider", "device", "mode", "jobs", "circuits", "shots", "layout", "between", "each"),
    *("at_once", "session_seconds", "success", "half_width", "shot_sd", "gradient_variance"),
    *("gradient_snr", "qubits"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    from qgm_observe.providers.registry import providers

    modes = [str(mode) for mode in ExecutionMode if mode is not ExecutionMode.LOCAL]
    parser.add_argument(
        "work",
        nargs="?",
        type=Path,
        metavar="SCRIPT|CIRCUIT",
        help="a script whose last run is in the journal, or OpenQASM 2 or 3, or QPY",
    )
    parser.add_argument("--provider", choices=providers(), help="default: the device's, else ibm")
    parser.add_argument("--config", type=Path, metavar="FILE", help="the account, as for `export`")
    parser.add_argument("--device", metavar="NAME", help="default: that of the script's last run")
    parser.add_argument("--mode", choices=modes, help="default: job")
    for name, about in (
        ("jobs", "submissions (default: 1)"),
        ("circuits", "of a job (default: 1)"),
        ("shots", "of a circuit (default: 4096)"),
        ("qubits", "that a circuit needs"),
    ):
        parser.add_argument(f"--{name}", type=option_types.count, metavar="N", help=about)
    parser.add_argument(
        "--layout", type=option_types.qubits, metavar="Q,Q,...", help="qubits of the device"
    )
    parser.add_argument("--between", type=_range, metavar="S[-S]", help="from a result to the next")
    parser.add_argument("--each", type=_range, metavar="S[-S]", help="device time of a job")
    parser.add_argument("--at-once", action="store_true", default=None, help="without waiting")
    parser.add_argument("--session-seconds", type=float, metavar="S", help="longest life")
    parser.add_argument(
        "--guard", metavar="LIMITS", help=f"as for `run`: {EXAMPLE.split(', 30')[0]}"
    )
    parser.add_argument("--success", type=float, metavar="P", help="least expected success")
    parser.add_argument("--half-width", type=float, metavar="H", help="of the objective's interval")
    parser.add_argument("--shot-sd", type=float, metavar="SD", help="of one shot of the objective")
    parser.add_argument(
        "--gradient-variance", type=float, metavar="V", help="mean squared component"
    )
    parser.add_argument("--gradient-snr", type=float, metavar="R", help="wanted (default: 1)")
    parser.add_argument(
        "--maintenance",
        nargs=2,
        action="append",
        default=[],
        metavar=("FROM", "TO"),
        help="ISO 8601",
    )
    parser.add_argument(
        "--stale-after", type=float, default=48.0, metavar="HOURS", help="default: 48"
    )
    parser.add_argument("--journal", type=Path, metavar="PATH", help="with earlier jobs")
    parser.add_argument("--plan", help="the account's plan, where prices differ by it")
    parser.add_argument("--prices", type=Path, metavar="FILE", help="your own, before the shipped")
    parser.add_argument("--json", action="store_true", help="for machines")


def main(args: argparse.Namespace) -> int:
    """Run the command and return its exit code."""
    now = time.time()
    planned, circuit = _planned(args)
    history, waits = _earlier(args, planned, now)
    with contextlib.closing(_opened(args, planned)) as provider:
        outlook = look(
            provider,
            planned.device,
            at=now,
            circuit=circuit,
            layout=planned.layout,
            price=_price(args, planned),
            history=history,
            waits=waits,
            maintenance=[checked_window(_at(one), _at(two)) for one, two in args.maintenance],
            stale_seconds=args.stale_after * 3600,
        )
    told = preflight(planned, outlook)
    if args.json:
        print(json.dumps(as_json(told), indent=2, default=str))
    else:
        render(planned, told)
    return EXIT[told.answer]


def as_json(told: Preflight) -> dict[str, Any]:
    """Return a verdict for a machine: unknown is null."""
    change = told.change
    return {
        "answer": str(told.answer),
        "findings": [finding._asdict() for finding in told.findings],
        "change": None
        if change is None
        else {
            "steps": change.steps,
            "gives_up": change.gives_up,
            "cost": change.bill,
            "currency": change.currency,
        },
        "modes": [
            {name: _told(value) for name, value in asdict(each).items()} for each in told.forecasts
        ],
        "wait": asdict(told.wait),
        "expected_success": None if told.quality is None else asdict(told.quality),
    }


def _told(value: Any) -> Any:
    return value._asdict() if hasattr(value, "_asdict") else value


def _planned(args: argparse.Namespace) -> tuple[Plan, Any]:
    """The plan: options over what the script's last run did; and the circuit."""
    told: dict[str, Any] = {}
    circuit = None
    if args.work is not None and not args.work.exists():
        raise UsageError(
            f"{args.work}: no such file; write a script's path, or a circuit's; a device is told"
            " by --device NAME"
        )
    if args.work is not None and args.work.suffix == SCRIPT:
        told = _of_script(args)
    elif args.work is not None:
        from qgm_observe.providers.placement import read_circuit

        circuit = read_circuit(args.work)
        told = {"qubits": circuit.num_qubits}
    given = {name: getattr(args, name) for name in _PLANNED if getattr(args, name) is not None}
    told |= given
    if args.mode is not None:
        told["mode"] = ExecutionMode(args.mode)
    if "device" not in told:
        is_script = args.work is not None and args.work.suffix == SCRIPT
        why = f"{args.work}: its last run was on a simulator" if is_script else "no device"
        raise UsageError(f"{why}: write --device NAME, such as --device ibm_fez")
    if "provider" not in told or provider_of(told["device"]) == "local":
        told["provider"] = given.get("provider", provider_of(told["device"]))
    if args.layout and told.get("qubits") not in {None, len(args.layout)}:
        raise UsageError(f"--layout names {len(args.layout)} qubits: write {told['qubits']}")
    return _limited(args, Plan(**told)), circuit


def _of_script(args: argparse.Namespace) -> dict[str, Any]:
    told = None
    place = args.journal or load_settings().journal_path
    if place.exists():
        with open_journal(place, read_only=True) as journal:
            told = told_by_last_run(journal, args.work.stem)
    if told is None:
        raise UsageError(
            f"{args.work}: no run of it is in the journal, so what it submits is not known: write "
            "--device, --jobs and --shots without it, or its circuit instead"
        )
    return told


def _limited(args: argparse.Namespace, planned: Plan) -> Plan:
    if args.guard is None:
        return planned
    wanted = limits(args.guard)
    throttled = wanted.submissions
    if throttled == 0:
        throttled = SUBMISSIONS_A_MINUTE.get(planned.provider)
    return replace(planned, money=wanted.money, device_seconds=wanted.seconds, throttled=throttled)


def _opened(args: argparse.Namespace, planned: Plan) -> Provider:
    from qgm_observe.providers.registry import open_provider

    if args.config is None:
        options = {"plan": args.plan} if args.plan and planned.provider == "ibm" else {}
        return open_provider(planned.provider, **options)
    from qgm_observe.exporters.config import load_config
    from qgm_observe.exporters.provider import open_provider as open_account

    accounts = load_config(args.config).providers
    fitting = [each for each in accounts if each.provider == planned.provider]
    if not fitting:
        known = " or ".join(dict.fromkeys(each.provider for each in accounts))
        raise UsageError(
            f"{args.config}: no account of {planned.provider}; write --provider {known}, or add one"
        )
    return open_account(fitting[0])


def _earlier(
    args: argparse.Namespace, planned: Plan, now: float
) -> tuple[History, list[tuple[float, float]]]:
    place = args.journal or load_settings().journal_path
    if args.journal is None and not place.exists():
        return History(), []
    with open_journal(place, read_only=True) as journal:
        return earlier(journal, planned.provider, planned.device, now)


def _price(args: argparse.Namespace, planned: Plan) -> Price | None:
    from qgm_observe.spend.pricing import tariff

    try:
        known = tariff(args.plan or load_settings().plan, args.prices)
    except MissingExtra:
        if args.prices is not None or args.plan is not None:
            raise
        return None
    return known.price(planned.provider, planned.device)


def _range(text: str) -> tuple[float, float]:
    low, _, high = text.partition("-")
    try:
        return float(low), float(high or low)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: write seconds such as 10 or 8-12") from None


def _at(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"--maintenance {text!r}: write a time such as 2026-05-01T12:00") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
