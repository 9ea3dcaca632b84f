"""What names a circuit and a program; how they are kept is in `test_provenance.py`."""

import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.circuit import Parameter

from qgm_observe.lifecycle import compilation
from qgm_observe.lifecycle.programs import (
    CIRCUITS_A_SECOND,
    Program,
    Programs,
    circuit_facts,
    document,
)


def circuit(angle: Any = 0.5) -> QuantumCircuit:
    """Two qubits, four gates."""
    made = QuantumCircuit(2)
    made.rx(angle, 0)
    made.rx(angle, 1)
    made.cx(0, 1)
    made.measure_all()
    return made


def program(pubs: Any, sampler: Any = None, **options: Any) -> Program:
    """What a call asks for."""
    told = Programs().asked(sampler, pubs, options.get("shots"), 1, all_of_it=True)
    assert isinstance(told, Program)
    return told


def test_a_circuit_is_named_by_its_gates() -> None:
    """Gates are counted by name, free parameters named in Qiskit's order."""
    facts = circuit_facts(circuit(Parameter("b")))

    assert facts.gates == {"rx": 2, "cx": 1, "barrier": 1, "measure": 2}
    assert facts.names == ("b",)
    assert facts.layout is None


def test_an_angle_is_in_one_of_the_two_hashes() -> None:
    """The structure of two bindings is one, their exact hash is not."""
    first, second = circuit_facts(circuit(0.5)), circuit_facts(circuit(0.75))

    assert first.structure == second.structure
    assert first.exact != second.exact
    assert first.exact == circuit_facts(circuit(0.5)).exact


def test_a_gate_inside_a_condition_is_in_the_exact_hash() -> None:
    """Two circuits that differ in what a condition guards are two."""

    def conditional(angle: float) -> QuantumCircuit:
        made = QuantumCircuit(1, 1)
        made.measure(0, 0)
        with made.if_test((made.clbits[0], 1)):
            made.rx(angle, 0)
        return made

    assert circuit_facts(conditional(0.1)).exact != circuit_facts(conditional(0.2)).exact


def test_a_layout_is_the_place_of_each_qubit() -> None:
    """Of a compiled circuit the physical qubits are told, and how it was compiled if known."""
    compiled = transpile(
        circuit(), coupling_map=[[0, 1], [1, 2], [1, 0], [2, 1]], initial_layout=[2, 1]
    )
    compilation.tell(compiled, {"optimization_level": 1})
    seen = program([compiled]).pubs[0].circuit

    assert seen.facts().layout == (2, 1)
    assert seen.compiled == {"optimization_level": 1}


def test_equal_programs_have_one_hash_whatever_the_seed() -> None:
    """Circuits, values and shots decide the parametric hash; the sampler's seed does not."""
    values, shared = [0.25], circuit(Parameter("b"))

    def hash_of(pubs: Any, seed: int = 1) -> str:
        return document(program(pubs, SimpleNamespace(seed=seed)))[1]

    first = hash_of([(shared, values)])
    assert first == hash_of([(circuit(Parameter("b")), values)], seed=2)
    assert first != hash_of([(shared, [0.26])])
    assert first != hash_of([(shared, values, 100)])
    assert first != hash_of([(shared, values), (shared, values)])


def test_one_circuit_in_many_pubs_is_kept_once() -> None:
    """Pubs name their circuit by its place among the different ones."""
    first, second = circuit(0.1), circuit(0.2)
    told = json.loads(document(program([first, second, first], shots=50))[0])

    assert [each["circuit"] for each in told["pubs"]] == [0, 1, 0]
    assert [each["shots"] for each in told["pubs"]] == [50, 50, 50]


def test_a_circuit_that_grew_is_another() -> None:
    """The same object with a gate more is seen anew."""
    programs, grown = Programs(), circuit()
    first = programs.asked(None, [grown], None, 1, all_of_it=True)
    again = programs.asked(None, [grown], None, 1, all_of_it=True)
    grown.x(0)
    later = programs.asked(None, [grown], None, 1, all_of_it=True)

    assert first.pubs[0].circuit is again.pubs[0].circuit
    assert first.pubs[0].circuit is not later.pubs[0].circuit


# ----------------------------------------------------------------------------------------- bounds


def test_new_circuits_are_bounded() -> None:
    """Of local jobs ten new circuits a second are copied; a known one and remote ones always."""
    programs, known = Programs(), circuit()
    kept = [known, *(circuit() for _ in range(CIRCUITS_A_SECOND + 1))]
    answers = [programs.asked(None, [each], None, 1, all_of_it=False) for each in kept]

    assert answers[-1] == "more than 10 new circuits a second"
    assert not isinstance(answers[CIRCUITS_A_SECOND - 1], str)
    assert not isinstance(programs.asked(None, [known], None, 1, all_of_it=False), str)
    assert not isinstance(programs.asked(None, [circuit()], None, 1, all_of_it=True), str)
    assert not isinstance(programs.asked(None, [circuit()], None, 2, all_of_it=False), str)


def test_too_much_is_named_and_not_kept() -> None:
    """More than 64 circuits, and values above half a MiB, are not copied."""
    programs, known = Programs(), circuit()
    large = programs.asked(None, [(known, np.zeros((40_000, 2)))], None, 1, all_of_it=True)

    assert programs.asked(None, [known] * 65, None, 1, all_of_it=True) == "more than 64 circuits"
    assert large.pubs[0].values is None


@pytest.mark.parametrize("asked", [None, 5, "pubs", [1, 2], [], [("a", "b")], iter([1])])
def test_what_is_no_program_is_left_alone(asked: Any) -> None:
    """Whatever else a submission is called with is not touched."""
    assert Programs().asked(None, asked, None, 1, all_of_it=True) is None
