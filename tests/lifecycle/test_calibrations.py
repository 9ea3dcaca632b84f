"""Which calibration a job was compiled for, and which was in force when it ran."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from qiskit_aer import AerSimulator
from qiskit_ibm_runtime.fake_provider import FakeManilaV2

from qgm_observe.catalog import ExecutionMode
from qgm_observe.journal import Blob, Event, Store, open_journal
from qgm_observe.lifecycle import Device
from qgm_observe.lifecycle.calibrations import Calibrations
from qgm_observe.lifecycle.devices import NO_DEVICE

TAKEN = datetime(2026, 11, 23, 10, tzinfo=UTC).timestamp()
REMOTE = Device("ibm", "two", "us-east", ExecutionMode.JOB)


def properties(readout: float, date: str = "2026-11-23T10:00:00Z") -> dict[str, Any]:
    """IBM's document of one qubit."""
    told = {"name": "readout_error", "unit": "", "value": readout, "date": date}
    return {"last_update_date": date, "qubits": [[told]], "gates": []}


class Backend:
    """A device that holds a document until it is refreshed."""

    def __init__(self, readout: float) -> None:
        self._props_dict = properties(readout)


def job(backend: Any, device: Device = REMOTE) -> Any:
    """As much of a job as is asked for."""
    return SimpleNamespace(
        backend=backend, device=device, remote=device.mode is not ExecutionMode.LOCAL
    )


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Store]:
    """An empty one."""
    with open_journal(tmp_path / "journal.db") as made:
        yield made


def reading(journal: Store, readout: float, at: float) -> None:
    """Append what a provider told of the device."""
    date = datetime.fromtimestamp(at, UTC).isoformat()
    blob = Blob("calibration", json.dumps(properties(readout, date)).encode())
    body = {"kind": "calibration", "taken_at": at, "blob": blob.hash}
    event = Event(verb="reading", noun="device", subject="ibm/two", at=at, body=body, id=str(at))
    journal.append([event], blobs=[blob])


def readout_of(known: Any) -> float:
    """The number in a calibration's content."""
    told = json.loads(known.content.blob.data)
    return float(told["qubits"]["0"]["readout_error"])


def test_a_backend_s_own_goes_before_what_was_read(journal: Store) -> None:
    """What the compiler had before its eyes is the calibration of the submission."""
    reading(journal, 0.5, at=1.0)
    known = Calibrations().held(job(Backend(0.02)), 10.0, journal)

    assert readout_of(known) == 0.02


def test_a_refreshed_backend_is_read_anew() -> None:
    """The content is made once for a document, and again when the backend holds another."""
    calibrations, backend = Calibrations(), Backend(0.02)
    first = calibrations.held(job(backend), 1.0, None)
    assert calibrations.held(job(backend), 2.0, None) is first

    backend._props_dict = properties(0.03)
    assert readout_of(calibrations.held(job(backend), 3.0, None)) == 0.03


def test_another_backend_at_the_same_place_is_another() -> None:
    """An object that took the memory of one that is gone is not taken for it."""
    calibrations = Calibrations()
    seen = []
    for readout in (0.01, 0.02, 0.03):
        backend = Backend(readout)
        seen.append(readout_of(calibrations.held(job(backend), 1.0, None)))
        del backend

    assert seen == [0.01, 0.02, 0.03]


def test_a_name_has_what_the_journal_read(journal: Store) -> None:
    """Without a backend object the last reading until then holds, and none before the first."""
    for readout, at in ((0.02, 100.0), (0.03, 200.0)):
        reading(journal, readout, at)
    calibrations = Calibrations()

    assert calibrations.held(job("two"), 99.0, journal) is None
    assert readout_of(calibrations.held(job("two"), 150.0, journal)) == 0.02
    assert readout_of(calibrations.in_force(job("two"), 200.0, journal)) == 0.03

    reading(journal, 0.04, 300.0)
    assert readout_of(calibrations.in_force(job("two"), 400.0, journal)) == 0.04


def test_the_newest_is_the_later_of_both(journal: Store) -> None:
    """What a backend object holds grows old; a reading of the device that is later goes before."""
    calibrations, held = Calibrations(), job(Backend(0.02))
    assert calibrations.newest(held, 2e9, journal).taken_at == TAKEN

    reading(journal, 0.01, TAKEN - 60)
    assert readout_of(calibrations.newest(held, 2e9, journal)) == 0.02
    assert readout_of(calibrations.newest(job("two"), 2e9, journal)) == 0.01

    reading(journal, 0.04, TAKEN + 60)
    assert readout_of(calibrations.newest(held, 2e9, journal)) == 0.04
    assert calibrations.newest(job("three", NO_DEVICE), 2e9, journal) is None


def test_local_work_has_no_reading(journal: Store) -> None:
    """What ran here is not a matter of the provider's readings, nor is it without a journal."""
    reading(journal, 0.02, 1.0)
    here = Device("ibm", "two", "local", ExecutionMode.LOCAL)

    assert Calibrations().in_force(job(None, here), 10.0, journal) is None
    assert Calibrations().in_force(job(None), 10.0, None) is None


def test_a_simulator_of_a_snapshot_holds_its_numbers() -> None:
    """Two simulators made of one snapshot have one content; an ideal one has none."""
    calibrations = Calibrations()
    here = Device("local", "aer", "local", ExecutionMode.LOCAL)
    first, second = (
        calibrations.held(job(AerSimulator.from_backend(FakeManilaV2()), here), 1.0, None)
        for _ in range(2)
    )

    assert first is not None
    assert second is not None
    assert first.content.key == second.content.key
    assert calibrations.held(job(AerSimulator(), here), 1.0, None) is None
