import itertools
from datetime import UTC, datetime

import pytest
from qiskit.primitives import StatevectorSampler
from qiskit_aer import AerSimulator
from qiskit_ibm_runtime.fake_provider import FakeCusco, FakeFez, FakeKingston, FakeSherbrooke

from qgm_observe.training.devices import device_names, load_device, wrap_backend


def edges_of(device):
    target = device.backend.target
    pairs = {pair for name in target.operation_names for pair in target[name] if len(pair) == 2}
    return [{device.qubits[left], device.qubits[right]} for left, right in pairs]


@pytest.mark.parametrize(
    ("name", "snapshot", "gate"),
    [
        ("fez", FakeFez, "cz"),
        ("kingston", FakeKingston, "cz"),
        ("sherbrooke", FakeSherbrooke, "ecr"),
        ("cusco", FakeCusco, "ecr"),
    ],
)
def test_a_disabled_qubit_or_edge_is_never_picked(name, snapshot, gate):
    """No chosen edge has error >= 1, no chosen qubit a readout error >= 0.5 or an unknown T1."""
    properties = snapshot().properties()
    disabled = [
        set(entry.qubits)
        for entry in properties.gates
        if entry.gate == gate and entry.parameters[0].value >= 1
    ]
    device = load_device(name, 6)

    assert disabled
    assert len(device.qubits) == 6
    for qubit in device.qubits:
        assert properties.readout_error(qubit) < 0.5
        assert properties.t1(qubit) > 0
    for edge in edges_of(device):
        assert edge not in disabled


def test_the_chosen_qubits_form_a_chain(fez):
    """Neighbors in the list of physical qubits are joined by a gate of the reduced device."""
    for left, right in itertools.pairwise(fez.qubits):
        assert {left, right} in edges_of(fez)


def test_a_device_whose_edges_are_all_disabled_is_refused():
    """Kyoto's snapshot has error 1 on all 144 ecr gates: the line says what is left."""
    line = "device 'fake_kyoto' has no 2 connected qubits that are enabled: it offers 1 of 127"
    with pytest.raises(ValueError, match=line):
        load_device("kyoto", 2)


def test_a_device_that_is_too_small_is_refused():
    """Manila has five qubits: six are refused with that number."""
    with pytest.raises(ValueError, match="it offers 5 of 5"):
        load_device("manila", 6)


def test_a_snapshot_says_where_its_noise_comes_from(manila):
    """The name, the calibration date in UTC and the physical qubits are those of the file."""
    assert manila.name == manila.backend.name == "fake_manila"
    assert manila.kind == "snapshot"
    assert manila.calibrated_at == datetime(2024, 5, 27, 18, 27, 23, tzinfo=UTC)
    assert len(set(manila.qubits)) == manila.backend.num_qubits == 4


def test_an_ideal_simulator_has_no_calibration(ideal):
    """What was never calibrated has no date and no physical qubits, and none is invented."""
    assert ideal.name == ideal.backend.name == "aer_simulator"
    assert (ideal.kind, ideal.calibrated_at, ideal.qubits) == ("ideal", None, None)


@pytest.mark.parametrize("name", ["manila", "fake_manila", "ibm_manila", "ibmq_manila"])
def test_a_device_has_several_names(name):
    """The short name, the fake's and the real device's name load the same snapshot."""
    assert load_device(name, 1).name == "fake_manila"


@pytest.mark.parametrize(
    ("name", "offer"),
    [("fes", "did you mean fez"), ("ibm_brisbain", "did you mean brisbane"), ("nope", "try aer")],
)
def test_an_unknown_device_gets_close_matches(name, offer):
    """One line names the unknown device and what may have been meant."""
    with pytest.raises(ValueError, match=offer) as refusal:
        load_device(name, 4)

    assert name in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("num_qubits", [0, -1, 2.0, True, 17])
def test_an_impossible_width_is_refused(num_qubits):
    """The number of qubits is an integer from 1 to 16."""
    with pytest.raises(ValueError, match=r"num_qubits=.* is refused"):
        load_device("aer", num_qubits)


def test_every_snapshot_is_offered_by_name():
    """The names include the ideal simulator and the snapshots that come with the runtime."""
    assert {"aer", "fez", "torino", "manila", "kingston", "brisbane"} <= set(device_names())


def test_one_qubit_needs_no_edge():
    """Armonk has one qubit and no two-qubit gate: it still loads."""
    assert load_device("armonk", 1).qubits == (0,)


def test_a_backend_of_somebody_else_is_used_as_it_is():
    """A wrapped backend keeps its name and its sampler, and has the date of its own calibration."""
    fake, sampler = FakeFez(), StatevectorSampler()
    device = wrap_backend(fake, sampler)

    assert device.name == "fake_fez"
    assert device.seeded(3) is sampler
    assert device.calibrated_at == datetime(2025, 2, 26, 20, 16, 25, tzinfo=UTC)
    assert wrap_backend(AerSimulator(), sampler).calibrated_at is None
