"""Primitives and backends: each `run` that the script calls is one job, whatever is under it."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from typing import Any

from qgm_observe.catalog import ExecutionMode
from qgm_observe.instrumentation import compiling, provider_jobs, sessions
from qgm_observe.instrumentation.pubs import (
    UNKNOWN,
    Asked,
    asked_of,
    asked_of_circuits,
    asked_of_program,
    repeatable,
)
from qgm_observe.instrumentation.scope import doing, is_told, owner, start_doing, stop_doing
from qgm_observe.instrumentation.watch import Watch
from qgm_observe.lifecycle import Device, Handle, JobHandle, recorder
from qgm_observe.lifecycle.devices import NO_DEVICE, describe, this_machine
from qgm_observe.lifecycle.kinds import kinds_of
from qgm_observe.lifecycle.run import WithJobs

STATEVECTOR = this_machine("statevector")

_STATEVECTOR = {"StatevectorSampler", "StatevectorEstimator"}


def run(own: Callable[..., Any], primitive: Any, *args: Any, **kwargs: Any) -> Any:
    """Record a call to a primitive's `run` as a job; an inner layer's call is part of it."""
    if doing() is not None:
        _name_device(primitive)
        return own(primitive, *args, **kwargs)
    args, kwargs = repeatable(args, kwargs)
    return recorded(
        lambda: own(primitive, *args, **kwargs),
        primitive,
        lambda: asked_of(primitive, args, kwargs),
        dry_run=kwargs.get("dry_run"),
    )


def run_backend(own: Callable[..., Any], backend: Any, *args: Any, **kwargs: Any) -> Any:
    """Record a call to a backend's `run` as a job."""
    if doing() is not None:
        _name_device(backend)
        return own(backend, *args, **kwargs)

    def ask() -> Asked:
        return asked_of_circuits(args[0], kwargs, backend) if args else UNKNOWN

    return recorded(lambda: own(backend, *args, **kwargs), backend, ask)


def run_program(own: Callable[..., Any], executor: Any, *args: Any, **kwargs: Any) -> Any:
    """Record a call to the `run` of IBM's executor as a job, unless a primitive calls it."""
    if doing() is not None:
        return own(executor, *args, **kwargs)
    program = args[0] if args else kwargs.get("program")
    return recorded(
        lambda: own(executor, *args, **kwargs),
        executor,
        lambda: asked_of_program(program),
        dry_run=kwargs.get("dry_run"),
    )


def run_remotely(own: Callable[..., Any], service: Any, *args: Any, **kwargs: Any) -> Any:
    """See every submission to IBM: one that no primitive was seen to make is a job as well.

    Ours carries our job id as a tag, by which it is found when the script dies before the answer.
    """
    watch = doing()
    if watch is None:
        call = partial(provider_jobs.submit_remotely, own, service, *args, **kwargs)
        return recorded(call, _Program(kwargs.get("options")), Watch.nothing_asked)
    return provider_jobs.submit_remotely(own, service, *args, **kwargs)


def recorded(
    call: Callable[[], Any],
    asked: Any,
    ask: Callable[[], Asked],
    *,
    dry_run: Any = None,
) -> Any:
    """Make a call that submits work, and record it as one job.

    Args:
        call: Makes it.
        asked: The primitive or backend that is asked.
        ask: Tells how much is asked for.
        dry_run: Whether nothing is meant to be run.
    """
    watch = None
    with recorder().guard("instrumentation"):
        watch = _watch(asked, ask)
        if watch is not None and dry_run:
            watch.job.note(dry_run=True)
    if watch is None:
        return call()
    if watch.collected is not None:
        provider_jobs.remember(watch.collected.provider, watch)
        return watch.collected.provider
    token = start_doing(watch)
    try:
        answer = call()
    except BaseException as error:
        with recorder().guard("instrumentation"):
            watch.refused(error)
        raise
    finally:
        stop_doing(token)
    with recorder().guard("instrumentation"):
        watch.accepted(answer)
        provider_jobs.remember(answer, watch)
    return answer


class _Program:
    """Stands for whatever submits a program without being a primitive."""

    def __init__(self, options: Any) -> None:
        known = options if isinstance(options, dict) else vars(options or object)
        self._backend = known.get("backend")


def _watch(asked: Any, ask: Callable[[], Asked]) -> Watch | None:
    handle = owner()
    if is_told(handle):
        return None
    backend = _backend(asked)
    opened = sessions.of(getattr(asked, "_mode", None))
    if isinstance(handle, JobHandle):
        if handle.backend is None:
            handle.backend = backend
        return Watch(handle, ask, owned=False, asked=asked)
    job = _job(handle, backend, None if opened is None else opened.handle)
    watch = Watch(job, ask, owned=True, asked=asked)
    if opened is not None:
        opened.has(watch)
    return watch


def _job(handle: Handle | None, backend: Any, session: Any) -> JobHandle:
    """A new job, or the one whose compilation `observe` has seen, from its compilation on."""
    if isinstance(handle, WithJobs) and handle.implicit is not None:
        job = handle.job_for("submit", backend, None)
        handle.implicit = None
    else:
        job = JobHandle(recorder(), handle, None, backend, session=session).begin()
    compiling.give(job, compiling.taken(handle))
    return job


def _backend(asked: Any) -> Any:
    """A primitive's backend, a backend itself, or the device it stands for."""
    kinds = kinds_of(asked)
    if not _STATEVECTOR.isdisjoint(kinds):
        return STATEVECTOR
    if "BackendV2" in kinds:
        return asked
    backend = getattr(asked, "_backend", None)
    mode = type(getattr(asked, "_mode", None)).__name__.lower()
    if mode not in ("session", "batch"):
        return backend
    return _in_mode(describe(backend), ExecutionMode(mode))


def _name_device(asked: Any) -> None:
    """What a primitive of the script's own calls tells the device that it does not tell itself."""
    watch = doing()
    if isinstance(watch, Watch) and watch.job.device is NO_DEVICE:
        with recorder().guard("instrumentation"):
            watch.job.backend = _backend(asked)


@cache
def _in_mode(device: Device, mode: ExecutionMode) -> Device:
    return device if device.mode is ExecutionMode.LOCAL else replace(device, mode=mode)
