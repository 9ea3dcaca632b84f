"""Pass managers: each run of one is a compile stage of the job that follows it.

What a preset one was made with, such as its optimization level, is remembered of the circuits that
it compiles.
"""

import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Hashable
from types import FrameType
from typing import Any
from weakref import WeakKeyDictionary

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

_presets: WeakKeyDictionary[Any, dict[str, Any]] = WeakKeyDictionary()
_lock = threading.Lock()
_outside: deque[Times] = deque(maxlen=256)


def run(own: Callable[..., Any], manager: Any, *args: Any, **kwargs: Any) -> Any:
    """Time a run of a pass manager that the script asked for."""
    if doing() is not None or _builds_circuits(sys._getframe(2)):  # noqa: SLF001
        return own(manager, *args, **kwargs)
    if is_told(owner()):
        return _told(manager, args, own(manager, *args, **kwargs))
    start = recorder().now()
    token = start_doing(COMPILING)
    try:
        compiled = own(manager, *args, **kwargs)
    except BaseException as error:
        with recorder().guard("instrumentation"):
            _failed(start, error)
        raise
    finally:
        stop_doing(token)
    with recorder().guard("instrumentation"):
        _took(start, recorder().now())
    return _told(manager, args, compiled)


def preset(own: Callable[..., Any], config: Any, *args: Any, **kwargs: Any) -> Any:
    """Take note of what a preset pass manager is made with: `level_2_pass_manager(config)`."""
    manager = own(config, *args, **kwargs)
    with recorder().guard("instrumentation"):
        told = {name: getattr(config, name, None) for name in compilation.OPTIONS}
        _presets[manager] = told | {"optimization_level": int(own.__name__.split("_")[1])}
    return manager


def _told(manager: Any, args: tuple[Any, ...], compiled: Any) -> Any:
    """Remember of what was compiled how it was; a later pass leaves that as it is."""
    with recorder().guard("instrumentation"):
        known = _presets.get(manager) if isinstance(manager, Hashable) else None
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


def forget() -> None:
    """Drop what was compiled outside of any run and is still without a job."""
    _outside.clear()


def _took(start: int, end: int) -> None:
    handle = owner()
    if isinstance(handle, JobHandle):
        handle.stamp("compile", start, end)
        return
    with _lock:
        if isinstance(handle, WithJobs):
            handle.compiled = (*handle.compiled, (start, end))
        else:
            _outside.append((start, end))


def _after_fork() -> None:
    global _lock  # noqa: PLW0603  a child begins with a free one
    _lock = threading.Lock()  # another thread of the parent may have held it


os.register_at_fork(after_in_child=_after_fork)


def _failed(start: int, error: BaseException) -> None:
    """A compilation that fails is a job that failed: nothing follows it."""
    handle = owner()
    end = recorder().now()
    if isinstance(handle, JobHandle):
        handle.stamp("compile", start, end)
        handle.saw(error, "compile")
        return
    job = JobHandle(recorder(), handle).begin()
    job.started = start
    job.stamp("compile", start, end)
    job.saw(error, "compile")
    job.end(error, at=end)
