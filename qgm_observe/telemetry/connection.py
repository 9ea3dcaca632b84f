"""One client of the endpoint: its request is read, its answer written, none of it waited for."""

import asyncio
import enum
import logging
import time
from collections.abc import Callable
from typing import cast

from qgm_observe.telemetry import http
from qgm_observe.telemetry.prometheus import Exposition, Form

PIECE = 1 << 18
"""Bytes handed to the socket at once; what it does not take of them is copied."""

_log = logging.getLogger(__name__)


class Phase(enum.Enum):
    """What a connection waits for; the value is the seconds it may take."""

    READING = 5.0
    WRITING = 30.0
    IDLE = 120.0


class Answers:
    """The answers to all requests; that to a scrape is put together once an exposition.

    Args:
        source: Gives the present exposition in a text format.
    """

    def __init__(self, source: Callable[[Form], Exposition]) -> None:
        self._source = source
        self._prepared: dict[Form, tuple[Exposition, dict[http.Request, http.Answer]]] = {}
        self._warned = False

    def of(self, request: http.Request) -> http.Answer:
        """Return the answer to a request."""
        if request.path == "/metrics" and request.method in ("GET", "HEAD"):
            return self._metrics(request)
        return _fixed(request)

    def _metrics(self, request: http.Request) -> http.Answer:
        try:
            exposition = self._source(request.form)
        except Exception:  # noqa: BLE001  whatever it is, a scrape fails and the process goes on
            if not self._warned:
                _log.exception("the metrics could not be rendered")
            self._warned = True
            return http.line(500, "the metrics could not be rendered", keep=False)
        known = self._prepared.get(request.form)
        if known is None or known[0] is not exposition:
            known = self._prepared[request.form] = (exposition, {})
        found = known[1].get(request)
        if found is None:
            found = known[1][request] = _scraped(exposition, request)
        return found


def _scraped(exposition: Exposition, request: http.Request) -> http.Answer:
    body = exposition.gzip if request.gzip else exposition.text
    told = http.metrics(body, gzip=request.gzip, keep=request.keep, form=request.form)
    if request.method == "HEAD":
        return told._replace(body=b"")
    if len(body) <= PIECE:
        return told._replace(head=told.head + body, body=b"")
    return told


def _fixed(request: http.Request) -> http.Answer:
    if request.method not in ("GET", "HEAD"):
        fields = ("Allow: GET, HEAD",)
        return http.line(405, "only GET and HEAD are answered", keep=False, fields=fields)
    if request.path == "/-/healthy":
        told = http.line(200, "healthy", keep=request.keep)
    elif request.path == "/":
        told = http.page(keep=request.keep)
    else:
        told = http.line(404, "not found: / tells what there is", keep=request.keep)
    return told if request.method == "GET" else told._replace(body=b"")


class Connection(asyncio.Protocol):
    """One socket.

    Args:
        answers: Shared by all connections.
        opened: Called with the connection when it is made.
        closed: Called with the connection when it is lost.

    Attributes:
        phase: What it waits for.
        since: Monotonic seconds at which the phase began.
        transport: Of the socket.
    """

    transport: asyncio.Transport

    def __init__(
        self,
        answers: Answers,
        opened: Callable[["Connection"], None],
        closed: Callable[["Connection"], None],
    ) -> None:
        self._answers = answers
        self._opened = opened
        self._closed = closed
        self._received = b""
        self._rest = memoryview(b"")
        self._paused = False
        self._keep = True
        self.phase = Phase.READING
        self.since = time.monotonic()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the socket; asyncio has set TCP_NODELAY on it."""
        self.transport = cast(asyncio.Transport, transport)
        self.transport.set_write_buffer_limits(high=0)
        self._opened(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  asyncio's signature
        """Let go."""
        self._rest = memoryview(b"")
        self._closed(self)

    def data_received(self, data: bytes) -> None:
        """Take what came; while an answer is being written it waits."""
        self._received += data
        if self.phase is Phase.IDLE:
            self._enter(Phase.READING)
        self._serve()

    def eof_received(self) -> bool:
        """Close, unless an answer is on its way to a client that only stopped asking."""
        self._keep = False
        return self.phase is Phase.WRITING

    def pause_writing(self) -> None:
        """Wait: the client reads slower than we write."""
        self._paused = True

    def resume_writing(self) -> None:
        """Go on with the answer, then with what came meanwhile."""
        self._paused = False
        self._write_on()
        self._serve()

    def is_late(self, now: float) -> bool:
        """Return whether it waits longer than its phase may take."""
        return now - self.since > self.phase.value

    def _serve(self) -> None:
        """Answer every whole request that has come, one after the other."""
        while self.phase is not Phase.WRITING and not self.transport.is_closing():
            end = self._received.find(http.END)
            if end < 0:
                break
            head, self._received = self._received[:end], self._received[end + len(http.END) :]
            request = http.parsed(head) if end <= http.LONGEST_REQUEST else None
            if request is None:
                self._send(http.line(400, "this is no HTTP/1.1 request", keep=False))
            else:
                self._send(self._answers.of(request))
        if len(self._received) > http.LONGEST_REQUEST:
            self._refuse()

    def _refuse(self) -> None:
        self._received = b""
        if self.phase is Phase.WRITING:
            self.transport.abort()
        elif not self.transport.is_closing():
            self._send(http.line(400, "the request is too long", keep=False))

    def _send(self, answer: http.Answer) -> None:
        self._enter(Phase.WRITING)
        self._keep = self._keep and answer.keep
        self._rest = memoryview(answer.body)
        self.transport.write(answer.head)
        self._write_on()

    def _write_on(self) -> None:
        """Write piece by piece, so that never more than one piece is copied."""
        while self._rest and not self._paused and not self.transport.is_closing():
            piece, self._rest = self._rest[:PIECE], self._rest[PIECE:]
            self.transport.write(piece)
        if self._paused or self.phase is not Phase.WRITING:
            return
        if self._keep:
            self._enter(Phase.READING if self._received else Phase.IDLE)
        else:
            self.transport.close()

    def _enter(self, phase: Phase) -> None:
        self.phase = phase
        self.since = time.monotonic()
