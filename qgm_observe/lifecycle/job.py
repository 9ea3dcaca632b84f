"""The handle of a job and of its attempts."""

import asyncio
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, ClassVar

from qgm_observe.catalog import ErrorClass, ExecutionMode, Outcome
from qgm_observe.errors import UsageError
from qgm_observe.lifecycle import collecting, provider_job, spending
from qgm_observe.lifecycle.capture import keep_counts
from qgm_observe.lifecycle.devices import Device
from qgm_observe.lifecycle.failures import classify, outcome_of
from qgm_observe.lifecycle.handle import Handle
from qgm_observe.lifecycle.results import counts_of, size_of
from qgm_observe.records import Failure, Work
from qgm_observe.spend.guards import Booking, BudgetGuard
from qgm_observe.spend.retrying import retried, retried_later

_UNSAID = {None, Work().project, Work().pipeline}


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
        self.throttle_seconds: float | None = None
        self.foreseen_seconds: float | None = None
        self.asked = self.submitted = self.begun = 0
        self.idle_seconds = 0.0
        self.booked: list[tuple[BudgetGuard, Booking]] = []

    def ended(self, error: BaseException | None, stage: str) -> None:
        """Keep how it ended."""
        self.outcome = Outcome.SUCCESS if error is None else Outcome.FAILURE
        if error is not None:
            with self.job.recorder.guard("failure"):
                self.outcome = outcome_of(error)
                self.failure = classify(error, stage)
        with self.job.recorder.guard("spending"):
            was_refused = error is not None and stage == "submit"
            (spending.refused if was_refused else spending.settle)(self)


class JobHandle(Handle):
    """One piece of quantum work that was asked for."""

    noun: ClassVar[str] = "job"
    inside = frozenset({"run", "step", "session"})

    attempts: list[AttemptHandle] | None = None
    program: Any = None
    settings: dict[str, Any] | None = None
    waiting = 0
    slots = 0
    slot: collecting.Slot | None = None

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

    @property
    def is_guarded(self) -> bool:
        """Whether a guard is asked before a submission."""
        return bool(spending.guards_of(self))

    def attempt(
        self, submit: Callable[..., Any], *args: Any, collect: Any = None, **kwargs: Any
    ) -> Any:
        """Submit: call `submit(*args, **kwargs)` and return the attempt it began.

        The intent is on disk before a remote submission and the provider's id after it, each
        within the settings' bound. A coroutine function gives a coroutine of the attempt. Guards
        are asked first; with one that allows retries, a submission that the provider refused for
        its rate is made again, after a growing random pause.

        Args:
            submit: Submits and returns the provider's job.
            args: For it.
            collect: In a run that goes on after its process died, a job that was submitted at
                this place (step and order in it), with as many shots to the same device, is
                collected instead of being submitted a second time: from the service of IBM's own
                backend or session where circuits and values are the same, or whatever they are
                from a service that stands here, with `job(id)` and `jobs(job_tags=[...],
                limit=n)`; `False` collects nothing.
            kwargs: For `submit`.

        Raises:
            BudgetExceeded: a guard that was asked for did not let it through.
            BaseException: whatever `submit` raises, unchanged.
        """
        if inspect.iscoroutinefunction(submit):
            return self._attempt_later(submit, collect, args, kwargs)
        self.asks(submit, args, kwargs)
        return self._collected(collect, submit) or self._submitted(
            partial(self._attempt_once, submit, args, kwargs)
        )

    def _submitted(self, once: Callable[[], AttemptHandle]) -> AttemptHandle:
        retries = spending.retries_of(self)
        if not retries:
            return once()
        return retried(once, retries, partial(spending.may_repeat, self), self.recorder.sleep)

    def _attempt_once(self, submit: Any, args: Any, kwargs: Any) -> AttemptHandle:
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

    async def _attempt_later(
        self, submit: Any, collect: Any, args: Any, kwargs: Any
    ) -> AttemptHandle:
        self.asks(submit, args, kwargs)
        if collect is not False and collecting.is_resumed(self):
            found = await asyncio.to_thread(self._collected, collect, submit)
            if found is not None:
                return found
        once = partial(self._attempt_once_later, submit, args, kwargs)
        retries = spending.retries_of(self)
        if not retries:
            return await once()
        return await retried_later(once, retries, partial(spending.may_repeat, self))

    async def _attempt_once_later(self, submit: Any, args: Any, kwargs: Any) -> AttemptHandle:
        attempt = self._begun()
        pause = self._admitted(attempt)
        if pause > 0:
            await asyncio.sleep(pause)
            self._waited_its_turn(attempt)
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

    def collected(self, provider: Any, number: int) -> AttemptHandle:
        """Take over an attempt of that number, whose provider job is there already."""
        attempt = AttemptHandle(self, number)
        attempt.provider = provider
        self.attempts = [*(self.attempts or ()), attempt]
        self.submitted(attempt)
        return attempt

    def _collected(self, service: Any, submit: Any) -> AttemptHandle | None:
        found: collecting.Outstanding | None = None
        with self.recorder.guard("collect"):
            found = None if service is False else collecting.earlier(self)
            if found is not None and service is None:
                service = collecting.service_for(self, found, submit)
        return (
            None if found is None or service is None else collecting.collect(self, found, service)
        )

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

    def asks(self, submit: Any, args: Any, kwargs: Any) -> None:
        """Take note of the circuits and values that `submit` is called with."""
        pubs = args[0] if args else kwargs.get("pubs")
        if isinstance(pubs, list | tuple):
            with self.recorder.guard("provenance"):
                sampler = getattr(submit, "__self__", None)
                self.recorder.provenance.asked(self, sampler, pubs, kwargs.get("shots"))

    @contextmanager
    def tagged(self, submit: Any) -> Iterator[None]:
        """Have `submit` send our id as a tag, by which a job is found whose process died early."""
        undo: Callable[[], None] | None = None
        with self.recorder.guard("tags"):
            if self.remote and self.recorder.settings.submit_tags:
                undo = provider_job.tag(submit, tags_of(self))
        try:
            yield
        finally:
            if undo is not None:
                with self.recorder.guard("tags"):
                    undo()

    def intend(self) -> AttemptHandle:
        """Begin an attempt; `attempt` and `wait` do the rest, or whoever calls the provider.

        Raises:
            BudgetExceeded: a guard that was asked for did not let it through.
        """
        attempt = self._begun()
        pause = self._admitted(attempt)
        if pause > 0:
            self.recorder.sleep(pause)
            self._waited_its_turn(attempt)
        return attempt

    def _begun(self) -> AttemptHandle:
        if self.attempts is None:
            self.attempts = []
        attempt = AttemptHandle(self, len(self.attempts) + 1)
        self.attempts.append(attempt)
        if self.slot is None and self.remote:
            self.slot = collecting.slot_of(self)
        return attempt

    def _admitted(self, attempt: AttemptHandle) -> float:
        attempt.asked = self.now()
        return spending.admit(attempt)

    def _waited_its_turn(self, attempt: AttemptHandle) -> None:
        attempt.throttle_seconds = (self.now() - attempt.asked) / 1e9

    def submitted(self, attempt: AttemptHandle) -> None:
        """Take note that the attempt's provider job was accepted and waits or works now."""
        attempt.submitted = self.now()
        attempt.provider_job_id = provider_job.id_of(attempt.provider)
        with self.recorder.guard("spending"):
            spending.submitted(attempt)
        if self.remote or provider_job.is_waiting(attempt.provider):
            self.waiting = attempt.submitted
            self.stage_now = "queue"
        else:
            attempt.begun = self.now()
            self.stamp("queue", attempt.submitted, attempt.begun)
            self.stage_now = "execute"

    def sized(self, result: Any) -> None:
        """Take circuits and shots from a result, which knows best what was really run."""
        if self.recorder.settings.capture == "all":
            keep_counts(self, result)
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


def tags_of(job: JobHandle) -> list[str]:
    """Return the tags that a submission carries: whose job it is, for finding and for billing."""
    run: Handle | None = job
    while run is not None and run.noun != "run":
        run = run.parent
    told = {
        "run": None if run is None else run.id,
        "project": job.work.project,
        "pipeline": job.work.pipeline,
    }
    named = [f"qgm:{name}:{value}" for name, value in told.items() if value not in _UNSAID]
    return [f"qgm-{job.id}", *named]


def _count(name: str, value: Any) -> int | None:
    """A count that was given, as a plain integer."""
    if value is None or (type(value) is int and value >= 1):
        return value
    try:
        count = int(value)
        if count == value and count >= 1:
            return count
    except Exception:  # noqa: BLE001  what is no number may raise anything
        raise UsageError(f"{name} <{type(value).__name__}>: write a count of 1 or more") from None
    raise UsageError(f"{name} {value}: write a count of 1 or more")
