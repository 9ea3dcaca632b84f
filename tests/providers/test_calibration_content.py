"""A calibration as content: numbers alone, whoever holds them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit_aer import AerSimulator
from qiskit_ibm_runtime.fake_provider import FakeManilaV2

from qgm_observe.errors import UsageError
from qgm_observe.providers.calibration_content import calibration_of, content_of, held_by
from qgm_observe.providers.ibm_files import calibration
from qgm_observe.providers.local import Local
from qgm_observe.providers.protocol import Calibration, GateCalibration, Measurement, Quality

NUMBERS = st.one_of(st.none(), st.floats(0, 1e9, allow_nan=False))


def of(**changes: Any) -> Calibration:
    """A calibration with one qubit and one gate."""
    told: dict[str, Any] = {
        "qubits": {0: {"t1": Measurement(1e-4, taken_at=5.0)}},
        "gates": {("cz", (0, 1)): GateCalibration(Measurement(0.01), Measurement(6e-8))},
    }
    return Calibration(provider="ibm", device="d", observed_at=1.0, **(told | changes))


def test_no_instant_is_part_of_it() -> None:
    """When it was asked for, taken and measured does not change the content; a number does."""
    again = Calibration(
        provider="ibm",
        device="d",
        observed_at=9.0,
        taken_at=8.0,
        qubits={0: {"t1": Measurement(1e-4, taken_at=7.0)}},
        gates=of().gates,
    )

    assert content_of(again) == content_of(of())
    assert content_of(of(qubits={0: {"t1": Measurement(2e-4)}})) != content_of(of())


@given(NUMBERS, NUMBERS, NUMBERS)
def test_what_is_written_is_read(
    t1: float | None, error: float | None, whole: float | None
) -> None:
    """Every number comes back, and an error of 1 or more is disabled again."""
    told = of(
        qubits={3: {"t1": Measurement(t1)}},
        gates={("cz", (3, 4)): GateCalibration(Measurement(error))},
        whole={"error_2q": Measurement(whole)},
    )
    read = calibration_of(content_of(told), "ibm", "d", 1.0)

    assert read.qubits[3]["t1"].value == t1
    assert read.whole["error_2q"].value == whole
    gate = read.gates["cz", (3, 4)].error
    assert gate.value == error
    assert (gate.quality is Quality.DISABLED) == (error is not None and error >= 1)
    assert content_of(read) == content_of(told)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"qubits": 1, "gates": [], "whole": {}}'])
def test_what_is_none_is_refused(content: bytes) -> None:
    """A damaged content is one line."""
    with pytest.raises(UsageError, match="its content cannot be read"):
        calibration_of(content, "ibm", "d", 0.0)


def test_a_backend_object_and_the_file_it_is_from_are_one() -> None:
    """What a fake backend holds is the content of the snapshot that the provider reads."""
    backend = FakeManilaV2()
    backend.properties()
    held = held_by(backend, "local", "fake_manila", 1.0)
    told = Local().calibration("fake_manila")

    assert held is not None
    assert told is not None
    assert content_of(held) == content_of(told)
    assert held.taken_at == told.taken_at


def test_a_simulator_holds_what_it_was_made_from() -> None:
    """Of a simulator with noise the target tells T1, T2, readout and gates."""
    simulator = AerSimulator.from_backend(FakeManilaV2())
    held = held_by(simulator, "aer", "x", 1.0)
    told = Local().calibration("fake_manila")

    assert held is not None
    assert told is not None
    for name in ("t1", "t2", "readout_error"):
        assert held.qubits[2][name].value == pytest.approx(told.qubits[2][name].value)
    assert held.gates["cx", (0, 1)].error.value == told.gates["cx", (0, 1)].error.value
    assert held.taken_at is None
    wrong = simulator.options.noise_model._local_readout_errors[2,].probabilities
    assert held.qubits[2]["prob_meas1_prep0"].value == wrong[0][1]
    assert held.qubits[2]["prob_meas0_prep1"].value == wrong[1][0]


def test_what_holds_none_has_none() -> None:
    """An ideal simulator, a name and nothing at all hold no calibration."""
    for backend in (AerSimulator(), "ibm_fez", None, object()):
        assert held_by(backend, "aer", "x", 1.0) is None


def test_a_remote_backend_object_is_not_asked() -> None:
    """Only what is kept is read: methods that would ask the provider are not called."""

    class Backend:
        def __init__(self) -> None:
            self._properties = None

        def properties(self) -> None:
            pytest.fail("the provider was asked")

        target = property(properties)

    assert held_by(Backend(), "ibm", "x", 1.0) is None


def test_instants_in_a_document_do_not_matter() -> None:
    """IBM's document at two dates is one content."""
    contents = set()
    for date in ("2026-11-22T10:00:00Z", "2026-11-23T10:00:00Z"):
        told = {"name": "T1", "unit": "us", "value": 100, "date": date}
        document = {"last_update_date": date, "qubits": [[told]], "gates": []}
        contents.add(content_of(calibration("ibm", "d", document, 0.0)))

    assert json.loads(contents.pop())["qubits"] == {"0": {"t1": pytest.approx(1e-4)}}
    assert contents == set()
