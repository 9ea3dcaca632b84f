"""Replaying: the noise is that of the calibration, and only that."""

from typing import Any

import pytest
from qiskit import QuantumCircuit, transpile
from qiskit_ibm_runtime.fake_provider import FakeManilaV2

from qgm_observe.errors import UsageError
from qgm_observe.lifecycle.programs import Programs, circuits_of, document
from qgm_observe.providers.protocol import Calibration, GateCalibration, Measurement, Quality
from qgm_observe.providers.replay import MOST_QUBITS, Pub, gaps_in, read_program, replay


def calibration(readout: dict[int, float], cx: float = 0.0) -> Calibration:
    """A device of three qubits in a line, told as little as this."""
    return Calibration(
        provider="ibm",
        device="line",
        observed_at=0.0,
        qubits={q: {"readout_error": Measurement(error)} for q, error in readout.items()},
        gates={("cx", (0, 1)): GateCalibration(Measurement(cx), Measurement(0.0))},
    )


def measured(qubits: list[int], size: int = 3) -> Pub:
    """A circuit that only measures."""
    circuit = QuantumCircuit(size, len(qubits))
    for place, qubit in enumerate(qubits):
        circuit.measure(qubit, place)
    return Pub(circuit, {}, None)


def test_without_a_calibration_there_is_no_noise() -> None:
    """A Bell pair gives its two outcomes alone."""
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure_all()

    counts = replay(Pub(circuit, {}, None), None, 2000, seed=1)

    assert set(counts) == {"00", "11"}
    assert abs(counts["00"] - 1000) < 5 * 22.4


def test_readout_errors_are_those_of_the_qubit() -> None:
    """A zero that is read wrongly with probability 0.2 is so; a qubit beside it is not."""
    counts = replay(measured([2, 1]), calibration({0: 0.5, 1: 0.0, 2: 0.2}), 10_000, seed=1)

    assert set(counts) == {"00", "01"}
    assert abs(counts["01"] - 2000) < 5 * 40


def test_the_readout_of_a_one_and_a_zero_are_told_apart() -> None:
    """The two probabilities of a wrong outcome go where they belong."""
    told = {"prob_meas1_prep0": Measurement(0.0), "prob_meas0_prep1": Measurement(0.3)}
    device = Calibration(provider="ibm", device="d", observed_at=0.0, qubits={0: told})
    circuit = QuantumCircuit(1, 1)
    circuit.x(0)
    circuit.measure(0, 0)

    assert replay(measured([0], 1), device, 1000, seed=1) == {"0": 1000}
    counts = replay(Pub(circuit, {}, None), device, 10_000, seed=1)
    assert abs(counts["0"] - 3000) < 5 * 46


def test_gate_errors_count_in_both_directions() -> None:
    """An error that is told once holds for the reversed gate; average error e depolarizes 4/3 e."""
    circuit = QuantumCircuit(2, 2)
    circuit.cx(1, 0)
    circuit.measure([0, 1], [0, 1])

    counts = replay(Pub(circuit, {}, None), calibration({0: 0.0, 1: 0.0}, cx=0.3), 10_000, seed=1)

    # depolarizing with parameter 4/3 x 0.3 x ... leaves 1 - 0.3 x 16/15 x 3/4 x ... of 00:
    # average gate error e = p (d - 1) / d with d = 4, so p = 0.4, and 00 keeps 1 - 3/4 p = 0.7
    assert abs(counts["00"] - 7000) < 5 * 46


def test_a_recorded_program_is_what_was_asked() -> None:
    """What the writer keeps is read back with its values, and gives the same counts."""
    backend = FakeManilaV2()
    circuit = transpile(_rotated(), backend, initial_layout=[3, 4], seed_transpiler=1)
    program = Programs().asked(
        None, [(circuit, [[0.0], [3.14159265]], 50)], None, 1, all_of_it=True
    )
    content, _ = document(program)
    circuits = [each.facts().qpy.blob.data for each in circuits_of(program)]  # type: ignore[union-attr]

    (pub,) = read_program(content, circuits)
    counts = replay(pub, None, 50, seed=3)

    assert pub.shots == 50
    assert counts == {"00": 50, "01": 50}


def _rotated() -> QuantumCircuit:
    from qiskit.circuit import Parameter

    circuit = QuantumCircuit(2)
    circuit.ry(Parameter("a"), 0)
    circuit.measure_all()
    return circuit


def test_what_a_calibration_does_not_tell_is_named() -> None:
    """A gate without a usable error and a qubit without a readout error are said once each."""
    circuit = QuantumCircuit(3, 3)
    circuit.cx(0, 1)
    circuit.cx(1, 2)
    circuit.measure([0, 1, 2], [0, 1, 2])
    device = calibration({0: 0.1, 1: 0.1})
    disabled = Measurement(1.0, quality=Quality.DISABLED)
    device.gates["cx", (1, 2)] = GateCalibration(disabled)  # type: ignore[index]

    assert gaps_in(Pub(circuit, {}, None), device) == [
        "no usable error of a cx in use",
        "no usable readout error of qubit 2",
    ]


@pytest.mark.parametrize(
    ("content", "circuits"),
    [(b"", []), (b'{"pubs": [{"circuit": 0}]}', []), (b'{"pubs": []}', [b"QISKIT damaged"])],
)
def test_a_damaged_program_is_one_line(content: bytes, circuits: list[bytes]) -> None:
    """Whatever the reader of Qiskit raises, the error is one line."""
    with pytest.raises(UsageError, match="cannot be read"):
        read_program(content, circuits)


def test_what_cannot_be_simulated_is_said() -> None:
    """Too many qubits in use, values that were not kept, and a gate that Aer does not know."""
    with pytest.raises(UsageError, match="25 qubits are in use: 24"):
        replay(measured(list(range(MOST_QUBITS + 1)), MOST_QUBITS + 1), None, 10)
    with pytest.raises(UsageError, match="too large to be kept"):
        read_program(b'{"pubs": [{"circuit": 0, "values": null, "shots": 1}]}', [])

    strange: Any = QuantumCircuit(1, 1)
    from qiskit.circuit import Gate

    strange.append(Gate("strange", 1, []), [0])
    strange.measure(0, 0)
    with pytest.raises(UsageError, match="cannot be simulated"):
        replay(Pub(strange, {}, None), None, 10)
