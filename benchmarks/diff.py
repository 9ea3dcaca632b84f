"""Does `qgm-observe diff` name the planted cause first? Randomized pairs of runs, really recorded.

Each pair is two runs that differ by one planted cause (compiler, seed, encoding, calibration,
shots, code) and by what differs from day to day: each calibrated number drifts a little, another
package is patched, a commit comes that touches none of the run's files, a container is rebuilt,
shots vary by a few per cent. What follows from a cause follows here as well: circuits are laid out
for the calibration by Qiskit's transpiler.

Two harder rows: in a restless week T1 and T2 drift by a third, the compiler, the simulator and
numpy are patched as well, results go into another folder, and causes are smaller (shots by half,
errors by little more than twice); and with two causes at once both have to be the first two.

    python benchmarks/diff.py [--pairs 100] [--seed 1]
"""

import argparse
import copy
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from qiskit import QuantumCircuit, transpile
from qiskit.circuit.library import efficient_su2

import qgm_observe as qgm
from qgm_observe.catalog import ExecutionMode
from qgm_observe.cli.differences import Change, compare
from qgm_observe.cli.run_facts import facts_of
from qgm_observe.journal import open_journal
from qgm_observe.lifecycle import Device, recorder
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
    "arguments": ["--epochs", "3", "--out", "runs/1"],
}
PATCHES = {"qiskit": "2.6.3", "qiskit-aer": "0.18.3", "numpy": "2.4.7"}


class World:
    """Everything a run rests on, as it can be changed."""

    def __init__(self, random: np.random.Generator, *, restless: bool = False) -> None:
        self.random, self.restless = random, restless
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
        if self.restless:
            twin.origin["packages"] |= PATCHES
            twin.origin["arguments"][-1] = "runs/2"
            twin.origin["git"]["dirty"] = True
            twin.numbers |= {
                key: v * random.lognormal(0, 0.3)
                for key, v in self.numbers.items()
                if key[0] in ("T1", "T2")
            }
        return twin

    def with_cause(self, cause: str, qubits: list[int]) -> None:
        """Plant one cause."""
        random = self.random
        if cause == "compiler" and (self.restless or random.random() < 0.5):
            self.level = self.level % 3 + 1
        elif cause == "compiler":
            self.origin["packages"]["qiskit"] = str(random.choice(["2.6.3", "2.7.0"]))
        elif cause == "seed":
            self.seed += 1
        elif cause == "encoding":
            self.encoding = "2"
        elif cause == "shots":
            sizes = [2 / 3, 3 / 2] if self.restless else [0.25, 0.5, 2, 4]
            self.shots = int(self.shots * random.choice(sizes))
        elif cause == "code":
            self.origin["code"]["ansatz.py"] = "f" * 12
        else:
            name = str(random.choice(["T1", "readout_error"]))
            factor = random.uniform(2.1, 3) if self.restless else random.uniform(4, 10)
            factor = factor**2 if self.restless and name == "T1" else factor
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
    qgm_device = Device("ibm", "line", "us-east", ExecutionMode.JOB)

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
    made.writer.provenance = Provenance(made, Origin(world))  # type: ignore[arg-type]
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


def changes_of(journal: Path, before: str, after: str) -> list[Change]:
    """Return the changes that `diff` names, in its order."""
    with open_journal(journal, read_only=True) as store:
        events = {e.subject: e for e in store.events(verbs=("finished",), nouns=("run",))}
        return compare(facts_of(store, events[before]), facts_of(store, events[after]))


def is_named(cause: str, changes: list[Change]) -> bool:
    """Whether one of the changes is the planted cause."""
    kinds = {"compiler": {"compiler", "optimization level", "setting"}}.get(cause, {cause})
    return any(change.kind in kinds for change in changes)


@dataclass(frozen=True, slots=True)
class Score:
    """How often causes were planted and named first, and what was named instead."""

    planted: Counter[str] = field(default_factory=Counter)
    named: Counter[str] = field(default_factory=Counter)
    instead: list[str] = field(default_factory=list)

    def take(self, causes: tuple[str, ...], changes: list[Change]) -> None:
        """Judge one pair: as many first changes as there are causes have to be these."""
        first = changes[: len(causes)]
        right = all(is_named(cause, first) for cause in causes)
        self.planted[causes[0]] += 1
        self.named[causes[0]] += right
        if not right:
            told = ", ".join(f"{c.kind} {c.weight:.0f}" for c in first) or "nothing"
            self.instead.append(f"{' and '.join(causes)}: {told}")


def measure(
    pairs: int, seed: int, folder: Path, *, restless: bool = False, together: bool = False
) -> Score:
    """Return how often what was planted is named first.

    Args:
        pairs: How many.
        seed: Of what differs.
        folder: Where the journal goes.
        restless: With more noise and smaller causes.
        together: With two causes at once.
    """
    journal = folder / f"journal-{restless}-{together}.db"
    qgm.configure(journal=journal, detail_rate=1e9)
    random = np.random.default_rng(seed)
    score = Score()
    planted = list(combinations(CAUSES, 2)) if together else [(cause,) for cause in CAUSES]
    for number in range(pairs):
        causes = planted[number % len(planted)]
        world = World(random, restless=restless)
        other = world.later()
        for cause in causes:
            other.with_cause(cause, world.chain())
        score.take(causes, changes_of(journal, record(world), record(other)))
    return score


def main() -> int:
    """Print the table; 1 if fewer than nine of ten causes are named first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    begun = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        easy = measure(args.pairs, args.seed, Path(folder))
        restless = measure(args.pairs, args.seed, Path(folder), restless=True)
        both = measure(args.pairs, args.seed, Path(folder), together=True)
        qgm.flush()
    print(f"{'planted':<12} {'a quiet week':>14} {'a restless one':>16}")
    for cause in CAUSES:
        cells = (f"{each.named[cause]:3d} of {each.planted[cause]:3d}" for each in (easy, restless))
        print(f"{cause:<12} {next(cells):>14} {next(cells):>16}")
    for name, score in (("one cause", easy), ("restless", restless), ("two causes", both)):
        print(f"{name:<12} {score.named.total():3d} of {score.planted.total():3d} named first")
        print(f"  instead: {'; '.join(score.instead) or 'nothing'}")
    print("asked for: 90 of 100")
    print(f"{time.process_time() - begun:.1f} s CPU")
    return int(easy.named.total() < 0.9 * easy.planted.total() or not easy.planted)


if __name__ == "__main__":
    sys.exit(main())
