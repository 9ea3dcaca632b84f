"""Does `qgm-observe reproduce` believe true records, and does it notice a device that got worse?

Random three-qubit circuits are compiled for a snapshot and run on Aer with the snapshot's noise, as
qiskit-aer itself makes it; each job is recorded and replayed by the command. Then once more with
every gate and readout error twice as large as the recorded calibration says.

    python benchmarks/reproduce.py [--jobs 60] [--seed 1]
"""

import argparse
import contextlib
import io
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from qiskit import QuantumCircuit, transpile
from qiskit.circuit.library import efficient_su2
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, ReadoutError
from qiskit_aer.primitives import SamplerV2
from qiskit_ibm_runtime.fake_provider import FakeManilaV2

import qgm_observe as qgm
from qgm_observe.cli import main as command
from qgm_observe.quality.intervals import clopper_pearson

QUBITS = 3
SHOTS = (1_000, 4_000, 16_000)


def noise(times: float) -> NoiseModel:
    """The snapshot's noise with its gate and readout errors so many times as large."""
    snapshot = FakeManilaV2()
    for name in set(snapshot.target.operation_names) - {"measure"}:
        for places, told in (snapshot.target[name] or {}).items():
            if told is not None and told.error:
                worse = type(told)(duration=told.duration, error=min(told.error * times, 1.0))
                snapshot.target.update_instruction_properties(name, places, worse)
    model = NoiseModel.from_backend(snapshot)
    for place, error in model._local_readout_errors.items():  # noqa: SLF001  it has no setter
        (_, up), (down, _) = error.probabilities * times
        model._local_readout_errors[place] = ReadoutError([[1 - up, up], [down, 1 - down]])  # noqa: SLF001
    return model


def ansatz(random: np.random.Generator, simulator: Any) -> QuantumCircuit:
    """A random circuit as the device runs it."""
    circuit = efficient_su2(QUBITS, reps=1, entanglement="linear")
    bound = circuit.assign_parameters(random.normal(size=circuit.num_parameters))
    bound.measure_all()
    return transpile(bound, simulator, seed_transpiler=int(random.integers(2**31)))


def record(device: Any, model: NoiseModel, circuit: QuantumCircuit, shots: int, seed: int) -> str:
    """Record a job that ran with a noise while its device says what the snapshot does."""
    sampler = SamplerV2(seed=seed, options={"backend_options": {"noise_model": model}})
    with qgm.run(model="reproduced") as run, run.job(device) as job:
        job.results(job.attempt(sampler.run, [circuit], shots=shots))
    return job.id


def is_reproduced(journal: Path, job: str, seed: int) -> bool:
    """What the command says of a job."""
    qgm.flush()
    with contextlib.redirect_stdout(io.StringIO()) as said:
        command(["reproduce", job, "--journal", str(journal), "--json", "--seed", str(seed)])
    return bool(json.loads(said.getvalue())["reproduced"])


def measure(jobs: int, shots: int, times: float, seed: int, folder: Path) -> int:
    """Return how many of so many recorded jobs are called reproduced."""
    journal = folder / f"{shots}-{times}.db"
    qgm.configure(journal=journal, capture="all", detail_rate=1e9)
    random, model = np.random.default_rng(seed), noise(times)
    simulator = AerSimulator.from_backend(FakeManilaV2())
    device = AerSimulator.from_backend(FakeManilaV2())
    device.set_options(noise_model=None)  # it holds the calibration alone, as a device does
    count = 0
    for number in range(jobs):
        circuit = ansatz(random, simulator)
        job = record(device, model, circuit, shots, seed + number)
        count += is_reproduced(journal, job, seed + jobs + number)
    return count


def main() -> int:
    """Print the table; 1 if fewer than 95 % of true jobs are believed, or doubled errors are."""
    broken = False
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    begun = time.process_time()
    print(f"{'shots':>7} {'true: reproduced':>24} {'errors doubled: noticed':>30}")
    with tempfile.TemporaryDirectory() as folder:
        for shots in SHOTS:
            true = measure(args.jobs, shots, 1.0, args.seed, Path(folder))
            noticed = args.jobs - measure(args.jobs, shots, 2.0, args.seed, Path(folder))
            broken |= true < 0.95 * args.jobs
            cells = (f"{_share(each, args.jobs)}" for each in (true, noticed))
            print(f"{shots:>7} {next(cells):>24} {next(cells):>30}")
        qgm.flush()
    print(f"{args.jobs} jobs each, asked for: 95 % of true ones; intervals at 95 %")
    print(f"{time.process_time() - begun:.1f} s CPU")
    return int(broken or noticed < 0.9 * args.jobs)  # those with the most shots


def _share(count: int, jobs: int) -> str:
    low, high = clopper_pearson(count, jobs, 0.95)
    return f"{count / jobs:.0%} [{low:.0%}, {high:.0%}]"


if __name__ == "__main__":
    sys.exit(main())
