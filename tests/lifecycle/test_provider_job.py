"""What a provider's job object tells, and that asking it does no harm."""

import threading
from typing import Any

from qiskit.primitives import PrimitiveJob
from qiskit.providers import JobStatus

from qgm_observe.lifecycle.provider_job import is_waiting, times


def test_asking_a_waiting_primitive_job_leaves_it_whole() -> None:
    """A job that has not begun says so, and is not remembered as failed for having been asked."""
    begin = threading.Event()
    job: PrimitiveJob[Any, Any] = PrimitiveJob(begin.wait, 10)
    job._submit()
    seen = is_waiting(job)
    begin.set()

    assert job.result() is True
    assert seen is False
    assert job.status() is JobStatus.DONE
    assert is_waiting(job) is False


def test_a_provider_that_never_answers_does_not_hold_up_the_training() -> None:
    """The times of a job are asked for within a deadline; then they stay unknown."""
    forever = threading.Event()

    class Hangs:
        def metrics(self) -> None:
            forever.wait(60)

    assert times(Hangs(), deadline=0.01) is None
    forever.set()


def test_a_job_that_says_nothing_has_begun() -> None:
    """An object without a status is taken to be at work; one that is queued waits."""

    class Queued:
        def status(self) -> str:
            return "QUEUED"

    assert is_waiting(object()) is False
    assert is_waiting(Queued()) is True
