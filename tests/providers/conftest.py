"""A provider on loopback that speaks IBM's interface, and our adapter that asks it."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit_ibm_runtime import SamplerV2

from qgm_observe.providers import Provider, open_provider
from qgm_observe.providers.local import Local, device_names
from qgm_observe.providers.protocol import Calibration
from qgm_observe.testing.provider import IBMProvider, VirtualClock

OPENED = 1_000_000.0


@pytest.fixture
def server() -> Iterator[IBMProvider]:
    """Two devices whose clock stands still unless it is moved."""
    made = IBMProvider(("fake_fez", "fake_manila"), clock=VirtualClock())
    with made as provider, provider.environment():
        yield provider


@pytest.fixture
def opened(server: IBMProvider) -> Iterator[Callable[..., Provider]]:
    """Opens our adapter of the server's account."""
    providers: list[Provider] = []

    def opens(**options: Any) -> Provider:
        told = {"api_url": f"{server.url}/api/v1", **options}
        providers.append(open_provider("ibm", **told))
        return providers[-1]

    yield opens
    for provider in providers:
        provider.close()


@pytest.fixture
def ibm(opened: Callable[..., Provider]) -> Provider:
    """Our adapter of the server's account."""
    return opened()


@pytest.fixture(scope="session")
def snapshots() -> dict[str, Calibration]:
    """What the local provider reads of every fake backend."""
    local = Local(now=lambda: OPENED)
    read = {name: local.calibration(name) for name in device_names()}
    return {name: calibration for name, calibration in read.items() if calibration is not None}


def impatient(server: IBMProvider) -> Any:
    """IBM's unmodified client of the server's account, without its pauses between retries."""
    client = server.service()
    session = client._active_api_client._session
    for adapter in session.adapters.values():
        adapter.max_retries = adapter.max_retries.new(backoff_factor=0)
    return client


@pytest.fixture
def service(server: IBMProvider) -> Any:
    """IBM's unmodified client of the same account."""
    return impatient(server)


@pytest.fixture
def submit(service: Any) -> Callable[..., Any]:
    """Submits a Bell pair with IBM's client to the small device, returns the client's job."""
    backend = service.backend("ibmq_manila")
    circuit = QuantumCircuit(QuantumRegister(5), ClassicalRegister(2, "meas"))
    circuit.sx(0)
    circuit.cx(0, 1)
    circuit.measure([0, 1], [0, 1])

    def run(mode: Any = None, tags: Sequence[str] = ()) -> Any:
        sampler = SamplerV2(mode=mode or backend, options={"environment": {"job_tags": list(tags)}})
        return sampler.run([circuit], shots=100)

    return run
