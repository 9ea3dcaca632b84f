"""A sidecar under load and attack, beside prometheus_client's own server in the same run.

Both show 10 devices of 156 qubits, curated, from a process of its own. Measured are the processor
time that the server spends on a scrape, how scrapes fare among 300 clients that never end their
request and among 50 that never begin their TLS handshake, what 64 connections get in 6 seconds,
and connections that fail while certificates are renewed.

    python benchmarks/exporter.py [--json]
"""

import argparse
import asyncio
import contextlib
import http.client
import json
import os
import signal
import socket
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

DEVICES, QUBITS, EDGES = 10, 156, 176
TARGETS = {"gzip": 500, "identity": 150}
SCRAPES = {"ours": 300, "prometheus_client": 4}
SLOW, SILENT, FLOOD = 300, 50, 64
WATCHED_SECONDS, FLOOD_SECONDS, GRACE_SECONDS = 12.0, 6.0, 4.0
RENEWALS = 3
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
    """An exporter with one page, which counts what it is asked."""

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
        self.scrapes = 0
        self.calls = 0

    def start(self) -> None:
        """Poll nothing."""

    def stop(self, timeout: float) -> None:
        """End nothing."""

    def exposition(self, form: Any, target: str | None = None) -> Any:  # noqa: ARG002  the Protocol's
        """Return the page."""
        self.scrapes += 1
        return self._page

    def readiness(self) -> None:
        """Be ready."""

    def reload(self) -> None:
        """Count."""
        self.calls += 1

    def ask(self, path: str, query: Any) -> None:  # noqa: ARG002  the Protocol's
        """Count."""
        self.calls += 1

    def take(self, path: str, body: bytes) -> None:  # noqa: ARG002  the Protocol's
        """Count."""
        self.calls += 1


def tell(exporter: Still | None) -> None:
    """For each line on standard input print what has been spent so far."""
    for _ in sys.stdin:
        status = dict(
            line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines()
        )
        told = {
            "cpu": time.process_time_ns() / 1e9,
            "megabytes": int(status["VmRSS"].split()[0]) / 1024,
            "threads": int(status["Threads"]),
            "scrapes": exporter.scrapes if exporter else None,
            "calls": exporter.calls if exporter else None,
        }
        print(json.dumps(told), flush=True)


def serve_ours(folder: Path | None) -> None:
    """Serve from our server until SIGTERM."""
    from qgm_observe.exporters.server import Server, listen

    exporter = Still()
    server = Server(exporter, listen("127.0.0.1:0"), folder / "web.yml" if folder else None)
    threading.Thread(target=tell, args=(exporter,), daemon=True).start()
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
        gauge = gauges.get(signal_.name)
        if gauge is None:
            gauge = Gauge(signal_.prometheus, signal_.brief, names, registry=registry)
            gauges[signal_.name] = gauge
        gauge.labels(*labels, "provider").set(value)
    files = (
        {"certfile": str(folder / "server.pem"), "keyfile": str(folder / "server.key")}
        if folder
        else {}
    )
    server, _ = start_http_server(0, addr="127.0.0.1", registry=registry, **files)
    print(server.server_port, flush=True)
    tell(None)


class Child:
    """A server in a process of its own."""

    def __init__(self, which: str, folder: Path | None = None) -> None:
        words = [sys.executable, __file__, "--serve", which, *([str(folder)] if folder else [])]
        self.process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._asks, self._tells = (
            cast(IO[str], self.process.stdin),
            cast(IO[str], self.process.stdout),
        )
        self.context = None
        if folder:
            self.context = ssl.create_default_context(cafile=folder / "ca.pem")
        self.port = int(self._line())

    def told(self) -> dict[str, Any]:
        """What it has spent so far."""
        self._asks.write("\n")
        self._asks.flush()
        found: dict[str, Any] = json.loads(self._line())
        return found

    def stop(self) -> float:
        """Seconds that it takes to end after SIGTERM."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=30)
        return time.monotonic() - began

    def _line(self) -> str:
        return self._tells.readline()

    def scrape(self, encoding: str = "gzip", timeout: float = 10.0) -> bytes:
        """One scrape on a connection of its own."""
        client = self.client(timeout)
        with contextlib.closing(client):
            client.request("GET", "/metrics", headers={"Accept-Encoding": encoding})
            response = client.getresponse()
            if response.status != 200:
                raise OSError(response.status)
            return response.read()

    def client(self, timeout: float = 10.0) -> http.client.HTTPConnection:
        """A connection to it."""
        if self.context:
            return http.client.HTTPSConnection(
                "127.0.0.1", self.port, timeout=timeout, context=self.context
            )
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)


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
    client = server.client(60)

    def scrape() -> None:
        client.request("GET", "/metrics", headers={"Accept-Encoding": encoding})
        client.getresponse().read()

    scrape()
    before = server.told()["cpu"]
    for _ in range(times):
        scrape()
    spent = server.told()["cpu"] - before
    client.close()
    return float(spent) / times


class Crowd:
    """Clients that keep a server busy with nothing.

    Args:
        port: Of the server.
        count: How many.
        sends: Whether each begins a request and goes on with a byte a second, or stays silent.
    """

    def __init__(self, port: int, count: int, *, sends: bool) -> None:
        self._sends = sends
        self.open = [socket.create_connection(("127.0.0.1", port)) for _ in range(count)]
        for client in self.open:
            client.setblocking(False)
            if sends:
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
    return {
        "ok": len(waits),
        "failed": failed,
        "p95_ms": 1e3 * statistics.quantiles(waits, n=20)[-1] if len(waits) > 1 else None,
        "closed": count - len(crowd.open),
        "of": count,
        "last_s": last if len(crowd.open) < count else None,
        "threads": threads,
    }


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
        "a_second": done / seconds,
        "failed": failed,
        "megabytes": [before["megabytes"], after["megabytes"]],
        "calls": after["calls"],
    }


# ---------------------------------------------------------------------------------------- renewal


def certificate(folder: Path, name: str = "server") -> None:
    """Write a certificate for 127.0.0.1 that vouches for itself."""
    words = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    more = (
        f"-keyout {name}.key -out {name}.pem -subj /CN=sidecar -addext subjectAltName=IP:127.0.0.1"
    )
    subprocess.run([*words.split(), *more.split()], cwd=folder, capture_output=True, check=True)


def renewed(server: Child, folder: Path) -> dict[str, Any]:
    """New connections while certificates are renewed: answered, failed, and certificates seen."""
    done, answered, failures, seen = threading.Event(), [0], list[str](), set[bytes]()
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

    def ask() -> None:
        while not done.is_set():
            client = http.client.HTTPSConnection(
                "127.0.0.1", server.port, timeout=10, context=context
            )
            try:
                client.request("GET", "/-/healthy")
                shown = client.sock.getpeercert(binary_form=True)
                seen.add(shown or b"")
                client.getresponse().read()
                answered[0] += 1
            except OSError as error:
                failures.append(repr(error))
            finally:
                client.close()

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(RENEWALS):
        time.sleep(1)
        certificate(folder, "next")
        for kind in ("key", "pem"):
            os.replace(folder / f"next.{kind}", folder / f"server.{kind}")  # noqa: PTH105
        deadline = time.monotonic() + 20
        while len(seen) < number + 2 and time.monotonic() < deadline:
            time.sleep(0.1)
    time.sleep(3)
    done.set()
    for thread in threads:
        thread.join()
    return {"answered": answered[0], "failed": len(failures), "certificates": len(seen)}


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
            found["end_s"][which] = server.stop()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        certificate(folder)
        (folder / "ca.pem").write_bytes((folder / "server.pem").read_bytes())
        (folder / "web.yml").write_text(WEB)
        for which in SCRAPES:
            with child(which, folder) as server:
                server.scrape()
                crowd = Crowd(server.port, SILENT, sends=False)
                found["silent"][which] = among(server, crowd)
        with child("ours", folder) as server:
            found["renewal"] = renewed(server, folder)
    return found


def table(found: dict[str, Any]) -> str:
    """The result as Markdown."""
    peer, ours = found["scrape"]["prometheus_client"], found["scrape"]["ours"]
    lines = [
        f"{ours['series']:,} series, {ours['bytes'][0]:,} bytes, {ours['bytes'][1]:,} compressed",
        "",
        "| server's µs a scrape | prometheus_client | ours | ratio | target |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for encoding, target in TARGETS.items():
        ratio = peer[encoding] / ours[encoding]
        lines.append(
            f"| {encoding} | {peer[encoding] * 1e6:,.0f} | {ours[encoding] * 1e6:,.0f} "
            f"| {ratio:,.0f} | {target} |"
        )
    lines += [
        "",
        "| crowd | server | scrapes ok | failed | p95 ms | closed | last after s | threads |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for crowd in ("slow", "silent"):
        for which in SCRAPES:
            row = found[crowd][which]
            p95 = "" if row["p95_ms"] is None else f"{row['p95_ms']:,.0f}"
            last = "" if row["last_s"] is None else f"{row['last_s']:.1f}"
            lines.append(
                f"| {row['of']} {crowd} | {which} | {row['ok']} | {row['failed']} | {p95} "
                f"| {row['closed']} | {last} | {row['threads']} |"
            )
    lines += [
        "",
        "| 64 connections, 6 s | requests/s | failed | MB before | after | calls | SIGTERM s |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for which in SCRAPES:
        row = found["flood"][which]
        before, after = row["megabytes"]
        calls = "" if row["calls"] is None else row["calls"]
        lines.append(
            f"| {which} | {row['a_second']:,.0f} | {row['failed']} | {before:.0f} | {after:.0f} "
            f"| {calls} | {found['end_s'][which]:.2f} |"
        )
    row = found["renewal"]
    lines += [
        "",
        f"{RENEWALS} certificates renewed, {row['certificates']} seen; of new connections "
        f"{row['answered']:,} were answered and {row['failed']} failed",
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure and print, or be one of the processes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="for machines")
    parser.add_argument("--serve", nargs="+", help=argparse.SUPPRESS)
    parser.add_argument("--flood", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        which, *rest = args.serve
        folder = Path(rest[0]) if rest else None
        (serve_ours if which == "ours" else serve_peer)(folder)
    elif args.flood:
        print(json.dumps([*asyncio.run(flooded(args.flood, FLOOD_SECONDS)), FLOOD_SECONDS]))
    else:
        found = measured()
        print(json.dumps(found, indent=2) if args.json else table(found))


if __name__ == "__main__":
    main()
