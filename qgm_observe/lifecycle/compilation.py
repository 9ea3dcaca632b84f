"""How circuits were compiled, as whoever saw it tells, so that records of their jobs can say so.

A compiled circuit is known by its layout object, which Qiskit hands on to copies and to circuits
with bound values; where nothing was laid out, by the circuit object itself.
"""

import weakref
from collections.abc import Mapping
from typing import Any

OPTIONS = ("optimization_level", "seed_transpiler", "layout_method", "routing_method")
"""What is told of a compilation, by Qiskit's own names."""

_KEPT = 1024
_known: dict[int, tuple["weakref.ref[Any]", dict[str, Any]]] = {}


def tell(circuits: Any, options: Mapping[str, Any]) -> None:
    """Take note of how circuits were compiled.

    Args:
        circuits: A `qiskit.QuantumCircuit` or several.
        options: Those of `OPTIONS` that are known; others, and `None`, are left out.
    """
    told = {name: options[name] for name in OPTIONS if options.get(name) is not None}
    for circuit in circuits if isinstance(circuits, list | tuple) else [circuits]:
        if told and hasattr(circuit, "qregs"):
            _tell(circuit, told)


def options_of(circuit: Any) -> dict[str, Any]:
    """Return how a circuit was compiled, empty where nobody told."""
    for thing in (getattr(circuit, "_layout", None), circuit):
        reference, told = _known.get(id(thing), (None, {}))
        if reference is not None and reference() is thing:
            return told
    return {}


def _tell(circuit: Any, told: dict[str, Any]) -> None:
    layout = getattr(circuit, "_layout", None)
    thing = circuit if layout is None else layout
    if len(_known) >= _KEPT:
        _forget()
    _known[id(thing)] = weakref.ref(thing), told


def _forget() -> None:
    """Drop what is gone, and if nothing is the older half."""
    for key, (reference, _) in list(_known.items()):
        if reference() is None:
            _known.pop(key, None)
    for key in list(_known)[: max(len(_known) - _KEPT // 2, 0)]:
        _known.pop(key, None)
