"""Jobs of IBM's client: here on a fake device, and elsewhere behind a stand-in for the network."""

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from qiskit import QuantumCircuit
from qiskit_ibm_runtime import RuntimeJobV2, SamplerV2
from qiskit_ibm_runtime.exceptions import RuntimeJobFailureError, RuntimeJobTimeoutError
from qiskit_ibm_runtime.executor_sampler import Sampler
from qiskit_ibm_runtime.fake_provider import FakeManilaV2

from qgm_observe.catalog import ExecutionMode
from qgm_observe.instrumentation import provider_jobs
from qgm_observe.journal import Event, open_journal
from qgm_observe.lifecycle import Device, Recorder, RunHandle

Read = Callable[[], dict[str, Any]]
ReadAll = Callable[..., list[Event]]

METRICS = {
    "timestamps": {
        "created": "2026-03-01T10:00:00Z",
        "running": "2026-03-01T10:00:40Z",
        "finished": "2026-03-01T10:00:42.5Z",
    }
}


class Service:
    """What IBM's client asks over the network, answered from memory."""

    def __init__(self) -> None:
        self.status = "Queued"
        self.reason = ""

    def job_get(self, job_id, exclude_params=True):
        return {"state": {"status": self.status, "reason": self.reason}}

    def job_results(self, job_id):
        return json.dumps({"quasi": "result"})

    def job_metadata(self, job_id):
        return METRICS

    def job_cancel(self, job_id):
        self.status = "Cancelled"


class Session:
    """Takes the client's submission and gives the job that the network would."""

    def __init__(self, service: Service, backend: object) -> None:
        self.jobs = [
            RuntimeJobV2(backend, service, f"ibm-{n}", "sampler", None, result_decoder=Decoder)
            for n in range(2)
        ]

    def _run(self, **inputs):
        return self.jobs.pop(0)


class Decoder:
    @classmethod
    def is_applicable(cls, result):
        return True

    @classmethod
    def decode(cls, raw):
        return json.loads(raw)


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def sampler(service: Service) -> SamplerV2:
    """A sampler of IBM's client in a session on a device that is elsewhere."""
    made = SamplerV2(mode=FakeManilaV2())
    made._backend = SimpleNamespace(
        qgm_device=Device("ibm", "ibm_test", "eu-de", ExecutionMode.JOB)
    )
    made._mode = Session(service, made._backend)
    return made


@pytest.fixture
def isa() -> QuantumCircuit:
    circuit = QuantumCircuit(1)
    circuit.x(0)
    circuit.measure_all()
    return circuit


@pytest.fixture
def everything(recorder: Recorder) -> Callable[[], list[tuple[str, str]]]:
    def read() -> list[tuple[str, str]]:
        assert recorder.flush(5)
        with open_journal(recorder.settings.journal_path, read_only=True) as journal:
            return [(event.verb, event.noun) for event in journal.events()]

    return read


@pytest.mark.parametrize("kind", [SamplerV2, Sampler])
def test_the_layers_of_local_mode_are_one_job(
    kind: type, run: RunHandle, isa: QuantumCircuit, job: Read
) -> None:
    """IBM's samplers on a fake device are one job each, whatever they call inside."""
    kind(mode=FakeManilaV2()).run([isa, isa], shots=16).result()

    body = job()
    assert (body["provider"], body["device"], body["execution_mode"]) == (
        *("local", "fake_manila"),
        "local",
    )
    assert (body["circuits"], body["shots"]) == (2, 32)
    assert [stage[0] for stage in body["stages"]] == ["submit", "queue", "execute", "decode"]


def test_a_job_elsewhere_has_the_providers_times(
    run: RunHandle, sampler: SamplerV2, service: Service, isa: QuantumCircuit, job: Read
) -> None:
    """Queue and execute of a job elsewhere are what the provider says, and no decode is made up."""
    answer = sampler.run([isa], shots=100)
    service.status = "Completed"
    assert answer.result() == {"quasi": "result"}

    body = job()
    submit, *rest = body["stages"]
    assert submit[0] == "submit"
    assert [(name, length, clock) for name, _, length, clock in rest] == [
        ("queue", 40.0, "provider"),
        ("execute", 2.5, "provider"),
    ]
    assert body["attempts"][0]["provider_job_id"] == "ibm-0"
    assert (body["circuits"], body["shots"]) == (1, 100)


def test_a_session_is_the_mode_of_its_jobs(
    run: RunHandle, sampler: SamplerV2, service: Service, isa: QuantumCircuit, job: Read
) -> None:
    """A job in a session says so, beside provider, device and region."""
    service.status = "Completed"
    sampler.run([isa]).result()

    body = job()
    labels = ("provider", "device", "region", "execution_mode")
    assert [body[label] for label in labels] == ["ibm", "ibm_test", "eu-de", "session"]


def test_a_submission_is_on_disk_before_and_after(
    run: RunHandle,
    sampler: SamplerV2,
    isa: QuantumCircuit,
    everything: Callable[[], list[tuple[str, str]]],
) -> None:
    """Of a job elsewhere the intent and the provider's id are kept while it still waits."""
    sampler.run([isa])

    assert everything() == [
        ("opened", "run"),
        ("intent", "attempt"),
        ("submitted", "attempt"),
        ("estimated", "attempt"),
    ]


def test_a_failure_elsewhere_is_a_failed_job(
    run: RunHandle, sampler: SamplerV2, service: Service, isa: QuantumCircuit, job: Read
) -> None:
    """A job that failed at the provider is a failed job of class execution."""
    answer = sampler.run([isa])
    service.status, service.reason = "Failed", "it broke"
    with pytest.raises(RuntimeJobFailureError):
        answer.result()

    body = job()
    assert body["outcome"] == "failure"
    assert (body["error"]["class"], body["error"]["stage"]) == ("execution", "execute")


def test_a_wait_that_is_given_up_is_no_end(
    run: RunHandle, sampler: SamplerV2, service: Service, isa: QuantumCircuit, finished: ReadAll
) -> None:
    """When only the wait times out, the job goes on, and ends with a later result."""
    answer = sampler.run([isa])
    with pytest.raises(RuntimeJobTimeoutError):
        answer.result(timeout=0)
    assert finished() == []
    service.status = "Completed"
    answer.result()

    assert [event.body["outcome"] for event in finished()] == ["success"]


def test_a_result_counts_once(
    run: RunHandle, sampler: SamplerV2, service: Service, isa: QuantumCircuit, finished: ReadAll
) -> None:
    """Asking again for a result adds nothing, and nothing is kept of the job."""
    answer = sampler.run([isa])
    service.status = "Completed"
    answer.result()
    answer.result()

    assert len(finished()) == 1
    assert provider_jobs._waiting == {}


def test_the_same_job_is_known_by_its_id(
    run: RunHandle, sampler: SamplerV2, service: Service, isa: QuantumCircuit, job: Read
) -> None:
    """A job that was fetched again from the service ends the job that was submitted."""
    sampler.run([isa])
    service.status = "Completed"
    RuntimeJobV2(None, service, "ibm-0", "sampler", None, result_decoder=Decoder).result()

    assert job()["outcome"] == "success"


def test_jobs_may_wait_side_by_side(
    run: RunHandle, sampler: SamplerV2, service: Service, isa: QuantumCircuit, finished: ReadAll
) -> None:
    """Two jobs that wait at once end each with its own result."""
    answers = [sampler.run([isa]), sampler.run([isa])]
    service.status = "Completed"
    for answer in reversed(answers):
        answer.result()

    ids = [event.body["attempts"][0]["provider_job_id"] for event in finished()]
    assert ids == ["ibm-1", "ibm-0"]


def test_a_job_elsewhere_may_be_cancelled(
    run: RunHandle, sampler: SamplerV2, isa: QuantumCircuit, job: Read
) -> None:
    """A job that the script takes back at the provider is cancelled."""
    sampler.run([isa]).cancel()

    body = job()
    assert body["outcome"] == "cancelled"
    assert [stage[0] for stage in body["stages"]] == ["submit"]


def test_other_jobs_of_the_client_are_left_alone(run: RunHandle, service: Service) -> None:
    """A job that was not submitted here gives its result and records nothing."""
    service.status = "Completed"
    job = RuntimeJobV2(None, service, "of-yesterday", "sampler", None, result_decoder=Decoder)

    assert job.result() == {"quasi": "result"}
    assert run.recorder.open == {run}
