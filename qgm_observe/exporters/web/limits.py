"""What one client may take from the others: connections, bytes and seconds.

The server closes clients that are slow to ask, or to end a TLS handshake that they began. Others
are closed here by what the kernel knows of each connection (`TCP_INFO`, tcp(7)): those that never
said a word, and those that take more than a minute for a page. Whoever takes nothing at all of an
answer is closed by the kernel itself (`TCP_USER_TIMEOUT`).
"""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

MOST_CONNECTIONS = 512
HEADER_SECONDS = 5.0
"""A request's head has to be there by then; a connection idle for as long is closed."""
SILENT_SECONDS = 7.0
"""A client that has sent nothing at all, not even to begin a TLS handshake, is closed then."""
WRITE_SECONDS = 10.0
"""A client that takes nothing of its answer is closed then."""
LONGEST_SECONDS = 60.0
"""Nothing that is asked takes longer."""
BODY_SECONDS = 10.0
LONGEST_BODY = 4 * 2**20
LONGEST_HEAD = 16 * 2**10
MOST_POSTS = 8

_STATE, _ESTABLISHED = 0, 1
_LAST_DATA_RECEIVED = struct.Struct("=52xI")
_BYTES_RECEIVED = struct.Struct("=128xQ")
_INFO_BYTES = 136

T = TypeVar("T")


class TokenBucket:
    """So many requests at once, then one an interval.

    Args:
        interval: Seconds.
        burst: At least 1.
        clock: Monotonic seconds.
    """

    def __init__(self, interval: float, burst: int, clock: Callable[[], float]) -> None:
        self._interval, self._burst, self._clock = interval, burst, clock
        self._tokens, self._at = float(burst), clock()

    def take(self) -> bool:
        """Return whether one more request may be answered."""
        now = self._clock()
        gained = (now - self._at) / self._interval
        self._tokens, self._at = min(self._burst, self._tokens + gained), now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


async def aside(call: Callable[[], T]) -> T:
    """Await a call that may block, on a thread that never keeps the process from ending."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: Any, error: BaseException | None) -> None:
        if future.done():
            return
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)

    def run() -> None:
        result, trouble = None, None
        try:
            result = call()
        except Exception as error:  # noqa: BLE001  the awaiting side gets it
            trouble = error
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(settle, result, trouble)

    threading.Thread(target=run, daemon=True).start()
    return await future


# ---------------------------------------------------------------------------- the kernel's view


class Traffic(NamedTuple):
    """What the kernel tells of a connection.

    Attributes:
        silent: Seconds since the client's last data; since its arrival if there was none.
        began: Whether it has ever sent anything.
    """

    silent: float
    began: bool


def dawdles(traffic: Traffic) -> bool:
    """Return whether a client is to be closed."""
    return traffic.silent > (LONGEST_SECONDS if traffic.began else SILENT_SECONDS)


def close_clients(
    port: int,
    chosen: Callable[[Traffic], bool] = dawdles,
    folder: Path = Path("/proc/self/fd"),
) -> int:
    """Close the chosen clients of a port that this process listens on; return how many.

    Does nothing where there is no such folder (other than Linux).
    """
    try:
        numbers = [int(each.name) for each in folder.iterdir()]
    except OSError:
        return 0
    return sum(_close(number, port, chosen) for number in numbers)


def _close(number: int, port: int, chosen: Callable[[Traffic], bool]) -> bool:
    try:
        client = socket.socket(fileno=number)
    except OSError:
        return False
    try:
        is_network = client.family in (socket.AF_INET, socket.AF_INET6)
        if is_network and client.getsockname()[1] == port:
            traffic = _traffic(client)
            if traffic is not None and chosen(traffic):
                client.shutdown(socket.SHUT_RDWR)
                return True
    except OSError:
        return False
    finally:
        client.detach()  # closing any file of SQLite would drop all locks that it holds on it
    return False


def _traffic(client: socket.socket) -> Traffic | None:
    info = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO_BYTES)
    if len(info) < _INFO_BYTES or info[_STATE] != _ESTABLISHED:
        return None
    (milliseconds,) = _LAST_DATA_RECEIVED.unpack_from(info)
    (received,) = _BYTES_RECEIVED.unpack_from(info)
    return Traffic(milliseconds / 1000, received > 0)
