"""What is told of a circuit on the record of its job; computed once a structure.

An optimizer binds new parameter values to the same circuit at each step, so what is cached is the
structure: names of operations and the qubits they act on. A circuit that is used again as it is
costs a look-up.
"""

import weakref
from typing import Any

from qgm_observe.lifecycle.circuits import usage_of

MOST = 8
"""Different circuits that are told on one record."""

_KEPT = 512

Facts = dict[str, Any]

_by_structure: dict[int, Facts] = {}
_by_object: dict[int, tuple[Any, tuple[int, ...], Facts]] = {}


def facts_of(circuits: tuple[Any, ...]) -> list[Facts]:
    """Return the facts of different circuits, at most `MOST` of them, in their order.

    Each has `hash` (changes with gates and qubits, not with angles), `qubits`, `operations`,
    `depth`, `two_qubit_gates` and `parameters` (free ones).
    """
    told: list[Facts] = []
    for circuit in circuits:
        facts = _facts(circuit)
        if facts is not None and facts not in told:
            told.append(facts)
        if len(told) == MOST:
            break
    return told


def forget() -> None:
    """Drop what is cached."""
    _by_structure.clear()
    _by_object.clear()


def _facts(circuit: Any) -> Facts | None:
    data = getattr(circuit, "_data", None)
    if data is None:
        return None
    size = (len(data), circuit.num_parameters)
    known = _by_object.get(id(circuit))
    if known is not None and known[0]() is circuit and known[1] == size:
        return known[2]
    structure = hash((*size, *((each.name, each.qubits) for each in data)))
    facts = _by_structure.get(structure)
    if facts is None:
        facts = _computed(circuit)
    if max(len(_by_structure), len(_by_object)) >= _KEPT:
        forget()
    _by_structure[structure] = facts
    _by_object[id(circuit)] = (weakref.ref(circuit), size, facts)
    return facts


def _computed(circuit: Any) -> Facts:
    usage = usage_of(circuit)
    pairs = sum(len(each.qubits) == 2 and each.name != "barrier" for each in circuit.data)  # noqa: PLR2004
    return {
        "hash": None if usage is None else usage.name,
        "qubits": circuit.num_qubits,
        "operations": circuit.size(),
        "depth": circuit.depth(),
        "two_qubit_gates": pairs,
        "parameters": circuit.num_parameters,
    }
