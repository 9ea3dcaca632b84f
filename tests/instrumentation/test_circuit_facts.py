"""What is told of a circuit."""

import gc

import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector

from qgm_observe.instrumentation import circuit_facts
from qgm_observe.instrumentation.circuit_facts import MOST, facts_of


@pytest.fixture(autouse=True)
def nothing_cached() -> None:
    """Begins each test with an empty cache."""
    circuit_facts.forget()


@pytest.fixture
def ansatz() -> QuantumCircuit:
    """Three qubits, two layers, four free angles."""
    angles = ParameterVector("a", 4)
    circuit = QuantumCircuit(3)
    circuit.ry(angles[0], 0)
    circuit.ry(angles[1], 1)
    circuit.cx(0, 1)
    circuit.barrier(0, 1)
    circuit.ry(angles[2], 1)
    circuit.ry(angles[3], 2)
    circuit.cz(1, 2)
    return circuit


def test_facts_are_counted(ansatz: QuantumCircuit) -> None:
    """Qubits, operations, depth, two-qubit gates and free parameters, and no barrier counts."""
    (facts,) = facts_of((ansatz,))

    assert {name: value for name, value in facts.items() if name != "hash"} == {
        "qubits": 3,
        "operations": 6,
        "depth": 4,
        "two_qubit_gates": 2,
        "parameters": 4,
    }


def test_angles_do_not_change_the_hash(ansatz: QuantumCircuit) -> None:
    """Bound circuits are one structure, whatever their angles; other wiring is another."""
    first, second = (ansatz.assign_parameters([x] * 4) for x in (0.1, 0.2))
    other = QuantumCircuit(3)
    other.compose(ansatz, qubits=[2, 1, 0], inplace=True)

    assert len(facts_of((first, second))) == 1
    assert facts_of((first,))[0]["hash"] == facts_of((ansatz,))[0]["hash"]
    assert facts_of((other,))[0]["hash"] != facts_of((ansatz,))[0]["hash"]


def test_a_structure_is_computed_once(
    ansatz: QuantumCircuit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hundred steps with new angles compute the depth of their circuit once."""
    computed = []
    own = QuantumCircuit.depth
    monkeypatch.setattr(QuantumCircuit, "depth", lambda self: computed.append(1) or own(self))
    for step in range(100):
        facts_of((ansatz.assign_parameters([step / 7] * 4),))

    assert len(computed) == 1


def test_a_circuit_that_changed_is_looked_at_again(ansatz: QuantumCircuit) -> None:
    """The same object with a further gate has other facts."""
    (before,) = facts_of((ansatz,))
    ansatz.cx(0, 2)
    (after,) = facts_of((ansatz,))

    assert (before["two_qubit_gates"], after["two_qubit_gates"]) == (2, 3)


def test_circuits_are_not_kept_alive(ansatz: QuantumCircuit) -> None:
    """A look at a circuit does not keep it in memory."""
    bound = ansatz.assign_parameters([0.1] * 4)
    facts_of((bound,))
    ((reference, _, _),) = circuit_facts._by_object.values()
    assert reference() is bound
    del bound
    gc.collect()

    assert reference() is None


def test_a_record_tells_of_few_circuits() -> None:
    """Many different circuits are told up to a bound, and what is no circuit is left out."""
    circuits = []
    for size in range(1, 2 * MOST):
        circuit = QuantumCircuit(size)
        circuit.h(range(size))
        circuits.append(circuit)

    assert len(facts_of(tuple(circuits))) == MOST
    assert facts_of((None, 3)) == []


def test_the_cache_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many structures there are, the cache stays small."""
    monkeypatch.setattr(circuit_facts, "_KEPT", 5)
    for size in range(1, 20):
        facts_of((QuantumCircuit(size),))

    assert len(circuit_facts._by_structure) <= 5
