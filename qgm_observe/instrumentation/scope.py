"""What goes on in this context, and which run it belongs to."""

from contextvars import ContextVar

from qgm_observe.lifecycle import Handle, JobHandle, RunHandle, current
from qgm_observe.lifecycle.run import WithJobs

COMPILING = "compiling"
"""What goes on inside a pass manager's run; inside a sampler's it is that job."""

_doing: ContextVar[object | None] = ContextVar("qgm_doing", default=None)
doing = _doing.get
start_doing = _doing.set
stop_doing = _doing.reset
"""`doing()` is what a hook sees here now, `None` where it is the script itself that calls."""

_adopted: RunHandle | None = None


def adopt(run: RunHandle | None) -> None:
    """Let a run be what the work of threads without one belongs to."""
    global _adopted  # noqa: PLW0603  hooks are a matter of the whole process
    _adopted = run


def owner() -> Handle | None:
    """Return the handle that what is seen here belongs to: the innermost open one."""
    return current() or _adopted


def is_told(handle: Handle | None) -> bool:
    """Return whether the script, or `observe`, tells the stages of this work itself."""
    if isinstance(handle, JobHandle):
        return handle.at_stage is not None
    if isinstance(handle, WithJobs) and handle.implicit is not None:
        return handle.implicit.stage_now is not None
    return False
