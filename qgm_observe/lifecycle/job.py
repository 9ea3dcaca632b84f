"""The handle of a job: how its attempts are submitted, and how their results are waited for."""

import asyncio
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from qgm_observe.catalog import ErrorClass, Outcome
from qgm_observe.lifecycle import collecting, provider_job, spending
from qgm_observe.lifecycle.collecting import Outstanding
from qgm_observe.lifecycle.failures import classify, outcome_of
from qgm_observe.lifecycle.handle import SUCCESS
from qgm_observe.lifecycle.job_facts import AttemptHandle, JobFacts, tags_of
from qgm_observe.lifecycle.results import counts_of
from qgm_observe.spend.retrying import retried, retried_later


class JobHandle(JobFacts):
    """One piece of quantum work: submitted, collected, waited for."""

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
            self.concluded(attempt, error, "submit")
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
            self.concluded(attempt, error, "submit")
            raise
        with self.recorder.guard("submitted"):
            self.submitted(attempt)
        if self.remote:
            await self.recorder.commit_later(attempt, "submitted")
        return attempt

    def collect(self, found: Outstanding, service: Any) -> AttemptHandle | None:
        """Return the attempt that an earlier process made, `None` if it is of no use.

        Args:
            found: The earlier one; the job takes its id, so that both are one.
            service: Has `job(id)`, and `jobs(job_tags=[...], limit=n)` for what died half-way.

        Raises:
            Exception: what the service raises; to go on then might submit a second time.
        """
        provider = collecting.at_provider(found, service)
        if provider is None:
            return None
        self.recorder.renamed.append(self.id)
        self.number = int(found.job, 16)
        attempt = AttemptHandle(self, found.number)
        attempt.provider = provider
        self.attempts = [*(self.attempts or ()), attempt]
        self.submitted(attempt)
        self.recorder.commit(attempt, "submitted")
        return attempt

    def _collected(self, service: Any, submit: Any) -> AttemptHandle | None:
        found: Outstanding | None = None
        with self.recorder.guard("collect"):
            found = None if service is False else collecting.earlier(self)
            if found is not None and service is None:
                service = collecting.service_for(self, found, submit)
        return None if found is None or service is None else self.collect(found, service)

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
                self.asked_for(sampler, pubs, kwargs.get("shots"))

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
        self.concluded(attempt, error, "execute")

    def concluded(self, attempt: AttemptHandle, error: BaseException | None, stage: str) -> None:
        """Take note of how an attempt ended, and settle what was booked for it."""
        attempt.outcome = SUCCESS if error is None else Outcome.FAILURE
        if error is not None:
            with self.recorder.guard("failure"):
                attempt.outcome = outcome_of(error)
                attempt.failure = classify(error, stage)
        with self.recorder.guard("spending"):
            was_refused = error is not None and stage == "submit"
            (spending.refused if was_refused else spending.settle)(attempt)
