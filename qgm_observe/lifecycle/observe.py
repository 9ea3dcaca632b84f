"""`observe(core)`: see what a training core does by shadowing its methods on the same object.

A core is anything with `fit(data, **options)` and `sample(shots)`. Optional methods are known by
their names: `step` and the ten stages; others by `stages={"compile": "_transpile"}`.
"""

import functools
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from qgm_observe.catalog import STAGES, Level
from qgm_observe.errors import UsageError
from qgm_observe.lifecycle.capture import keep_circuits, keep_parameters
from qgm_observe.lifecycle.handle import Handle, current
from qgm_observe.lifecycle.job import JobHandle
from qgm_observe.lifecycle.provenance import settings_of
from qgm_observe.lifecycle.recorder import recorder
from qgm_observe.lifecycle.resume import run_to_resume
from qgm_observe.lifecycle.run import RunHandle, StepHandle, WithJobs
from qgm_observe.lifecycle.spending import limited
from qgm_observe.redaction import redacted
from qgm_observe.spend.limits import Limits

Core = TypeVar("Core")
REDUCE = "__reduce_ex__"


class Shadow:
    """What stands before one method of one core; calling it calls the watch with the method."""

    def __init__(self, core: Any, name: str, call: Callable[..., Any]) -> None:
        self.method = getattr(core, name)
        self._call = call
        functools.update_wrapper(self, self.method)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the method under watch."""
        return self._call(self.method, *args, **kwargs)


def observe(
    core: Core,
    *,
    stages: Mapping[str, str] | None = None,
    guard: str | Limits | None = None,
    **labels: Any,
) -> Core:
    """Record everything a training core does from now on, and return the very same object.

    Args:
        core: Has `fit(data, **options)` or `sample(shots)`.
        stages: Stage to method name, for methods that are not named like their stage.
        guard: What each `fit` may take; see `qgm_observe.run`.
        labels: `project`, `pipeline`, `model`, `model_version`.

    Raises:
        UsageError: the object is no core, cannot be shadowed, a stage or label is unknown, or the
            guard cannot be read.
    """
    if not hasattr(core, "__dict__"):
        raise UsageError(f"observe({type(core).__name__}): write a class without __slots__")
    if not any(callable(getattr(core, name, None)) for name in ("fit", "sample")):
        raise UsageError(f"observe({type(core).__name__}): a core has a method fit or sample")
    methods = _methods(core, stages or {})
    recorder().work_of(recorder().work, labels)
    limits = limited(recorder(), guard)
    unobserve(core)
    eye = _Eye(core, {"model": type(core).__name__, **labels}, limits)
    for method, watch in {"fit": eye.fit, "step": eye.step, "sample": eye.sample}.items():
        if callable(getattr(core, method, None)):
            core.__dict__[method] = Shadow(core, method, watch)
    for stage, method in methods.items():
        core.__dict__[method] = Shadow(core, method, functools.partial(eye.stage, stage))
    core.__dict__[REDUCE] = Shadow(core, REDUCE, _reduce)
    return core


def unobserve(core: Core) -> Core:
    """Undo `observe`; an object that is not observed is left as it is."""
    for name in [key for key, value in core.__dict__.items() if isinstance(value, Shadow)]:
        del core.__dict__[name]
    return core


def _methods(core: Any, given: Mapping[str, str]) -> dict[str, str]:
    unknown = given.keys() - STAGES.keys()
    if unknown:
        raise UsageError(f"stage {min(unknown)!r}: write one of {', '.join(STAGES)}")
    missing = [name for name in given.values() if not callable(getattr(core, name, None))]
    if missing:
        raise UsageError(f"stages: {type(core).__name__} has no method {missing[0]!r}")
    named = {stage: stage for stage in STAGES if callable(getattr(core, stage, None))}
    return named | dict(given)


def _reduce(method: Callable[[Any], Any], protocol: Any) -> Any:
    """Pickle and deepcopy get the core's state without the shadows."""
    match method(protocol):
        case (make, arguments, tuple(state), *rest):
            return (make, arguments, tuple(map(_bare, state)), *rest)
        case (make, arguments, state, *rest):
            return (make, arguments, _bare(state), *rest)
        case reduced:
            return reduced


def _bare(state: Any) -> Any:
    if not isinstance(state, dict):
        return state
    return {key: value for key, value in state.items() if not isinstance(value, Shadow)}


class _Eye:
    """Places what it sees of one core on handles."""

    def __init__(self, core: Any, labels: dict[str, Any], limits: Limits | None) -> None:
        self.core = core
        self.labels = labels
        self.limits = limits

    def fit(self, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        options: dict[str, Any] = {}
        run_id = None
        with recorder().guard("observe"):
            options = _told(_options(method, args, kwargs))
            run_id = run_to_resume(recorder(), options)
        resumed_from = None if run_id is None else 0
        run = RunHandle(recorder(), None, self.labels, run_id=run_id, resumed_from=resumed_from)
        run.limits = self.limits
        run.attributes = {"core": type(self.core).__name__} | options
        run.need.planned = _positive(options.get("steps")) or _positive(options.get("iterations"))
        with recorder().guard("provenance"):
            run.settings = settings_of(self.core)
        with run:
            return method(*args, **kwargs)

    def step(self, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        run = current()
        if not isinstance(run, RunHandle):
            return method(*args, **kwargs)
        run.settle()
        index = args[0] if args and isinstance(args[0], int) else None
        if run.resumed_from == 0 and index is not None and not run.last_step_ended:
            run.resumed_from = run.steps = index
        with run.step(index) as step:
            value = method(*args, **kwargs)
            with step.recorder.guard("observe"):
                if step.loss_value is None and _is_number(value):
                    step.loss(value)
            return value

    def sample(self, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        around = current()
        if around is not None:
            if isinstance(around, JobHandle) and around.settings is None:
                with recorder().guard("provenance"):
                    around.settings = settings_of(self.core)
            return method(*args, **kwargs)
        labels = {"kind": "inference"} | self.labels
        backend = shots = None
        with recorder().guard("observe"):
            shots = _positive(_options(method, args, kwargs).get("shots"))
            backend = self._backend()
        job = JobHandle(recorder(), None, labels, backend, shots=shots)
        with recorder().guard("provenance"):
            job.settings = settings_of(self.core)
        with job:
            return method(*args, **kwargs)

    def stage(self, name: str, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        handle: Handle | None = None
        with recorder().guard("observe"):
            handle = self._place(name)
        if handle is None:
            return method(*args, **kwargs)
        if isinstance(handle, JobHandle) and name == "submit":
            return handle.attempt(method, *args, **kwargs).provider
        if isinstance(handle, JobHandle) and name == "execute" and handle.attempts:
            return handle.wait(handle.attempts[-1], method, *args, **kwargs)
        with handle.stage(name):
            value = method(*args, **kwargs)
        with handle.recorder.guard("observe"):
            self._saw(name, handle, value)
        return value

    def _saw(self, name: str, handle: Handle, value: Any) -> None:
        """What some stages return is worth keeping."""
        if name == "evaluate" and isinstance(handle, StepHandle) and _is_number(value):
            handle.loss(value)
        elif name == "compile":
            keep_circuits(handle, value)
        elif name == "optimize":
            keep_parameters(handle, value)

    def _place(self, name: str) -> Handle | None:
        """The handle a stage belongs on: the open job, the step, or the run."""
        handle = current()
        if not isinstance(handle, WithJobs):
            return handle
        if STAGES[name].level is Level.JOB:
            return handle.job_for(
                name, self._backend(), _positive(getattr(self.core, "shots", None))
            )
        handle.settle()
        return handle

    def _backend(self) -> Any:
        return getattr(self.core, "backend", None)


def _options(method: Callable[..., Any], args: Any, kwargs: Any) -> dict[str, Any]:
    """The call's arguments by name, in the order of the method's parameters."""
    try:
        signature = inspect.signature(method)
        options = dict(signature.bind(*args, **kwargs).arguments)
    except Exception:  # noqa: BLE001  a signature may be computed, or not be there
        return {}
    for name, parameter in signature.parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:
            options |= options.pop(name, {})
    return options


def _told(arguments: dict[str, Any]) -> dict[str, Any]:
    """What may be kept of the arguments of `fit`: the first is the data, whatever its name.

    Of the rest numbers, paths and text that is no secret; of all else the type alone, for a
    further argument may hold data as well.
    """
    return {name: _scalar(name, value) for name, value in list(arguments.items())[1:]}


def _scalar(name: str, value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Path) or (isinstance(value, str) and name == "checkpoint"):
        return str(value)
    if isinstance(value, str):
        text = f"{name}={value}"
        return value if redacted(text) == text else "<redacted>"
    return f"<{type(value).__qualname__}>"


def _positive(value: Any) -> int | None:
    return int(value) if isinstance(value, int) and value > 0 else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
