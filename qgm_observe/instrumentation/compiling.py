"""Pass managers: each run of one is a compile stage of the job that follows it.

What a preset one was made with, such as its optimization level, is remembered of the circuits that
it compiles.
"""

import os
import sys
import threading
from collections import deque
from collections.abc import Callable
from types import FrameType
from typing import Any

from qgm_observe.instrumentation.pass_log import PassLog, made_for, options_of
from qgm_observe.instrumentation.scope import (
    COMPILING,
    doing,
    is_told,
    owner,
    start_doing,
    stop_doing,
)
from qgm_observe.lifecycle import Handle, JobHandle, compilation, recorder
from qgm_observe.lifecycle.run import WithJobs

Times = tuple[int, int]
"""From and to, nanoseconds of the monotonic clock."""

_LIBRARIES = {"qiskit", "qiskit_aer", "qiskit_ibm_runtime", "samplomatic"}
_FRONT = "qiskit.compiler."
"""Where these libraries run a pass manager because the script asked them to: `transpile`."""

_lock = threading.Lock()
_outside: deque[Times] = deque(maxlen=256)
_slow: dict[int, bytes] = {}
"""Logs of slow compilations that no job has taken yet, by when they began."""

_MOST_SLOW = 16


def run(own: Callable[..., Any], manager: Any, *args: Any, **kwargs: Any) -> Any:
    """Time a run of a pass manager that the script asked for."""
    if doing() is not None or _builds_circuits(sys._getframe(2)):  # noqa: SLF001
        return own(manager, *args, **kwargs)
    log = PassLog(manager, args, kwargs)
    if is_told(owner()):
        return _told(manager, args, _heard(own, log, recorder().now()))
    start = recorder().now()
    token = start_doing(COMPILING)
    try:
        compiled = own(manager, *log.args, **log.kwargs)
    except BaseException as error:
        with recorder().guard("instrumentation"):
            _failed(start, error, log)
        raise
    finally:
        stop_doing(token)
    with recorder().guard("instrumentation"):
        _took(start, recorder().now(), log)
    return _told(manager, args, compiled)


def _heard(own: Callable[..., Any], log: PassLog, start: int) -> Any:
    """Run a pass manager whose time the script tells itself; keep the log with its job."""
    try:
        compiled = own(log.manager, *log.args, **log.kwargs)
    except BaseException as error:
        with recorder().guard("instrumentation"):
            _keep_failure(log, owner(), error, start)
        raise
    with recorder().guard("instrumentation"):
        job, slow = _job_of(owner()), log.slow(start, recorder().now())
        if job is not None and slow is not None:
            job.keep("compile_log", slow)
    return compiled


def _keep_failure(log: PassLog, handle: Handle | None, error: BaseException, start: int) -> None:
    job = _job_of(handle)
    if job is not None:
        log.failed(job, error, (recorder().now() - start) / 1e9)


def _job_of(handle: Handle | None) -> JobHandle | None:
    if isinstance(handle, WithJobs):
        return handle.implicit
    return handle if isinstance(handle, JobHandle) else None


def checked(own: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Notice what `transpile` refuses before any pass runs: circuits wider than the device."""
    start = recorder().now()
    try:
        return own(*args, **kwargs)
    except Exception as error:
        with recorder().guard("instrumentation"):
            if doing() is None and not is_told(owner()):
                circuits, _, backend = args
                _failed(start, error, PassLog(own, (circuits,), {}), backend)
        raise


def preset(own: Callable[..., Any], config: Any, *args: Any, **kwargs: Any) -> Any:
    """Take note of what a preset pass manager is made with: `level_2_pass_manager(config)`."""
    manager = own(config, *args, **kwargs)
    with recorder().guard("instrumentation"):
        told = {name: getattr(config, name, None) for name in compilation.OPTIONS}
        told |= {"optimization_level": int(own.__name__.split("_")[1])}
        made_for(manager, config, told)
    return manager


def _told(manager: Any, args: tuple[Any, ...], compiled: Any) -> Any:
    """Remember of what was compiled how it was; a later pass leaves that as it is."""
    with recorder().guard("instrumentation"):
        known = options_of(manager)
        if known is None and args:
            known = compilation.options_of(args[0])
        compilation.tell(compiled, known or {})
    return compiled


def _builds_circuits(caller: FrameType) -> bool:
    """Whether a library runs it for an end of its own: Qiskit does to control a gate."""
    name = caller.f_globals.get("__name__", "")
    return name.partition(".")[0] in _LIBRARIES and not name.startswith(_FRONT)


def taken(handle: Handle | None) -> list[Times]:
    """Return when something was compiled that no job has taken yet, and let a job take it."""
    found: list[Times] = []
    with _lock:
        link = handle
        while link is not None:
            if isinstance(link, WithJobs):
                found += link.compiled
                link.compiled = ()
            link = link.parent
        if handle is None:
            found += _outside
            _outside.clear()
    return sorted(found)


def give(job: JobHandle, times: list[Times]) -> None:
    """Stamp compilations on the job that takes them, and keep the logs of slow ones with it."""
    for start, end in times:
        job.started = min(job.started, start)
        job.stamp("compile", start, end)
        if _slow and (log := _slow.pop(start, None)) is not None:
            job.keep("compile_log", log)


def forget() -> None:
    """Drop what was compiled outside of any run and is still without a job."""
    _outside.clear()
    _slow.clear()


def _took(start: int, end: int, log: PassLog) -> None:
    handle, slow = owner(), log.slow(start, end)
    if isinstance(handle, JobHandle):
        handle.stamp("compile", start, end)
        if slow is not None:
            handle.keep("compile_log", slow)
        return
    with _lock:
        if slow is not None and len(_slow) < _MOST_SLOW:
            _slow[start] = slow
        if isinstance(handle, WithJobs):
            handle.compiled = (*handle.compiled, (start, end))
        else:
            _outside.append((start, end))


def _after_fork() -> None:
    global _lock  # noqa: PLW0603  a child begins with a free one
    _lock = threading.Lock()  # another thread of the parent may have held it


os.register_at_fork(after_in_child=_after_fork)


def _failed(start: int, error: BaseException, log: PassLog, backend: Any = None) -> None:
    """A compilation that fails is a job that failed: nothing follows it."""
    handle = owner()
    end = recorder().now()
    if isinstance(handle, JobHandle):
        handle.stamp("compile", start, end)
        handle.saw(error, "compile")
        _keep_failure(log, handle, error, start)
        return
    job = JobHandle(recorder(), handle, None, backend).begin()
    job.started = start
    job.stamp("compile", start, end)
    job.saw(error, "compile")
    with recorder().guard("instrumentation"):
        _keep_failure(log, job, error, start)
    job.end(error, at=end)
