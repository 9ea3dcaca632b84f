import numpy as np
import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.circuit import Measure, Parameter
from qiskit.circuit.library import CZGate, RZGate, SXGate
from qiskit.providers import QubitProperties
from qiskit.transpiler import InstructionProperties, Target
from qiskit_aer import AerSimulator
from qiskit_ibm_runtime.fake_provider import FakeManilaV2

from qgm_observe.training.snapshot import (
    entangling_gates,
    noise_model,
    reduce_target,
    simulator,
    usable_qubits,
)


def line_of_qubits(*, readout=(), edges=(), sx=(), coherence=()):
    """Build five qubits in a line with small errors, some of them replaced."""
    errors = {**dict.fromkeys(range(5), 0.01), **dict(readout)}
    gates = {**{(place, place + 1): 0.01 for place in range(4)}, **dict(edges)}
    single = {**dict.fromkeys(range(5), 0.001), **dict(sx)}
    known = {**dict.fromkeys(range(5), 1e-4), **dict(coherence)}
    target = Target(5, dt=1e-9, qubit_properties=[QubitProperties(known[q], 1e-4) for q in known])
    target.add_instruction(CZGate(), {pair: calibrated(error) for pair, error in gates.items()})
    target.add_instruction(SXGate(), {(q,): calibrated(error) for q, error in single.items()})
    target.add_instruction(RZGate(Parameter("angle")), {(q,): calibrated(0.0) for q in range(5)})
    target.add_instruction(Measure(), {(q,): calibrated(error) for q, error in errors.items()})
    return target


def calibrated(error):
    return None if error is None else InstructionProperties(duration=5e-8, error=error)


@pytest.mark.parametrize(
    "fault",
    [
        {"readout": {2: 0.5}},
        {"readout": {2: None}},
        {"sx": {2: 1.0}},
        {"coherence": {2: None}},
    ],
    ids=["readout", "no readout", "gate", "no T1"],
)
def test_a_qubit_that_is_disabled_or_unknown_is_not_usable(fault):
    """Readout error >= 0.5, a gate error >= 1 or a missing value takes exactly that qubit out."""
    assert set(usable_qubits(line_of_qubits())) == {0, 1, 2, 3, 4}
    assert set(usable_qubits(line_of_qubits(**fault))) == {0, 1, 3, 4}


@pytest.mark.parametrize("error", [1.0, None])
def test_an_edge_that_is_disabled_or_unknown_is_left_out(error):
    """A two-qubit error >= 1 means disabled; an edge without data is not guessed."""
    gates = entangling_gates(line_of_qubits(edges={(1, 2): error}))

    assert gates == {"cz": {(0, 1): 0.01, (2, 3): 0.01, (3, 4): 0.01}}


def test_a_reduced_target_renumbers_what_it_keeps():
    """Qubits 3, 2, 1 become 0, 1, 2 with their own gates, errors and coherence times."""
    target = line_of_qubits(edges={(2, 3): 0.02, (1, 2): 0.03}, readout={3: 0.2})

    reduced = reduce_target(target, (3, 2, 1), "cz")

    assert reduced.num_qubits == 3
    assert {pair: reduced["cz"][pair].error for pair in reduced["cz"]} == {
        (1, 0): 0.02,
        (2, 1): 0.03,
    }
    assert reduced["measure"][0,].error == 0.2
    assert reduced.qubit_properties[0].t1 == 1e-4


def test_a_reduced_target_has_no_disabled_edge():
    """Chosen qubits may be neighbors by a disabled edge: that edge is gone."""
    reduced = reduce_target(line_of_qubits(edges={(1, 2): 1.0}), (0, 1, 2), "cz")

    assert list(reduced["cz"]) == [(0, 1)]


@pytest.fixture(scope="module")
def manila_snapshot():
    return FakeManilaV2()


@pytest.fixture(scope="module")
def mirrored(manila_snapshot):
    return simulator(manila_snapshot, manila_snapshot.properties(), (4, 3, 2, 1, 0), "cx")


def state_of(backend, layout):
    circuit = QuantumCircuit(3)
    for qubit, angle in enumerate((0.3, 1.1, 2.0)):
        circuit.ry(angle, qubit)
    circuit.cx([0, 1], [1, 2])
    for qubit, angle in enumerate((0.5, 0.7, 0.9)):
        circuit.ry(angle, qubit)
    compiled = transpile(circuit, backend, initial_layout=layout, optimization_level=0)
    compiled.save_density_matrix(qubits=layout)
    return np.asarray(
        backend.run(compiled, method="density_matrix").result().data()["density_matrix"]
    )


def test_gate_noise_is_that_of_the_whole_device(manila_snapshot, mirrored):
    """A circuit on the same physical qubits ends in the same mixed state as on the whole device."""
    whole = AerSimulator.from_backend(manila_snapshot)

    expected = state_of(whole, [1, 2, 3])

    purity = np.trace(expected @ expected).real
    assert 0.5 < purity < 0.97
    assert np.allclose(state_of(mirrored, [3, 2, 1]), expected, atol=1e-6)


@pytest.mark.parametrize("flipped", [False, True])
def test_readout_errs_as_calibrated_for_either_outcome(manila_snapshot, flipped):
    """Of 40,000 shots on 0, or on 1, the wrong ones are within 5 deviations of the calibration."""
    properties = manila_snapshot.properties().qubit_property(4)
    calibrated_error = properties["prob_meas0_prep1" if flipped else "prob_meas1_prep0"][0]
    noise = noise_model(Target(1, qubit_properties=[QubitProperties()]), [properties])
    circuit = QuantumCircuit(1)
    if flipped:
        circuit.x(0)
    circuit.measure_all()

    job = AerSimulator(noise_model=noise).run(circuit, shots=40_000, seed_simulator=11)

    wrong = job.result().get_counts().get("0" if flipped else "1", 0)
    deviation = (calibrated_error * (1 - calibrated_error) * 40_000) ** 0.5
    assert abs(wrong - 40_000 * calibrated_error) < 5 * deviation


def test_the_simulator_reads_out_with_the_noise_of_the_chosen_qubits(manila_snapshot, mirrored):
    """Each renumbered qubit has the readout errors of its own physical qubit, both ways."""
    properties = manila_snapshot.properties()
    entries = mirrored.options.noise_model.to_dict()["errors"]
    readouts = {
        entry["gate_qubits"][0]: np.array(entry["probabilities"])
        for entry in entries
        if entry["type"] == "roerror"
    }

    assert len(readouts) == 5
    for (position,), matrix in readouts.items():
        known = properties.qubit_property(4 - position)
        assert matrix[0, 1] == pytest.approx(known["prob_meas1_prep0"][0])
        assert matrix[1, 0] == pytest.approx(known["prob_meas0_prep1"][0])
