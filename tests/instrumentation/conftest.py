"""A run on a journal of its own, with the hooks in place as long as a test lasts."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from qiskit import QuantumCircuit

from qgm_observe.instrumentation import instrument, uninstrument
from qgm_observe.journal import Event, open_journal
from qgm_observe.lifecycle import Recorder, RunHandle, use
from qgm_observe.settings import load_settings


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the journal is."""
    return tmp_path / "journal.db"


@pytest.fixture
def recorder(path: Path) -> Iterator[Recorder]:
    """The process's recorder."""
    made = Recorder(load_settings(journal=path, detail_rate=1e9))
    before = use(made)
    yield made
    made.close()
    use(before)


@pytest.fixture
def hooks(recorder: Recorder) -> Iterator[None]:
    """The hooks, without a run."""
    instrument()
    yield
    uninstrument()


@pytest.fixture
def run(hooks: None, recorder: Recorder) -> Iterator[RunHandle]:
    """A run that is open, and that threads belong to."""
    with RunHandle(recorder, None, {"model": "bell"}) as handle:
        instrument(run=handle)
        yield handle


@pytest.fixture
def finished(path: Path, recorder: Recorder) -> Callable[[str], list[Event]]:
    """Reads what has finished of a noun so far."""

    def read(noun: str = "job") -> list[Event]:
        assert recorder.flush(5)
        with open_journal(path, read_only=True) as journal:
            return list(journal.events(verbs=["finished"], nouns=[noun]))

    return read


@pytest.fixture
def job(finished: Callable[[str], list[Event]]) -> Callable[[], dict[str, Any]]:
    """Reads the only job there is."""

    def read() -> dict[str, Any]:
        (event,) = finished("job")
        return dict(event.body)

    return read


@pytest.fixture
def bell() -> QuantumCircuit:
    """Two qubits that agree."""
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure_all()
    return circuit
