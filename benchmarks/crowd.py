"""Clients that mean no good, for the benchmark of a sidecar."""

import contextlib
import socket
import time


class Crowd:
    """Clients that keep a server busy with nothing.

    Args:
        port: Of the server.
        count: How many.
        sends: Whether each begins a request and goes on with a byte a second, or stays silent.
    """

    def __init__(self, port: int, count: int, *, sends: bool) -> None:
        self._sends = sends
        self.open = [socket.socket() for _ in range(count)]
        for client in self.open:
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", port))  # a full backlog keeps some waiting
        time.sleep(0.5)
        for client in self.open if sends else ():
            with contextlib.suppress(OSError):
                client.send(b"GET /metrics HTTP/1.1\r\nX-Slow: ")

    def tick(self) -> None:
        """Send a byte from each that is still open, and see who was closed."""
        self.open = [client for client in self.open if self._is_open(client)]

    def _is_open(self, client: socket.socket) -> bool:
        try:
            if self._sends:
                client.send(b"x")
            return client.recv(1 << 16) != b""
        except BlockingIOError:
            return True
        except OSError:
            return False
