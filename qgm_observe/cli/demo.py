"""Train a quantum circuit Born machine here, with the noise of a real calibration snapshot.

Every stage of every job is recorded in the journal and served at /metrics while it runs.
`--replay` shows a recorded run and needs nothing but the base installation.
"""

import argparse
import json
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import qgm_observe as qgm
from qgm_observe.cli.progress import progress
from qgm_observe.cli.showing import serve_on, tell
from qgm_observe.errors import MissingExtra, UsageError
from qgm_observe.journal import open_journal

SAMPLES = 4096
SCRAPE_INTERVAL = 1.0


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of the demo."""
    parser.add_argument("--journal", type=Path, help="the journal's file (default: yours)")
    parser.add_argument("--seed", type=int, default=7, help="of the training (default 7)")
    parser.add_argument("--iterations", type=int, default=40, help="optimizer steps (default 40)")
    parser.add_argument(
        "--device", default="fez", help="calibration snapshot to take the noise from, or 'aer'"
    )
    parser.add_argument("--target", default="bars-and-stripes", help="or gaussian-mixture, or iris")
    parser.add_argument("--port", type=int, default=9464, help="of /metrics; 0 takes a free one")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")
    parser.add_argument("--serve", action="store_true", help="serve /metrics on until Ctrl-C")
    parser.add_argument("--replay", action="store_true", help="show a recorded run instead")


def main(args: argparse.Namespace) -> int:
    """Run the demo or the replay; returns the exit code."""
    for name, least in (("iterations", 1), ("seed", 0)):
        if getattr(args, name) < least:
            raise UsageError(f"--{name} {getattr(args, name)}: write {least} or more")
    if args.replay:
        from qgm_observe.cli.replay import replay

        return replay(args)
    settings = qgm.configure(
        **({} if args.journal is None else {"journal": args.journal}),
        project="demo",
        pipeline="demo",
        scrape_interval=SCRAPE_INTERVAL,
    )
    endpoint = qgm.serve(args.port)
    core, target = _core(args)
    sys.stderr.write(f"metrics  {endpoint.url}\njournal  {settings.journal_path}\n")
    with open_journal(settings.journal_path) as journal:
        before = journal.last_seq()
        _train(core, target, args.iterations)
        qgm.flush()
        events = list(journal.events(after=before))
    tell(events, settings.journal_path, as_json=args.json)
    serve_on(endpoint, wanted=args.serve)
    return 0


def _core(args: argparse.Namespace) -> tuple[Any, Any]:
    """The training core and what it is to learn, both from the training room."""
    try:
        from qgm_observe.instrumentation.caching import CachedCompiler
        from qgm_observe.training.devices import load_device
        from qgm_observe.training.qcbm import QCBM
        from qgm_observe.training.targets import load_target

        target = load_target(args.target)
        device = load_device(args.device, target.num_qubits, args.seed)
        return QCBM(device, seed=args.seed, compiler=CachedCompiler(device.backend)), target
    except ImportError as error:
        raise MissingExtra("the demo", "demo") from error
    except ValueError as error:
        raise UsageError(str(error)) from None


def _train(core: Any, target: Any, iterations: int) -> None:
    """Train in sight, then sample, and say what the samples are worth."""
    qgm.observe(core, model="qcbm", model_version="1")
    with progress(f"training on {core.device.name}", iterations) as advance:
        core.fit(target, iterations=iterations, on_step=lambda _, loss: advance(loss))
    compiled = core.compile(core.circuit)
    with qgm.job(core.backend, model="qcbm", model_version="1", kind="inference") as job:
        counts = core.sample(SAMPLES)
        qgm.evaluate(
            counts,
            target.probabilities,
            circuit=compiled,
            calibration=_errors(core.device),
            ideal=core.exact(),
        )
        job.note(**_described(core.device, target))
        if core.device.calibration is not None:
            job.keep("calibration", partial(_text_of, core.device.calibration))


def _text_of(calibration: Any) -> bytes:
    return json.dumps(calibration.to_dict(), default=str, sort_keys=True).encode()


def _errors(device: Any) -> dict[str, Any] | None:
    """The errors of the qubits that were cut out of the snapshot, under their new numbers."""
    if device.calibration is None or device.qubits is None:
        return None
    from qgm_observe.providers.ibm_files import calibration

    told = calibration("local", device.name, json.loads(_text_of(device.calibration)), time.time())
    place = {qubit: number for number, qubit in enumerate(device.qubits)}
    gates = {
        (name, tuple(place[qubit] for qubit in qubits)): gate.error.value
        for (name, qubits), gate in told.gates.items()
        if place.keys() >= set(qubits)
    }
    pair = ("prob_meas1_prep0", "prob_meas0_prep1")
    readout = {
        place[qubit]: tuple(known[name].value for name in pair)
        for qubit, known in told.qubits.items()
        if qubit in place and all(name in known for name in pair)
    }
    return {"gates": gates, "readout": readout}


def _described(device: Any, target: Any) -> dict[str, Any]:
    known = {
        "target": target.name,
        "valid_if_guessed": float(target.support.mean()),
        "device": device.name,
        "qubits": device.qubits and list(device.qubits),
        "calibrated_at": device.calibrated_at and device.calibrated_at.isoformat(),
    }
    return {name: value for name, value in known.items() if value is not None}
