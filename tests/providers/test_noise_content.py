"""Noise models as content."""

import json

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit.library import RXGate
from qiskit.quantum_info import SuperOp
from qiskit_aer import AerSimulator
from qiskit_aer.noise import (
    NoiseModel,
    QuantumError,
    amplitude_damping_error,
    coherent_unitary_error,
    depolarizing_error,
    pauli_error,
    thermal_relaxation_error,
)
from qiskit_ibm_runtime.fake_provider import FakeManilaV2

from qgm_observe.errors import UsageError
from qgm_observe.providers import noise_content
from qgm_observe.providers.noise_content import content_of, gaps_of, noise_of

SAME = {qubit: qubit for qubit in range(5)}


def every_kind() -> NoiseModel:
    """A model with each kind of error that Aer makes."""
    model = NoiseModel()
    model.add_all_qubit_quantum_error(amplitude_damping_error(0.1), ["x"])
    model.add_all_qubit_readout_error([[0.95, 0.05], [0.1, 0.9]])
    model.add_quantum_error(coherent_unitary_error([[0, 1j], [-1j, 0]]), "sx", [1])
    model.add_quantum_error(pauli_error([("XY", 0.1), ("II", 0.9)]), "cx", [0, 1])
    model.add_quantum_error(depolarizing_error(0.05, 2), "cz", [2, 0])
    model.add_quantum_error(thermal_relaxation_error(50, 70, 1), "id", [2])
    model.add_quantum_error(thermal_relaxation_error(50, 90, 1), "id", [1])
    rotated = QuantumCircuit(1)
    rotated.append(RXGate(0.3), [0])
    channel = QuantumCircuit(1)
    channel.append(SuperOp(np.eye(4)).to_instruction(), [0])
    model.add_quantum_error(QuantumError([(rotated, 0.5), (channel, 0.5)]), "rz", [0])
    model.add_readout_error([[0.9, 0.1], [0.2, 0.8]], [1])
    return model


def test_every_kind_of_error_comes_back() -> None:
    """What is read equals what was written, as Aer compares models."""
    model = every_kind()

    assert noise_of(content_of(model, range(3)), SAME) == model


def test_equal_models_are_equal_contents() -> None:
    """Ids that Aer draws for each error do not show."""
    first, second = (NoiseModel.from_backend(FakeManilaV2()) for _ in range(2))

    assert content_of(first, {0, 1}) == content_of(second, {1, 0})
    assert content_of(first, {0, 1}) != content_of(first, {0, 2})


def test_only_qubits_in_use_are_written() -> None:
    """Errors on other qubits are left out, and those of all qubits stay."""
    told = json.loads(content_of(every_kind(), [0, 2]))

    assert told["qubits"] == [0, 2]
    assert [(name, qubits) for name, qubits, *_ in told["gates"]] == [
        *(("x", None), ("cz", [2, 0]), ("id", [2]), ("rz", [0])),
    ]
    assert [qubits for qubits, _ in told["readout"]] == [None]


def test_qubits_are_renumbered() -> None:
    """A circuit that is cut to qubits 1 and 3 has their readout errors on 0 and 1."""
    model = NoiseModel()
    model.add_readout_error([[0.0, 1.0], [0.0, 1.0]], [3])
    moved = noise_of(content_of(model, [1, 3]), {1: 0, 3: 1})
    circuit = QuantumCircuit(2)
    circuit.measure_all()

    counts = AerSimulator(noise_model=moved).run(circuit, shots=50).result().get_counts()
    assert counts == {"10": 50}


def test_what_is_not_told_is_named() -> None:
    """Qubits without a record, and passes; that of delays where there are some."""
    content = content_of(NoiseModel.from_backend(FakeManilaV2()), [0, 1])

    assert gaps_of(content, [0, 1], has_delays=False) == []
    assert gaps_of(content, [0, 4], has_delays=True) == [
        "no noise is recorded of qubit 4",
        "the noise model's RelaxationNoisePass is not simulated",
    ]


def test_the_whole_of_a_model_tells_of_every_qubit() -> None:
    """What is written without qubits in use has the errors of all, and no qubit is unknown."""
    content = content_of(every_kind(), None)
    told = json.loads(content)

    assert told["whole"] is True
    assert len(told["gates"]) > len(json.loads(content_of(every_kind(), [0]))["gates"])
    assert gaps_of(content, [0, 99], has_delays=False) == []


@pytest.mark.parametrize(
    ("bound", "value", "said"),
    [("MOST_ERRORS", 1, "more than 1 errors"), ("_LARGEST", 10, "it takes more than")],
)
def test_large_models_are_refused(
    monkeypatch: pytest.MonkeyPatch, bound: str, value: int, said: str
) -> None:
    """Beyond a number of errors or bytes there is a reason instead."""
    monkeypatch.setattr(noise_content, bound, value)

    with pytest.raises(UsageError, match=said):
        content_of(every_kind(), range(3))


@pytest.mark.parametrize(
    "content",
    [
        b"no json",
        b"{}",
        b'{"gates": [["x", null, [1.0], [[["nonsense", [0], []]]]]], "readout": []}',
        b'{"gates": [["x", null, [0.5], [[["x", [0], []]]]]], "readout": []}',
    ],
    ids=["text", "empty", "unknown gate", "probabilities"],
)
def test_damaged_contents_are_one_line(content: bytes) -> None:
    """What cannot be read is refused."""
    with pytest.raises(UsageError, match="the recorded noise model cannot be read"):
        noise_of(content, SAME)
