"""Does `qgm-observe diff` name the planted cause first? Randomized pairs of runs, really recorded.

Each pair is two runs that differ by one planted cause (compiler, seed, encoding, calibration,
shots, code) and by what differs from day to day: each calibrated number drifts a little, another
package is patched, a commit comes that touches none of the run's files, a container is rebuilt,
shots vary by a few per cent. What follows from a cause follows here as well: circuits are laid out
for the calibration by Qiskit's transpiler.

    python benchmarks/diff.py [--pairs 100] [--seed 1]
"""

import argparse
import copy
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from qiskit import QuantumCircuit, transpile
from qiskit.circuit.library import efficient_su2

import qgm_observe as qgm
from qgm_observe.cli.differences import compare
from qgm_observe.cli.run_facts import facts_of
from qgm_observe.journal import open_journal
from qgm_observe.lifecycle import recorder
from qgm_observe.lifecycle.provenance import Provenance
from qgm_observe.quality.encoding import Encoding

CAUSES = ("compiler", "seed", "encoding", "calibration", "shots", "code")
QUBITS = 7
PARAMETERS = {"T1": 120e-6, "T2": 90e-6, "readout_error": 0.02}
PAIR_ERROR = 0.009
ORIGIN = {
    "python": "3.11.7",
    "platform": "linux x86_64",
    "packages": {
        "qiskit": "2.6.2",
        "qiskit-aer": "0.18.2",
        "numpy": "2.4.6",
        "rich": "15.0.1",
        "requests": "2.34.2",
    },
    "code": {"train.py": "0a1b2c3d4e5f", "ansatz.py": "1a2b3c4d5e6f"},
    "git": {"commit": "a" * 40, "dirty": False},
    "container": {"image": "sha256:" + "0" * 64},
}


class World:
    """Everything a run rests on, as it can be changed."""

    def __init__(self, random: np.random.Generator) -> None:
        self.random = random
        self.origin: dict[str, Any] = copy.deepcopy(ORIGIN)
        self.seed = int(random.integers(1_000_000))
        self.level = int(random.integers(1, 4))
        self.shots = int(random.choice([512, 1024, 2048, 4096]))
        self.encoding = "1"
        self.numbers = {
            (name, qubit): base * random.lognormal(0, 0.4)
            for name, base in PARAMETERS.items()
            for qubit in range(QUBITS)
        }
        self.numbers |= {
            ("cx", qubit): PAIR_ERROR * random.lognormal(0, 0.4) for qubit in range(QUBITS - 1)
        }

    def later(self) -> "World":
        """What a week does: nothing in it is a cause."""
        twin = copy.copy(self)
        twin.origin, random = copy.deepcopy(self.origin), self.random
        twin.numbers = {key: v * random.lognormal(0, 0.15) for key, v in self.numbers.items()}
        if random.random() < 0.5:
            twin.origin["packages"]["rich"] = "15.0.2"
        if random.random() < 0.5:
            twin.origin["packages"]["requests"] = "2.35.0"
        if random.random() < 0.5:
            twin.origin["git"]["commit"] = "b" * 40
        if random.random() < 0.3:
            twin.origin["container"]["image"] = "sha256:" + "1" * 64
        if random.random() < 0.3:
            twin.shots = round(self.shots * random.uniform(0.95, 1.05))
        return twin

    def with_cause(self, cause: str, qubits: list[int]) -> None:
        """Plant one cause."""
        random = self.random
        if cause == "compiler" and random.random() < 0.5:
            self.level = self.level % 3 + 1
        elif cause == "compiler":
            self.origin["packages"]["qiskit"] = str(random.choice(["2.6.3", "2.7.0"]))
        elif cause == "seed":
            self.seed += 1
        elif cause == "encoding":
            self.encoding = "2"
        elif cause == "shots":
            self.shots = int(self.shots * random.choice([0.25, 0.5, 2, 4]))
        elif cause == "code":
            self.origin["code"]["ansatz.py"] = "f" * 12
        else:
            name = str(random.choice(["T1", "readout_error"]))
            factor = random.uniform(4, 10)
            key = (name, int(random.choice(qubits)))
            self.numbers[key] *= 1 / factor if name == "T1" else factor

    def properties(self) -> dict[str, Any]:
        """IBM's document of a device."""
        qubits = [
            [{"name": name, "unit": "", "value": self.numbers[name, q]} for name in PARAMETERS]
            for q in range(QUBITS)
        ]
        gates = [
            {
                "gate": "cx",
                "qubits": [q, q + 1],
                "parameters": [{"name": "gate_error", "unit": "", "value": self.numbers["cx", q]}],
            }
            for q in range(QUBITS - 1)
        ]
        return {"qubits": qubits, "gates": gates}

    def chain(self) -> list[int]:
        """The three neighbors with the best readout, as a layout pass would choose them."""
        costs = [
            sum(self.numbers["readout_error", q] for q in range(start, start + 3))
            for start in range(QUBITS - 2)
        ]
        best = int(np.argmin(costs))
        return list(range(best, best + 3))


class Backend:
    """A device of seven qubits in a line."""

    name = "line"

    def __init__(self, world: World) -> None:
        self._props_dict = world.properties()


class Origin:
    """A process that is made of what the world says."""

    def __init__(self, world: World) -> None:
        self._told = world.origin, {}

    def facts(self, *, patient: bool) -> Any:  # noqa: ARG002  the real one's
        """Return it."""
        return self._told


def record(world: World) -> str:
    """Record a run of three steps and return its id."""
    made = recorder()
    made.provenance = Provenance(made, Origin(world))  # type: ignore[arg-type]
    circuit = efficient_su2(3, reps=1)
    circuit.measure_all()
    compiled = transpile(
        circuit,
        basis_gates=["cx", "rz", "sx", "x"],
        coupling_map=[[q, q + 1] for q in range(QUBITS - 1)],
        initial_layout=world.chain(),
        optimization_level=world.level,
        seed_transpiler=world.seed,
    )
    angles = np.random.default_rng(world.seed).normal(size=(3, compiled.num_parameters))
    encoding = Encoding(
        name="angle", version=world.encoding, features=("x",), low=(0.0,), high=(1.0,), bits=(0,)
    )
    with qgm.run(model="qcbm", model_version="1") as run:
        run.note(seed=world.seed, optimization_level=world.level)
        run.encoding(encoding)
        for row in angles:
            job = run.job(Backend(world), shots=world.shots)
            with job:
                job.attempt(submit, [(compiled, row)])
    qgm.flush()
    return run.id


def submit(_pubs: list[tuple[QuantumCircuit, Any]]) -> object:
    """Take the circuits; whether they run is no matter here."""
    return object()


def first_of(journal: Path, before: str, after: str) -> Any:
    """Return the first change that `diff` names."""
    with open_journal(journal, read_only=True) as store:
        events = {e.subject: e for e in store.events(verbs=("finished",), nouns=("run",))}
        changes = compare(facts_of(store, events[before]), facts_of(store, events[after]))
    return changes[0] if changes else None


def is_named(cause: str, change: Any) -> bool:
    """Whether a change is the planted cause."""
    kinds = {"compiler": {"compiler", "optimization level", "setting"}}.get(cause, {cause})
    return change is not None and change.kind in kinds


def measure(pairs: int, seed: int, folder: Path) -> tuple[Counter[str], Counter[str], list[str]]:
    """Return how often each cause was planted and named first, and what was named instead."""
    journal = folder / "journal.db"
    qgm.configure(journal=journal, detail_rate=1e9)
    random = np.random.default_rng(seed)
    planted, named, instead = Counter[str](), Counter[str](), []
    for number in range(pairs):
        cause = CAUSES[number % len(CAUSES)]
        world = World(random)
        other = world.later()
        other.with_cause(cause, world.chain())
        change = first_of(journal, record(world), record(other))
        planted[cause] += 1
        named[cause] += is_named(cause, change)
        if not is_named(cause, change):
            instead.append(f"{cause}: {'nothing' if change is None else change.kind}")
    return planted, named, instead


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    begun = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        planted, named, instead = measure(args.pairs, args.seed, Path(folder))
        qgm.flush()
    for cause in CAUSES:
        print(f"{cause:<12} {named[cause]:3d} of {planted[cause]:3d} named first")
    print(f"{'all':<12} {named.total():3d} of {planted.total():3d}, asked for: 90 of 100")
    print(f"instead: {', '.join(instead) or 'nothing'}")
    print(f"{time.process_time() - begun:.1f} s CPU")


if __name__ == "__main__":
    main()
