"""What speaks against a layout."""

from datetime import datetime

from qiskit_ibm_runtime.fake_provider import FakeManilaV2

from qgm_observe.providers.calibration import judged_error, judged_qubit
from qgm_observe.providers.calibration_content import held_by
from qgm_observe.providers.layout import (
    LayoutFaults,
    disabled_in_use,
    layout_faults,
    oldest_in_use,
)
from qgm_observe.providers.protocol import Calibration, GateCalibration, Measurement


def qubit(t1=1e-4, t2=1e-4, readout=0.01, at=100.0):
    told = {"t1": t1, "t2": t2, "readout_error": readout}
    return judged_qubit({name: Measurement(value, at) for name, value in told.items()})


def gate(error, at=100.0):
    return GateCalibration(judged_error(Measurement(error, at)))


def instant(clock):
    """Epoch seconds of a time on the morning of the snapshot."""
    return datetime.fromisoformat(f"2024-05-27T{clock}-03:00").timestamp()


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


def test_the_oldest_in_use_is_told_by_parameter() -> None:
    """Qubits and gates of the circuit count and no others; readout only where it is measured."""
    device = Calibration(
        provider="ibm",
        device="d",
        observed_at=1.0,
        qubits={0: qubit(at=50.0), 1: qubit(at=40.0), 2: qubit(at=1.0)},
        gates={
            ("sx", (0,)): gate(0.001, at=30.0),
            ("sx", (1,)): gate(0.001, at=20.0),
            ("rz", (0,)): gate(0.0, at=2.0),
            ("cz", (0, 1)): gate(0.01, at=35.0),
            ("cz", (1, 2)): gate(0.01, at=3.0),
        },
    )
    used = [("sx", (0,)), ("rz", (0,)), ("cz", (1, 0)), ("measure", (0,)), ("barrier", (0, 1, 2))]

    assert oldest_in_use(device, used) == {
        "t1": 40.0,
        "t2": 40.0,
        "readout_error": 50.0,
        "sx_error": 30.0,
        "cz_error": 35.0,
    }


def test_what_has_no_instant_or_no_value_has_no_age() -> None:
    """What is not told, is suspect or has no date is left out; of nothing known nothing is told."""
    undated = {"t1": Measurement(1e-4), "t2": Measurement(None, 5.0)}
    device = Calibration(
        provider="ibm",
        device="d",
        observed_at=1.0,
        qubits={0: undated, 1: qubit(readout=0.5, at=7.0)},
        gates={("cz", (0, 1)): gate(1.0, at=3.0), ("x", (0,)): GateCalibration()},
    )

    assert oldest_in_use(device, [("x", (0,)), ("measure", (0,)), ("if_else", (0,))]) == {}
    assert oldest_in_use(device, [("cz", (0, 1)), ("measure", (1,))]) == {"t1": 7.0, "t2": 7.0}
    assert oldest_in_use(device, [("x", (9,))]) == {}


def test_a_pair_in_use_is_disabled_with_the_gate_that_is_used() -> None:
    """Of a pair whose rzz is switched off and whose cz works, only circuits with rzz lose it."""
    assert disabled_in_use(DEVICE, [("rzz", (1, 0)), ("cz", (1, 0)), ("x", (0,))]) == {(0, 1)}
    assert disabled_in_use(DEVICE, [("cz", (0, 1)), ("cz", (2, 3)), ("cz", (0, 3))]) == set()


def test_the_oldest_of_a_snapshot_is_that_of_its_document() -> None:
    """Read by eye from the snapshot of ibmq_manila: qubits 2 and 3, of which 3 is measured."""
    backend = FakeManilaV2()
    backend.properties()
    calibration = held_by(backend, "local", "fake_manila", 0.0)
    assert calibration is not None
    found = oldest_in_use(
        calibration, [("sx", (3,)), ("cx", (2, 3)), ("measure", (3,)), ("rz", (2,))]
    )

    assert found == {
        "t1": instant("04:30:14"),
        "t2": instant("04:31:21"),  # of qubit 2; that of qubit 3 is 38 s younger
        "readout_error": instant("04:29:32"),
        "sx_error": instant("04:33:46"),
        "cx_error": instant("04:47:35"),
    }
    assert oldest_in_use(calibration, [("cx", (3, 4))])["cx_error"] == instant("04:49:03")
