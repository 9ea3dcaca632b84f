"""What open jobs tell of the calibration below the qubits and gates that their circuits use."""

import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from math import pi
from pathlib import Path
from typing import Any

import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister, transpile
from qiskit_ibm_runtime import SamplerV2
from qiskit_ibm_runtime.fake_provider import FakeManilaV2

import qgm_observe as qgm
from qgm_observe.exporters.polling.readings import Readings
from qgm_observe.journal import open_journal
from qgm_observe.lifecycle import Device, Recorder
from qgm_observe.providers import layout
from qgm_observe.providers.ibm_files import calibration
from qgm_observe.testing.provider import IBMProvider, VirtualClock

from .conftest import REMOTE, Clock, ProviderJob

MANILA = "ibmq_manila"
ON_TWO_AND_THREE = {  # of the snapshot, by eye; both qubits are measured
    "t1": "2024-05-27T04:30:14-03:00",
    "t2": "2024-05-27T04:31:21-03:00",  # of qubit 2; that of qubit 3 is of 04:31:59
    "readout_error": "2024-05-27T04:29:32-03:00",
    "sx_error": "2024-05-27T04:32:35-03:00",  # of qubit 2; that of qubit 3 is of 04:33:46
    "cx_error": "2024-05-27T04:47:35-03:00",
}


class Manila(FakeManilaV2):
    """The snapshot, as if it were somewhere else."""

    qgm_device = Device("ibm", MANILA, "us-east", REMOTE.mode)

    def __init__(self) -> None:
        super().__init__()
        self.properties()


class Elsewhere(Manila):
    """The same, of a provider that takes circuits before they are laid out."""

    qgm_device = Device("another", MANILA, "us-east", REMOTE.mode)


class Sampler:
    """Takes circuits and never runs them."""

    def run(self, pubs: Any, *, shots: int | None = None) -> object:
        return ProviderJob()


def instants(told: dict[str, str]) -> dict[str, float]:
    return {name: datetime.fromisoformat(text).timestamp() for name, text in told.items()}


def bell(first: int = 2) -> QuantumCircuit:
    """A Bell pair in Manila's gates, on two neighbors, as wide as the device."""
    counts = ClassicalRegister(2, "meas")
    circuit = QuantumCircuit(QuantumRegister(5), counts)
    for qubit in (first, first + 1):
        circuit.rz(pi / 2, qubit)
        circuit.sx(qubit)
    circuit.cx(first, first + 1)
    circuit.barrier()
    circuit.measure([first, first + 1], counts)
    return circuit


def laid_out(first: int = 2) -> QuantumCircuit:
    """The same pair as Qiskit lays it out."""
    circuit = QuantumCircuit(2)
    circuit.sx([0, 1])
    circuit.cx(0, 1)
    circuit.measure_all()
    compiled: QuantumCircuit = transpile(
        circuit, FakeManilaV2(), initial_layout=[first, first + 1], optimization_level=0
    )
    return compiled


@pytest.fixture
def row(recorder: Recorder, clock: Clock, path: Path) -> Callable[[], Any]:
    """Reads the body of the open job's row, some seconds later."""

    def read(seconds: float = 2.0) -> Any:
        clock.tick(seconds)
        assert recorder.flush(5)
        with open_journal(path, read_only=True) as journal:
            (work,) = (each for each in journal.open_work() if each.noun == "job")
        return work.body

    return read


@pytest.fixture
def provider() -> Iterator[IBMProvider]:
    """IBM's interface over HTTP with one small device."""
    with IBMProvider(["fake_manila"], clock=VirtualClock(), seed=7) as made:
        yield made


def lose_pair(properties: Any) -> None:
    """Switch the gate between qubits 2 and 3 off, both ways."""
    for gate in properties["gates"]:
        if gate["gate"] == "cx" and sorted(gate["qubits"]) == [2, 3]:
            gate["parameters"][0]["value"] = 1


@pytest.mark.parametrize("backend", [Manila(), Elsewhere()], ids=["ibm", "another"])
def test_the_oldest_of_a_layout_is_read_from_a_snapshot(
    backend: Any, row: Callable[[], Any]
) -> None:
    """A compiled circuit on qubits 2 and 3 rests on what the snapshot says of these."""
    with qgm.job(backend, shots=100) as job:
        job.attempt(Sampler().run, [laid_out(), laid_out()])
        told = row()

    assert told["calibrated_at"] == instants(ON_TWO_AND_THREE)
    assert told["disabled_edges"] == 0


def test_a_calibration_that_comes_while_a_job_waits_counts(
    provider: IBMProvider, recorder: Recorder, row: Callable[..., Any], path: Path
) -> None:
    """The client's object keeps the old one; what an exporter read meanwhile is newer.

    The new calibration measures qubit 3 anew and loses the pair that the circuit uses.
    """
    backend = provider.service().backend(MANILA)
    with qgm.job(backend, shots=100) as job:
        job.attempt(SamplerV2(mode=backend).run, [bell()])
        before = row()

        def change(properties: Any) -> None:
            lose_pair(properties)
            for told in properties["qubits"][2]:
                told["value"] *= 1.01

        device = provider.devices[MANILA]
        newest = device.recalibrate(1_780_000_000, change).properties
        Readings(path).keep(calibration("ibm", MANILA, newest, recorder.seconds()))
        soon, later = row(), row(60)
        aggregates = recorder.aggregates.exposition().text.decode()

    assert before["calibrated_at"] == instants(ON_TWO_AND_THREE)
    assert soon["calibrated_at"] == before["calibrated_at"]
    assert later["calibrated_at"] == instants(
        {
            "t1": "2024-05-27T04:30:14-03:00",  # still that of qubit 3
            "t2": "2024-05-27T04:31:59-03:00",  # that of qubit 3 is the oldest now
            "readout_error": "2024-05-27T04:29:32-03:00",
            "sx_error": "2024-05-27T04:32:35-03:00",
        }
    )
    assert [before["disabled_edges"], later["disabled_edges"]] == [0, 1]
    place = 'provider="ibm",device="ibmq_manila",region="us-east"'
    assert f'qgm_layout_edges_disabled{{{place},source="process"}} 1\n' in aggregates


@pytest.mark.parametrize(
    ("backend", "is_told"), [(Manila(), True), (Elsewhere(), False)], ids=["ibm", "another"]
)
def test_an_unknown_layout_is_not_guessed(
    backend: Any, is_told: bool, row: Callable[[], Any]
) -> None:
    """IBM takes circuits on its own qubits alone; elsewhere one not laid out may go anywhere."""
    with qgm.job(backend) as job:
        job.attempt(Sampler().run, [laid_out(), bell()])
        told = row()

    assert ("calibrated_at" in told) is is_told
    assert ("disabled_edges" in told) is is_told


def test_a_snapshot_on_this_machine_has_no_age(row: Callable[[], Any]) -> None:
    """Nobody calibrates a simulated device, so what it was made of is not too old."""
    backend = FakeManilaV2()
    backend.properties()
    with qgm.job(backend) as job:
        job.attempt(Sampler().run, [laid_out()])
        assert not {"calibrated_at", "disabled_edges"} & set(row())


def test_a_circuit_with_blocks_is_not_told(row: Callable[[], Any]) -> None:
    """What an `if_else` applies is not seen, so the oldest may be below it."""
    circuit = laid_out()
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.x(2)
    with qgm.job(Manila()) as job:
        job.attempt(Sampler().run, [circuit])
        assert "calibrated_at" not in row()


@pytest.mark.parametrize(
    ("backend", "circuits"), [(REMOTE, [bell()]), (Manila(), [])], ids=["calibration", "circuits"]
)
def test_what_nobody_has_seen_has_no_age(
    backend: Any, circuits: list[QuantumCircuit], row: Callable[[], Any]
) -> None:
    """Without a backend object and a reading, or without circuits, nothing is told."""
    with qgm.job(backend) as job:
        job.attempt(Sampler().run, circuits)
        assert not {"calibrated_at", "disabled_edges"} & set(row())


def test_the_caller_never_looks(
    recorder: Recorder, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the submission to the end of a job its thread reads no calibration; a flush does."""
    lookers: list[threading.Thread] = []
    own = layout.oldest_in_use

    def look(*args: Any) -> Any:
        lookers.append(threading.current_thread())
        return own(*args)

    monkeypatch.setattr(layout, "oldest_in_use", look)
    with qgm.job(Manila()) as job:
        attempt = job.attempt(Sampler().run, [laid_out()])
        clock.tick(5)
        job.results(attempt, decode=None)
        assert threading.current_thread() not in lookers
        recorder.flush(5)

    assert len(lookers) == 1
