"""The handle of a job and of its attempts."""

import asyncio
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from qgm_observe.catalog import ErrorClass, ExecutionMode, Outcome
from qgm_observe.errors import UsageError
from qgm_observe.lifecycle import provider_job
from qgm_observe.lifecycle.devices import Device
from qgm_observe.lifecycle.failures import classify, outcome_of
from qgm_observe.lifecycle.handle import Handle
from qgm_observe.lifecycle.results import counts_of, size_of
from qgm_observe.records import Failure


class AttemptHandle:
    """One provider job id; a retry is a further attempt."""

    def __init__(self, job: "JobHandle", number: int) -> None:
        self.job = job
        self.number = number
        self.outcome: Outcome | None = None
        self.failure: Failure | None = None
        self.provider: Any = None
        self.provider_job_id: str | None = None
        self.queue_seconds: float | None = None
        self.execute_seconds: float | None = None
        self.submitted = self.begun = 0

    def ended(self, error: BaseException | None, stage: str) -> None:
        """Keep how it ended."""
        self.outcome = Outcome.SUCCESS if error is None else Outcome.FAILURE
        if error is not None:
            with self.job.recorder.guard("failure"):
                self.outcome = outcome_of(error)
                self.failure = classify(error, stage)


class JobHandle(Handle):
    """One piece of quantum work that was asked for."""

    noun: ClassVar[str] = "job"
    inside = frozenset({"run", "step", "session"})

    attempts: list[AttemptHandle] | None = None
    waiting = 0

    def __init__(
        self,
        recorder: Any,
        parent: Handle | None,
        given: dict[str, Any] | None = None,
        backend: Any = None,
        *,
        shots: int | None = None,
        circuits: int | None = None,
        session: Any = None,
    ) -> None:
        Handle.__init__(self, recorder, parent, given)
        self.backend = backend
        self.shots = None if shots is None else _count("shots", shots)
        self.circuits = None if circuits is None else _count("circuits", circuits)
        self.session = session

    @property
    def device(self) -> Device:
        """What the backend object stands for."""
        return self.recorder.device(self.backend)

    @property
    def remote(self) -> bool:
        """Whether a provider elsewhere does the work."""
        return self.device.mode is not ExecutionMode.LOCAL

    def attempt(self, submit: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Submit: call `submit(*args, **kwargs)` and return the attempt it began.

        The intent is on disk before a remote submission and the provider's id after it, each
        within the settings' bound. A coroutine function gives a coroutine of the attempt.
        """
        if inspect.iscoroutinefunction(submit):
            return self._attempt_later(submit, args, kwargs)
        attempt = self.intend()
        if self.remote:
            self.recorder.commit(attempt, "intent")
        try:
            with self.stage("submit"), self.tagged(submit):
                attempt.provider = submit(*args, **kwargs)
        except BaseException as error:
            attempt.ended(error, "submit")
            raise
        with self.recorder.guard("submitted"):
            self.submitted(attempt)
        if self.remote:
            self.recorder.commit(attempt, "submitted")
        return attempt

    async def _attempt_later(self, submit: Any, args: Any, kwargs: Any) -> AttemptHandle:
        attempt = self.intend()
        if self.remote:
            await self.recorder.commit_later(attempt, "intent")
        try:
            with self.stage("submit"), self.tagged(submit):
                attempt.provider = await submit(*args, **kwargs)
        except BaseException as error:
            attempt.ended(error, "submit")
            raise
        with self.recorder.guard("submitted"):
            self.submitted(attempt)
        if self.remote:
            await self.recorder.commit_later(attempt, "submitted")
        return attempt

    def results(
        self, attempt: AttemptHandle, decode: Callable[[Any], Any] | None = counts_of
    ) -> Any:
        """Wait for the result of an attempt and decode it: the stages queue, execute, decode.

        Args:
            attempt: What `attempt` returned.
            decode: From the provider's result to what is returned; `None` for the result itself.
                The default gives a dictionary of counts a circuit where it knows the form.

        Raises:
            BaseException: whatever the provider's job raises, unchanged.
        """
        result = self.wait(attempt, attempt.provider.result)
        if decode is None:
            return result
        with self.stage("decode"):
            return decode(result)

    def wait(
        self, attempt: AttemptHandle, result: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> Any:
        """Call `result` and record the wait for it: the stages queue and execute."""
        try:
            value = result(*args, **kwargs)
        except BaseException as error:
            with self.recorder.guard("results"):
                self.waited(attempt, error)
            raise
        with self.recorder.guard("results"):
            self.waited(attempt, None)
            self.sized(value)
        return value

    async def results_async(
        self, attempt: AttemptHandle, decode: Callable[[Any], Any] | None = counts_of
    ) -> Any:
        """Do as `results` does, off the event loop."""
        return await asyncio.to_thread(self.results, attempt, decode)

    @contextmanager
    def tagged(self, submit: Any) -> Iterator[None]:
        """Have `submit` send our id as a tag, by which a job is found whose process died early."""
        undo: Callable[[], None] | None = None
        with self.recorder.guard("tags"):
            if self.remote and self.recorder.settings.submit_tags:
                undo = provider_job.tag(submit, f"qgm-{self.id}")
        try:
            yield
        finally:
            if undo is not None:
                with self.recorder.guard("tags"):
                    undo()

    def intend(self) -> AttemptHandle:
        """Begin an attempt; `attempt` and `wait` do the rest, or whoever calls the provider."""
        if self.attempts is None:
            self.attempts = []
        attempt = AttemptHandle(self, len(self.attempts) + 1)
        self.attempts.append(attempt)
        return attempt

    def submitted(self, attempt: AttemptHandle) -> None:
        """Take note that the attempt's provider job was accepted and waits or works now."""
        attempt.submitted = self.now()
        attempt.provider_job_id = provider_job.id_of(attempt.provider)
        if self.remote or provider_job.is_waiting(attempt.provider):
            self.waiting = attempt.submitted
            self.stage_now = "queue"
        else:
            attempt.begun = self.now()
            self.stamp("queue", attempt.submitted, attempt.begun)
            self.stage_now = "execute"

    def sized(self, result: Any) -> None:
        """Take circuits and shots from a result, which knows best what was really run."""
        circuits, shots = size_of(result)
        self.circuits = circuits or self.circuits
        self.shots = shots or self.shots

    def waited(self, attempt: AttemptHandle, error: BaseException | None) -> None:
        """Split the wait for a result into queue and execute, by the provider where it tells."""
        end = self.now()
        self.waiting = 0
        times: provider_job.Times | None = None
        if self.remote and error is None:
            with self.recorder.guard("times"):
                times = provider_job.times(attempt.provider)
        if times is not None:
            attempt.queue_seconds, attempt.execute_seconds = times.queue, times.execute
            begun = attempt.submitted + round(times.queue * 1e9)
            done = begun + round(times.execute * 1e9)
            self.stamp("queue", attempt.submitted, begun, by_provider=True)
            self.stamp("execute", begun, done, by_provider=True)
            skew = times.created - self.recorder.epoch_seconds(attempt.submitted)
            self.recorder.skews[self.device.provider] = skew
        elif not self.remote:
            self.stamp("execute", attempt.begun or attempt.submitted, end)
        self.stage_now = None
        if error is not None:
            queued = self.remote and classify(error).error_class is ErrorClass.QUEUE_TIMEOUT
            self.saw(error, "queue" if queued else "execute")
        attempt.ended(error, "execute")


def _count(name: str, value: Any) -> int | None:
    """A count that was given, as a plain integer."""
    if value is None:
        return None
    try:
        count = int(value)
        if count == value and count >= 1:
            return count
    except Exception:  # noqa: BLE001  what is no number may raise anything
        raise UsageError(f"{name} <{type(value).__name__}>: write a count of 1 or more") from None
    raise UsageError(f"{name} {value}: write a count of 1 or more")
