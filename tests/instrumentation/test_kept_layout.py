"""Layouts as numbers: what is made of them is the layout that was told of."""

import json

import pytest
from qiskit import QuantumCircuit, QuantumRegister
from qiskit.circuit import Qubit
from qiskit.transpiler import CouplingMap, Layout, TranspileLayout, generate_preset_pass_manager

from qgm_observe.instrumentation import kept_layout
from qgm_observe.instrumentation.circuit_file import read, written


def compiled(circuit: QuantumCircuit, **options: object) -> QuantumCircuit:
    """Compiled for a line of seven qubits, which most pairs have to be routed on."""
    told = {"optimization_level": 2, "seed_transpiler": 3, **options}
    return generate_preset_pass_manager(
        coupling_map=CouplingMap.from_line(7), basis_gates=["sx", "rz", "cx"], **told
    ).run(circuit)


def far_apart(*registers: QuantumRegister) -> QuantumCircuit:
    """Every qubit meets every other."""
    circuit = QuantumCircuit(*registers)
    for one in range(circuit.num_qubits):
        for other in range(one):
            circuit.cx(one, other)
            circuit.rz(0.1 * one + other, other)
    circuit.measure_all()
    return circuit


CIRCUITS = {
    "one register, routed": lambda: compiled(far_apart(QuantumRegister(4, "q"))),
    "two registers": lambda: compiled(far_apart(QuantumRegister(2, "b"), QuantumRegister(3, "a"))),
    "no ancillas": lambda: compiled(far_apart(QuantumRegister(7, "q"))),
    "level 0": lambda: compiled(far_apart(QuantumRegister(3, "q")), optimization_level=0),
    "level 3": lambda: compiled(far_apart(QuantumRegister(5, "q")), optimization_level=3),
}


@pytest.mark.parametrize("name", CIRCUITS)
def test_a_layout_is_made_of_its_numbers(name):
    """Initial and final layout, permutations and registers are the same, by way of JSON."""
    circuit = CIRCUITS[name]()
    numbers = json.loads(json.dumps(kept_layout.told(circuit)))
    layout, made = circuit.layout, kept_layout.made(numbers, circuit.qubits)

    assert made == layout
    assert made.initial_layout.get_registers() == layout.initial_layout.get_registers()
    assert made.initial_index_layout() == layout.initial_index_layout()
    assert made.final_index_layout() == layout.final_index_layout()
    assert made.routing_permutation() == layout.routing_permutation()


@pytest.mark.parametrize("name", CIRCUITS)
def test_a_circuit_keeps_its_layout(name):
    """Read back, the circuit has it, and the one that was written still has its own."""
    circuit = CIRCUITS[name]()
    before = circuit.layout
    found = read(written(circuit), circuit)

    assert circuit.layout is before
    assert found == circuit
    assert found.layout == before


def test_what_is_not_told_in_numbers_is_left_to_qpy():
    """Qubits of no register, and no layout at all, come back as QPY has them."""
    loose = QuantumCircuit([Qubit(), Qubit()])
    loose.cx(0, 1)
    placed, plain = compiled(loose), QuantumCircuit(2)

    assert kept_layout.told(placed) is None
    assert kept_layout.told(plain) is None
    again = read(written(placed), placed)
    assert again == placed
    assert again.layout.initial_index_layout() == placed.layout.initial_index_layout()
    assert read(written(plain), plain).layout is None


def test_registers_that_share_qubits_are_left_to_qpy():
    """An alias of a register has qubits of another: they cannot be told apart by numbers."""
    own = QuantumRegister(2, "q")
    alias = QuantumRegister(name="z", bits=list(own))
    circuit = QuantumCircuit(own)
    layout = Layout({own[0]: 0, own[1]: 1})
    for register in (own, alias):
        layout.add_register(register)
    mapping = {own[0]: 0, own[1]: 1}
    circuit._layout = TranspileLayout(layout, mapping, None, 2, list(circuit.qubits))

    assert kept_layout.told(circuit) is None
