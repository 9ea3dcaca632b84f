"""The loopback server: one thread a connection, at most `MAX_CONNECTIONS`, all ended by `close`."""

import contextlib
import select
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from qgm_observe.errors import UsageError
from qgm_observe.testing.provider.http import Reply, Request

MAX_CONNECTIONS = 128
MAX_BODY_BYTES = 64 * 2**20
IDLE_SECONDS = 60.0

Hung = Callable[[], bool]
"""Whether who asked has gone away."""

Answer = Callable[[Request, Hung], Reply | None]
"""What gives the reply; `None` drops the connection."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "qgm-observe-provider"
    sys_version = ""
    wbufsize = -1  # head and body leave in one write
    disable_nagle_algorithm = True
    timeout = IDLE_SECONDS
    server: "LoopbackServer"

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if length > MAX_BODY_BYTES:
            self._send(Reply(413))
            self.close_connection = True
            return
        reply = self.server.answer(self._request(self.rfile.read(length)), self._is_gone)
        if reply is None:
            self.close_connection = True
        else:
            self._send(reply)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815  # the library's names

    def _request(self, body: bytes) -> Request:
        return Request.parse(
            self.command,
            self.path,
            body=body,
            authorization=self.headers.get("Authorization", ""),
            instance=self.headers.get("Service-CRN", ""),
        )

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.status != 204:  # noqa: PLR2004  # No Content has none
            self.send_header("Content-Type", reply.content_type)
            self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)

    def _is_gone(self) -> bool:
        try:
            readable = select.poll()
            readable.register(self.connection, select.POLLIN)
            return bool(readable.poll(0)) and not self.connection.recv(1, socket.MSG_PEEK)
        except OSError:
            return True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the library's name
        """Say nothing: the request log is `provider.requests`."""


class LoopbackServer(ThreadingHTTPServer):
    """Serves an `answer` on 127.0.0.1.

    Args:
        answer: Called in the connection's thread.
        port: 0 for a free one.

    Raises:
        UsageError: If the port is taken.
    """

    daemon_threads = True  # a script that forgets `close` still ends
    request_queue_size = 64

    def __init__(self, answer: Answer, port: int = 0) -> None:
        try:
            super().__init__(("127.0.0.1", port), _Handler)
        except OSError as error:
            raise UsageError(
                f"port {port} of 127.0.0.1 cannot be used ({error.strerror}); "
                "give another, or 0 for a free one"
            ) from error
        self.answer = answer
        self._places = threading.BoundedSemaphore(MAX_CONNECTIONS)
        self._open: dict[socket.socket, threading.Thread] = {}
        self._lock = threading.Lock()
        self._thread = threading.Thread(
            target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def process_request(self, request: Any, client_address: Any) -> None:
        """Give the connection a thread, or close it where there is no place left."""
        if not self._places.acquire(blocking=False):
            self.shutdown_request(request)
            return
        thread = threading.Thread(
            target=self.process_request_thread, args=(request, client_address), daemon=True
        )
        with self._lock:
            self._open[request] = thread
        thread.start()

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a connection until it ends."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._lock:
                self._open.pop(request, None)
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore a client that went away: its test knows."""

    def close(self) -> None:
        """End the listener, every connection and every thread."""
        self.shutdown()
        self._thread.join()
        with self._lock:
            connections = dict(self._open)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in connections.values():
            thread.join()
        self.server_close()
