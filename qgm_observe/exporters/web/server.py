"""Serves an exporter: its configuration, its signals, its clients within limits.

A changed web configuration is taken up by itself. A new certificate gets a worker of its own behind
the same listening socket, so that no connection is refused and no handshake broken.
"""

import asyncio
import contextlib
import logging
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from qgm_observe.errors import Error, UsageError
from qgm_observe.exporters.exporter import Exporter
from qgm_observe.exporters.web import web_config
from qgm_observe.exporters.web.app import App
from qgm_observe.exporters.web.gate import Gate
from qgm_observe.exporters.web.limits import (
    WRITE_SECONDS,
    aside,
    close_clients,
)
from qgm_observe.exporters.web.web_config import Tls
from qgm_observe.exporters.web.worker import Worker, rehearse, snapshot
from qgm_observe.telemetry import endpoint

WATCH_SECONDS = 1.0
"""How often files are looked at for a change, and clients for silence."""

DRAIN_SECONDS = 0.8
"""Given to answers that are on their way when the process is asked to end."""

STOP_SECONDS = 1.5
"""Given to the exporter after that."""

_START_SECONDS = 0.1

_log = logging.getLogger(__name__)


class Server:
    """Serves an exporter until it is told to stop.

    Args:
        exporter: Started and stopped with the server.
        listening: From `listen`; the server closes it.
        web_file: Prometheus web configuration file, read anew whenever it changes; `None` is plain
            HTTP without a login.
        logs_access: Whether each request gets a line in the log.

    Raises:
        UsageError: the web configuration cannot be used.
    """

    def __init__(
        self,
        exporter: Exporter,
        listening: socket.socket,
        web_file: Path | None = None,
        *,
        logs_access: bool = False,
    ) -> None:
        self._exporter = exporter
        self._listening = listening
        self._port: int = listening.getsockname()[1]
        self._web_file = web_file
        self._gate = Gate(web_config.load(web_file))
        self._seen = self._stamps()
        self._app = App(exporter, lambda: self._gate, self.reload, logs_access=logs_access)
        self._workers: dict[asyncio.Task[None], Worker] = {}
        self._current: asyncio.Task[None] | None = None
        self._ended = asyncio.Event()
        self._reloading = asyncio.Lock()
        self._started = self._failed = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._signaled: asyncio.Task[None] | None = None
        self._retiring: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """Return the address that it listens on."""
        host, port = self._listening.getsockname()[:2]
        scheme = "https" if self._gate.config.tls else "http"
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}/"

    def run(self, *, started: Callable[[], None] = lambda: None) -> int:
        """Serve until SIGTERM, SIGINT or `stop`; SIGHUP reloads.

        Args:
            started: Called when the first request can be answered.

        Returns:
            0, or 1 if the server failed.
        """
        try:
            asyncio.run(self._serve(started))
        finally:
            self._listening.close()
            if self._started:
                self._exporter.stop(STOP_SECONDS)
        return int(self._failed)

    def stop(self) -> None:
        """Ask the server to end; safe from any thread."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._ended.set)

    async def reload(self) -> None:
        """Take the web configuration and the exporter's own anew; a bad one changes nothing.

        Raises:
            Error: which of them cannot be used, and why.
        """
        async with self._reloading:
            await self._renew_web()
            await aside(self._exporter.reload)

    # --------------------------------------------------------------------------- its own thread

    async def _serve(self, started: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._handle_signals(self._loop)
        await self._open(self._gate.config.tls, self._start)
        if not self._failed:
            started()
            watching = asyncio.create_task(self._watch())
            await self._ended.wait()
            watching.cancel()
        await self._drain()

    def _start(self) -> None:
        self._started = True
        self._exporter.start()

    def _handle_signals(self, loop: asyncio.AbstractEventLoop) -> None:
        with contextlib.suppress(ValueError, RuntimeError):  # not on the main thread
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, self._ended.set)
            loop.add_signal_handler(signal.SIGHUP, self._hang_up)

    def _hang_up(self) -> None:
        self._signaled = asyncio.create_task(self._reload_and_tell())

    async def _reload_and_tell(self) -> None:
        try:
            await self.reload()
        except Error as error:
            _log.error("nothing was reloaded: %s", error)
        except Exception as error:  # noqa: BLE001  the sidecar goes on with what it has
            _log.error("nothing was reloaded: %s", type(error).__name__)
        else:
            _log.info("reloaded")

    async def _open(self, tls: Tls | None, before: Callable[[], None] = lambda: None) -> None:
        """Start a worker; the one before it takes no more connections and ends its own.

        Args:
            tls: As configured; files that change meanwhile do no harm.
            before: Called when it is certain that the worker can be started.

        Raises:
            UsageError: the certificate or key cannot be used; nothing has changed.
        """
        with snapshot(tls) as kept:
            await aside(lambda: rehearse(kept, self._web_file))
            before()
            worker = Worker(self._app, self._listening, kept)
            task = asyncio.create_task(worker.serve())
            self._workers[task] = worker
            task.add_done_callback(self._end)
            await asyncio.wait([task], timeout=_START_SECONDS)
        former, self._current = self._current, task
        if former is not None:
            retiring = asyncio.create_task(self._workers[former].retire())
            self._retiring.add(retiring)
            retiring.add_done_callback(self._retiring.discard)
        if task.done():
            self._fail()

    def _end(self, task: asyncio.Task[None]) -> None:
        del self._workers[task]
        if task is self._current and not self._ended.is_set():
            self._fail()

    def _fail(self) -> None:
        _log.error("the web server ended by itself")
        self._failed = True
        self._ended.set()

    async def _drain(self) -> None:
        """Let answers on their way arrive, then close who is still there."""
        tasks = [*self._workers]
        for worker in self._workers.values():
            worker.end()
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=DRAIN_SECONDS)
            if late:
                close_clients(self._port, chosen=lambda _: True)
                await asyncio.wait(late, timeout=DRAIN_SECONDS / 2)

    # -------------------------------------------------------------------------------- the watch

    async def _watch(self) -> None:
        while True:
            began = time.monotonic()
            await aside(lambda: close_clients(self._port))
            await self._look_at_files()
            await asyncio.sleep(max(0.0, WATCH_SECONDS - (time.monotonic() - began)))

    async def _look_at_files(self) -> None:
        stamps = await aside(self._stamps)
        if stamps == self._seen:
            return
        try:
            async with self._reloading:
                await self._renew_web()
        except Error as error:
            self._seen = stamps
            _log.error("the web configuration stays as it was: %s", error)
        else:
            _log.info("the web configuration was taken anew")

    async def _renew_web(self) -> None:
        """Take the web configuration anew; files that change meanwhile are seen a second later."""
        if self._web_file is None:
            return
        path = self._web_file
        written = await aside(lambda: _stamp(path))
        config = await aside(lambda: web_config.load(path))
        stamps = (written, *await aside(lambda: [_stamp(each) for each in config.files]))
        if config.tls != self._gate.config.tls or stamps[1:] != self._seen[1:]:
            await self._open(config.tls)
        if config != self._gate.config:
            self._gate = Gate(config)
        self._seen = stamps

    def _stamps(self) -> tuple[Any, ...]:
        """Return what changes when the configuration file or one that it names does."""
        if self._web_file is None:
            return ()
        return tuple(_stamp(path) for path in (self._web_file, *self._gate.config.files))


def _stamp(path: Path) -> tuple[int, ...]:
    try:
        status = path.stat()
    except OSError:
        return ()
    return (status.st_ino, status.st_size, status.st_mtime_ns)


def parsed(address: str) -> tuple[str, int]:
    """Return host and port of `HOST:PORT`, or of `[HOST]:PORT` for IPv6.

    Raises:
        UsageError: it is neither.
    """
    host, colon, port = address.rpartition(":")
    if not colon or not host or not port.isdecimal():
        raise UsageError(f"--listen {address}: write HOST:PORT, such as 127.0.0.1:9465")
    return host.removeprefix("[").removesuffix("]"), int(port)


def listen(address: str) -> socket.socket:
    """Return a socket that listens, with the limits that its connections inherit.

    Args:
        address: See `parsed`; port 0 takes a free one.

    Raises:
        UsageError: it is no address, or cannot be had.
    """
    host, port = parsed(address)
    listening = endpoint.listen(host, port, instead="use --listen with another")
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        milliseconds = round(WRITE_SECONDS * 1000)
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
    return listening
