"""A run on a journal of its own, with the hooks in place as long as a test lasts."""

from collections.abc import Callable, Iterator
from math import pi
from pathlib import Path
from typing import Any

import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister

from qgm_observe.instrumentation import instrument, uninstrument
from qgm_observe.journal import Event, open_journal
from qgm_observe.lifecycle import Recorder, RunHandle, use
from qgm_observe.settings import load_settings
from qgm_observe.testing.provider import IBMProvider, VirtualClock


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


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[IBMProvider]:
    """IBM's interface over HTTP with one small device; time passes only when told to."""
    monkeypatch.setenv("USAGE_DATA_OPT_OUT", "True")
    monkeypatch.setenv("QISKIT_FUNCTIONS_EXPERIMENTAL", "1")
    with IBMProvider(["fake_manila"], clock=VirtualClock(), seed=7) as made:
        yield made


@pytest.fixture
def backend(provider: IBMProvider) -> Any:
    """The device as the unmodified client gives it, without pauses between its retries."""
    client = provider.service()
    for scheme in ("http://", "https://"):
        adapter = client._active_api_client._session.adapters[scheme]
        adapter.max_retries = adapter.max_retries.new(backoff_factor=0)
    device = client.backend("ibmq_manila")
    device.target  # noqa: B018  # reads configuration and properties
    return device


@pytest.fixture
def isa_bell() -> QuantumCircuit:
    """A Bell pair in the gates of the device, as wide as the device."""
    counts = ClassicalRegister(2, "meas")
    circuit = QuantumCircuit(QuantumRegister(5), counts)
    circuit.rz(pi / 2, 0)
    circuit.sx(0)
    circuit.rz(pi / 2, 0)
    circuit.cx(0, 1)
    circuit.measure([0, 1], counts)
    return circuit


@pytest.fixture
def submit(run: RunHandle, backend: Any, isa_bell: QuantumCircuit) -> Callable[..., Any]:
    """Submits a Bell pair while the hooks are in place; returns the client's job."""
    from qiskit_ibm_runtime import SamplerV2

    return lambda mode=None, shots=100: SamplerV2(mode=mode or backend).run([isa_bell], shots=shots)


@pytest.fixture
def noted(path: Path, recorder: Recorder) -> Callable[[str], list[tuple[list[str], float]]]:
    """Reads what was counted or observed for a signal so far."""

    def read(signal: str) -> list[tuple[list[str], float]]:
        assert recorder.flush(5)
        with open_journal(path, read_only=True) as journal:
            events = list(journal.events(verbs=["noted"]))
        return [(row[0], row[1]) for event in events for row in event.body.get(signal, [])]

    return read
