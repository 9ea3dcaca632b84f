"""An exporter that takes shipments, behind a server that can be cut off or be unwilling."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from qgm_observe.exporters.journal import JournalExporter

from .journals import Clock


class Central:
    """An exporter that takes shipments, behind a server that can be cut off or be unwilling."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.clock, self.journal = clock, folder / "central.db"
        config = folder / "export.yml"
        config.write_text(f"receive: {self.journal}\nstate: {folder / 'state'}\n")
        self.exporter = JournalExporter([], config, clock)
        self.behaviors: list[str] = []
        self.logins: list[str | None] = []
        self.sizes: list[int] = []
        central = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                central.answer(self, body)

            def log_message(self, *_: Any) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def answer(self, handler: Any, body: bytes) -> None:
        behavior = self.behaviors.pop(0) if self.behaviors else "take"
        self.logins.append(handler.headers.get("Authorization"))
        self.sizes.append(len(body))
        if behavior == "cut":
            handler.close_connection = True
            return
        if behavior.isdecimal():
            handler.send_response(int(behavior))
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return
        reply = self.exporter.take(handler.path, body)
        if behavior == "forget":  # stored, and the answer never arrives
            handler.close_connection = True
            return
        handler.send_response(404 if reply is None else reply.status)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def look(self, seconds: float = 31.0) -> JournalExporter:
        self.exporter.tick()
        self.clock.now += seconds
        self.exporter.tick()
        return self.exporter

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.exporter.stop(1)
