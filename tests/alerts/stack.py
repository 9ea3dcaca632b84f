"""A journal, its exporter, Prometheus, Alertmanager and whoever is told, all of them real."""

import json
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

from qgm_observe.alerts.configuration import load_configuration
from qgm_observe.alerts.shelf import render

PATIENCE = 30.0


TEMPLATES = b"/usr/share/prometheus/alertmanager"


def _alertmanager(program: Path, folder: Path) -> Path:
    """Returns a program that finds its templates.

    Debian's reads them from a place that only root can fill. Where they are not there, a copy is
    made that reads them from the folder it is started in, by a path of the same length.
    """
    if Path(TEMPLATES.decode()).exists():
        return program
    here = (b"./" * len(TEMPLATES))[: len(TEMPLATES)]
    content = program.resolve().read_bytes()
    copied = folder / "alertmanager"
    copied.write_bytes(content.replace(TEMPLATES, here))
    copied.chmod(0o700)
    root = program.resolve().parents[2]
    for template in (root / TEMPLATES.decode().lstrip("/")).glob("*.tmpl"):
        (folder / template.name).write_bytes(template.read_bytes())
    return copied


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
    return port


@dataclass(frozen=True)
class Told:
    """One notification."""

    at: float
    receiver: str
    body: dict[str, Any]

    @property
    def alerts(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.body["alerts"]
        return found


class Receiver:
    """Takes webhooks, and lets a test wait for one."""

    def __init__(self) -> None:
        self.told: list[Told] = []
        self._changed = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with receiver._changed:
                    receiver.told.append(Told(time.monotonic(), self.path.strip("/"), body))
                    receiver._changed.notify_all()
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def wait(self, fits: Callable[[Told], bool], seconds: float = PATIENCE) -> Told:
        with self._changed:
            found = self._changed.wait_for(lambda: any(map(fits, self.told)), seconds)
            assert found, [(t.receiver, t.body["groupLabels"], t.body["status"]) for t in self.told]
            return next(each for each in self.told if fits(each))


class Stack:
    """Starts everything in a folder; `stop` ends it by its processes.

    Without `as_shipped` all intervals are a second, and pages wait for nothing.
    """

    def __init__(
        self,
        folder: Path,
        journal: Path,
        tools: Callable[[str], Path],
        *,
        as_shipped: bool = False,
    ) -> None:
        self.folder, self.receiver, self.as_shipped = folder, Receiver(), as_shipped
        self.exporter, self.prometheus, self.alertmanager = (free_port() for _ in range(3))
        self._processes: list[subprocess.Popen[bytes]] = []
        self._write()
        here = "127.0.0.1"
        self._start(
            "exporter",
            [sys.executable, "-c", "import sys; from qgm_observe.cli import main; sys.exit(main())",
             "export", "journal", journal, "--listen", f"{here}:{self.exporter}",
             "--config", folder / "exporter.yml"],
        )  # fmt: skip
        self._start(
            "alertmanager",
            [_alertmanager(tools("alertmanager"), folder),
             f"--config.file={folder / 'alertmanager.yml'}",
             f"--storage.path={folder / 'am'}", "--cluster.listen-address=",
             f"--web.listen-address={here}:{self.alertmanager}"],
        )  # fmt: skip
        self._start(
            "prometheus",
            [tools("prometheus"), f"--config.file={folder / 'prometheus.yml'}",
             f"--storage.tsdb.path={folder / 'tsdb'}", "--rules.alert.resend-delay=1s",
             f"--web.listen-address={here}:{self.prometheus}"],
        )  # fmt: skip

    def ask(self, port: int, path: str) -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return json.loads(answer.read())

    def until(self, ready: Callable[[], bool], what: str) -> None:
        """Waits until something that a server tells is so."""
        end = time.monotonic() + PATIENCE
        pause = threading.Event()
        while time.monotonic() < end:
            try:
                if ready():
                    return
            except urllib.error.HTTPError as error:
                error.close()
            except OSError:
                pass
            pause.wait(0.05)
        raise AssertionError(f"{what}: not within {PATIENCE:g} s")

    def firing(self) -> set[str]:
        told = self.ask(self.prometheus, "/api/v1/alerts")["data"]["alerts"]
        return {each["labels"]["alertname"] for each in told if each["state"] == "firing"}

    def series(self, query: str) -> list[Any]:
        path = f"/api/v1/query?query={urllib.request.quote(query)}"  # type: ignore[attr-defined]
        found: list[Any] = self.ask(self.prometheus, path)["data"]["result"]
        return found

    def suppressed(self) -> dict[str, bool]:
        told = self.ask(self.alertmanager, "/api/v2/alerts")
        return {
            each["labels"]["alertname"]: each["status"]["state"] == "suppressed" for each in told
        }

    def stop(self) -> None:
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.wait(10)
        self.receiver.server.shutdown()
        self.receiver.server.server_close()

    def _start(self, name: str, words: list[Any]) -> None:
        with (self.folder / f"{name}.log").open("wb") as log:
            self._processes.append(subprocess.Popen(words, stdout=log, stderr=log, cwd=self.folder))

    def _write(self) -> None:
        """Writes the shipped shelf with intervals of a second, and our own addresses."""
        rendered = render(load_configuration())
        (self.folder / "rules").mkdir()
        for place, text in rendered.items():
            if place.startswith("rules/"):
                data = yaml.safe_load(text)
                for group in () if self.as_shipped else data["groups"]:
                    group["interval"] = "1s"
                (self.folder / place).write_text(yaml.safe_dump(data))
        manager = yaml.safe_load(rendered["alertmanager.yml"])
        if not self.as_shipped:
            manager["route"] |= {"group_wait": "3s", "group_interval": "1s"}
            for route in manager["route"]["routes"]:
                if route["receiver"] == "on-call":
                    route["group_wait"] = "300ms"
        for receiver in manager["receivers"]:
            for hook in receiver.get("webhook_configs", ()):
                hook["url"] = f"http://127.0.0.1:{self.receiver.port}/{receiver['name']}"
                del hook["http_config"]
        (self.folder / "alertmanager.yml").write_text(yaml.safe_dump(manager))
        state = self.folder / "state"
        quick = {"follow_seconds": 0.2, "scrape_interval_seconds": 0.4}
        own: dict[str, Any] = {"scrape_interval_seconds": 30} if self.as_shipped else quick
        exporter = own | {"state": str(state)}
        (self.folder / "exporter.yml").write_text(yaml.safe_dump(exporter))
        (self.folder / "prometheus.yml").write_text(yaml.safe_dump(self._scraping()))

    def _scraping(self) -> dict[str, Any]:
        # a new label set is held at 0 for two scrapes of the exporter's: one of them is seen
        second = {"scrape_interval": "500ms", "scrape_timeout": "500ms"}
        second |= {"evaluation_interval": "1s"}
        shipped = {"scrape_interval": "30s", "evaluation_interval": "30s"}
        here = "127.0.0.1"
        return {
            "global": shipped if self.as_shipped else second,
            "rule_files": [f"{self.folder}/rules/*.yml"],
            "alerting": {
                "alertmanagers": [
                    {"static_configs": [{"targets": [f"{here}:{self.alertmanager}"]}]}
                ]
            },
            "scrape_configs": [
                {
                    "job_name": "qgm-observe-journal",
                    "honor_labels": True,
                    "static_configs": [{"targets": [f"{here}:{self.exporter}"]}],
                }
            ],
        }
