"""Handles of a run, its steps and the provider sessions in it."""

import contextlib
import math
from collections import deque
from statistics import NormalDist, median
from types import TracebackType
from typing import Any, ClassVar, Self

from qgm_observe.catalog import STAGES, ExecutionMode, Outcome
from qgm_observe.errors import BudgetExceeded, UsageError
from qgm_observe.lifecycle.collecting import Outstanding
from qgm_observe.lifecycle.devices import Device
from qgm_observe.lifecycle.handle import SUCCESS, Handle
from qgm_observe.lifecycle.job import JobHandle
from qgm_observe.lifecycle.job_facts import Slot
from qgm_observe.lifecycle.need import Need
from qgm_observe.lifecycle.resources import Meter
from qgm_observe.lifecycle.spending import abandon, affordable
from qgm_observe.lifecycle.window import StepFacts, Window
from qgm_observe.records import Estimate
from qgm_observe.spend.limits import Limits
from qgm_observe.spend.plan import IDLE_SECONDS

_RECENT = 101


class WithJobs(Handle):
    """A handle that jobs may be part of, also such as are only seen by their stages.

    Attributes:
        implicit: The job that is seen by its stages.
        compiled: From and to (nanoseconds) of compilations seen by a hook that no job has taken.
    """

    implicit: JobHandle | None = None
    compiled: tuple[tuple[int, int], ...] = ()
    slots = 0

    def end(
        self, error: BaseException | None = None, outcome: Outcome | None = None, at: int = 0
    ) -> None:
        """End, and the job that was seen by its stages with it."""
        self.settle()
        for start, done in self.compiled:  # no job followed
            self.stamp("compile", start, done)
        self.compiled = ()
        super().end(error, outcome, at)

    def settle(self) -> None:
        """End the job that was seen by its stages, as of its last stage."""
        job, self.implicit = self.implicit, None
        if job is not None:
            ends = (stamp for stamp in job.stamps if type(stamp) is int)
            job.end(job.failed_with, at=max(ends, default=job.started))

    def job_for(self, stage: str, backend: Any, shots: int | None) -> JobHandle:
        """Return the job that a stage belongs to that was seen without one.

        Stages come in their order, so an earlier one than the last begins another job; compiling
        again and submitting again after a failure do not.
        """
        job = self.implicit
        if job is not None and job.stamps:
            last = next(stamp for stamp in reversed(job.stamps) if isinstance(stamp, str))
            order = list(STAGES)
            again = stage == last and (stage == "compile" or job.failed_with is not None)
            if order.index(stage) <= order.index(last) and not again:
                self.settle()
        if self.implicit is None:
            self.implicit = self.job(backend, shots=shots).begin()
        return self.implicit

    def affordable(
        self, shots: int, backend: Any = None, *, jobs: int = 1, least: int = 1, session: Any = None
    ) -> int:
        """Return how many shots a job may have so that it, and as many more, keep to the guards.

        Args:
            shots: As many as wanted.
            backend: What the jobs are to run on.
            jobs: How many such jobs are still to come, this one included.
            least: Fewer than these would be of no use.
            session: The handle of the session that they are to be in.

        Raises:
            BudgetExceeded: not even `least` shots fit.
        """
        given = affordable(self.job(backend, shots=shots, session=session), shots, jobs)
        if given < least:
            raise BudgetExceeded(f"guard: {given:,} of at least {least:,} shots fit the budget")
        return given

    def job(
        self,
        backend: Any = None,
        *,
        shots: int | None = None,
        circuits: int | None = None,
        session: "SessionHandle | None" = None,
    ) -> JobHandle:
        """Return the handle of a job on `backend` (an object, a name or a `Device`)."""
        return JobHandle(
            self.recorder, self, None, backend, shots=shots, circuits=circuits, session=session
        )


class RunHandle(WithJobs):
    """One training or sampling run."""

    noun: ClassVar[str] = "run"
    inside = frozenset({"run"})
    id_bits: ClassVar[int] = 128
    restart: int | None = None
    last_step_ended = 0
    last_loss: float | None = None
    meter: Meter | None = None
    window: Window | None = None
    outstanding: dict[Slot, Outstanding] | None = None
    settings: dict[str, Any] | None = None

    def __init__(
        self,
        *arguments: Any,
        run_id: str | None = None,
        resumed_from: int | None = None,
        limits: Limits | None = None,
        need: Need | None = None,
    ) -> None:
        super().__init__(*arguments)
        self.limits = limits
        self.need = need or Need()
        if run_id is not None:
            self.number = _run_id(run_id)
        self.resumed_from = resumed_from
        self.steps = resumed_from or 0
        self.durations: deque[int] = deque(maxlen=_RECENT)

    def begin(self) -> Self:
        """Begin; a run's beginning is written at once, whatever happens next."""
        super().begin()
        if self.recorder.room:
            with self.recorder.guard("resources"):
                self.meter = Meter(self.recorder.settings.journal_path)
            self.recorder.announced.append(self)
        return self

    def end(
        self, error: BaseException | None = None, outcome: Outcome | None = None, at: int = 0
    ) -> None:
        """End, with a last look at what was spent."""
        if self.window is not None and not self.ended:
            with self.recorder.guard("training"):
                self.window.judge(self)
        if self.limits is not None and not self.ended:
            with self.recorder.guard("abandon"):
                abandon(self, self.recorder.settings.exit_timeout)
        if self.meter is not None and not self.ended:
            with self.recorder.guard("resources"):
                self.meter.stop()
        super().end(error, outcome, at)

    def step(self, index: int | None = None) -> "StepHandle":
        """Return the handle of one iteration, counted from 0."""
        return StepHandle(self.recorder, self, None, self.steps if index is None else index)

    def session(
        self, backend: Any = None, *, mode: str = "session", provider: Any = None
    ) -> "SessionHandle":
        """Return the handle of a provider session or batch; `provider` is its own object."""
        return SessionHandle(self.recorder, self, None, backend, mode=mode, provider=provider)

    def again(self) -> Self:
        """Return a fresh run with the same arguments."""
        twin = super().again()
        twin.durations = deque(maxlen=_RECENT)
        twin.window = None
        twin.need = Need(self.need.planned, self.need.plan)
        return twin

    def completed(self, step: "StepHandle") -> None:
        """Take note of a completed step, which shows that the run is alive."""
        if self.resumed_from is not None and self.restart is None:
            self.restart = step.ended - self.started
        self.steps += 1
        self.last_step_ended = step.ended
        self.last_loss = step.loss_value
        self.durations.append(step.ended - step.started)
        if self.need.asked:
            self.need.complete()
        if step.loss_value is not None:
            with self.recorder.guard("training"):
                self.window = self.window or Window()
                facts = StepFacts(step.loss_value, step.turn, **step.told_facts or {})
                self.window.take(self, facts)

    def median_step(self) -> float | None:
        """Return the median duration of the last hundred steps, seconds."""
        durations = list(self.durations)
        return median(durations) / 1e9 if durations else None


class StepHandle(WithJobs):
    """One iteration of a run.

    Attributes:
        turn: Whose step it is where several optimizers of a run take turns, from 1.
    """

    noun: ClassVar[str] = "step"
    inside = frozenset({"run"})
    turn = 1
    loss_value: float | None = None
    told_facts: dict[str, Any] | None = None

    def __init__(self, recorder: Any, parent: Handle | None, given: Any, index: int) -> None:
        super().__init__(recorder, parent, given)
        self.index = index

    def loss(
        self,
        value: float | Estimate,
        *,
        standard_error: float | None = None,
        floor: float | None = None,
    ) -> None:
        """Tell the loss of this step; what is no finite number is kept as a note.

        Args:
            value: Lower is better; of an estimate that is 0 for a perfect sampler, the noise and
                the floor are taken as well.
            standard_error: Shot noise of the value; without it the scatter from step to step.
            floor: The lowest loss that can be had; only with it a plateau is told from
                convergence.
        """
        if isinstance(value, Estimate):
            if value.value is None:
                self.note(loss=value.reason)
                return
            if standard_error is None and value.low is not None and value.high is not None:
                standard_error = (value.high - value.low) / 2 / _deviations(value.level)
            floor = value.floor if floor is None else floor
            value = value.value
        number = float(value)
        if math.isfinite(number):
            self.loss_value = number
            self._tell(error=standard_error, floor=floor)
        else:
            self.note(loss=str(number))

    def gradient(self, values: Any, standard_errors: Any = None) -> None:
        """Tell the measured gradient of this step, for the state of the training.

        Args:
            values: One number a parameter, in the loss's unit a radian, shape (P,).
            standard_errors: Of the same shape, see
                `qgm_observe.quality.gradient_signal.shift_standard_errors`; without them shot
                noise cannot be told from a signal, so that the gradient does not count.
        """
        self._tell(gradient=_copied(values), gradient_error=_copied(standard_errors))

    def parameters(self, vector: Any, reference: Any = None, **options: Any) -> Any:
        """Tell the parameters of this step, and with a `reference` whether they moved from it.

        Args:
            vector: Shape (P,), radians for angles.
            reference: See `Handle.parameters`.
            options: Likewise.
        """
        self._tell(parameters=_copied(vector))
        return () if reference is None else super().parameters(vector, reference, **options)

    def _tell(self, **facts: Any) -> None:
        known = {name: value for name, value in facts.items() if value is not None}
        self.told_facts = {**(self.told_facts or {}), **known}

    def end(
        self, error: BaseException | None = None, outcome: Outcome | None = None, at: int = 0
    ) -> None:
        """End, and let the run know when it was completed."""
        if not self.ended:
            super().end(error, outcome, at)
            if self.outcome is SUCCESS and isinstance(self.parent, RunHandle):
                self.parent.completed(self)


class SessionHandle(WithJobs):
    """A provider's session or batch, with the jobs in it."""

    noun: ClassVar[str] = "session"
    inside = frozenset({"run"})
    usage_seconds: float | None = None
    running = last_ended = 0

    def __init__(
        self,
        recorder: Any,
        parent: Handle | None,
        given: Any,
        backend: Any,
        *,
        mode: str,
        provider: Any,
    ) -> None:
        super().__init__(recorder, parent, given)
        if mode not in ("session", "batch"):
            raise UsageError(f"mode {mode!r}: write session or batch")
        described = recorder.device(backend)
        self.mode = ExecutionMode(mode)
        self.device = Device(described.provider, described.name, described.region, self.mode)
        self.provider = provider

    def begin(self) -> Self:
        """Begin; a session that costs money is written at once, whatever happens next."""
        super().begin()
        if self.recorder.room and self.provider is not None:
            self.recorder.announced.append(self)
        return self

    def job(self, backend: Any = None, **options: Any) -> JobHandle:
        """Return the handle of a job in this session, on its device."""
        options.setdefault("session", self)
        return super().job(self.device if backend is None else backend, **options)

    def end(
        self, error: BaseException | None = None, outcome: Outcome | None = None, at: int = 0
    ) -> None:
        """End; what was idle since the last job is paid for as well."""
        was_open = not self.ended
        super().end(error, outcome, at)
        if was_open and self.ended:
            with self.recorder.guard("estimate"):
                self._tell_idle()

    def _tell_idle(self) -> None:
        """What was idle from the last job to the end, where a session is billed for that."""
        idle = min((self.ended - self.last_ended) / 1e9, IDLE_SECONDS)
        if self.mode is ExecutionMode.SESSION and self.last_ended and idle > 0:
            self.recorder.left_idle(self, idle)

    def used(self, seconds: float) -> None:
        """Tell the device time that the provider counted for this session."""
        self.usage_seconds = float(seconds)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.usage_seconds is None and self.provider is not None:
            with contextlib.suppress(Exception):  # unknown usage stays unknown
                self.usage_seconds = float(self.provider.usage())
        super().__exit__(kind, error, trace)


def _copied(values: Any) -> Any:
    """A vector as it is now, for an optimizer may change it in place."""
    if values is None:
        return None
    return values.tolist() if hasattr(values, "tolist") else list(values)


def _deviations(level: float) -> float:
    """Half the width of a normal interval at a level, in standard deviations."""
    return NormalDist().inv_cdf((1 + level) / 2)


def _run_id(text: str) -> int:
    try:
        number = int(text, 16)
    except ValueError:
        number = 0
    if not 0 < number < 1 << 128:
        raise UsageError(f"run id {text!r}: write the 32 hexadecimal digits of a run")
    return number
