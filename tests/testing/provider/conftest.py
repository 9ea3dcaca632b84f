"""The unmodified client, a provider whose clock stands still, and a circuit for its device."""

from collections.abc import Callable, Iterator
from math import pi
from typing import Any

import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit_ibm_runtime import SamplerV2

from qgm_observe.testing.provider import IBMProvider, VirtualClock

DEVICE = "ibmq_manila"


@pytest.fixture(autouse=True)
def no_usage_data(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keeps the client from walking the whole stack at each request, deep as pytest's is."""
    monkeypatch.setenv("USAGE_DATA_OPT_OUT", "True")


@pytest.fixture(scope="session")
def bell() -> QuantumCircuit:
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
def provider() -> Iterator[IBMProvider]:
    """A provider with one small device; time passes only when told to."""
    with IBMProvider(["fake_manila"], clock=VirtualClock(), seed=7) as made:
        yield made


@pytest.fixture
def service(provider: IBMProvider) -> Any:
    """The client, without its pauses between retries, and without search and catalog.

    Those two cost most of its making; the tests of the first calls and of accounts go through them.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QISKIT_FUNCTIONS_EXPERIMENTAL", "1")
        client = provider.service()
    for scheme in ("http://", "https://"):
        adapter = client._active_api_client._session.adapters[scheme]
        adapter.max_retries = adapter.max_retries.new(backoff_factor=0)
    return client


@pytest.fixture
def backend(service: Any) -> Any:
    """The device, its description read."""
    device = service.backend(DEVICE)
    device.target  # noqa: B018  # reads configuration and properties
    return device


@pytest.fixture
def submit(backend: Any, bell: QuantumCircuit) -> Callable[..., Any]:
    """Submits a Bell pair, returns the client's job."""

    def run(mode: Any = None, shots: int = 100, **options: Any) -> Any:
        return SamplerV2(mode=mode or backend, options=options).run([bell], shots=shots)

    return run


@pytest.fixture
def counts() -> Callable[[Any], dict[str, int]]:
    """Reads the counts of a finished job."""
    return lambda job: job.result(timeout=0)[0].data.meas.get_counts()
