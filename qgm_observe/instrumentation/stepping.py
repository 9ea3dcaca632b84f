"""Optimizers: their iterations are the steps of a run, whoever wrote the loop.

An optimizer that loops itself is an `Optimization`; of one that the script calls for every step,
each call is one (see `Loop`). Where the script, or a core that is observed, tells its steps itself,
nothing is added.
"""

import enum
import functools
import inspect
import threading
import weakref
from collections.abc import Callable
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Any, Self

from qgm_observe.catalog import Outcome
from qgm_observe.instrumentation import scope
from qgm_observe.lifecycle import Handle, JobHandle, RunHandle, StepHandle, recorder
from qgm_observe.lifecycle.handle import reset_current, set_current

_LOSSES_KEPT = 256
_UNSAID = 500_000_000
"""Nanoseconds in which nobody is told yet of what has begun."""

_LOSSES = ("fun", "func")
_DERIVATIVES = ("jac", "hess", "hessp")

_going: ContextVar["Optimization | None"] = ContextVar("qgm_optimization", default=None)
_evaluating: ContextVar[bool] = ContextVar("qgm_evaluating", default=False)


class Mark(enum.Enum):
    """What tells where one iteration ends and another begins."""

    END = "the optimizer says when one is over"
    BEGIN = "the optimizer says when one begins"
    GRADIENT = "one begins with each gradient"
    EVALUATION = "nothing is told: each evaluation of the loss counts as one"


class FitRun(RunHandle):
    """A fit that is a run of its own, for want of another one or as a part of a sweep."""


class SeenStep(StepHandle):
    """A step that a hook began: its stages are told by hooks.

    Attributes:
        objective: What is minimized in it, where a hook wants to see its values.
        losses: Those values.
    """

    objective: Any = None
    losses: list[float]


class Fit:
    """Around a fit: a run of its own where there is none, or in a sweep one inside the script's.

    Args:
        model: What the run is called where the script, its options or its environment do not say.
        facts: What is noted with the run that the fit belongs to.
    """

    def __init__(self, model: str | None = None, **facts: Any) -> None:
        self.run: RunHandle | None = None
        self._model = model
        self._facts = facts
        self._own: FitRun | None = None

    def __enter__(self) -> Self:
        with recorder().guard("instrumentation"):
            handle = scope.owner()
            if not isinstance(handle, StepHandle | JobHandle):
                self.run = _run_of(handle)
                if _lacks_run(self.run):
                    made = _fit_run(self.run, self._model)
                    self.run = self._own = made.__enter__()
                if self.run is not None:
                    self.run.note(**self._facts)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._own is not None:
            self._own.__exit__(kind, error, trace)


class Optimization:
    """One call of an optimizer that loops itself.

    What is evaluated runs inside a step, so that its jobs are the step's. A step lasts until the
    next one begins: what lies between its last evaluation and its end is the stage `optimize`. Of
    an evaluation, what comes before its first job is `encode` and what comes after its last one
    `evaluate`; without a job all of it is.

    Args:
        name: Of the optimizer.
        mark: What tells its iterations.
    """

    def __init__(self, name: str, mark: Mark) -> None:
        self.mark = mark
        self._fit = Fit(optimizer=name)
        self._step: SeenStep | None = None
        self._token: Token[Optimization | None] | None = None
        self._due = mark is Mark.END
        self._over = False
        self._evaluated_at = 0
        self._losses: list[float] = []
        self._told: tuple[Any, Any] = (None, None)
        self._evaluations = self._jobs = 0

    def __enter__(self) -> "Optimization | None":
        """Begin; nothing where somebody else tells the steps."""
        handle = scope.owner()
        if _going.get() is not None or isinstance(handle, StepHandle | JobHandle):
            return None
        self._fit.__enter__()
        if self._fit.run is None:
            return None
        self._token = _going.set(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._token is not None:
            _going.reset(self._token)
            with recorder().guard("instrumentation"):
                self._end(error)
        self._fit.__exit__(kind, error, trace)

    # -------------------------------------------------------------------- told by the optimizer

    def began(self) -> None:
        """Take note that an iteration begins: with the next evaluation."""
        self._due = True

    def iterated(self, loss: Any = None, point: Any = None) -> None:
        """Take note that an iteration is over; what comes before the next one is a part of it."""
        self.tells(loss, point)
        self._over = self._due = True

    def tells(self, loss: Any = None, point: Any = None) -> None:
        """Take the loss and the parameters of the iteration that goes on."""
        self._told = (loss, point)

    def ended(self, **facts: Any) -> None:
        """Keep what the optimizer says at its end."""
        if self._fit.run is not None:
            told = {k: v.item() if hasattr(v, "item") else v for k, v in facts.items()}
            self._fit.run.note(**{k: v for k, v in told.items() if v is not None})

    # ------------------------------------------------------------------------- seen by the hooks

    def watched(self, own: Any, args: Any, kwargs: Any) -> inspect.BoundArguments:
        """Return a call's arguments with the functions in them watched: loss, gradient, Hessian."""
        bound = _signature(own).bind(*args, **kwargs)
        for name in (*_LOSSES, *_DERIVATIVES):
            if callable(bound.arguments.get(name)):
                watched = Watched(bound.arguments[name], self, is_loss=name in _LOSSES)
                bound.arguments[name] = watched
        return bound

    def evaluate(self, function: Callable[..., Any], args: Any, kwargs: Any, is_loss: bool) -> Any:
        """Call what is optimized, as a part of the step that goes on."""
        seen: _Evaluation | None = None
        with recorder().guard("instrumentation"):
            seen = self._enter(is_loss)
        if seen is None:
            return function(*args, **kwargs)
        try:
            value = function(*args, **kwargs)
        except BaseException as error:
            seen.leave()
            with recorder().guard("instrumentation"):
                if self._step is not None:
                    self._step.saw(error, self._step.at_stage)
            raise
        seen.leave()
        with recorder().guard("instrumentation"):
            self._take(seen, value, is_loss)
        return value

    def _enter(self, is_loss: bool) -> "_Evaluation | None":
        run = self._fit.run
        if run is None or _evaluating.get() or run.recorder is not recorder():
            return None
        if self.mark is (Mark.EVALUATION if is_loss else Mark.GRADIENT):
            self._due = True
        if self._due:
            self._complete(run.now())
            self._step = SeenStep(run.recorder, run, None, run.steps).begin()
            self._due = False
        return _Evaluation(self._step)

    def _take(self, seen: "_Evaluation", value: Any, is_loss: bool) -> None:
        evaluated_at = seen.told(is_loss)
        if self._step is None:
            return
        self._jobs += len(seen.jobs)
        self._evaluations += 1
        self._evaluated_at = evaluated_at
        if is_loss and len(self._losses) < _LOSSES_KEPT:
            self._losses += numbers(value)

    def _complete(self, at: int) -> None:
        """End the step that goes on, as a whole one."""
        step, self._step = self._step, None
        if step is not None:
            if self._evaluated_at:
                step.stamp("optimize", self._evaluated_at, at)
            self._describe(step)
            step.end(at=at)
        self._forget()

    def _describe(self, step: StepHandle) -> None:
        """The loss that the optimizer tells, else the lowest of the step."""
        loss, point = self._told
        told = numbers(loss) or self._losses
        if told and step.loss_value is None:
            step.loss(min(told))
        if hasattr(point, "tolist"):
            step.parameters(point.ravel())
        step.note(evaluations=self._evaluations, losses=self._losses[:_LOSSES_KEPT])

    def _forget(self) -> None:
        self._losses, self._evaluations, self._jobs, self._evaluated_at = [], 0, 0, 0
        self._told, self._over = (None, None), False

    def _end(self, error: BaseException | None) -> None:
        step = self._step
        if step is None:
            return
        if self._over or (error is None and self.mark is not Mark.END):
            self._complete(step.now())
        elif error is None and not self._jobs and step.now() - step.started < _UNSAID:
            step.recorder.open.discard(step)  # a last look at the loss, which no job belongs to
        else:
            self._describe(step)
            step.note(complete=False)
            step.end(error, Outcome.CANCELLED)


class Watched:
    """Stands in for a function that is optimized; a copy of it is the function itself."""

    def __init__(self, function: Callable[..., Any], whose: Optimization, *, is_loss: bool) -> None:
        functools.update_wrapper(self, function, updated=())
        self._function = function
        self._optimization = whose
        self._is_loss = is_loss

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Evaluate it, and be told of it."""
        return self._optimization.evaluate(self._function, args, kwargs, self._is_loss)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_function"], name)

    def __reduce__(self) -> tuple[Any, ...]:
        return _itself, (self._function,)


class _Evaluation:
    """One evaluation: its step is the current handle, and its jobs are listed."""

    def __init__(self, step: StepHandle | None) -> None:
        self._step = step
        self._current = None if step is None else set_current(step)
        self.jobs: list[JobHandle] = []
        self._listing = scope.look_for_jobs(self.jobs)
        self._evaluating = _evaluating.set(True)
        self._before = 0 if step is None else len(step.stamps)
        self._start = recorder().now()

    def leave(self) -> None:
        """Give the context back."""
        _evaluating.reset(self._evaluating)
        _hand_on(self.jobs, self._listing)
        if self._current is not None:
            reset_current(self._current)

    def told(self, is_loss: bool) -> int:
        """Stamp what the evaluation did around its jobs; returns when it was over."""
        step, end = self._step, recorder().now()
        if step is None or len(step.stamps) > self._before:  # the script tells it itself
            return end
        if not self.jobs:
            if is_loss:
                step.stamp("evaluate", self._start, end)
            return end
        step.stamp("encode", self._start, min(job.started for job in self.jobs))
        ends = [job.ended for job in self.jobs]
        if all(ends):
            step.stamp("evaluate", max(ends), end)
        return end


class Loop:
    """One step of an optimizer whose loop the script writes itself.

    Args:
        optimizer: The object that is asked for a step; a loop lasts as long as it lives.
    """

    def __init__(self, optimizer: Any) -> None:
        self._optimizer = optimizer
        self._jobs: list[JobHandle] = []
        self._listing: Any = None
        self.step: SeenStep | None = None

    def __enter__(self) -> SeenStep | None:
        """Begin the step; nothing where somebody else tells the steps."""
        with recorder().guard("instrumentation"):
            handle = scope.owner()
            if _going.get() is None and not isinstance(handle, StepHandle | JobHandle):
                run = _loop_run(self._optimizer, _run_of(handle))
                run.settle()
                made = SeenStep(run.recorder, run, None, run.steps)
                self.step = made.__enter__()
                self._listing = scope.look_for_jobs(self._jobs)
        return self.step

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.step is None:
            return
        with recorder().guard("instrumentation"):
            _hand_on(self._jobs, self._listing)
            ends = [job.ended for job in self._jobs]
            if error is None and ends and all(ends) and "optimize" not in self.step.stamps:
                self.step.stamp("optimize", max(ends), self.step.now())
        self.step.__exit__(kind, error, trace)


class _Loops:
    """The run of the loops of this process that are in no other; it ends with their optimizers."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.run: FitRun | None = None
        self.living: weakref.WeakSet[Any] = weakref.WeakSet()


_loops = _Loops()
at_leave: list[Callable[[], None]] = []
"""What else is to be ended by `leave`."""


def optimization() -> Optimization | None:
    """Return the optimization that goes on in this context, outside of an evaluation."""
    return None if _evaluating.get() else _going.get()


def is_going() -> bool:
    """Whether an optimization goes on in this context, also inside an evaluation."""
    return _going.get() is not None


def leave() -> None:
    """End the run of the loops: nobody will go on with them."""
    for each in at_leave:
        each()
    with _loops.lock:
        run, _loops.run = _loops.run, None
        _loops.living = weakref.WeakSet()
    if run is not None:
        scope.adopt_instead(run, None)
        run.end(at=max(run.last_step_ended, run.started))


def _loop_run(optimizer: Any, run: RunHandle | None) -> RunHandle:
    if run is not None and run is not _loops.run and not _lacks_run(run):
        return run
    with _loops.lock:
        if _loops.run is None or _loops.run.recorder is not recorder():
            _loops.run = _fit_run(run, None).begin()
            _loops.run.note(optimizer=type(optimizer).__name__)
            scope.adopt_instead(None, _loops.run)
        if optimizer not in _loops.living:
            _loops.living.add(optimizer)
            weakref.finalize(optimizer, _left, _loops.run).atexit = False
        return _loops.run


def _left(run: FitRun) -> None:
    """An optimizer is gone; with the last one its loop is over."""
    if run is _loops.run and next(iter(_loops.living), None) is None:  # its length counts the dead
        with recorder().guard("instrumentation"):
            leave()


def _hand_on(jobs: list[JobHandle], listing: Any) -> None:
    """Whoever wanted to know of jobs before is told of them as well."""
    scope.look_no_more(listing)
    for job in jobs:
        scope.saw_job(job)


def _run_of(handle: Handle | None) -> RunHandle | None:
    while handle is not None and not isinstance(handle, RunHandle):
        handle = handle.parent
    return handle


def _lacks_run(run: RunHandle | None) -> bool:
    return run is None or (recorder().settings.sweep and not isinstance(run, FitRun))


def _fit_run(parent: RunHandle | None, model: str | None) -> FitRun:
    work = recorder().work if parent is None else parent.work
    named = {"model": model} if model is not None and work.model == "unknown" else None
    return FitRun(recorder(), parent, named)


@functools.lru_cache(maxsize=256)
def _signature(own: Callable[..., Any]) -> inspect.Signature:
    return inspect.signature(own)


def numbers(value: Any) -> list[float]:
    """A loss as a list, or a batch of them; what is no number is none."""
    if value is None:
        return []
    try:
        flat = value.ravel().tolist() if hasattr(value, "ravel") else value
        return [float(each) for each in (flat if isinstance(flat, list) else [flat])]
    except (AttributeError, TypeError, ValueError):
        return []


def _itself(function: Callable[..., Any]) -> Callable[..., Any]:
    return function
