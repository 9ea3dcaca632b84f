"""Sessions and batches open, go idle, run out and close as IBM's documents say."""

from collections.abc import Callable
from typing import Any

import pytest
from qiskit_ibm_runtime import Batch, Session
from qiskit_ibm_runtime.api.exceptions import RequestsApiError
from qiskit_ibm_runtime.exceptions import IBMRuntimeError

from qgm_observe.testing.provider import IBMProvider
from qgm_observe.testing.provider.http import Request

DEVICE = "ibmq_manila"


@pytest.fixture
def advance(provider: IBMProvider) -> Callable[[float], None]:
    """Moves the clock."""
    return provider.clock.advance


def test_a_session_starts_with_its_first_job(
    provider: IBMProvider, backend: Any, submit: Callable[..., Any], advance: Any
) -> None:
    """A session is pending until its first job has waited in the queue, then in progress."""
    provider.devices[DEVICE].queue = 2
    session = Session(backend, max_time=3_600)
    submit(session)
    before, usage_before = session.status(), session.usage()
    advance(10)
    details = session.details()

    assert before == "Pending"
    assert usage_before == 0
    assert session.status() == "In progress, accepting new jobs"
    assert (details["mode"], details["max_time"]) == ("dedicated", 3_600)
    assert details["activated_at"] == details["started_at"] == "2026-05-01T00:00:10.000Z"
    assert details["usage_time"] is None


def test_jobs_of_an_active_session_do_not_wait(
    provider: IBMProvider, backend: Any, submit: Callable[..., Any], advance: Any
) -> None:
    """Once active, a session's next job starts at once, and jobs outside it wait for its end."""
    session = Session(backend)
    submit(session)
    outside = submit()
    advance(10)
    provider.devices[DEVICE].queue = 100
    inside = submit(session)

    assert inside.status() == "RUNNING"
    assert outside.status() == "QUEUED"
    advance(3)
    session.close()
    advance(3)
    assert outside.status() == "DONE"


def test_an_idle_session_gives_the_device_back(
    provider: IBMProvider, backend: Any, submit: Callable[..., Any], advance: Any
) -> None:
    """After its interactive time a session is inactive; its next job queues like any other."""
    session = Session(backend)
    submit(session)
    advance(2 + 59)
    still = session.details()["state"]
    advance(2)
    idle = session.details()
    provider.devices[DEVICE].queue = 4
    later = submit(session)

    assert still == "active"
    assert (idle["state"], idle["usage_time"]) == ("inactive", 62)
    assert later.status() == "QUEUED"
    advance(20)
    assert later.status() == "RUNNING"
    assert session.details()["state"] == "active"


def test_a_session_is_billed_by_the_wall_clock(
    provider: IBMProvider, backend: Any, submit: Callable[..., Any], advance: Any
) -> None:
    """A session of two 2 s jobs, 30 s idle, is charged from its first start to its close."""
    with Session(backend) as session:
        submit(session)
        advance(30)
        submit(session)
        advance(10)
    advance(3_600)

    assert session.usage() == 40
    assert provider.account.used_seconds == 40


def test_a_batch_is_billed_by_its_jobs(
    provider: IBMProvider, backend: Any, submit: Callable[..., Any], advance: Any
) -> None:
    """A batch of three 2 s jobs is charged 6 s, whatever the time between them."""
    with Batch(backend) as batch:
        for _ in range(3):
            submit(batch)
            advance(30)
    advance(3_600)

    assert batch.details()["mode"] == "batch"
    assert batch.usage() == 6
    assert provider.account.used_seconds == 6


def test_closing_lets_what_is_there_run(
    provider: IBMProvider, backend: Any, submit: Callable[..., Any], advance: Any
) -> None:
    """A session closed with jobs waiting takes no more, runs them, and is closed with the last."""
    session = Session(backend)
    jobs = [submit(session) for _ in range(3)]
    session.close()
    draining = session.status()
    with pytest.raises(IBMRuntimeError, match="takes no more jobs"):
        submit(Session.from_id(session.session_id, backend.service))
    advance(60)

    assert draining == "In progress, not accepting new jobs"
    assert [job.status() for job in jobs] == ["DONE"] * 3
    assert session.status() == "Closed"
    assert session.usage() == 6


def test_cancelling_drops_what_waits(
    provider: IBMProvider, backend: Any, submit: Callable[..., Any], advance: Any
) -> None:
    """A cancelled session's waiting jobs are cancelled; what runs runs through and is charged."""
    session = Session(backend)
    jobs = [submit(session) for _ in range(3)]
    session.cancel()
    at_once = [job.status() for job in jobs]
    advance(60)

    assert at_once == ["RUNNING", "CANCELLED", "CANCELLED"]
    assert [job.status() for job in jobs] == ["DONE", "CANCELLED", "CANCELLED"]
    assert (session.status(), session.usage()) == ("Closed", 2)


def test_a_session_that_runs_out_fails_what_waits(
    provider: IBMProvider, backend: Any, submit: Callable[..., Any], advance: Any
) -> None:
    """At its maximum time the running job runs on, those that wait fail, and it is closed."""
    provider.devices[DEVICE].run_seconds = 100
    session = Session(backend, max_time=60)
    jobs = [submit(session) for _ in range(2)]
    advance(61)
    at_once = [job.status() for job in jobs]
    usage_at_once = session.usage()
    advance(100)

    assert at_once == ["RUNNING", "ERROR"]
    assert "maximum time to live" in jobs[1].error_message()
    assert jobs[0].status() == "DONE"
    assert (usage_at_once, session.usage()) == (None, 100)
    assert session.status() == "Closed"


def test_an_unused_session_closes_by_itself(
    backend: Any, advance: Any, submit: Callable[..., Any]
) -> None:
    """Without a job for 30 minutes a session closes; with one it does not for that."""
    unused, used = Session(backend), Session(backend)
    submit(used)
    advance(1_801)

    assert (unused.status(), used.details()["state"]) == ("Closed", "inactive")


def test_a_cost_limit_ends_sessions(
    provider: IBMProvider, backend: Any, submit: Callable[..., Any], advance: Any
) -> None:
    """When the cost limit is reached, what runs runs through and what waits is cancelled."""
    provider.account.is_cost_limit = True
    provider.devices[DEVICE].run_seconds = 100
    batch = Batch(backend)
    jobs = [submit(batch) for _ in range(3)]
    advance(10)
    provider.account.limit(0)
    at_once = [job.status() for job in jobs]
    advance(100)

    assert at_once == ["RUNNING", "CANCELLED", "CANCELLED"]
    assert jobs[0].status() == "DONE"
    assert batch.status() == "Closed"


def test_a_fault_may_depend_on_the_session(
    provider: IBMProvider, backend: Any, submit: Callable[..., Any]
) -> None:
    """A condition sees the session that a job is submitted to: only the batch's jobs fail."""
    session, batch = Session(backend), Batch(backend)

    def is_batch(request: Request) -> bool:
        asked = provider.session_of(request)
        return asked is not None and asked.mode == "batch"

    provider.faults.add("POST", "/jobs", status=409, when=is_batch)
    provider.faults.add("GET", "/sessions/*", status=404, when=is_batch)

    assert submit(session).status() == "RUNNING"
    assert session.status() is not None
    with pytest.raises(IBMRuntimeError):
        submit(batch)
    with pytest.raises(RequestsApiError):
        batch.status()


def test_states_are_told_with_their_times(
    provider: IBMProvider, backend: Any, submit: Callable[..., Any], advance: Any
) -> None:
    """A session tells each state it took and when."""
    session = Session(backend)
    submit(session)
    advance(100)
    session.close()

    assert session.details()["timestamps"] == [
        {"status": "open", "timestamp": "2026-05-01T00:00:00.000Z"},
        {"status": "active", "timestamp": "2026-05-01T00:00:00.000Z"},
        {"status": "inactive", "timestamp": "2026-05-01T00:01:02.000Z"},
        {"status": "closed", "timestamp": "2026-05-01T00:01:40.000Z"},
    ]
