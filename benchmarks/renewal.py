"""New connections to a sidecar while its certificate is renewed: answered, failed.

A real `qgm-observe export journal` serves over TLS; four clients connect anew for each request.

    python benchmarks/renewal.py
"""

import contextlib
import http.client
import re
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

RENEWALS, CLIENTS = 5, 4
MAIN = "import sys; from qgm_observe.cli import main; sys.exit(main())"
OPENSSL = (
    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
    "-keyout next.key -out next.pem -subj /CN=sidecar -addext subjectAltName=IP:127.0.0.1"
)
WEB = "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n"


def renew(folder: Path) -> None:
    """Put a new certificate, and its key, in place of the former ones."""
    subprocess.run(OPENSSL.split(), cwd=folder, capture_output=True, check=True)
    for kind in ("key", "pem"):
        (folder / f"next.{kind}").replace(folder / f"server.{kind}")


@contextlib.contextmanager
def sidecar(folder: Path) -> Iterator[int]:
    """Serve an empty journal over TLS; gives the port."""
    renew(folder)
    (folder / "web.yml").write_text(WEB)
    (folder / "journals").mkdir()
    words = ["journal", folder / "journals", "--listen", "127.0.0.1:0"]
    process = subprocess.Popen(
        [sys.executable, "-c", MAIN, "export", *words, "--web.config.file", folder / "web.yml"],
        stderr=subprocess.PIPE,
        text=True,
    )
    lines = cast(IO[str], process.stderr)
    try:
        found = next(match for line in lines if (match := re.search(r"https://\S+:(\d+)/", line)))
        yield int(found[1])
    finally:
        process.terminate()
        process.communicate(timeout=10)


class Clients:
    """Ask without an end, each time on a new connection, and count.

    Attributes:
        answered: Requests that got 200.
        failures: What the others got.
        seen: Certificates that were shown.
    """

    def __init__(self, port: int) -> None:
        self.answered = 0
        self.failures: list[str] = []
        self.seen: set[bytes | None] = set()
        self._port = port
        self._done = threading.Event()
        self._context = ssl.create_default_context()
        self._context.check_hostname, self._context.verify_mode = False, ssl.CERT_NONE
        self._threads = [threading.Thread(target=self._ask) for _ in range(CLIENTS)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ask no more."""
        self._done.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        while not self._done.is_set():
            client = http.client.HTTPSConnection(
                "127.0.0.1", self._port, timeout=10, context=self._context
            )
            with contextlib.closing(client):
                try:
                    client.request("GET", "/metrics")
                    self.seen.add(cast(ssl.SSLSocket, client.sock).getpeercert(binary_form=True))
                    response = client.getresponse()
                    if not response.read() or response.status != 200:
                        raise OSError(response.status)
                    self.answered += 1
                except OSError as error:
                    self.failures.append(repr(error))


def main() -> int:
    """Renew a few times and print what became of the connections; 1 if one failed."""
    with tempfile.TemporaryDirectory() as name, sidecar(Path(name)) as port:
        clients = Clients(port)
        waits = []
        for number in range(RENEWALS):
            renew(Path(name))
            began = time.monotonic()
            while len(clients.seen) < number + 2 and time.monotonic() < began + 30:
                time.sleep(0.05)
            waits.append(time.monotonic() - began)
        time.sleep(3)  # the last handshakes with the former certificate have their time
        clients.stop()
    print(f"{RENEWALS} certificates renewed, the longest wait for one was {max(waits):.1f} s")
    print(f"new connections: {clients.answered:,} answered, {len(clients.failures)} failed")
    print("\n".join(clients.failures[:3]))
    return int(bool(clients.failures) or not clients.answered or len(clients.seen) <= RENEWALS)


if __name__ == "__main__":
    sys.exit(main())
