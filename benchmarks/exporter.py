"""A sidecar under load and attack, beside prometheus_client's own server in the same run.

Both show 10 devices of 156 qubits, curated, from a process of its own. Measured are the processor
time that the server spends on a scrape, how scrapes fare among 300 clients that never end their
request and among 50 that never begin their TLS handshake, and what 64 connections get in 6 seconds.
The exit code is 1 if ours misses a target, fails a scrape or leaves a client open for 10 s. Whether
scrapes ask a provider is a matter of `polling.py`.

    python benchmarks/exporter.py [--json]
"""

import asyncio
import contextlib
import http.client
import json
import os
import signal
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

from crowd import Crowd

DEVICES, QUBITS, EDGES = 10, 156, 176
TARGETS = {"gzip": 500, "identity": 150}
SCRAPES = {"ours": 300, "prometheus_client": 4}
SLOW, SILENT, FLOOD = 300, 50, 64
CLOSED_SECONDS, LEAST_A_SECOND = 10.0, 500
WATCHED_SECONDS, FLOOD_SECONDS, GRACE_SECONDS = 12.0, 6.0, 4.0
AMONG = "scrapes ok", "failed", "p95 ms", "closed", "last after s", "threads"
OPENSSL = (
    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
    "-keyout server.key -out server.pem -subj /CN=sidecar -addext subjectAltName=IP:127.0.0.1"
)
WEB = "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n"

# ---------------------------------------------------------------------------------- the servers


def samples() -> Iterator[tuple[Any, tuple[str, ...], float]]:
    """Curated calibration of a fleet: signal, label values, value."""
    from qgm_observe.catalog import provider_signals as of

    for number in range(DEVICES):
        device = ("ibm", f"ibm_device_{number}")
        for qubit in range(QUBITS):
            labels = (*device, str(qubit))
            yield of.QUBIT_T1, labels, 1e-6 * (100 + qubit * 1.37)
            yield of.QUBIT_T2, labels, 1e-6 * (80 + qubit * 0.91)
            yield of.QUBIT_READOUT_ERROR, labels, 0.01 + qubit * 1.3e-5
            yield of.QUBIT_MEAS0_PREP1, labels, 0.011 + qubit * 1.1e-5
            yield of.QUBIT_MEAS1_PREP0, labels, 0.009 + qubit * 1.7e-5
            yield of.QUBIT_ENABLED, labels, 1
        for edge in range(EDGES):
            labels = (*device, f"{edge}-{edge + 1}", "cz")
            yield of.EDGE_ERROR, labels, 0.002 + edge * 1.9e-6
            yield of.EDGE_ENABLED, labels, 1


class Still:
    """An exporter with one page."""

    def __init__(self) -> None:
        from qgm_observe.telemetry.prometheus import Renderer
        from qgm_observe.telemetry.series import Family, Series

        families: dict[str, Family] = {}
        for signal_, labels, value in samples():
            family = families.setdefault(signal_.name, Family(signal_))
            family.version = 1
            family.series[labels] = series = Series(signal_, labels, 0.0, 1)
            series.number = value
        self._page = Renderer("provider").render(families.values())

    def exposition(self, form: Any, target: str | None = None) -> Any:  # noqa: ARG002  the Protocol's
        """Return the page."""
        return self._page

    def readiness(self) -> None:
        """Be ready."""

    def nothing(self, *_: Any) -> None:
        """Have no provider to ask."""

    reload = ask = take = nothing

    def start(self) -> None:
        """Poll nothing."""

    def stop(self, timeout: float) -> None:
        """End nothing."""


def tell() -> None:
    """For each line on standard input print what has been spent so far."""
    for _ in sys.stdin:
        lines = Path("/proc/self/status").read_text().splitlines()
        status = dict(line.split(":", 1) for line in lines)
        told = {
            "cpu": time.process_time_ns() / 1e9,
            "megabytes": int(status["VmRSS"].split()[0]) / 1024,
            "threads": int(status["Threads"]),
        }
        print(json.dumps(told), flush=True)


def serve_ours(folder: Path | None) -> None:
    """Serve from our server until SIGTERM."""
    from qgm_observe.exporters.web.server import Server, listen

    server = Server(Still(), listen("127.0.0.1:0"), folder / "web.yml" if folder else None)
    threading.Thread(target=tell, daemon=True).start()
    port = server.url.rstrip("/").rpartition(":")[2]
    code = server.run(started=lambda: print(port, flush=True))
    os._exit(code)


def serve_peer(folder: Path | None) -> None:
    """Serve the same samples from prometheus_client's gauges."""
    from prometheus_client import CollectorRegistry, Gauge, start_http_server

    registry = CollectorRegistry()
    gauges: dict[str, Gauge] = {}
    for signal_, labels, value in samples():
        names = (*signal_.label_names, "source")
        name = signal_.prometheus
        if name not in gauges:
            gauges[name] = Gauge(name, signal_.brief, names, registry=registry)
        gauges[name].labels(*labels, "provider").set(value)
    kinds = {"certfile": "server.pem", "keyfile": "server.key"} if folder else {}
    files = {kind: f"{folder}/{name}" for kind, name in kinds.items()}
    server, _ = start_http_server(0, addr="127.0.0.1", registry=registry, **files)
    print(server.server_port, flush=True)
    tell()


class Child:
    """A server in a process of its own."""

    def __init__(self, which: str, folder: Path | None = None) -> None:
        words = [sys.executable, __file__, "--serve", which, *([str(folder)] if folder else [])]
        self.process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._asks = cast(IO[str], self.process.stdin)
        self._tells = cast(IO[str], self.process.stdout)
        self.context = None
        if folder:
            self.context = ssl.create_default_context(cafile=folder / "server.pem")
        self.port = int(self._tells.readline())

    def told(self) -> dict[str, Any]:
        """What it has spent so far."""
        self._asks.write("\n")
        self._asks.flush()
        found: dict[str, Any] = json.loads(self._tells.readline())
        return found

    def stop(self) -> float:
        """Seconds that it takes to end after SIGTERM."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=30)
        return time.monotonic() - began

    def scrape(self, encoding: str = "gzip", timeout: float = 10.0) -> bytes:
        """One scrape on a connection of its own."""
        with contextlib.closing(self.client(timeout)) as client:
            client.request("GET", "/metrics", headers={"Accept-Encoding": encoding})
            response = client.getresponse()
            if response.status != 200:
                raise OSError(response.status)
            return response.read()

    def client(self, timeout: float = 10.0) -> http.client.HTTPConnection:
        """A connection to it."""
        host, port = "127.0.0.1", self.port
        if self.context:
            return http.client.HTTPSConnection(host, port, timeout=timeout, context=self.context)
        return http.client.HTTPConnection(host, port, timeout=timeout)


@contextlib.contextmanager
def child(which: str, folder: Path | None = None) -> Iterator[Child]:
    """Give a server, and end it."""
    server = Child(which, folder)
    try:
        yield server
    finally:
        server.process.kill()
        server.process.communicate()


# ----------------------------------------------------------------------------------- the clients


def cost(server: Child, encoding: str, times: int) -> float:
    """The server's processor time (s) for one scrape, as Prometheus does it: one connection."""
    with contextlib.closing(server.client(60)) as client:
        before = server.told()["cpu"]
        for _ in range(times):
            client.request("GET", "/metrics", headers={"Accept-Encoding": encoding})
            response = client.getresponse()
            if not response.read() or response.status != 200:
                sys.exit(f"a scrape was answered with status {response.status}")
        return float(server.told()["cpu"] - before) / times


def among(server: Child, crowd: Crowd) -> dict[str, Any]:
    """How scrapes fare while a crowd is there, and when its last was closed."""
    began, count = time.monotonic(), len(crowd.open)
    waits: list[float] = []
    failed, last, threads = 0, 0.0, 0
    while (elapsed := time.monotonic() - began) < WATCHED_SECONDS:
        open_before = len(crowd.open)
        crowd.tick()
        if len(crowd.open) < open_before:
            last = elapsed
        at = time.monotonic()
        try:
            server.scrape(timeout=4)
            waits.append(time.monotonic() - at)
        except OSError:
            failed += 1
        threads = max(threads, server.told()["threads"])
        time.sleep(max(0.0, 0.5 - (time.monotonic() - at)))
    p95 = round(1e3 * statistics.quantiles(waits, n=20)[-1]) if len(waits) > 1 else None
    closed = count - len(crowd.open)
    told = len(waits), failed, p95, closed, round(last, 1) if closed else None, threads
    return {"of": count, **dict(zip(AMONG, told, strict=True))}


async def flooded(port: int, seconds: float) -> tuple[int, int]:
    """Requests answered and failed on 64 connections at once."""
    end = time.monotonic() + seconds
    request = b"GET /metrics HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n"
    done = failed = 0

    async def ask() -> None:
        nonlocal done, failed
        reader = writer = None
        while time.monotonic() < end:
            try:
                if writer is None:
                    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
                writer.write(request)
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = head.partition(b"content-length: ")[2].partition(b"\r\n")[0]
                await (reader.readexactly(int(length)) if length else reader.read())
                done += head.startswith((b"http/1.1 200", b"http/1.0 200"))
                if head.startswith(b"http/1.0"):
                    writer.close()
                    writer = None
            except (OSError, asyncio.IncompleteReadError):
                failed += 1
                writer = None

    tasks = [asyncio.create_task(ask()) for _ in range(FLOOD)]
    _, late = await asyncio.wait(tasks, timeout=seconds + GRACE_SECONDS)
    for task in late:
        task.cancel()
    return done, failed + len(late)


def flood(server: Child) -> dict[str, Any]:
    """What a flood gets, and what it costs."""
    before = server.told()
    words = [sys.executable, __file__, "--flood", str(server.port)]
    told = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    done, failed, seconds = json.loads(told)
    after = server.told()
    return {
        "a_second": round(done / seconds),
        "failed": failed,
        "megabytes_before": round(before["megabytes"]),
        "megabytes_after": round(after["megabytes"]),
    }


# ------------------------------------------------------------------------------------- the tables


def measured() -> dict[str, Any]:
    """Everything, by server."""
    found: dict[str, Any] = {"scrape": {}, "slow": {}, "silent": {}, "flood": {}, "end_s": {}}
    for which, times in SCRAPES.items():
        with child(which) as server:
            text = server.scrape("identity")
            found["scrape"][which] = {
                "series": sum(line.startswith(b"qgm_") for line in text.splitlines()),
                "bytes": [len(text), len(server.scrape())],
                **{encoding: cost(server, encoding, times) for encoding in TARGETS},
            }
            found["flood"][which] = flood(server)
            found["slow"][which] = among(server, Crowd(server.port, SLOW, sends=True))
            found["end_s"][which] = round(server.stop(), 2)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        subprocess.run([*OPENSSL.split()], cwd=folder, capture_output=True, check=True)
        (folder / "web.yml").write_text(WEB)
        for which in SCRAPES:
            with child(which, folder) as server:
                server.scrape()
                crowd = Crowd(server.port, SILENT, sends=False)
                found["silent"][which] = among(server, crowd)
    return found


def grid(head: str, *rows: list[Any]) -> str:
    """A table in Markdown; what is absent is empty."""
    columns = head.split(", ")
    lines = [columns, ["---", *["---:"] * (len(columns) - 1)], *rows]
    return "\n".join(f"| {' | '.join('' if c is None else str(c) for c in row)} |" for row in lines)


def table(found: dict[str, Any]) -> str:
    """The result as Markdown."""
    peer, ours = found["scrape"]["prometheus_client"], found["scrape"]["ours"]
    costs = [
        [name, *(f"{who[name] * 1e6:,.0f}" for who in (peer, ours)), round(peer[name] / ours[name])]
        for name in TARGETS
    ]
    crowds = [
        [f"{row['of']} {crowd}", who, *(row[name] for name in AMONG)]
        for crowd in ("slow", "silent")
        for who, row in found[crowd].items()
    ]
    floods = [[who, *row.values(), found["end_s"][who]] for who, row in found["flood"].items()]
    size = f"{ours['series']:,} series, {ours['bytes'][0]:,} bytes, {ours['bytes'][1]:,} compressed"
    tables = (
        grid(
            "server's µs a scrape, prometheus_client, ours, ratio, target",
            *([*row, TARGETS[row[0]]] for row in costs),
        ),
        grid(f"crowd, server, {', '.join(AMONG)}", *crowds),
        grid(
            "64 connections, requests/s, failed, MB before, MB after, s after SIGTERM",
            *floods,
        ),
    )
    return "\n\n".join((size, *tables))


def holds(found: dict[str, Any]) -> bool:
    """Whether ours keeps what is promised: cost, every scrape among crowds, and a flood."""
    peer, ours = (found["scrape"][which] for which in ("prometheus_client", "ours"))
    crowds = [found[crowd]["ours"] for crowd in ("slow", "silent")]
    flooded = found["flood"]["ours"]
    return (
        all(peer[name] / ours[name] >= target for name, target in TARGETS.items())
        and ours["series"] == peer["series"] > 0
        and all(row["scrapes ok"] and not row["failed"] for row in crowds)
        and all(
            row["closed"] == row["of"] and row["last after s"] <= CLOSED_SECONDS for row in crowds
        )
        and (flooded["a_second"] >= LEAST_A_SECOND and not flooded["failed"])
    )


def main(words: list[str]) -> int:
    """Measure and print, or be one of the processes; 1 if ours does not keep its word."""
    if words[:1] == ["--serve"]:
        folder = Path(words[2]) if words[2:] else None
        (serve_ours if words[1] == "ours" else serve_peer)(folder)
    elif words[:1] == ["--flood"]:
        print(json.dumps([*asyncio.run(flooded(int(words[1]), FLOOD_SECONDS)), FLOOD_SECONDS]))
    else:
        found = measured()
        print(json.dumps(found, indent=2) if words == ["--json"] else table(found))
        return 0 if holds(found) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
