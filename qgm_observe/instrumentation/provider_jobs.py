"""The jobs that samplers return: when their work begins and ends, and on which thread."""

from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any

from qgm_observe.instrumentation.scope import doing, start_doing, stop_doing
from qgm_observe.instrumentation.watch import Watch
from qgm_observe.lifecycle import recorder
from qgm_observe.lifecycle.provider_job import id_of

_FINAL = {"RuntimeJobFailureError", "RuntimeJobMaxTimeoutError", "RuntimeInvalidStateError"}
"""After these the provider's job is over; any other exception only ends the wait for it."""

_remote: dict[str, Watch] = {}


def remember(provider_job: Any, watch: Watch) -> None:
    """Keep a job that a provider has accepted, until its result is asked for."""
    name = None if watch.has_thread else id_of(provider_job)
    if name is not None:
        _remote[name] = watch


def forget() -> None:
    """Keep no job any longer; the ones that wait stay open."""
    _remote.clear()


# ------------------------------------------------------------------------------- on a thread here


def submit(own: Callable[..., Any], job: Any, *args: Any, **kwargs: Any) -> Any:
    """Let the thread that a primitive job starts know what it works for.

    The rest of the caller's context stays behind, as it does without us: NumPy's error state and
    the decimal context are part of it.
    """
    working = None
    with recorder().guard("instrumentation"):
        working = _working(job)
    if working is None:
        return own(job, *args, **kwargs)
    function = job._function  # noqa: SLF001  there is no public way to the thread
    job._function = working  # noqa: SLF001
    try:
        return own(job, *args, **kwargs)
    finally:
        job._function = function  # noqa: SLF001
        if isinstance(working, _Working) and job._future is not None:  # noqa: SLF001
            job._future.add_done_callback(working.settled)  # noqa: SLF001


def simulated(own: Callable[..., Any], job: Any, *args: Any, **kwargs: Any) -> Any:
    """Take note when a simulator's result arrives on a primitive's thread."""
    result = own(job, *args, **kwargs)
    watch = doing()
    if isinstance(watch, Watch):
        watch.simulated()
    return result


def inside(what: object, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call a function as a part of what is seen already."""
    token = start_doing(what)
    try:
        return function(*args, **kwargs)
    finally:
        stop_doing(token)


def _working(job: Any) -> Callable[..., Any] | None:
    watch = doing()
    if not isinstance(watch, Watch):
        return None
    function = job._function  # noqa: SLF001
    if watch.has_thread:
        return partial(inside, watch, function)
    watch.handed(job)
    return _Working(watch, function)


class _Working:
    """What a primitive's thread is to do, with its beginning and its end told."""

    def __init__(self, watch: Watch, function: Callable[..., Any]) -> None:
        self._watch = watch
        self._function = function

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        guard = recorder().guard
        with guard("instrumentation"):
            self._watch.begun()
        try:
            value = inside(self._watch, self._function, *args, **kwargs)
        except BaseException as error:
            with guard("instrumentation"):
                self._watch.done(error)
            raise
        with guard("instrumentation"):
            self._watch.done(None, value)
        return value

    def settled(self, future: "Future[Any]") -> None:
        """The future is done; it may have been cancelled before the thread began."""
        if future.cancelled():
            with recorder().guard("instrumentation"):
                self._watch.cancelled()


# ------------------------------------------------------------------------------------- elsewhere


def result(own: Callable[..., Any], job: Any, *args: Any, **kwargs: Any) -> Any:
    """See the end of a provider's job when its result is asked for."""
    watch = _remote.get(id_of(job) or "")
    if watch is None:
        return own(job, *args, **kwargs)
    try:
        value = own(job, *args, **kwargs)
    except BaseException as error:
        if not _FINAL.isdisjoint(kind.__name__ for kind in type(error).__mro__):
            with recorder().guard("instrumentation"):
                _forget(job)
                watch.finished(error)
        raise
    with recorder().guard("instrumentation"):
        _forget(job)
        watch.finished(None, value)
    return value


def cancel(own: Callable[..., Any], job: Any, *args: Any, **kwargs: Any) -> Any:
    """See that a provider's job was taken back."""
    answer = own(job, *args, **kwargs)
    with recorder().guard("instrumentation"):
        watch = _forget(job)
        if watch is not None:
            watch.cancelled()
    return answer


def _forget(job: Any) -> Watch | None:
    return _remote.pop(id_of(job) or "", None)
