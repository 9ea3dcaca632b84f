"""Compiled circuits as bytes: read for a circuit that another process built, they are its own."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter, ParameterVector

from qgm_observe.instrumentation.circuit_file import read, with_parameters_of, written
from qgm_observe.training.ansatz import born_circuit


def mixed(angles: int = 3) -> QuantumCircuit:
    """Two vectors, of one only the last element, and plain parameters, alone and in sums."""
    weights, unused, plain = ParameterVector("w", angles), ParameterVector("v", 4), Parameter("a")
    circuit = QuantumCircuit(2)
    for each in weights:
        circuit.rx(each + plain / 2, 0)
        circuit.rz(each, 1)
    circuit.ry(unused[3], 1)
    circuit.rz(2 * plain + 1, 0)
    return circuit


def no_assigning(*_args, **_kwargs):
    raise AssertionError("parameters were exchanged after reading")


@settings(max_examples=20)
@given(angles=st.integers(1, 20))
def test_identities_are_exchanged_in_the_bytes(angles):
    """Vectors and plain parameters of another circuit are its own after reading, sums included."""
    content, other = written(mixed(angles)), mixed(angles)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(QuantumCircuit, "assign_parameters", no_assigning)
        found = read(content, other)

    assert found == other
    assert set(found.parameters) == set(other.parameters)
    numbers = {each: 0.1 * at for at, each in enumerate(other.parameters)}
    assert found.assign_parameters(numbers) == other.assign_parameters(numbers)


def test_a_compiler_may_drop_parameters():
    """What remains of them is the circuit's own, whichever it was read for."""
    circuit, other = mixed(), mixed()
    compiled = circuit.copy_empty_like()
    compiled.rx(next(each for each in circuit.parameters if each.name == "w[1]"), 0)
    found = read(written(compiled), other)

    assert [each.name for each in found.parameters] == ["w[1]"]
    assert set(found.parameters) < set(other.parameters)


def test_a_circuit_without_parameters():
    """It is read as it was written."""
    circuit = QuantumCircuit(1)
    circuit.h(0)

    assert read(written(circuit), circuit) == circuit


def test_plain_parameters_may_bear_the_names_of_elements():
    """A vector's elements are taken for plain parameters of their names, and the other way."""
    vector = QuantumCircuit(1)
    for each in ParameterVector("w", 2):
        vector.rx(each, 0)
    plain = QuantumCircuit(1)
    for name in ("w[0]", "w[1]"):
        plain.rx(Parameter(name), 0)
    for one, other in ((vector, plain), (plain, vector)):
        found = read(written(one), other)

        assert set(found.parameters) == set(other.parameters)
        assert found == other


def test_one_circuit_s_own_parameters_are_left_alone():
    """Exchanging parameters with the circuit that was compiled gives the very same object."""
    circuit = born_circuit(3, ("ry",), "linear", 1)

    assert with_parameters_of(circuit, circuit) is circuit


def test_bytes_of_something_else_are_refused():
    """What was never written here raises instead of giving some circuit."""
    with pytest.raises(Exception, match=r".+"):
        read(b"no circuit", mixed())
