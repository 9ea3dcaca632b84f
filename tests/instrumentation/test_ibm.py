"""IBM's client over HTTP: how jobs and sessions end, by what the provider says."""

from collections.abc import Callable
from typing import Any

import pytest
from qiskit import QuantumCircuit
from qiskit.quantum_info import SparsePauliOp
from qiskit_ibm_runtime import Batch, SamplerV2, Session
from qiskit_ibm_runtime.exceptions import (
    IBMRuntimeError,
    RuntimeInvalidStateError,
    RuntimeJobFailureError,
    RuntimeJobMaxTimeoutError,
    RuntimeJobTimeoutError,
)
from qiskit_ibm_runtime.executor_estimator import Estimator
from qiskit_ibm_runtime.executor_sampler import Sampler

import qgm_observe as qgm
from qgm_observe.instrumentation import sessions, uninstrument
from qgm_observe.journal import Event
from qgm_observe.lifecycle import RunHandle
from qgm_observe.testing.provider import RAN_TOO_LONG, IBMProvider

Submit = Callable[..., Any]
Read = Callable[[], dict[str, Any]]
ReadAll = Callable[..., list[Event]]


def failure(body: dict[str, Any]) -> tuple[str, str]:
    return body["outcome"], body["error"]["class"]


@pytest.mark.parametrize("kind", [SamplerV2, Sampler])
def test_samplers_are_one_job(
    *,
    kind: type,
    run: RunHandle,
    provider: IBMProvider,
    backend: Any,
    isa_bell: QuantumCircuit,
    job: Read,
) -> None:
    """Both samplers make one job whose attempt, tag, size and times are those of the provider."""
    provider.devices["ibmq_manila"].queue = 2
    answer = kind(mode=backend).run([isa_bell], shots=100)
    provider.clock.advance(60)
    answer.result(timeout=0)

    body, (known,) = job(), provider.jobs.values()
    assert (body["circuits"], body["shots"], body["region"]) == (1, 100, "us-east")
    (attempt,) = body["attempts"]
    assert attempt == {
        "number": 1,
        "outcome": "success",
        "provider_job_id": known.id,
        "queue_seconds": known.started - known.created,
        "execute_seconds": known.finished - known.started,
    }
    assert attempt["queue_seconds"] > 0
    assert known.tags[0].startswith("qgm-")
    (facts,) = body["attributes"]["circuits"]
    assert (facts["qubits"], facts["depth"], facts["two_qubit_gates"]) == (5, 5, 1)


def test_estimators_are_one_job(
    run: RunHandle, provider: IBMProvider, backend: Any, isa_bell: QuantumCircuit, job: Read
) -> None:
    """The executor's estimator makes one job, with its circuits and no shots of ours."""
    isa_bell.remove_final_measurements()
    answer = Estimator(mode=backend).run([(isa_bell, SparsePauliOp("IIIZZ"))])
    provider.clock.advance(60)
    assert answer.status() == "DONE"

    body = job()
    assert (body["outcome"], body["circuits"], body["shot_class"]) == ("success", 1, "none")


def test_a_tag_can_be_refused(
    submit: Submit, provider: IBMProvider, recorder: Any, backend: Any, isa_bell: QuantumCircuit
) -> None:
    """The script's own tags stay, ours comes behind them, and its options are as they were."""
    sampler = SamplerV2(mode=backend)
    sampler.options.environment.job_tags = ["mine"]
    sampler.run([isa_bell])
    object.__setattr__(recorder.settings, "submit_tags", False)
    sampler.run([isa_bell])

    first, second = provider.jobs.values()
    assert (first.tags[0], first.tags[1][:4], second.tags) == ("mine", "qgm-", ["mine"])
    assert sampler.options.environment.job_tags == ["mine"]


def test_a_poll_is_enough(submit: Submit, provider: IBMProvider, job: Read) -> None:
    """A script that only asks for the status ends its job when the provider says so."""
    answer = submit()
    assert answer.status() == "RUNNING"
    provider.clock.advance(10)
    assert answer.status() == "DONE"

    body = job()
    assert body["outcome"] == "success"
    assert [(stage[0], stage[3]) for stage in body["stages"]][1:] == [
        ("queue", "provider"),
        ("execute", "provider"),
    ]


def test_a_job_that_ran_too_long_ends(submit: Submit, provider: IBMProvider, job: Read) -> None:
    """A state that the client does not know, and would wait on for ever, is a run timeout."""
    provider.fail_jobs(status=RAN_TOO_LONG)
    answer = submit()
    provider.clock.advance(10)
    with pytest.raises(RuntimeJobTimeoutError):
        answer.result(timeout=0)

    assert failure(job()) == ("timeout", "run_timeout")


@pytest.mark.parametrize("asked", ["result", "status"])
@pytest.mark.parametrize(
    ("fate", "error", "expected"),
    [
        (
            {"reason": "late", "reason_code": 1305},
            RuntimeJobMaxTimeoutError,
            ("timeout", "run_timeout"),
        ),
        ({"reason": "no", "reason_code": 1003}, RuntimeJobFailureError, ("failure", "compile")),
        ({"reason": "broke"}, RuntimeJobFailureError, ("failure", "execution")),
        (
            {"status": "Cancelled", "reason": "The cost limit is reached."},
            RuntimeInvalidStateError,
            ("failure", "quota"),
        ),
    ],
)
def test_failures_end_as_what_they_are(
    *,
    asked: str,
    fate: dict[str, Any],
    error: type[Exception],
    expected: tuple[str, str],
    submit: Submit,
    provider: IBMProvider,
    job: Read,
) -> None:
    """Outcome and class follow the provider's code and reason, by result and by status alike."""
    provider.fail_jobs(**fate)
    answer = submit()
    provider.clock.advance(10)
    if asked == "status":
        assert answer.status() in ("ERROR", "CANCELLED")
    else:
        with pytest.raises(error):
            answer.result(timeout=0)

    body = job()
    assert failure(body) == expected
    assert body["attempts"][0]["outcome"] == expected[0]


def test_a_used_up_quota_is_told(
    submit: Submit, provider: IBMProvider, recorder: Any, finished: ReadAll
) -> None:
    """A job that is accepted with the quota used up waits, stays open, and carries the reason."""
    provider.account.limit(0.0)
    with pytest.warns(UserWarning, match="no more time|usage limit"):
        answer = submit()
    with pytest.raises(RuntimeJobTimeoutError):
        answer.result(timeout=0)

    assert finished() == []
    (waiting,) = [handle for handle in recorder.open if handle.noun == "job"]
    assert waiting.attributes["quota_reached"] is True
    assert waiting.stage_now == "queue"


@pytest.mark.parametrize(
    ("status", "expected"), [(409, "quota"), (401, "auth"), (429, "rate_limit")]
)
def test_a_refused_submission_is_a_failed_job(
    status: int, expected: str, submit: Submit, provider: IBMProvider, job: Read
) -> None:
    """A submission that the provider refuses failed at submit, by the HTTP status."""
    provider.faults.add("POST", "/jobs", status=status, count=1)
    with pytest.raises(Exception, match=str(status)):
        submit()

    body = job()
    assert failure(body) == ("failure", expected)
    assert body["error"]["stage"] == "submit"


def test_jobs_of_a_session_that_ran_out_have_waited_too_long(
    submit: Submit, provider: IBMProvider, backend: Any, finished: ReadAll
) -> None:
    """What still waits when a session ends is a queue timeout; a later submission is refused."""
    provider.devices["ibmq_manila"].run_seconds = 20.0
    session = Session(backend, max_time=30)
    jobs = [submit(session) for _ in range(3)]
    provider.clock.advance(100)
    for answer in jobs:
        answer.status()
    with pytest.raises(IBMRuntimeError, match="closed"):
        submit(session)

    *early, waited, refused = [event.body for event in finished()]
    assert [body["outcome"] for body in early] == ["success", "success"]
    assert failure(waited) == ("timeout", "queue_timeout")
    assert failure(refused) == ("failure", "validation")


@pytest.mark.parametrize("kind", [Session, Batch])
def test_a_sessions_record_waits_for_its_jobs(
    *,
    kind: type,
    submit: Submit,
    provider: IBMProvider,
    backend: Any,
    finished: ReadAll,
    run: RunHandle,
) -> None:
    """A session that is closed with a job in it ends when that job ends, with the final usage."""
    with kind(backend=backend) as session:
        answer = submit(session)
    assert finished("session") == []
    provider.clock.advance(60)
    answer.result(timeout=0)

    (event,), (known,) = finished("session"), provider.sessions.values()
    assert event.run == run.id
    assert event.body["execution_mode"] == kind.__name__.lower()
    assert event.body["provider_session_id"] == session.session_id == known.id
    assert event.body["usage_seconds"] == known.usage_seconds > 0


def test_a_cancelled_session_is_cancelled(
    submit: Submit, backend: Any, finished: ReadAll, provider: IBMProvider
) -> None:
    """A session that the script gives up is cancelled."""
    session = Session(backend)
    session.cancel()

    assert [event.body["outcome"] for event in finished("session")] == ["cancelled"]


def test_a_session_that_nobody_closes_ends_with_the_script(
    submit: Submit, backend: Any, finished: ReadAll, provider: IBMProvider
) -> None:
    """A session that is left open is told as such when the hooks go, with what to write."""
    opened = Session(backend)
    (advice,) = sessions.leave()
    uninstrument()

    (event,), (known,) = finished("session"), provider.sessions.values()
    assert event.body["attributes"] == {"left_open": True}
    assert known.is_accepting
    assert advice.startswith(f"session {opened.session_id} was left open: write `with Session(")


@pytest.mark.parametrize("kind", [Session, Batch])
def test_a_guard_with_a_time_to_live_closes_what_is_left_open(
    *, kind: type, submit: Submit, backend: Any, finished: ReadAll, provider: IBMProvider
) -> None:
    """A session or batch takes no more jobs once the script that opened it has ended."""
    with qgm.run(guard="ttl 2 h"):
        opened = kind(backend)
        submit(opened)
        assert sessions.leave() == []
        uninstrument()

    (event,), (known,) = finished("session"), provider.sessions.values()
    assert event.body["attributes"] == {"left_open": True, "closed_by": "guard"}
    assert event.body["execution_mode"] == kind.__name__.lower()
    assert not known.is_accepting


def test_a_session_that_cannot_be_closed_is_left_open(
    submit: Submit, backend: Any, finished: ReadAll, provider: IBMProvider, recorder: Any
) -> None:
    """A provider that refuses to close it neither fails the script nor counts as having closed."""
    object.__setattr__(recorder.guard, "strict", False)
    provider.faults.add("PATCH", "/sessions/*", status=403, count=1)
    with qgm.run(guard="ttl 2 h"):
        Session(backend)
        uninstrument()

    (event,) = finished("session")
    assert event.body["attributes"] == {"left_open": True}


def test_a_session_that_cannot_be_opened_failed(
    submit: Submit, backend: Any, finished: ReadAll, provider: IBMProvider
) -> None:
    """A session that the provider refuses failed, and the error is the script's own."""
    provider.faults.add("POST", "/sessions", status=403, count=1)
    with pytest.raises(Exception, match="403"):
        Session(backend)

    assert [failure(dict(event.body)) for event in finished("session")] == [("failure", "auth")]


def test_any_program_is_a_job(
    run: RunHandle, provider: IBMProvider, backend: Any, isa_bell: QuantumCircuit, job: Read
) -> None:
    """What is submitted without a primitive is a job as well: all pass one door."""
    pub = [isa_bell, [], 10]
    answer = backend.service._run(
        program_id="sampler",
        inputs={"pubs": [pub], "version": 2, "options": {}},
        options={"backend": backend},
    )
    provider.clock.advance(10)
    assert answer.status() == "DONE"

    body = job()
    assert (body["device"], body["outcome"]) == ("ibmq_manila", "success")
    assert provider.jobs[answer.job_id()].tags[0].startswith("qgm-")
