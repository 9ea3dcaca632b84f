"""What changed between two runs, the most suspicious first, by a rule that is stated.

Each change has a weight in [0, 100]. The weight is that of its kind (`WEIGHTS`): what decides which
circuit is run, and on what, weighs more than what only may have changed a number. Sizes matter
where they are known: shots by their ratio, versions by whether the patch alone differs, a number of
the settings by whether it differs by a per cent, a calibration by its worst parameter among the
qubits in use (T1 and T2 by their square root, for they vary most from day to day).

A consequence never stands before its cause: circuits and layouts weigh little where something
differs that can explain them. Another compiler, seed, device or calibration explains other gates
and another layout; that a circuit has another number of qubits or of free parameters is explained
only by code, settings, arguments, the encoding or the model. The other way around, a compiler whose
circuits have the same gates as before weighs less, and so does a library that had no part in the
work. What one of the runs does not tell is no strong sign of a change.
"""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from qgm_observe.cli.calibration_changes import ParameterChange, parameter_changes
from qgm_observe.cli.noise_changes import noise_changes
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
    "noise model": 87,
    "setting": 87,
    "argument": 86,
    "iterations": 84,
    "sdk": 82,
    "circuit": 80,
    "failed compilation": 79,
    "layout": 78,
    "code": 74,
    "device version": 72,
    "numerics": 60,
    "model version": 58,
    "seed": 48,
    "container": 40,
    "platform": 44,
    "python": 42,
    "commit": 38,
    "model": 93,
    "package": 25,
}
"""Kind of change to its weight; `shots` and `calibration` weigh by their size."""

_PATCH = 0.85
_CONSEQUENCE = 0.35
_WITHOUT_EFFECT = 0.6
_NEGLIGIBLE = 0.01
"""Relative change of a setting that is a number with a fraction, below which it is a nuance."""

_COMPILING = {"compiler", "optimization level"}
_OF_DEVICE = {"device", "device version", "calibration", "noise model"}
_OF_COMPILING = {*_COMPILING, *_OF_DEVICE, "sdk", "seed"}
"""What may change gates and layouts of a circuit that is the same otherwise."""

_OF_WORK = {"code", "setting", "argument", "encoding", "model", "model version"}
"""What may change everything about a circuit."""

_TOLD = {"optimization level", "encoding", "seed", "container", "platform", "commit"}
"""Kinds of which a run that has none has just not told."""

_ENOUGH = 40
"""Weight from which a change explains others."""

_SIMULATORS = {"qiskit-aer", "pennylane-lightning"}

_PLACE = re.compile(r"/|\\|\.[a-z]\w{1,5}\b")
_OF_A_PLACE = 28
"""An argument that names a file or a folder: where to, more often than what."""

_MOST_FILES = 5
_SAME_SHOTS = 1.25
_STRONG = 2.0
"""Ratio from which a calibrated error has changed more than from day to day; 4 of T1 and T2."""


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
    found = [
        *_work(before, after),
        *_of_process(before.origin, after.origin),
        *_shots(before, after),
        *_calibration(before, after),
        *_noise(before, after),
    ]
    causes = [_in_context(each, before, after) for each in found]
    is_explained = _is_explained(causes, before, after)
    changes = [*causes, *_consequences(before, after, explained=is_explained)]
    return sorted(changes, key=lambda change: (-change.weight, change.kind, change.name))


def _in_context(change: Change, before: RunFacts, after: RunFacts) -> Change:
    """A change as the rest of the runs lets it appear."""
    factor, note = 1.0, change.note
    if change.kind in _TOLD and None in (change.before, change.after):
        factor, note = _CONSEQUENCE, "one of the runs does not tell"
    elif change.kind in _COMPILING and before.gates and before.gates == after.gates:
        factor, note = _WITHOUT_EFFECT, "the circuits have the same gates as before"
    elif change.name in _SIMULATORS and not any(_is_local(run) for run in (before, after)):
        factor, note = _CONSEQUENCE, "nothing was simulated"
    return change._replace(weight=change.weight * factor, note=note)


def _is_local(run: RunFacts) -> bool:
    return any(device.startswith("local/") for device in run.devices)


def _is_explained(causes: list[Change], before: RunFacts, after: RunFacts) -> bool:
    """Whether something else explains that circuits differ; a drift of errors moves layouts."""
    may = _OF_WORK if before.sizes != after.sizes else _OF_WORK | _OF_COMPILING
    is_moved = set(before.circuits.values()) != set(after.circuits.values())
    return any(
        each.kind in may and (each.weight >= _ENOUGH or (is_moved and each.kind == "calibration"))
        for each in causes
    )


def _work(before: RunFacts, after: RunFacts) -> Iterator[Change]:
    yield from _sets("encoding", "encoding", before.encodings, after.encodings)
    if before.devices and after.devices:  # what was never submitted names none
        yield from _sets("device", "device", set(before.devices), set(after.devices))
    yield from _sets("optimization level", "optimization level", before.levels, after.levels)
    for name in ("model", "model_version"):
        kind = name.replace("_", " ")
        yield from _one(kind, name, before.labels.get(name), after.labels.get(name))
    for each in _each("setting", before.settings, after.settings):
        is_same = _is_nuance(before.settings.get(each.name), after.settings.get(each.name))
        yield each._replace(weight=each.weight * _WITHOUT_EFFECT) if is_same else each
    for each in _each("argument", before.arguments, after.arguments):
        is_place = _PLACE.search(f"{each.before} {each.after}") is not None
        yield each._replace(weight=_OF_A_PLACE) if is_place else each
    if None not in (before.iterations, after.iterations):
        yield from _one("iterations", "iterations", before.iterations, after.iterations)
    yield from _each("seed", before.seeds, after.seeds)
    for device in before.devices.keys() & after.devices.keys():
        yield from _each("device version", before.devices[device], after.devices[device])


def _of_process(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    first, second = before.get("packages", {}), after.get("packages", {})
    for name in sorted(first.keys() | second.keys()):
        yield from _package(name, first.get(name), second.get(name))
    yield from _files(before.get("code", {}), after.get("code", {}))
    for part in ("commit", "dirty"):
        one, other = (told.get("git", {}).get(part) for told in (before, after))
        yield from _one("commit", f"git {part}", one, other)
    for kind in ("platform", "python"):
        yield from _one(kind, kind, before.get(kind), after.get(kind))
    one, other = (told.get("container", {}).get("image") for told in (before, after))
    yield from _one("container", "container image", one, other)


def _files(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    """Each file that differs; of many one line, which begins with those of both runs."""
    files = sorted(_each("code", before, after), key=lambda each: None in (each.before, each.after))
    if len(files) <= _MOST_FILES:
        yield from files
        return
    names = ", ".join(each.name for each in files[:_MOST_FILES])
    yield Change(WEIGHTS["code"], "code", f"{len(files)} files", None, None, f"{names}, ...")


def _is_nuance(before: Any, after: Any) -> bool:
    if not (isinstance(before, float) and isinstance(after, float)):
        return False
    return abs(after - before) <= _NEGLIGIBLE * max(abs(before), abs(after))


def _package(name: str, before: str | None, after: str | None) -> Iterator[Change]:
    if before == after:
        return
    kinds = {"compiler": COMPILERS, "sdk": SDKS, "numerics": NUMERICS}
    kind = next((kind for kind, names in kinds.items() if name in names), "package")
    weight: float = WEIGHTS[kind]
    if before is None or after is None:
        weight *= _CONSEQUENCE  # loaded in one run only: what was done with it shows elsewhere
    elif before.split(".")[:2] == after.split(".")[:2]:
        weight *= _WITHOUT_EFFECT if kind == "numerics" else _PATCH
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
    worst = max(changes, key=_size)
    size = _size(worst)
    strong = [each for each in changes if _size(each) >= _STRONG]
    doublings = math.log2(size)
    weight = min(70 + 10 * (doublings - 1), 92) if strong else 20 + 50 * doublings**2
    many = f"{len(changes)} parameters of qubits in use differ"
    note = f"{many}, {len(strong)} by much" if strong else many
    yield Change(
        weight, "calibration", worst.name, _number(worst.before), _number(worst.after), note
    )


def _noise(before: RunFacts, after: RunFacts) -> Iterator[Change]:
    if any(run.noise is None and "noise_model" in run.gaps for run in (before, after)):
        return  # which is said among the gaps
    kind, one, other = "noise model", before.noise, after.noise
    hashes = [None if told is None else told["hash"][:12] for told in (one, other)]
    if one is None or other is None or "gates" not in one or "gates" not in other:
        yield from _one(kind, kind, *hashes)
        return
    changes = noise_changes(one, other)
    if changes:
        first, *others = changes
        was, now = _number(first.before), _number(first.after)
        if was == now:
            was, now = hashes
        also = ", ".join(each.name for each in others[:_MOST_FILES])
        yield Change(WEIGHTS[kind], kind, first.name, was, now, also and f"as well as {also}")


def _size(change: ParameterChange) -> float:
    return math.sqrt(change.ratio) if change.name.startswith(("t1 ", "t2 ")) else change.ratio


def calibrated(before: RunFacts, after: RunFacts) -> list[ParameterChange]:
    """Return every calibrated parameter in use that differs, the largest ratio first."""
    if before.calibration is None or after.calibration is None:
        return []
    return parameter_changes(before.calibration, after.calibration, before.qubits | after.qubits)


def _consequences(before: RunFacts, after: RunFacts, *, explained: bool) -> Iterator[Change]:
    factor = _CONSEQUENCE if explained else 1.0
    note = "may follow from a change above" if explained else ""
    for each in _sets("circuit", "circuit structure", set(before.circuits), set(after.circuits)):
        yield each._replace(weight=each.weight * factor, note=note)
    for each in _sets("failed compilation", "failed compilation", before.failures, after.failures):
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
