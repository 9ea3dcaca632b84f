"""A job finds the calibration of its device in the journal."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

import qgm_observe as qgm
from qgm_observe.catalog import ExecutionMode
from qgm_observe.journal import Blob, Event, open_journal
from qgm_observe.lifecycle import Device, Recorder
from qgm_observe.lifecycle.readings import newest_calibration
from qgm_observe.providers.ibm_files import canonical_json
from qgm_observe.records import Reading

from .conftest import REMOTE
from .test_evaluating import GOOD, TARGET, bell

Rows = Callable[..., list[Event]]


def value(name: str, number: float) -> dict[str, Any]:
    return {"name": name, "value": number, "unit": "", "date": "2026-11-20T00:00:00+00:00"}


def snapshot(error: float) -> dict[str, Any]:
    """Properties of two qubits in Qiskit's form."""
    readout = [value("prob_meas1_prep0", 0.01), value("prob_meas0_prep1", 0.02)]
    gates = [("sx", [0], 0.001), ("sx", [1], 0.001), ("cz", [0, 1], error)]
    return {
        "backend_name": "ibm_fez",
        "last_update_date": "2026-11-20T00:00:00+00:00",
        "qubits": [[value("readout_error", 0.015), *readout] for _ in range(2)],
        "gates": [
            {"gate": name, "qubits": qubits, "parameters": [value("gate_error", each)]}
            for name, qubits, each in gates
        ],
    }


def read_at(path: Path, at: float, error: float, device: str = "ibm_fez") -> None:
    """A sidecar's reading of a device."""
    blob = Blob("calibration", canonical_json(snapshot(error)))
    reading = Reading(
        provider="ibm", device=device, kind="calibration", observed_at=at, blob=blob.hash
    )
    event = Event(
        verb="reading",
        noun="device",
        subject=f"ibm/{device}",
        at=at,
        body=asdict(reading),
        id=f"{device}/{at}",
    )
    with open_journal(path) as journal:
        journal.append([event], blobs=[blob])


def test_a_job_is_judged_by_the_newest_reading_of_its_device(
    recorder: Recorder, path: Path, rows: Rows
) -> None:
    """With the compiled circuit alone, the expected score rests on the device's last reading."""
    read_at(path, 10.0, 0.2)
    read_at(path, 20.0, 0.01)
    read_at(path, 30.0, 0.4, device="ibm_other")
    with qgm.job(REMOTE):
        told = qgm.evaluate(GOOD, TARGET, circuit=bell())

    success = 0.999 * 0.99 * 0.985**2
    assert told.compared["expected_success"].value == pytest.approx(success)
    assert told.compared["linear_xeb_residual"].low is not None
    assert {e.body["question"] for e in rows(verbs=("judged",))} == {"collapse", "cause"}


def test_without_a_reading_nothing_is_compared(recorder: Recorder, path: Path) -> None:
    """A device that was never read, a name for a circuit, or another provider give no residual."""
    elsewhere = Device("braket", "ibm_fez", "us-east-1", ExecutionMode.JOB)
    with qgm.job(REMOTE):
        early = qgm.evaluate(GOOD, TARGET, circuit=bell())
    read_at(path, 10.0, 0.2)
    with qgm.job(REMOTE):
        named = qgm.evaluate(GOOD, TARGET, circuit="bell")

    assert (early.compared, named.compared) == ({}, {})
    assert newest_calibration(recorder, elsewhere) is None
    assert newest_calibration(recorder, REMOTE) is not None
