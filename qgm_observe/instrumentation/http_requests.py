"""What IBM's client asks over HTTP: each attempt, its answer, and the time it took.

The client tries again by itself, after 5xx and broken connections, and tells nobody; an attempt
that is repeated is counted like any other.
"""

import threading
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from qgm_observe.catalog import signals
from qgm_observe.instrumentation.scope import doing
from qgm_observe.instrumentation.watch import Watch
from qgm_observe.lifecycle import recorder
from qgm_observe.lifecycle.devices import region_of
from qgm_observe.providers.failures import UNANSWERED, status_of

PROVIDER = "ibm"

_USAGE = "/instances/usage"
_SESSION = "/sessions"
_NO_STATUS = "none"
_TOO_MANY = 429


class Exchange:
    """One request of the client, with all its attempts."""

    def __init__(self, session: Any, method: str, url: str) -> None:
        self._labels = (PROVIDER, _region(session), operation_of(method, url))
        self._started = recorder().now()
        self._is_counted = False

    def attempted(self, status: int | None) -> None:
        """An attempt came to nothing and may be repeated."""
        self._is_counted = True
        recorder().count(signals.CLIENT_REQUESTS, 1, *self._labels, _class_of(status))

    def repeated(self) -> None:
        """It is repeated."""
        self._is_counted = False
        recorder().count(signals.CLIENT_RETRIES, 1, *self._labels)

    def ended(self, status: int | None) -> None:
        """The last attempt came to its end."""
        made = recorder()
        if not self._is_counted:
            made.count(signals.CLIENT_REQUESTS, 1, *self._labels, _class_of(status))
        seconds = (made.now() - self._started) / 1e9
        made.count(signals.CLIENT_REQUEST_DURATION, seconds, *self._labels)

    def connected(self, phase: str, started: int) -> None:
        """A part of the connecting is done."""
        made = recorder()
        seconds = (made.now() - started) / 1e9
        made.count(signals.CLIENT_CONNECT_DURATION, seconds, *self._labels[:2], phase)


_exchange: ContextVar[Exchange | None] = ContextVar("qgm_exchange", default=None)


def operation_of(method: str, path: str) -> str:
    """Return what a request is for: `submit`, `read`, `cancel`, `session` or `other`."""
    if path.startswith(_SESSION):
        return "read" if method == "GET" else "session"
    if method == "POST" and path.rstrip("/") == "/jobs":
        return "submit"
    if path.startswith("/jobs/") and (method == "DELETE" or path.endswith("/cancel")):
        return "cancel"
    return "read" if method == "GET" else "other"


def request(
    own: Callable[..., Any], session: Any, method: str, url: str, *args: Any, **kwargs: Any
) -> Any:
    """Time a request, and count its last attempt."""
    exchange = None
    if not threading.current_thread().name.startswith("qgm-"):  # what we ask ourselves
        with recorder().guard("instrumentation"):
            exchange = Exchange(session, method, url)
    if exchange is None:
        return own(session, method, url, *args, **kwargs)
    token = _exchange.set(exchange)
    try:
        response = own(session, method, url, *args, **kwargs)
    except BaseException as error:
        with recorder().guard("instrumentation"):
            exchange.ended(status_of(error))
        raise
    finally:
        _exchange.reset(token)
    with recorder().guard("instrumentation"):
        exchange.ended(response.status_code)
        if url == _USAGE:
            _look_at_quota(response)
    return response


def increment(own: Callable[..., Any], retry: Any, *args: Any, **kwargs: Any) -> Any:
    """Count an attempt that failed, and its repetition unless there were too many."""
    exchange = _exchange.get()
    if exchange is not None:
        with recorder().guard("instrumentation"):
            exchange.attempted(getattr(kwargs.get("response"), "status", None))
    further = own(retry, *args, **kwargs)
    if exchange is not None:
        with recorder().guard("instrumentation"):
            exchange.repeated()
    return further


def connect(own: Callable[..., Any], connection: Any, *args: Any, **kwargs: Any) -> Any:
    """Time name resolution and TCP handshake."""
    exchange = _exchange.get()
    if exchange is None:
        return own(connection, *args, **kwargs)
    started = recorder().now()
    made = own(connection, *args, **kwargs)
    with recorder().guard("instrumentation"):
        exchange.connected("tcp", started)
        connection.__dict__["_qgm_connected"] = recorder().now()
    return made


def secure(own: Callable[..., Any], connection: Any, *args: Any, **kwargs: Any) -> Any:
    """Time the TLS handshake: what is left of the connecting after TCP is done."""
    exchange = _exchange.get()
    made = own(connection, *args, **kwargs)
    if exchange is not None:
        with recorder().guard("instrumentation"):
            connected = connection.__dict__.pop("_qgm_connected", None)
            if connected is not None:
                exchange.connected("tls", connected)
    return made


def _look_at_quota(response: Any) -> None:
    """A job that is submitted with the quota used up is accepted, and waits."""
    watch = doing()
    if isinstance(watch, Watch) and response.json().get("usage_limit_reached"):
        watch.job.note(quota_reached=True)


def _region(session: Any) -> str:
    return region_of(getattr(session.auth, "crn", None))


def _class_of(status: int | None) -> str:
    if status in (None, UNANSWERED):
        return _NO_STATUS
    return str(status) if status == _TOO_MANY else f"{status // 100}xx"
