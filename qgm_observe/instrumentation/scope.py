"""What goes on in this context, and which run it belongs to."""

from collections.abc import Callable
from contextvars import ContextVar
from functools import partial
from typing import Any

from qgm_observe.lifecycle import Handle, JobHandle, RunHandle, current
from qgm_observe.lifecycle.handle import reset_current, set_current
from qgm_observe.lifecycle.run import WithJobs

COMPILING = "compiling"
"""What goes on inside a pass manager's run; inside a sampler's it is that job."""

ELSEWHERE = "elsewhere"
"""What goes on where this process plays a provider: that is no work of the script's."""

_doing: ContextVar[object | None] = ContextVar("qgm_doing", default=None)
doing = _doing.get
start_doing = _doing.set
stop_doing = _doing.reset
"""`doing()` is what a hook sees here now, `None` where it is the script itself that calls."""

_jobs: ContextVar[list[JobHandle] | None] = ContextVar("qgm_jobs", default=None)
jobs_seen = _jobs.get
look_for_jobs = _jobs.set
look_no_more = _jobs.reset
"""`jobs_seen()` is where the jobs that begin in this context are listed, `None` for nowhere."""

_adopted: RunHandle | None = None


def adopt(run: RunHandle | None) -> None:
    """Let a run be what the work of threads without one belongs to."""
    global _adopted  # noqa: PLW0603  hooks are a matter of the whole process
    _adopted = run


def adopted() -> RunHandle | None:
    """Return that run."""
    return _adopted


def adopt_instead(before: RunHandle | None, run: RunHandle | None) -> None:
    """Let another run be that, unless somebody else has changed it meanwhile."""
    if _adopted is before:
        adopt(run)


def owner() -> Handle | None:
    """Return the handle that what is seen here belongs to: the innermost open one."""
    return current() or _adopted


def saw_job(job: JobHandle) -> None:
    """List a job that a hook sees, where anybody in this context wants to know."""
    jobs = _jobs.get()
    if jobs is not None:
        jobs.append(job)


def carried(function: Callable[..., Any]) -> Callable[..., Any] | None:
    """Return a function that knows on another thread what it works for, `None` for nothing."""
    handle = current()
    return None if handle is None else partial(_carry, handle, jobs_seen(), function)


def _carry(
    handle: Handle,
    jobs: list[JobHandle] | None,
    function: Callable[..., Any],
    *args: Any,
    **kwargs: Any,
) -> Any:
    before, listing = set_current(handle), look_for_jobs(jobs)
    try:
        return function(*args, **kwargs)
    finally:
        look_no_more(listing)
        reset_current(before)


def is_told(handle: Handle | None) -> bool:
    """Return whether the script, or `observe`, tells the stages of this work itself."""
    if isinstance(handle, JobHandle):
        return handle.at_stage is not None
    if isinstance(handle, WithJobs) and handle.implicit is not None:
        return handle.implicit.stage_now is not None
    return False
