"""The loopback server: bounded, quick, and gone when closed."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from qiskit import QuantumCircuit
from qiskit_ibm_runtime import QiskitRuntimeService, SamplerV2
from qiskit_ibm_runtime.api.exceptions import RequestsApiError

from qgm_observe.errors import UsageError
from qgm_observe.testing.provider import IBMProvider, VirtualClock
from qgm_observe.testing.provider import server as server_module

STATUS = "/backends/ibmq_manila/status"
SCRIPT = """
from qiskit_ibm_runtime import QiskitRuntimeService
print([backend.name for backend in QiskitRuntimeService().backends()])
"""


WAITING = """
from qiskit import QuantumCircuit
from qiskit_ibm_runtime import QiskitRuntimeService, SamplerV2
circuit = QuantumCircuit(5, 1)
circuit.x(0)
circuit.measure(0, 0)
sampler = SamplerV2(mode=QiskitRuntimeService().backend("ibmq_manila"))
sampler.options.environment.job_tags = ["qgm-killed"]
job = sampler.run([circuit], shots=10)
print(job.job_id(), flush=True)
job.result()
"""


@pytest.fixture
def threads() -> Iterator[set[threading.Thread]]:
    """The threads before the test."""
    return set(threading.enumerate())


def _fails(call: Any) -> None:
    with pytest.raises(RequestsApiError):
        call()


def test_closing_frees_the_port_and_every_thread(threads: set[threading.Thread]) -> None:
    """After a close, with a request hanging and connections idle, no thread is left."""
    with IBMProvider(["fake_manila"], clock=VirtualClock()) as provider:
        service = provider.service()
        backend = service.backend("ibmq_manila")
        provider.faults.add("GET", STATUS, hang=True)
        asking = threading.Thread(target=_fails, args=(backend.status,))
        adapter = service._active_api_client._session.get_adapter(provider.url)
        adapter.max_retries = adapter.max_retries.new(total=0)
        asking.start()
        assert provider.faults.wait_hanging(1)
        port = int(provider.url.rpartition(":")[2])

    asking.join(10)

    assert set(threading.enumerate()) - threads == set()
    with socket.socket() as free:
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        free.bind(("127.0.0.1", port))
    provider.close()


def test_a_taken_port_is_refused_in_one_line() -> None:
    """A port that is in use gets one line that says what to do."""
    with IBMProvider(["fake_manila"], clock=VirtualClock()) as provider:
        port = int(provider.url.rpartition(":")[2])
        with pytest.raises(UsageError, match=rf"\Aport {port} of 127.0.0.1 cannot be used.*free"):
            IBMProvider(["fake_manila"], port=port)


def test_connections_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound a connection is closed at once; one that ends makes room."""
    monkeypatch.setattr(server_module, "MAX_CONNECTIONS", 2)
    with IBMProvider(["fake_manila"], clock=VirtualClock()) as provider:
        address = ("127.0.0.1", int(provider.url.rpartition(":")[2]))
        first, second = socket.create_connection(address), socket.create_connection(address)
        with socket.create_connection(address) as third:
            third.settimeout(10)
            refused = third.recv(1)
        first.close()
        second.close()
        assert refused == b""


def test_a_body_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A body beyond the bound gets 413 without being read."""
    monkeypatch.setattr(server_module, "MAX_BODY_BYTES", 10)
    with IBMProvider(["fake_manila"], clock=VirtualClock()) as provider:
        answer = requests.post(f"{provider.url}/api/v1/jobs", data=b"x" * 11, timeout=10)

    assert answer.status_code == 413


def test_a_body_that_is_no_object_is_refused(provider: IBMProvider, service: Any) -> None:
    """A submission that is no JSON object gets 400 and leaves the provider whole."""
    session = service._active_api_client._session
    with pytest.raises(Exception, match="not a JSON object") as raised:
        session.post("/jobs", data="[1]")

    assert raised.value.status_code == 400
    assert service.usage()["usage_consumed_seconds"] == 0


def test_nothing_is_left_in_the_environment() -> None:
    """Making a service changes no variable, and puts back one that was set."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IAM_URL", "http://elsewhere")
        before = dict(os.environ)
        with IBMProvider(["fake_manila"], clock=VirtualClock()) as provider:
            provider.service()
            with provider.environment():
                assert os.environ["IAM_URL"] == provider.url

        assert dict(os.environ) == before


def test_the_log_keeps_no_secrets(provider: IBMProvider) -> None:
    """What was asked is kept without bodies, tokens, keys and CRN."""
    provider.service()
    text = "".join(repr(request) for request in provider.requests)

    assert len(provider.requests) == 5
    assert provider.account.key not in text
    assert provider.account.instance not in text
    assert all(not request.body + request.authorization.encode() for request in provider.requests)
    provider.requests.clear()
    assert len(provider.requests) == 0


def test_importing_and_making_a_provider_is_light() -> None:
    """A provider is made and closed without loading the client or Aer."""
    check = (
        "import sys; from qgm_observe.testing.provider import IBMProvider; IBMProvider().close();"
        "print({'qiskit', 'qiskit_aer', 'qiskit_ibm_runtime'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", check], capture_output=True, text=True, check=False
    )

    assert (done.stdout, done.stderr) == ("set()\n", "")


def test_a_provider_needs_a_device() -> None:
    """No device, or one that does not exist, is refused before a port is taken."""
    with pytest.raises(UsageError, match="needs a device"):
        IBMProvider([])


def test_another_process_comes_by_the_printed_variables(tmp_path: Path) -> None:
    """An unmodified script finds the provider of another process, and no saved account is read."""
    command = [sys.executable, "-m", "qgm_observe.testing.provider", "--devices", "fake_lima"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as provider:
        assert provider.stdout
        lines = [provider.stdout.readline() for _ in range(7)]
        told = dict(line.removeprefix("export ").strip().split("=", 1) for line in lines)
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env={"HOME": str(tmp_path), "PATH": os.environ["PATH"], **told},
            capture_output=True,
            text=True,
            check=False,
        )
        provider.send_signal(signal.SIGTERM)

    assert (done.stdout, provider.returncode) == ("['ibmq_lima']\n", 0), done.stderr


def test_another_process_outlives_the_connection_of_its_first_job(
    bell: QuantumCircuit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Jobs by connections that come and go are all run, though the first of them loaded Qiskit."""
    command = [sys.executable, "-m", "qgm_observe.testing.provider", "--devices", "fake_manila"]
    monkeypatch.setenv("QISKIT_FUNCTIONS_EXPERIMENTAL", "1")
    told = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as provider:
        assert provider.stdout
        try:
            for line in [provider.stdout.readline() for _ in range(7)]:
                monkeypatch.setenv(*line.removeprefix("export ").strip().split("=", 1))
            for _ in range(3):
                service = QiskitRuntimeService()
                job = SamplerV2(mode=service.backend("ibmq_manila")).run([bell], shots=10)
                told.append(job.result()[0].data.meas.num_shots)
                service._active_api_client._session.close()
        finally:
            provider.terminate()

    assert (told, provider.returncode) == ([10, 10, 10], 0)


def test_the_command_refuses_in_one_line() -> None:
    """An unknown device is one line on standard error and exit code 2."""
    command = [sys.executable, "-m", "qgm_observe.testing.provider", "--devices", "nowhere"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("no snapshot of a device 'nowhere'")
    assert len(done.stderr.splitlines()) == 1


def test_a_condition_that_raises_is_not_hidden() -> None:
    """What a scripted condition raises becomes a 500 and comes out when the provider is closed."""
    provider = IBMProvider(["fake_manila"], clock=VirtualClock())
    provider.faults.add("GET", "/nowhere", status=404, when=lambda _: 1 / 0 > 0)

    answer = requests.get(f"{provider.url}/nowhere", timeout=10)

    assert answer.status_code == 500
    with pytest.raises(ZeroDivisionError):
        provider.close()


def test_several_clients_at_once_get_their_own_results(bell: QuantumCircuit) -> None:
    """Four clients with three jobs each get twelve jobs and the shots they asked for."""
    done: list[tuple[str, int]] = []

    def work(provider: IBMProvider, number: int) -> None:
        sampler = SamplerV2(mode=provider.service().backend("ibmq_manila"))
        for shots in range(number * 10, number * 10 + 3):
            job = sampler.run([bell], shots=shots)
            done.append((job.job_id(), job.result()[0].data.meas.num_shots - shots))

    with IBMProvider(["fake_manila"]) as provider:
        workers = [threading.Thread(target=work, args=(provider, n)) for n in range(1, 5)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(60)

    assert len({id_ for id_, _ in done}) == 12
    assert {difference for _, difference in done} == {0}


def test_a_killed_script_leaves_its_job_behind(tmp_path: Path) -> None:
    """A script killed with -9 while it waits leaves a tagged job that runs on and can be found."""
    with IBMProvider(["fake_manila"], clock=VirtualClock()) as provider:
        provider.devices["ibmq_manila"].queue = 10
        environment = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], **provider.env}
        command = [sys.executable, "-W", "ignore", "-c", WAITING]
        with subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as script:
            assert script.stdout
            id_ = script.stdout.readline().strip()
            script.kill()
        provider.clock.advance(3_600)
        (found,) = provider.service().jobs(job_tags=["qgm-killed"])

        assert script.returncode == -signal.SIGKILL
        assert (found.job_id(), found.status()) == (id_, "DONE")
