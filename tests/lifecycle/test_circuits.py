"""What a compiled circuit uses, and what a calibration says of that."""

import pytest

from qgm_observe.errors import UsageError
from qgm_observe.lifecycle.circuits import errors_of, name_of, places_of, usage_of
from qgm_observe.providers.protocol import Calibration, GateCalibration, Measurement

qiskit = pytest.importorskip("qiskit")


def circuit(angle: float = 0.1, second: int = 1):
    """Two qubits, of which the second is read into the first bit."""
    made = qiskit.QuantumCircuit(3, 2)
    made.rz(angle, 0)
    made.sx(0)
    made.sx(0)
    made.cz(0, second)
    made.barrier()
    made.measure([second, 0], [0, 1])
    return made


def test_gates_are_counted_and_bits_are_read_from_the_top():
    """Each gate counts on its qubits; the most significant bit's qubit comes first."""
    usage = usage_of(circuit())

    assert usage.gates["sx", (0,)] == 2
    assert usage.gates["cz", (0, 1)] == 1
    assert usage.measured == (0, 1)


def test_the_places_of_a_circuit_are_its_gates_on_their_qubits():
    """Each gate counts once a place; a barrier over more than a pair is none."""
    assert places_of(usage_of(circuit())) == {
        ("rz", (0,)),
        ("sx", (0,)),
        ("cz", (0, 1)),
        ("measure", (0,)),
        ("measure", (1,)),
    }


def test_gates_inside_of_a_block_are_not_seen():
    """Of a circuit with a loop nobody says that its gates are all there are."""
    made = circuit()
    with made.for_loop(range(2)):
        made.x(2)

    assert places_of(usage_of(made)) is None


def test_a_name_changes_with_gates_and_qubits_and_not_with_angles():
    """Angles are what training moves, so they leave the name as it is."""
    names = [name_of(circuit()), name_of(circuit(2.0)), name_of(circuit(second=2))]

    assert names[0] == names[1] != names[2]
    assert name_of("mine") == "mine"
    assert name_of(None) is None


def test_errors_come_from_a_providers_calibration_and_from_plain_numbers():
    """Both forms give the same; a gate is found in either direction, rz needs no error."""
    told = Calibration(
        provider="ibm",
        device="d",
        observed_at=0.0,
        qubits={
            0: {"readout_error": Measurement(0.02)},
            1: {
                "prob_meas1_prep0": Measurement(0.01),
                "prob_meas0_prep1": Measurement(0.03),
            },
        },
        gates={
            ("sx", (0,)): GateCalibration(Measurement(0.001)),
            ("cz", (1, 0)): GateCalibration(Measurement(0.01)),
        },
    )
    plain = {
        "gates": {("sx", (0,)): 0.001, ("cz", (1, 0)): 0.01},
        "readout": {0: 0.02, 1: (0.01, 0.03)},
    }
    found = [errors_of(each, usage_of(circuit())) for each in (told, plain)]

    assert found[0] == found[1]
    assert found[0].gates == {("sx", (0,)): 0.001, ("cz", (0, 1)): 0.01}
    assert found[0].readout == ((0.02, 0.02), (0.01, 0.03))


def test_what_is_not_calibrated_is_told():
    """A gate without an error is `None`, a qubit without readout leaves all of it unknown."""
    found = errors_of({"gates": {("sx", (0,)): 0.001}}, usage_of(circuit()))

    assert found.gates["cz", (0, 1)] is None
    assert found.readout is None


def test_what_is_no_calibration_is_refused():
    """Anything else is one clear error."""
    with pytest.raises(UsageError, match="mapping of `gates`"):
        errors_of(3, usage_of(circuit()))
