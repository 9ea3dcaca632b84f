"""granian as a worker inside this process: the door to the web server.

Inside, because there must be exactly one exporter and no orphan, whatever kills the process. It
speaks HTTP/1.1 alone: a connection of HTTP/2 that stays silent is never closed by granian. What
rustls does not like about a certificate ends the whole process, so each is tried in another one
first.
"""

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from qgm_observe.errors import MissingExtra, UsageError
from qgm_observe.exporters.web.limits import HEADER_SECONDS, LONGEST_HEAD, MOST_CONNECTIONS
from qgm_observe.exporters.web.web_config import Tls

try:
    from granian._granian import SocketHolder
    from granian.constants import HTTPModes, Interfaces, SSLProtocols
    from granian.http import HTTP1Settings
    from granian.server.embed import Server as EmbeddedServer
except ImportError as error:
    raise MissingExtra("a sidecar", "export") from error

BACKLOG = 1_024
RETIRE_SECONDS = 2.0
"""Given to handshakes that began before a certificate was renewed."""

REHEARSAL_SECONDS = 30.0

_REHEARSAL = (
    "import sys; from qgm_observe.exporters.web.worker import _rehearsed as r; r(*sys.argv[1:])"
)
_MEMORY = Path("/dev/shm")  # noqa: S108  a private folder is made in it


class Worker(EmbeddedServer):
    """Serves on a socket that other workers may share.

    Args:
        app: Of RSGI.
        listening: Stays open.
        tls: Files that are read when the worker starts; `None` is plain HTTP.
    """

    def __init__(self, app: Any, listening: socket.socket, tls: Tls | None) -> None:
        self._number = os.dup(listening.fileno())
        super().__init__(
            app,
            interface=Interfaces.RSGI,
            http=HTTPModes.http1,
            http1_settings=HTTP1Settings(
                header_read_timeout=round(HEADER_SECONDS * 1000), max_buffer_size=LONGEST_HEAD
            ),
            backlog=BACKLOG,
            backpressure=MOST_CONNECTIONS,
            websockets=False,
            log_enabled=False,
            **_tls_options(tls),
        )

    def end(self) -> None:
        """Take no more connections, and end with the last."""
        self.stop()  # type: ignore[no-untyped-call]

    async def retire(self) -> None:
        """Leave new connections to another worker, and end when handshakes had their time.

        The worker goes on to listen, but on a socket that nobody connects to: granian would drop
        the handshakes that it has begun if it were to stop at once.
        """
        with socket.socket(socket.AF_UNIX) as idle:
            idle.bind("")
            idle.listen(1)
            idle.setblocking(False)
            os.dup2(idle.fileno(), self._number)
        await asyncio.sleep(RETIRE_SECONDS)
        self.end()

    def _init_shared_socket(self) -> None:
        """Listen on a duplicate, which the worker closes when it ends."""
        holder: Any = SocketHolder  # its stub leaves out the constructor
        self._shd = holder(self._number, False, BACKLOG)
        self._ssp = None


@contextmanager
def snapshot(tls: Tls | None) -> Iterator[Tls | None]:
    """Give private copies of the files, in memory where there is such a folder."""
    if tls is None:
        yield None
        return
    parent = _MEMORY if os.access(_MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="qgm-observe-", dir=parent) as folder:
        cert, key, ca = (Path(folder, name) for name in ("cert.pem", "key.pem", "ca.pem"))
        try:
            shutil.copyfile(tls.cert, cert)
            shutil.copyfile(tls.key, key)
            if tls.client_ca is not None:
                shutil.copyfile(tls.client_ca, ca)
        except OSError as error:
            raise UsageError(f"{error.filename} cannot be read: {error.strerror}") from None
        yield Tls(cert, key, ca if tls.client_ca else None, tls.newest_only)


def rehearse(tls: Tls | None, source: Path | None) -> None:
    """Start a worker in another process, which dies of what it cannot use.

    Args:
        tls: Copies of the files.
        source: The file that names them.

    Raises:
        UsageError: it cannot use these files.
    """
    if tls is None:
        return
    words = [str(tls.cert), str(tls.key), str(tls.client_ca or ""), "1" if tls.newest_only else ""]
    done = subprocess.run(  # noqa: S603  this interpreter, with names of files of our own
        [sys.executable, "-c", _REHEARSAL, *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=REHEARSAL_SECONDS,
        check=False,
    )
    if done.returncode:
        raise UsageError(
            f"{source}: tls_server_config: the server cannot use these files; write PEM with an "
            "RSA, P-256, P-384 or Ed25519 key and certificates of version 3"
        )


def _rehearsed(cert: str, key: str, client_ca: str, newest_only: str) -> None:
    tls = Tls(Path(cert), Path(key), Path(client_ca) if client_ca else None, bool(newest_only))

    async def serve() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            worker = Worker(None, listening, tls)
            task = asyncio.create_task(worker.serve())
            done, _ = await asyncio.wait([task], timeout=0.1)
            os._exit(len(done))

    asyncio.run(serve())


def _tls_options(tls: Tls | None) -> dict[str, Any]:
    if tls is None:
        return {}
    return {
        "ssl_cert": tls.cert,
        "ssl_key": tls.key,
        "ssl_ca": tls.client_ca,
        "ssl_client_verify": tls.client_ca is not None,
        "ssl_protocol_min": SSLProtocols.tls13 if tls.newest_only else SSLProtocols.tls12,
    }
