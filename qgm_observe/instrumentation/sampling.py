"""Samplers: each `run` that the script calls is one job, however many layers are under it."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

from qgm_observe.catalog import ExecutionMode
from qgm_observe.instrumentation import compiling, provider_jobs
from qgm_observe.instrumentation.pubs import Size, repeatable, size_of_call
from qgm_observe.instrumentation.scope import doing, is_told, owner, start_doing, stop_doing
from qgm_observe.instrumentation.watch import Watch
from qgm_observe.lifecycle import Device, Handle, JobHandle, recorder
from qgm_observe.lifecycle.devices import describe
from qgm_observe.lifecycle.run import WithJobs

STATEVECTOR = Device("qiskit", "statevector", "local")


def run(own: Callable[..., Any], sampler: Any, *args: Any, **kwargs: Any) -> Any:
    """Record a call to a sampler's `run` as a job; an inner layer's call is part of it."""
    if doing() is not None:
        return own(sampler, *args, **kwargs)
    args, kwargs = repeatable(args, kwargs)
    watch = None
    with recorder().guard("instrumentation"):
        watch = _watch(sampler, lambda: size_of_call(sampler, args, kwargs))
    if watch is None:
        return own(sampler, *args, **kwargs)
    token = start_doing(watch)
    try:
        answer = own(sampler, *args, **kwargs)
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


def _watch(sampler: Any, size: Callable[[], Size]) -> Watch | None:
    handle = owner()
    if is_told(handle):
        return None
    backend = _backend(sampler)
    if not isinstance(handle, JobHandle):
        return Watch(_job(handle, backend), size, owned=True)
    if handle.backend is None:
        handle.backend = backend
    return Watch(handle, size, owned=False)


def _job(handle: Handle | None, backend: Any) -> JobHandle:
    """A new job, or the one whose compilation `observe` has seen, from its compilation on."""
    if isinstance(handle, WithJobs) and handle.implicit is not None:
        job = handle.job_for("submit", backend, None)
        handle.implicit = None
    else:
        job = JobHandle(recorder(), handle, None, backend).begin()
    for start, end in compiling.taken(handle):
        job.started = min(job.started, start)
        job.stamp("compile", start, end)
    return job


def _backend(sampler: Any) -> Any:
    """A sampler's backend, or the device it stands for."""
    if any(kind.__name__ == "StatevectorSampler" for kind in type(sampler).__mro__):
        return STATEVECTOR
    backend = getattr(sampler, "_backend", None)
    mode = type(getattr(sampler, "_mode", None)).__name__.lower()
    if mode not in ("session", "batch"):
        return backend
    return _in_mode(describe(backend), ExecutionMode(mode))


@cache
def _in_mode(device: Device, mode: ExecutionMode) -> Device:
    return device if device.mode is ExecutionMode.LOCAL else replace(device, mode=mode)
