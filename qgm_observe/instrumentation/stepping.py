"""Optimizers: their iterations are the steps of a run, and nobody edits the loop.

An optimizer that loops itself is an `Optimization`. Where the script, or a core that is observed,
tells its steps itself, nothing is added.
"""

import enum
import functools
import inspect
from collections.abc import Callable
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Any

from qgm_observe.catalog import Outcome
from qgm_observe.instrumentation import scope
from qgm_observe.instrumentation.fitting import Fit, SeenStep, hand_on
from qgm_observe.lifecycle import JobHandle, StepHandle, recorder
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
        self._at: dict[bytes | None, list[float]] = {}
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
            self._take(seen, value, is_loss, args)
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

    def _take(self, seen: "_Evaluation", value: Any, is_loss: bool, args: Any) -> None:
        evaluated_at = seen.told(is_loss)
        if self._step is None:
            return
        self._jobs += len(seen.jobs)
        self._evaluations += 1
        self._evaluated_at = evaluated_at
        if is_loss and len(self._losses) < _LOSSES_KEPT:
            losses = self._at[_key(args[0] if args else None)] = numbers(value)
            self._losses += losses

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
        """The loss that the optimizer tells, else that where it stands, else the step's lowest."""
        loss, point = self._told
        told = (
            numbers(loss)
            or (self._at.get(_key(point)) if point is not None else None)
            or self._losses
        )
        if told and step.loss_value is None:
            step.loss(min(told))
        if hasattr(point, "tolist"):
            step.parameters(point.ravel())
        step.note(evaluations=self._evaluations, losses=self._losses[:_LOSSES_KEPT])

    def _forget(self) -> None:
        self._losses, self._evaluations, self._jobs, self._evaluated_at = [], 0, 0, 0
        self._told, self._over = (None, None), False
        self._at = {}

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
        hand_on(self.jobs, self._listing)
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


def optimization() -> Optimization | None:
    """Return the optimization that goes on in this context, outside of an evaluation."""
    return None if _evaluating.get() else _going.get()


def is_going() -> bool:
    """Whether an optimization goes on in this context, also inside an evaluation."""
    return _going.get() is not None


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


def _key(point: Any) -> bytes | None:
    """A point, to know it again."""
    return point.tobytes() if hasattr(point, "tobytes") else None


def _itself(function: Callable[..., Any]) -> Callable[..., Any]:
    return function
