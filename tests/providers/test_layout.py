"""What speaks against a layout."""

from qgm_observe.providers.calibration import judged_error, judged_qubit
from qgm_observe.providers.layout import LayoutFaults, layout_faults
from qgm_observe.providers.protocol import Calibration, GateCalibration, Measurement


def qubit(t1=1e-4, t2=1e-4, readout=0.01, at=100.0):
    told = {"t1": t1, "t2": t2, "readout_error": readout}
    return judged_qubit({name: Measurement(value, at) for name, value in told.items()})


def gate(error, at=100.0):
    return GateCalibration(judged_error(Measurement(error, at)))


DEVICE = Calibration(
    provider="local",
    device="d",
    observed_at=1.0,
    qubits={0: qubit(), 1: qubit(readout=0.5), 2: qubit(t1=None), 3: qubit(at=10.0)},
    gates={
        ("x", (0,)): gate(1.0),
        ("cz", (0, 1)): gate(0.01),
        ("rzz", (0, 1)): gate(1.0),
        ("cz", (1, 2)): gate(1.0),
        ("cz", (2, 3)): gate(0.01, at=10.0),
    },
)


def test_each_fault_names_its_qubits_and_pairs() -> None:
    """Disabled, suspect, missing and stale are told apart, for qubits and for pairs."""
    assert layout_faults(DEVICE, [3, 2, 1, 0], stale_before=50.0) == LayoutFaults(
        disabled_qubits=(0,),
        suspect_qubits=(1,),
        missing_qubits=(2,),
        stale_qubits=(3,),
        disabled_edges=((1, 2),),
        stale_edges=((2, 3),),
    )


def test_a_pair_is_usable_while_one_of_its_gates_is() -> None:
    """A switched-off rzz speaks against a circuit that uses rzz, and against no other."""
    assert layout_faults(DEVICE, [0, 1]).disabled_edges == ()
    assert layout_faults(DEVICE, [0, 1], gates=["rzz"]).disabled_edges == ((0, 1),)


def test_a_pair_without_a_gate_is_missing() -> None:
    """A pair that the circuit uses and the device does not couple is said to be missing."""
    found = layout_faults(DEVICE, [0, 1, 3], edges=[(3, 0), (1, 0)])

    assert found.missing_edges == ((0, 3),)


def test_a_qubit_that_the_device_lacks_is_missing() -> None:
    """A qubit of which nothing is known is missing, and nothing is stale without a limit."""
    assert layout_faults(DEVICE, [9]) == LayoutFaults(missing_qubits=(9,))
