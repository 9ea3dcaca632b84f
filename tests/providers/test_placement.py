"""Placement: a circuit is compiled away from what is disabled, and its gates are counted."""

import pytest
from qiskit import QuantumCircuit, qasm2, qasm3, qpy

from qgm_observe.errors import UsageError
from qgm_observe.providers import braket_replies
from qgm_observe.providers.local import open_local
from qgm_observe.providers.placement import place, read_circuit, spread
from qgm_observe.providers.protocol import (
    Calibration,
    DeviceInfo,
    GateCalibration,
    Measurement,
    Quality,
)


def chain(width: int) -> QuantumCircuit:
    circuit = QuantumCircuit(width, width)
    circuit.h(0)
    for qubit in range(width - 1):
        circuit.cx(qubit, qubit + 1)
    circuit.measure(range(width), range(width))
    return circuit


def line(errors: list[float], **own: float) -> tuple[DeviceInfo, Calibration]:
    """A line of qubits whose CZ gates have these errors; 1 is disabled."""
    width = len(errors) + 1
    gates = {("sx", (q,)): GateCalibration(Measurement(1e-4)) for q in range(width)}
    gates |= {("rz", (q,)): GateCalibration(Measurement(0.0)) for q in range(width)}
    for q, error in enumerate(errors):
        quality = Quality.DISABLED if error >= 1 else Quality.OK
        gates["cz", (q, q + 1)] = GateCalibration(Measurement(error, quality=quality))
    readout = {q: {"readout_error": Measurement(0.01)} for q in range(width)}
    info = DeviceInfo(provider="p", name="line", num_qubits=width)
    told = Calibration(provider="p", device="line", observed_at=0.0, gates=gates, qubits=readout)
    return info, told


def test_a_disabled_gate_is_gone_around():
    """Of a line whose second pair is disabled the compiler takes the qubits behind it."""
    info, told = line([0.001, 1.0, 0.001, 0.001])
    placed = place(chain(3), info, told)

    assert placed.reason is None
    assert placed.edges == ((2, 3), (3, 4))
    assert set(placed.qubits) == {2, 3, 4}
    assert sorted(placed.measured) == [2, 3, 4]
    assert placed.readout_errors == (0.01, 0.01, 0.01)
    assert {placed.errors[key] for key in placed.uses if key[0] == "cz"} == {0.001}


def test_a_layout_is_kept():
    """With a layout the circuit runs on these qubits, whatever their errors."""
    info, told = line([0.5, 0.4, 0.001])
    placed = place(chain(2), info, told, layout=(1, 0))

    assert placed.qubits == (0, 1)
    assert placed.measured == (1, 0)
    assert placed.uses["cz", (0, 1)] == 1


@pytest.mark.parametrize(
    ("width", "errors", "reason"),
    [
        (4, [0.1, 0.1], "the circuit has 4 qubits, the device 3"),
        (2, [1.0, 1.0], "it does not compile"),
    ],
)
def test_what_cannot_be_placed_says_why(width, errors, reason):
    """A circuit too wide, or with no pair left, gives a reason and no gates."""
    placed = place(chain(width), *line(errors))

    assert (placed.reason or "").startswith(reason)
    assert placed.uses == {}


def test_a_snapshot_of_a_device_is_compiled_for():
    """On a real snapshot the counts equal those of Qiskit's own compiled circuit."""
    local = open_local({})
    calibration = local.calibration("fake_manila")
    placed = place(chain(3), local.device("fake_manila"), calibration)

    assert {name for name, _ in placed.uses} <= {"cx", "rz", "sx", "x"}
    assert sum(times for (name, _), times in placed.uses.items() if name == "cx") == 2
    assert None not in placed.errors.values()
    assert len(placed.readout_errors) == 3


def test_a_provider_without_single_gates_is_compiled_for():
    """Braket's randomized benchmarking stands for `sx`, `rz` is software, CNOT keeps its name."""
    error = {"fidelity": 0.99, "fidelityType": {"name": "RANDOMIZED_BENCHMARKING"}}
    told = {
        "standardized": {
            "oneQubitProperties": {str(q): {"oneQubitFidelity": [error]} for q in range(2)},
            "twoQubitProperties": {
                "0-1": {"twoQubitGateFidelity": [{"gateName": "CNOT", "fidelity": 0.9}]}
            },
        }
    }
    calibration = braket_replies.calibration("d", told, 0.0)
    info = DeviceInfo(provider="braket", name="d", num_qubits=2)
    placed = place(chain(2), info, calibration)

    assert {name for name, _ in placed.uses} == {"1q", "cnot"}
    assert placed.errors["cnot", (0, 1)] == pytest.approx(0.1)
    assert placed.readout_errors == (None, None)


def test_figures_of_the_whole_device_stand_for_its_parts():
    """Where no gate is calibrated alone the device's averages are taken, else they are not."""
    whole = {name: Measurement(0.01) for name in ("error_1q", "error_2q", "readout_error")}
    info = DeviceInfo(provider="p", name="ion", num_qubits=3, edges=((0, 1), (0, 2), (1, 2)))
    bare = Calibration(provider="p", device="ion", observed_at=0.0, whole=whole)
    told = spread(info, bare)

    assert told.gates["cz", (0, 2)].error.value == 0.01
    assert told.qubits[2]["readout_error"].value == 0.01
    assert place(chain(3), info, bare).errors["cz", (0, 1)] == 0.01
    _, own = line([0.5])
    assert spread(info, own).gates["cz", (0, 1)].error.value == 0.5


def test_circuits_are_read_from_three_formats(tmp_path):
    """OpenQASM 2 and 3 and QPY give the same circuit; without measurements all qubits are read."""
    bare = QuantumCircuit(2)
    bare.h(0)
    bare.cx(0, 1)
    (tmp_path / "two.qasm").write_text(qasm2.dumps(chain(2)))
    (tmp_path / "three.qasm").write_text(qasm3.dumps(chain(2)))
    with (tmp_path / "bare.qpy").open("wb") as file:
        qpy.dump(bare, file)

    for name in ("two.qasm", "three.qasm", "bare.qpy"):
        found = read_circuit(tmp_path / name)
        assert found.num_qubits == 2
        assert found.count_ops()["cx"] == 1
        assert found.count_ops()["measure"] == 2


@pytest.mark.parametrize("name", ["absent.qasm", "text.qasm", "text.qpy"])
def test_a_file_without_a_circuit_is_told(name, tmp_path):
    """A missing file and a file of something else are told in one line with the path."""
    if not name.startswith("absent"):
        (tmp_path / name).write_text("hello")

    with pytest.raises(UsageError) as told:
        read_circuit(tmp_path / name)

    assert name in str(told.value)
    assert "\n" not in str(told.value)
