"""The jobs that primitives return: when their work begins and ends, and on which thread."""

from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import is_dataclass, replace
from functools import partial
from typing import Any

from qgm_observe.catalog import ErrorClass, Outcome
from qgm_observe.instrumentation.scope import carried, doing, start_doing, stop_doing
from qgm_observe.instrumentation.watch import Ending, Watch
from qgm_observe.lifecycle import recorder
from qgm_observe.lifecycle.provider_job import id_of
from qgm_observe.providers.failures import class_of_code

_FINAL = {"RuntimeJobFailureError", "RuntimeJobMaxTimeoutError", "RuntimeInvalidStateError"}
"""After these the provider's job is over; any other exception only ends the wait for it."""

_LIMITS = ("cost limit", "usage limit", "quota")
_KEPT = 10_000
_MOST_TAGS = 8

_waiting: OrderedDict[str, Watch] = OrderedDict()


def remember(answer: Any, watch: Watch) -> None:
    """Keep a job that somebody has accepted, until its result is asked for."""
    name = None if watch.has_thread or watch.is_over else id_of(answer)
    if name is not None:
        _waiting[name] = watch
        if len(_waiting) > _KEPT:
            _waiting.popitem(last=False)


def forget() -> None:
    """Keep no job any longer; the ones that wait stay open."""
    _waiting.clear()


# ------------------------------------------------------------------------------- on a thread here


def submit(own: Callable[..., Any], job: Any, *args: Any, **kwargs: Any) -> Any:
    """Let the thread that a primitive job starts know what it works for.

    The rest of the caller's context stays behind, as it does without us: NumPy's error state and
    the decimal context are part of it.
    """
    return _submit(own, job, "_function", *args, **kwargs)


def submit_simulation(own: Callable[..., Any], job: Any, *args: Any, **kwargs: Any) -> Any:
    """Do as `submit` does for a simulator's job, unless it goes to another process."""
    if isinstance(getattr(job, "_executor", None), ThreadPoolExecutor):
        return _submit(own, job, "_fn", *args, **kwargs)
    return own(job, *args, **kwargs)


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


def _submit(own: Callable[..., Any], job: Any, name: str, *args: Any, **kwargs: Any) -> Any:
    working = None
    with recorder().guard("instrumentation"):
        working = _working(job, name)
    if working is None:
        return own(job, *args, **kwargs)
    function = getattr(job, name)  # there is no public way to the thread
    setattr(job, name, working)
    try:
        return own(job, *args, **kwargs)
    finally:
        setattr(job, name, function)
        future = getattr(job, "_future", None)
        if isinstance(working, _Working) and future is not None:
            future.add_done_callback(working.settled)


def _working(job: Any, name: str) -> Callable[..., Any] | None:
    watch = doing()
    function = getattr(job, name)
    if watch is None:  # such as a gradient's, whose own jobs are seen one by one
        return carried(function)
    if not isinstance(watch, Watch) or watch.has_thread:
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


def submit_remotely(own: Callable[..., Any], service: Any, *args: Any, **kwargs: Any) -> Any:
    """Submit with our tag, if the submission is ours and there is room for it."""
    watch = doing()
    with recorder().guard("tags"):
        if isinstance(watch, Watch) and watch.job.remote and recorder().settings.submit_tags:
            kwargs = {**kwargs, "options": _tagged(kwargs.get("options"), f"qgm-{watch.job.id}")}
    return own(service, *args, **kwargs)


def _tagged(options: Any, tag: str) -> Any:
    """A copy of the options, so that the script's own are as they were."""
    if isinstance(options, dict):
        tags = list(options.get("job_tags") or ())
        return options if len(tags) >= _MOST_TAGS else {**options, "job_tags": [*tags, tag]}
    if is_dataclass(options) and not isinstance(options, type) and hasattr(options, "job_tags"):
        tags = list(options.job_tags or ())
        return options if len(tags) >= _MOST_TAGS else replace(options, job_tags=[*tags, tag])
    return options


def result(own: Callable[..., Any], job: Any, *args: Any, **kwargs: Any) -> Any:
    """See the end of a provider's job when its result is asked for."""
    watch = _waiting.get(id_of(job) or "") if _waiting else None
    if watch is None or doing() is not None:
        return own(job, *args, **kwargs)
    watch.is_awaited = True
    try:
        value = own(job, *args, **kwargs)
    except BaseException as error:
        watch.is_awaited = False
        if not _FINAL.isdisjoint(kind.__name__ for kind in type(error).__mro__):
            with recorder().guard("instrumentation"):
                _forget(job)
                watch.finished(error, ending=_ending_of(job))
        raise
    with recorder().guard("instrumentation"):
        _forget(job)
        watch.finished(None, value)
    return value


def status(own: Callable[..., Any], job: Any, *args: Any, **kwargs: Any) -> Any:
    """See how far a provider's job is whenever the script, or its wait for the result, asks."""
    told = own(job, *args, **kwargs)
    watch = _waiting.get(id_of(job) or "") if _waiting else None
    if watch is not None:
        with recorder().guard("instrumentation"):
            if _progress(watch, job, str(getattr(told, "name", told)).upper()):
                _forget(job)
    return told


def _progress(watch: Watch, job: Any, state: str) -> bool:
    """Take note of a state; true when the job is over and nothing else will tell so.

    Source: the client passes on a state of the provider that it does not know, such as `Cancelled -
    Ran too long`, and then waits for its result for ever.
    """
    if state == "RUNNING":
        watch.runs()
    elif state.startswith("CANCELLED") and state != "CANCELLED":
        watch.failed(Outcome.TIMEOUT, ErrorClass.RUN_TIMEOUT, state.capitalize())
    elif watch.is_awaited:
        return False
    elif state == "DONE":
        watch.finished(None)
    elif state in ("CANCELLED", "ERROR"):
        ending = _ending_of(job)
        if ending is not None:
            watch.failed(*ending, state.capitalize())
        elif state == "ERROR":
            watch.failed(Outcome.FAILURE, ErrorClass.EXECUTION, state.capitalize())
        else:
            watch.cancelled()
    return watch.is_over


def _ending_of(job: Any) -> Ending | None:
    """How a job ended that did not run through, where the provider's code or reason tells it.

    Source: the reasons of jobs that wait when their session ends, or when the account's limit is
    reached; the client keeps both private.
    """
    code, reason = getattr(job, "_reason_code", None), str(getattr(job, "_reason", "")).lower()
    known = None if code is None else class_of_code(str(code))
    if known is not None:
        timeout = known is ErrorClass.RUN_TIMEOUT
        return (Outcome.TIMEOUT if timeout else Outcome.FAILURE), known
    if any(word in reason for word in _LIMITS):
        return Outcome.FAILURE, ErrorClass.QUOTA
    if "session" in reason:
        return Outcome.TIMEOUT, ErrorClass.QUEUE_TIMEOUT
    return None


def cancel(own: Callable[..., Any], job: Any, *args: Any, **kwargs: Any) -> Any:
    """See that a provider's job was taken back."""
    answer = own(job, *args, **kwargs)
    with recorder().guard("instrumentation"):
        watch = _forget(job)
        if watch is not None:
            watch.cancelled()
    return answer


def _forget(job: Any) -> Watch | None:
    return _waiting.pop(id_of(job) or "", None)
