"""What changed between two runs, the most suspicious first, by a rule that is stated.

Each change has a weight in [0, 100]. The weight is that of its kind (`WEIGHTS`): what decides which
circuit is run, and on what, weighs more than what only may have changed a number. Sizes matter
where they are known: shots by their ratio, versions by whether the patch alone differs, a
calibration by its worst parameter among the qubits in use. And a consequence never stands before
its cause: circuits and layouts weigh little once compiler, code, settings, seed or device differ
as well, and where a layout follows a calibration that differs at all.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from qgm_observe.cli.calibration_changes import ParameterChange, parameter_changes
from qgm_observe.cli.run_facts import RunFacts

COMPILERS = frozenset({"qiskit", "pytket", "bqskit", "qiskit-transpiler-service", "samplomatic"})
SDKS = frozenset(
    {
        *("qiskit-aer", "qiskit-ibm-runtime", "qiskit-mitigation", "pennylane"),
        *("pennylane-lightning", "amazon-braket-sdk", "qiskit-algorithms", "mitiq"),
        "qiskit-machine-learning",
    }
)
NUMERICS = frozenset({"numpy", "scipy", "scikit-learn", "torch", "jax", "jaxlib"})

WEIGHTS = {
    "encoding": 95,
    "device": 94,
    "optimization level": 90,
    "compiler": 88,
    "setting": 87,
    "sdk": 82,
    "circuit": 80,
    "layout": 78,
    "code": 74,
    "device version": 72,
    "numerics": 60,
    "model version": 58,
    "seed": 48,
    "container": 46,
    "platform": 44,
    "python": 42,
    "commit": 40,
    "model": 93,
    "package": 25,
}
"""Kind of change to its weight; `shots` and `calibration` weigh by their size."""

_PATCH = 0.85
_CONSEQUENCE = 0.35
_CAUSES = {
    *("compiler", "optimization level", "code", "setting", "seed", "device", "encoding", "sdk"),
    "calibration",
}
_SAME_SHOTS = 1.25
_STRONG = 2.0
"""Ratio from which a calibrated parameter has changed more than from day to day."""


class Change(NamedTuple):
    """Something that differs.

    Attributes:
        weight: How suspicious it is, in [0, 100].
        kind: One of the kinds above.
        name: What of that kind.
        before: In the first run, `None` where it was not.
        after: In the second.
        note: A word on it, may be empty.
    """

    weight: float
    kind: str
    name: str
    before: str | None
    after: str | None
    note: str = ""


def compare(before: RunFacts, after: RunFacts) -> list[Change]:
    """Return what changed from one run to another, the most suspicious first."""
    causes = [
        *_work(before, after),
        *_of_process(before.origin, after.origin),
        *_shots(before, after),
        *_calibration(before, after),
    ]
    explained = any(c.kind in _CAUSES and c.weight >= WEIGHTS["seed"] for c in causes)
    layouts = [set(run.circuits.values()) for run in (before, after)]
    is_moved = layouts[0] != layouts[1] and any(c.kind == "calibration" for c in causes)
    found = causes + list(_consequences(before, after, explained=explained or is_moved))
    return sorted(found, key=lambda change: (-change.weight, change.kind, change.name))


def _work(before: RunFacts, after: RunFacts) -> Iterator[Change]:
    yield from _sets("encoding", "encoding", before.encodings, after.encodings)
    yield from _sets("device", "device", set(before.devices), set(after.devices))
    yield from _sets("optimization level", "optimization level", before.levels, after.levels)
    for name in ("model", "model_version"):
        kind = name.replace("_", " ")
        yield from _one(kind, name, before.labels.get(name), after.labels.get(name))
    yield from _each("setting", before.settings, after.settings)
    yield from _each("seed", before.seeds, after.seeds)
    for device in before.devices.keys() & after.devices.keys():
        yield from _each("device version", before.devices[device], after.devices[device])


def _of_process(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    first, second = before.get("packages", {}), after.get("packages", {})
    for name in sorted(first.keys() | second.keys()):
        yield from _package(name, first.get(name), second.get(name))
    files = list(_each("code", before.get("code", {}), after.get("code", {})))
    yield from files
    for part in ("commit", "dirty"):
        one, other = (told.get("git", {}).get(part) for told in (before, after))
        yield from _one("commit", f"git {part}", one, other)
    for kind in ("platform", "python"):
        yield from _one(kind, kind, before.get(kind), after.get(kind))
    one, other = (told.get("container", {}).get("image") for told in (before, after))
    yield from _one("container", "container image", one, other)


def _package(name: str, before: str | None, after: str | None) -> Iterator[Change]:
    if before == after:
        return
    kinds = {"compiler": COMPILERS, "sdk": SDKS, "numerics": NUMERICS}
    kind = next((kind for kind, names in kinds.items() if name in names), "package")
    weight: float = WEIGHTS[kind]
    if before is None or after is None:
        weight *= _CONSEQUENCE  # loaded in one run only: what was done with it shows elsewhere
    elif before.split(".")[:2] == after.split(".")[:2]:
        weight *= _PATCH
    yield Change(weight, kind, name, before, after)


def _shots(before: RunFacts, after: RunFacts) -> Iterator[Change]:
    if not before.shots or not after.shots or before.shots == after.shots:
        return
    ratio = after.shots / before.shots
    size = abs(math.log2(ratio))
    is_small = size < math.log2(_SAME_SHOTS)
    noise = math.sqrt(1 / ratio)
    yield Change(
        30 if is_small else 66 + 10 * min(size, 2),
        "shots",
        "shots a circuit",
        f"{before.shots:g}",
        f"{after.shots:g}",
        f"shot noise is {noise:.2g} times what it was",
    )


def _calibration(before: RunFacts, after: RunFacts) -> Iterator[Change]:
    if before.calibration is None or after.calibration is None:
        return
    if before.devices.keys() != after.devices.keys():
        return  # of another device everything differs
    qubits = before.qubits | after.qubits
    changes = parameter_changes(before.calibration, after.calibration, qubits)
    if not changes:
        return
    worst = changes[0]
    strong = [each for each in changes if each.ratio >= _STRONG]
    weight = min(70 + 10 * math.log2(worst.ratio / _STRONG), 92) if strong else 20
    many = f"{len(changes)} parameters of qubits in use differ"
    note = f"{many}, {len(strong)} by a factor of {_STRONG:g} or more" if strong else many
    yield Change(
        weight, "calibration", worst.name, _number(worst.before), _number(worst.after), note
    )


def calibrated(before: RunFacts, after: RunFacts) -> list[ParameterChange]:
    """Return every calibrated parameter in use that differs, the largest ratio first."""
    if before.calibration is None or after.calibration is None:
        return []
    return parameter_changes(before.calibration, after.calibration, before.qubits | after.qubits)


def _consequences(before: RunFacts, after: RunFacts, *, explained: bool) -> Iterator[Change]:
    factor = _CONSEQUENCE if explained else 1.0
    note = "follows from a change above" if explained else ""
    for each in _sets("circuit", "circuit structure", set(before.circuits), set(after.circuits)):
        yield each._replace(weight=each.weight * factor, note=note)
    layouts = [{str(list(each)) for each in run.circuits.values()} for run in (before, after)]
    for each in _sets("layout", "layout", *layouts):
        yield each._replace(weight=each.weight * factor, note=note)


def _each(kind: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    for name in sorted(before.keys() | after.keys()):
        yield from _one(kind, name, before.get(name), after.get(name))


def _one(kind: str, name: str, before: Any, after: Any) -> Iterator[Change]:
    if before != after:
        yield Change(WEIGHTS[kind], kind, name, _text(before), _text(after))


def _sets(kind: str, name: str, before: set[str], after: set[str]) -> Iterator[Change]:
    if before != after:
        first, second = (", ".join(sorted(each)) or None for each in (before, after))
        yield Change(WEIGHTS[kind], kind, name, first, second)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _number(value: float | None) -> str | None:
    return None if value is None else f"{value:.4g}"
