"""What a sampler was asked to run: circuits, the values of their parameters, shots and seeds.

The training thread copies references and values, and of a circuit that it has not seen the circuit
itself; the writer makes hashes and contents of them. A circuit that is changed in place, and keeps
its size and its free parameters, is taken for the one that was seen.
"""

import base64
import hashlib
import io
import json
import sys
import weakref
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Self, cast

from qgm_observe.journal.blobs import Blob
from qgm_observe.lifecycle import compilation
from qgm_observe.lifecycle.circuits import Gate, Usage, places_of, usage_of
from qgm_observe.lifecycle.primitives import is_estimator, options_of, seeds_of

CIRCUITS_A_SECOND = 10
"""New circuits of local jobs that are copied in a second; of remote jobs all are."""

_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode
_MOST_PUBS = 64
_MOST_BYTES = 512 * 1024
_CIRCUITS_KEPT = 256


class Content(NamedTuple):
    """A blob with its hash, which takes long for a large one."""

    blob: Blob
    key: str

    @classmethod
    def of(cls, kind: str, data: bytes) -> Self:
        """Return the content that some bytes are."""
        blob = Blob(kind, data)
        return cls(blob, blob.hash)


class CircuitFacts(NamedTuple):
    """What names a circuit.

    Attributes:
        structure: Changes with gates and qubits, not with angles; by it baselines are kept.
        exact: Changes with angles and the names of free parameters as well.
        layout: The physical qubit of each virtual one, `None` where nothing was laid out.
        gates: How often each gate is in it, by name.
        qpy: The circuit in Qiskit's format, `None` where it cannot be written.
        names: Of the free parameters, in Qiskit's order.
        places: Its gates, each on its own qubits, `None` where they are not all seen.
    """

    structure: str
    exact: str
    layout: tuple[int, ...] | None
    gates: dict[str, int]
    qpy: Content | None
    names: tuple[str, ...]
    places: frozenset[Gate] | None


class SeenCircuit:
    """A circuit object that was seen, with a copy of it until the writer has read that."""

    __slots__ = ("_copy", "_facts", "compiled", "reference", "size")

    def __init__(self, circuit: Any, size: tuple[int, ...]) -> None:
        self.reference = weakref.ref(circuit)
        self.size = size
        self.compiled = compilation.options_of(circuit)
        self._copy = circuit.copy()
        self._facts: CircuitFacts | None = None

    def facts(self) -> CircuitFacts:
        """Return what names it; read once, by the writer."""
        copy, facts = self._copy, self._facts  # in this order: another thread may be at it
        if facts is None:
            facts = self._facts = circuit_facts(copy)
            self._copy = None
        return facts


class Pub(NamedTuple):
    """A circuit with its values.

    Attributes:
        values: Parameters in any of Qiskit's forms, or `None` for all in their order, and their
            values; `None` where they are too large to be copied.
        shots: `None` where the sampler's default holds.
    """

    circuit: SeenCircuit
    values: tuple[tuple[Any, Any], ...] | None
    shots: int | None


class Program(NamedTuple):
    """What one call asked for."""

    pubs: tuple[Pub, ...]
    seeds: dict[str, int]
    options: dict[str, bool | int | float | str]


class Programs:
    """The circuits that this process has seen."""

    def __init__(self) -> None:
        self._seen: dict[int, SeenCircuit] = {}
        self._second, self._new = 0, 0

    def asked(self, sampler: Any, pubs: Any, shots: Any, second: int, *, all_of_it: bool) -> Any:
        """Return the program of a call, a text that says why there is none, or `None`.

        Args:
            sampler: Whose `run` is called.
            pubs: What it is called with.
            shots: The call's own.
            second: Now, for the rate of new circuits.
            all_of_it: Whether the rate is no matter.
        """
        if not isinstance(pubs, list | tuple) or "qiskit" not in sys.modules:
            return None
        if len(pubs) > _MOST_PUBS:
            return f"more than {_MOST_PUBS} circuits"
        told = []
        for pub in pubs:
            circuit, values, own_shots = _parts(pub, of_estimator=is_estimator(sampler))
            if not hasattr(circuit, "qregs"):
                return None
            seen = self._circuit(circuit, second, all_of_it=all_of_it)
            if seen is None:
                return f"more than {CIRCUITS_A_SECOND} new circuits a second"
            told.append(Pub(seen, _copied(values), _whole(own_shots) or _whole(shots)))
        return Program(tuple(told), seeds_of(sampler), options_of(sampler)) if told else None

    def _circuit(self, circuit: Any, second: int, *, all_of_it: bool) -> SeenCircuit | None:
        size = (len(circuit._data), circuit.num_parameters)  # noqa: SLF001  `data` builds a list
        seen = self._seen.get(id(circuit))
        if seen is not None and seen.reference() is circuit and seen.size == size:
            return seen
        if second != self._second:
            self._second, self._new = second, 0
        self._new += 1
        if self._new > CIRCUITS_A_SECOND and not all_of_it:
            return None
        if len(self._seen) >= _CIRCUITS_KEPT:
            self._seen.clear()
        seen = self._seen[id(circuit)] = SeenCircuit(circuit, size)
        return seen


def document(program: Program) -> tuple[bytes, str]:
    """Return a program's content as JSON, and its parametric hash.

    The content has `pubs`, each with `circuit` (place among the job's circuits), `exact`, `values`
    (`[names, shape, little-endian float64 in base64]`, or `null` where they were too large) and
    `shots`; and `seeds`. The hash is of the pubs alone.
    """
    places = {circuit: place for place, circuit in enumerate(circuits_of(program))}
    pubs = [
        {
            "circuit": places[pub.circuit],
            "exact": pub.circuit.facts().exact,
            "values": None if pub.values is None else [*_packed(pub)],
            "shots": pub.shots,
        }
        for pub in program.pubs
    ]
    told = _encode(pubs)
    content = f'{{"pubs":{told},"seeds":{_encode(program.seeds)}}}'
    return content.encode(), hashlib.sha256(told.encode()).hexdigest()[:16]


def name_of(program: Any) -> str | None:
    """Return the parametric hash of what a job was noted to ask for, `None` where that is open."""
    if not isinstance(program, Program) or any(pub.values is None for pub in program.pubs):
        return None
    return document(program)[1]


def circuits_of(program: Program) -> list[SeenCircuit]:
    """Return the different circuits of a program, in their order."""
    return list(dict.fromkeys(pub.circuit for pub in program.pubs))


def places_in_use(program: Program, *, are_physical: bool) -> frozenset[Gate]:
    """Return the gates on the device's qubits that circuits apply; none where any is unseen.

    Args:
        program: What a job asked for.
        are_physical: Whether its device takes circuits on its own qubits alone, as IBM's do; else
            only those that Qiskit laid out are known to be.
    """
    circuits = [circuit.facts() for circuit in circuits_of(program)]
    known = [
        each.places
        for each in circuits
        if each.places is not None and (are_physical or each.layout is not None)
    ]
    return frozenset().union(*known) if len(known) == len(circuits) else frozenset()


def circuit_facts(circuit: Any) -> CircuitFacts:
    """Read what names a circuit.

    Source: `qiskit.circuit.QuantumCircuit` and `qiskit.transpiler.TranspileLayout`.
    """
    usage = usage_of(circuit)
    structure, exact = "" if usage is None else usage.name, _exact(circuit)
    laid = getattr(circuit, "layout", None)
    layout = None if laid is None else tuple(laid.final_index_layout())
    places = None if usage is None else places_of(usage)
    names = tuple(parameter.name for parameter in circuit.parameters)
    gates = {} if usage is None else _by_name(usage)
    return CircuitFacts(structure, exact, layout, gates, _qpy(circuit), names, places)


def _by_name(usage: Usage) -> dict[str, int]:
    counts = Counter[str]()
    for gate, number in usage.gates.items():
        counts[cast("Gate", gate)[0]] += number
    return dict(counts)


def _parts(pub: Any, *, of_estimator: bool) -> tuple[Any, Any, Any]:
    """Circuit, values and shots of a pub in any form that Qiskit coerces."""
    if hasattr(pub, "parameter_values"):
        return pub.circuit, pub.parameter_values, getattr(pub, "shots", None)
    if not isinstance(pub, list | tuple):
        return pub, None, None
    if of_estimator:  # circuit, observables, values, precision
        circuit, _, values = (*pub, None, None)[:3]
        return circuit, values, None
    circuit, values, shots = (*pub, None, None, None)[:3]
    return circuit, values, shots


def _copied(values: Any) -> tuple[tuple[Any, Any], ...] | None:
    """The values as they are now, for an optimizer may change them in place."""
    if values is None:
        return ()
    bound = getattr(values, "data", None)
    if isinstance(bound, Mapping):
        values = bound
    pairs = values.items() if isinstance(values, Mapping) else [(None, values)]
    told = tuple((key, sys.modules["numpy"].array(value, float)) for key, value in pairs)
    size = sum(array.nbytes for _, array in told)
    return told if size <= _MOST_BYTES else None


def _names(key: Any) -> tuple[str, ...]:
    keys = key if isinstance(key, list | tuple) else (key,)
    return tuple(
        each if isinstance(each, str) else str(getattr(each, "name", each)) for each in keys
    )


def _packed(pub: Pub) -> Iterator[list[Any]]:
    for key, array in pub.values or ():
        known = pub.circuit.facts().names if key is None else _names(key)
        data = base64.b64encode(array.astype("<f8").tobytes()).decode()
        yield [list(known), list(array.shape), data]


def _exact(circuit: Any) -> str:
    """A hash with every angle and symbol."""
    places = {bit: place for place, bit in enumerate((*circuit.qubits, *circuit.clbits))}
    drawn = [f"{circuit.num_qubits} {circuit.num_clbits} {circuit.global_phase}\n"]
    for step in circuit.data:
        told = [places[bit] for bit in (*step.qubits, *step.clbits)]
        plain = step.is_standard_gate()  # whose operation need not be built for its angles
        angles = " ".join(map(_angle, step.params if plain else step.operation.params))
        drawn.append(f"{step.name} {told} {angles}\n")
    return hashlib.sha256("".join(drawn).encode()).hexdigest()[:16]


def _angle(angle: Any) -> str:
    if type(angle) is float:
        return str(angle)
    if hasattr(angle, "qregs"):
        return _exact(angle)
    if hasattr(angle, "tobytes"):
        return hashlib.sha256(angle.tobytes()).hexdigest()
    return str(angle)


def _qpy(circuit: Any) -> Content | None:
    qpy = sys.modules.get("qiskit.qpy")
    if qpy is None:
        return None
    file = io.BytesIO()
    try:
        qpy.dump(circuit, file)
    except Exception:  # noqa: BLE001  a gate of the script's own may not be written
        return None
    return Content.of("circuits", file.getvalue())


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
