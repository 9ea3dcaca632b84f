"""A loopback endpoint for scrapes, from the standard library alone.

One daemon thread runs an event loop and sends bytes that are ready before they are asked for.
Clients that dawdle are dropped by time (5 s for a request, 30 s for taking the answer, 120 s
between two requests) and by number: the 65th connection displaces the one that has been slow for
longest, so that a crowd of slow clients cannot shut out a scrape.
"""

import asyncio
import errno
import os
import socket
import threading
import time
import weakref
from collections.abc import Callable
from types import TracebackType
from typing import Self

from qgm_observe.errors import UsageError
from qgm_observe.telemetry.connection import Answers, Connection, Phase
from qgm_observe.telemetry.prometheus import Exposition, Form

DEFAULT_PORT = 9464
MOST_CONNECTIONS = 64
CLOSE_SECONDS = 1.0
_BACKLOG = 128
_SWEEP_SECONDS = 0.5
_HIGHEST_PORT = 65_535


def serve(
    source_of_bytes: Callable[[Form], Exposition],
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
) -> "Endpoint":
    """Serve expositions at `/metrics` until the endpoint is closed or the process ends.

    Args:
        source_of_bytes: Gives the present exposition in the text format that a scrape prefers;
            called for each scrape, on the endpoint's thread, so it has to be quick when nothing
            changed.
        host: Address to listen on; only this machine can reach the default.
        port: 0 takes a free one.

    Raises:
        UsageError: the port is taken or cannot be used.
    """
    return Endpoint(listen(host, port), Answers(source_of_bytes))


class Endpoint:
    """A server on a thread of its own. A forked child does not serve.

    Attributes:
        host: Address it listens on.
        port: Port it listens on.
    """

    def __init__(self, listening: socket.socket, answers: Answers) -> None:
        self.host, self.port = listening.getsockname()[:2]
        self._socket = listening
        self._answers = answers
        self._connections: dict[Connection, None] = {}
        self._closing = self._sweeping = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="qgm-observe /metrics", daemon=True)
        _endpoints.add(self)
        self._ready = threading.Event()
        self._thread.start()
        self._ready.wait()

    @property
    def url(self) -> str:
        """Where the metrics are."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/metrics"

    def close(self, timeout: float = CLOSE_SECONDS) -> None:
        """Stop serving within `timeout` seconds; answers that are being written may end first."""
        if not self._closing:
            self._closing = True
            deadline = time.monotonic() + timeout / 2
            self._loop.call_soon_threadsafe(self._wind_down, deadline)
        self._thread.join(timeout)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._server = self._loop.run_until_complete(
                self._loop.create_server(self._connect, sock=self._socket, backlog=_BACKLOG)
            )
            self._ready.set()
            self._loop.run_forever()
        finally:
            self._ready.set()
            self._loop.close()

    def _connect(self) -> Connection:
        return Connection(self._answers, self._opened, self._closed)

    def _opened(self, connection: Connection) -> None:
        self._connections[connection] = None
        if not self._sweeping:
            self._sweeping = True
            self._loop.call_later(_SWEEP_SECONDS, self._sweep)
        if len(self._connections) > MOST_CONNECTIONS:
            self._displace(connection)

    def _closed(self, connection: Connection) -> None:
        self._connections.pop(connection, None)

    def _displace(self, newest: Connection) -> None:
        """Drop whoever has been slow for longest: first in asking, then idle, then in taking."""
        others = [each for each in self._connections if each is not newest]
        order = (Phase.READING, Phase.IDLE, Phase.WRITING)
        slowest = min(others, key=lambda each: (order.index(each.phase), each.since))
        self._drop(slowest)

    def _drop(self, connection: Connection) -> None:
        self._connections.pop(connection, None)
        connection.transport.abort()

    def _sweep(self) -> None:
        """Drop who is late; look again while there is anybody."""
        now = time.monotonic()
        for connection in [each for each in self._connections if each.is_late(now)]:
            self._drop(connection)
        self._sweeping = bool(self._connections)
        if self._sweeping:
            self._loop.call_later(_SWEEP_SECONDS, self._sweep)

    def _wind_down(self, deadline: float) -> None:
        """Accept nobody, drop who is not being answered, and stop when nobody is left.

        A task is a client that was just accepted: only when it has become a connection may the
        server be closed (until then asyncio would lose its socket).
        """
        self._loop.remove_reader(self._socket)
        over = time.monotonic() >= deadline
        for connection in list(self._connections):
            if over or connection.phase is not Phase.WRITING:
                self._drop(connection)
        if self._connections or asyncio.all_tasks(self._loop):
            self._loop.call_later(0.01, self._wind_down, deadline)
        else:
            self._server.close()
            self._loop.call_soon(self._loop.stop)

    def _forget(self) -> None:
        """In a forked child: close its copies of the sockets, which it could not serve."""
        self._closing = True
        self._socket.close()
        for connection in list(self._connections):
            told = connection.transport.get_extra_info("socket")
            getattr(told, "_sock", told).close()
        self._connections.clear()


def listen(host: str, port: int, *, instead: str = "use --port 0 or another") -> socket.socket:
    """Return a socket that listens.

    Args:
        host: Address of this machine, or its name.
        port: 0 takes a free one.
        instead: What to do when the port cannot be had.

    Raises:
        UsageError: the port is taken or cannot be used.
    """
    if not 0 <= port <= _HIGHEST_PORT:
        raise UsageError(f"port {port}: write a number from 0 to {_HIGHEST_PORT}")
    try:
        family, kind, proto, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, proto)
    except OSError as error:
        raise UsageError(f"host {host!r}: write an address of this machine") from error
    try:
        if os.name == "posix":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        raise UsageError(_trouble(host, port, error, instead)) from error
    return listening


def _trouble(host: str, port: int, error: OSError, instead: str) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} is taken: {instead}"
    if error.errno == errno.EACCES:
        return f"port {port} is not allowed to this user: {instead} above 1023"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"host {host!r}: write an address of this machine"
    return f"port {port} on {host!r} cannot be used ({error.strerror}): {instead}"


_endpoints: "weakref.WeakSet[Endpoint]" = weakref.WeakSet()


def _after_fork() -> None:
    for endpoint in list(_endpoints):
        endpoint._forget()  # noqa: SLF001  its own module


os.register_at_fork(after_in_child=_after_fork)
