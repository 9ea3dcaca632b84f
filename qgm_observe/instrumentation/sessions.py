"""Sessions and batches of IBM's client: from their creation to their end, with their usage."""

import weakref
from collections.abc import Callable
from typing import Any

from qgm_observe.catalog import Outcome
from qgm_observe.instrumentation.scope import owner
from qgm_observe.lifecycle import Handle, RunHandle, recorder
from qgm_observe.lifecycle.run import SessionHandle
from qgm_observe.lifecycle.spending import ttl_of
from qgm_observe.providers.deadline import Deadline

_opened: "weakref.WeakKeyDictionary[Any, Opened]" = weakref.WeakKeyDictionary()
_deadline = Deadline(5.0)
_at_the_end = Deadline(2.0)


class Opened:
    """A session that the script opened and has not closed, or whose jobs still run.

    Attributes:
        handle: Its record to be.
    """

    def __init__(self, handle: SessionHandle) -> None:
        self.handle = handle
        self._pending = 0
        self._closed_at = 0

    def has(self, watch: Any) -> None:
        """A job was submitted to it."""
        self._pending += 1
        watch.then = self._released

    def closed(self) -> None:
        """The script closed it: what runs in it still counts."""
        self._closed_at = self._closed_at or self.handle.now()
        self._settle()

    def left(self, deadline: Deadline | None) -> None:
        """The script ends without having closed it, or without having waited for its jobs."""
        if not self._closed_at:
            self.handle.note(left_open=True)
            self._shut(deadline)
        self._pending, self._closed_at = 0, self._closed_at or self.handle.now()
        self._settle(deadline)

    def _shut(self, deadline: Deadline | None) -> None:
        """Close it at its provider where a guard's time to live says that nothing stays behind."""
        session = self.handle.provider
        if deadline is not None and ttl_of(self.handle) is not None:
            _opened.pop(session, None)  # else it would end twice
            with recorder().guard("instrumentation"):
                deadline.call("close a session", session.close)
                self.handle.note(closed_by="guard")

    @property
    def advice(self) -> str | None:
        """What to write where the script left it open and no guard closed it."""
        told, mode = self.handle.attributes or {}, self.handle.mode.value
        if "left_open" not in told or "closed_by" in told:
            return None
        return (
            f"{mode} {self.handle.provider.session_id} was left open: write"
            f" `with {mode.title()}(backend) as {mode}:`, or a guard as 'ttl 2 h'"
        )

    def _released(self) -> None:
        self._pending -= 1
        if self._closed_at:
            self._settle()

    def _settle(self, deadline: Deadline | None = _deadline) -> None:
        """Ask for the usage, once and within a bound, when no job of it is left."""
        if self._pending > 0 or self.handle.ended:
            return
        session = self.handle.provider
        with recorder().guard("instrumentation"):
            self.handle.usage_seconds = _asked(session, deadline)
        self.handle.end(None, at=self._closed_at)
        _opened.pop(session, None)


def opened(own: Callable[..., Any], session: Any, *args: Any, **kwargs: Any) -> Any:
    """See a session being created; without an id it is no session of a provider."""
    started = recorder().now()
    try:
        own(session, *args, **kwargs)
    except BaseException as error:
        with recorder().guard("instrumentation"):
            if getattr(getattr(session, "_backend", None), "_instance", None) is not None:
                handle = _handle(session).begin()
                handle.started = started
                handle.end(error)
        raise
    with recorder().guard("instrumentation"):
        if session.session_id is not None:
            handle = _handle(session).begin()
            handle.started = started
            _opened[session] = Opened(handle)


def closed(own: Callable[..., Any], session: Any, *args: Any, **kwargs: Any) -> Any:
    """See a session being closed."""
    answer = own(session, *args, **kwargs)
    with recorder().guard("instrumentation"):
        known = _opened.get(session)
        if known is not None:
            known.closed()
    return answer


def cancelled(own: Callable[..., Any], session: Any, *args: Any, **kwargs: Any) -> Any:
    """See a session being given up, with all that waits in it."""
    answer = own(session, *args, **kwargs)
    with recorder().guard("instrumentation"):
        known = _opened.get(session)
        if known is not None:
            known.handle.outcome = Outcome.CANCELLED
            known.closed()
    return answer


def of(session: Any) -> Opened | None:
    """Return what is known of a session, `None` for anything else."""
    try:
        return None if session is None else _opened.get(session)
    except TypeError:  # what cannot be referred to weakly is none of them
        return None


def leave() -> list[str]:
    """End those that are still open: nobody will close them any more.

    The end of a script is not held up for longer than for one that does not answer.

    Returns:
        What to write instead, a line for each that the script left open.
    """
    answered, told = True, []
    for each in list(_opened.values()):
        each.left(_at_the_end if answered else None)
        answered = answered and each.handle.usage_seconds is not None
        told += [each.advice] if each.advice is not None else []
    _opened.clear()
    return told


def _handle(session: Any) -> SessionHandle:
    parent: Handle | None = owner()
    while parent is not None and not isinstance(parent, RunHandle):
        parent = parent.parent
    mode = "batch" if any(k.__name__ == "Batch" for k in type(session).__mro__) else "session"
    backend = session._backend  # noqa: SLF001  there is no public way to the object
    return SessionHandle(recorder(), parent, None, backend, mode=mode, provider=session)


def _asked(session: Any, deadline: Deadline | None) -> float | None:
    if deadline is None:
        return None
    try:
        told = deadline.call("session usage", session.usage)
    except Exception:  # noqa: BLE001  unknown usage stays unknown
        return None
    return None if told is None else float(told)
