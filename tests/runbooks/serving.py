"""Real sidecars on loopback: one that follows a journal, one that shows a provider's levels."""

import contextlib
import json
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

from qgm_observe.exporters.journal import JournalExporter
from qgm_observe.exporters.web.server import Server, listen

WAIT = 20.0
LEVELS = """\
# TYPE qgm_provider_up gauge
qgm_provider_up{source="provider",provider="ibm",account="team"} 1
# TYPE qgm_device_state gauge
qgm_device_state{source="provider",provider="ibm",device="ibm_fez",device_state="online"} 0
qgm_device_state{source="provider",provider="ibm",device="ibm_fez",device_state="offline"} 1
# TYPE qgm_device_queue_jobs gauge
qgm_device_queue_jobs{source="provider",provider="ibm",device="ibm_fez"} 42
# TYPE qgm_account_remaining_seconds gauge
qgm_account_remaining_seconds{source="provider",provider="ibm",account="team"} 7200
# TYPE qgm_account_expiry_timestamp_seconds gauge
qgm_account_expiry_timestamp_seconds{source="provider",provider="ibm",account="team"} 1.9e9
"""
"""What an exporter of a provider shows, in the text format."""


@contextlib.contextmanager
def journal_exporter(path: Path, web_file: Path | None = None) -> Iterator[str]:
    """The address of an exporter that has read a journal."""
    exporter = JournalExporter([str(path)])
    exporter.tick()
    started = threading.Event()
    server = Server(exporter, listen("127.0.0.1:0"), web_file)
    thread = threading.Thread(target=lambda: server.run(started=started.set))
    thread.start()
    assert started.wait(WAIT)
    try:
        yield server.url.rstrip("/")
    finally:
        server.stop()
        thread.join(WAIT)


class _Provider(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = LEVELS.encode() if self.path == "/metrics" else b"not found"
        self.send_response(200 if self.path == "/metrics" else 404)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Prometheus(_Provider):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        (query,) = parse_qs(body)["query"]
        is_told = not query.startswith(("{__name__", "ALERTS"))
        result = [{"metric": {}, "value": [0, "10"]}] if is_told else []
        answer = {"status": "success", "data": {"resultType": "vector", "result": result}}
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())


def provider_exporter() -> AbstractContextManager[str]:
    """The address of an exporter of a provider, which has levels and no records."""
    return _serving(_Provider)


def prometheus() -> AbstractContextManager[str]:
    """The address of what answers like a Prometheus: 10 to every count, no level, no alert."""
    return _serving(_Prometheus)


@contextlib.contextmanager
def _serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(WAIT)
