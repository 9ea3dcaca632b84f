"""How circuits were compiled, remembered of the circuits."""

import gc
from typing import Any

import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.circuit import Parameter

from qgm_observe.lifecycle import compilation
from qgm_observe.lifecycle.compilation import options_of, tell

OPTIONS = {"optimization_level": 2, "seed_transpiler": 11}


def laid_out() -> QuantumCircuit:
    """A circuit with a layout and a free parameter."""
    circuit = QuantumCircuit(2)
    circuit.rx(Parameter("a"), 0)
    circuit.cx(0, 1)
    return transpile(circuit, basis_gates=["rz", "sx", "cx"], coupling_map=[[0, 1], [1, 0]])


def test_a_copy_and_a_bound_circuit_are_known() -> None:
    """What is made of a compiled circuit has its layout, and so is known by it."""
    circuit = laid_out()
    tell(circuit, OPTIONS)

    assert options_of(circuit) == OPTIONS
    assert options_of(circuit.copy()) == OPTIONS
    assert options_of(circuit.assign_parameters([0.5])) == OPTIONS


def test_a_circuit_without_a_layout_is_known_itself() -> None:
    """Where nothing was laid out the circuit is known, and a copy of it is not."""
    circuit = QuantumCircuit(1)
    tell([circuit], OPTIONS)

    assert options_of(circuit) == OPTIONS
    assert options_of(circuit.copy()) == {}


def test_what_was_not_told_is_empty() -> None:
    """Another circuit, and anything that is none, has no options."""
    tell(laid_out(), OPTIONS)

    assert options_of(laid_out()) == {}
    assert options_of(None) == {}


def test_only_what_is_known_by_name_is_kept() -> None:
    """Options of other names and those that are `None` are left out; of none nothing is kept."""
    known, unknown = QuantumCircuit(1), QuantumCircuit(1)
    tell(known, {"optimization_level": 0, "routing_method": None, "backend": object()})
    tell(unknown, {"backend": "x"})

    assert options_of(known) == {"optimization_level": 0}
    assert options_of(unknown) == {}


@pytest.mark.parametrize(
    "thing",
    [None, 5, "circuits", [], [None], object()],
    ids=["None", "5", "text", "empty", "of-none", "object"],
)
def test_what_is_no_circuit_is_left_alone(thing: Any) -> None:
    """Whatever else a compiler gives back is not touched."""
    tell(thing, OPTIONS)

    assert options_of(thing) == {}


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Circuits that are gone are forgotten first, then the older half of those that are not."""
    monkeypatch.setattr(compilation, "_known", {})
    monkeypatch.setattr(compilation, "_KEPT", 8)
    for _ in range(6):
        tell(QuantumCircuit(1), OPTIONS)
        gc.collect()
    held = [QuantumCircuit(1) for _ in range(20)]
    for circuit in held:
        tell(circuit, OPTIONS)

    assert len(compilation._known) <= 8
    assert options_of(held[-1]) == OPTIONS
    assert options_of(held[0]) == {}
