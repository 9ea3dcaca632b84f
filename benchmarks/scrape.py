"""Processor time that a server spends on one scrape: ours beside prometheus_client's own.

Both serve the same families and label sets from a process of their own, over loopback, to the same
client; the figure is the server's own processor time, kernel included, so that neither the client
nor the other core matters. The row "changed" is ours with a job folded before every scrape, so that
its families have to be rendered and compressed again.

    python benchmarks/scrape.py [--json]
"""

import argparse
import gzip
import http.client
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

SIZES = (3_000, 20_000)
ROUNDS = 3
TARGETS = {"gzip": 500, "identity": 150}
REQUESTS = {"ours": 400, "changed": 40, "prometheus_client": 5}
LABELS = {
    "project": "default",
    "pipeline": "nightly",
    "model": "qcbm",
    "model_version": "3",
    "kind": "training",
    "provider": "ibm",
    "region": "us-east",
    "execution_mode": "job",
    "shot_class": "1k",
}


# ---------------------------------------------------------------------------------- the servers


def job(device: int) -> Any:
    """A finished job with nine stages on a device."""
    from qgm_observe.catalog import STAGES
    from qgm_observe.journal.event import Event

    stages = [[name, 0.1 * place, 0.125, "local"] for place, name in enumerate([*STAGES][:9])]
    body = LABELS | {
        "device": f"ibm_device_{device}",
        "outcome": "success",
        "duration": 1.25,
        "stages": stages,
        "shots": 1024,
        "circuits": 1,
    }
    return Event(verb="finished", noun="job", subject="0" * 16, at=0.0, body=body, id="0/finished")


def aggregates_of(size: int) -> Any:
    """Aggregates with about so many samples, all of them released."""
    from qgm_observe.telemetry.aggregates import Aggregates

    now = [0.0]
    aggregates = Aggregates(clock=lambda: now[0])
    device = 0
    while aggregates.exposition().text.count(b"\nqgm_") < size:
        aggregates.fold([job(device)] * 3)
        device += 1
    now[0] = 60.0
    return aggregates


def serve_ours(size: int, *, changed: bool) -> int:
    """Serve with our endpoint and return its port."""
    from qgm_observe.telemetry.endpoint import serve

    aggregates = aggregates_of(size)
    event = job(0)

    def changing(form: Any) -> Any:
        aggregates.fold([event])
        return aggregates.exposition(form)

    endpoint = serve(changing if changed else aggregates.exposition, port=0)
    globals()["kept"] = endpoint
    return endpoint.port


def serve_peer(size: int) -> int:
    """Serve the same label sets from prometheus_client's counters and histograms."""
    from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

    from qgm_observe.catalog import STAGES, Outcome
    from qgm_observe.catalog.buckets import DURATION

    names = [*LABELS, "device"]
    registry = CollectorRegistry()
    jobs = Counter("qgm_jobs", "Jobs.", [*names, "outcome"], registry=registry)
    attempts = Counter("qgm_job_attempts", "Attempts.", [*names, "outcome"], registry=registry)
    shots = Counter("qgm_job_shots", "Shots.", names, registry=registry)
    circuits = Counter("qgm_job_circuits", "Circuits.", names, registry=registry)
    flight = Gauge("qgm_jobs_in_flight", "Open.", names, registry=registry)
    whole = Histogram(
        "qgm_job_duration_seconds", "Jobs.", names, buckets=DURATION, registry=registry
    )
    middle = sorted(STAGES.values(), key=lambda stage: len(stage.buckets))[5].buckets
    stages = Histogram(
        "qgm_job_stage_duration_seconds",
        "Stages.",
        [*names, "stage"],
        buckets=middle,
        registry=registry,
    )
    samples, device = 0, 0
    while samples < size:
        labels = LABELS | {"device": f"ibm_device_{device}"}
        for outcome in Outcome:
            jobs.labels(**labels, outcome=outcome).inc(3)
            attempts.labels(**labels, outcome=outcome).inc(0)
        for counter in (shots, circuits):
            counter.labels(**labels).inc(3)
        flight.labels(**labels).set(0)
        whole.labels(**labels).observe(1.25)
        for stage in STAGES:
            stages.labels(**labels, stage=stage).observe(0.125)
        device += 1
        samples += 15 + len(DURATION) + 3 + 10 * (len(middle) + 3)
    server, _ = start_http_server(0, addr="127.0.0.1", registry=registry)
    return int(server.server_port)


def child(which: str, size: int) -> None:
    """Serve; for each line on standard input print the processor time spent so far."""
    import os

    os.environ["PROMETHEUS_DISABLE_CREATED_SERIES"] = "True"
    port = (
        serve_peer(size)
        if which == "prometheus_client"
        else serve_ours(size, changed=which == "changed")
    )
    print(port, flush=True)
    for _ in sys.stdin:
        print(time.process_time_ns(), flush=True)


# ----------------------------------------------------------------------------------- the client


class Server:
    """A server in a process of its own."""

    def __init__(self, which: str, size: int) -> None:
        words = [sys.executable, __file__, "--serve", which, str(size)]
        self._process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.port = int(self._ask(""))

    def _ask(self, line: str) -> str:
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the server has no pipes")
        self._process.stdin.write(line)
        self._process.stdin.flush()
        return self._process.stdout.readline()

    def cpu_seconds(self) -> float:
        """Processor time of the server so far."""
        return int(self._ask("\n")) / 1e9

    def stop(self) -> None:
        """End the process."""
        self._process.communicate(timeout=10)


def scrape(client: http.client.HTTPConnection, encoding: str) -> bytes:
    """One scrape as Prometheus does it, on a connection that is kept where the server keeps it."""
    client.request("GET", "/metrics", headers={"Accept-Encoding": encoding})
    response = client.getresponse()
    body = response.read()
    if response.status != 200 or not body:
        sys.exit(f"a scrape was answered with status {response.status}, {len(body)} bytes")
    return body


def seconds_a_scrape(server: Server, encoding: str, times: int) -> float:
    """The server's processor time for one scrape."""
    client = http.client.HTTPConnection("127.0.0.1", server.port)
    scrape(client, encoding)
    before = server.cpu_seconds()
    for _ in range(times):
        scrape(client, encoding)
    spent = server.cpu_seconds() - before
    client.close()
    return spent / times


def measured(size: int, note: Callable[[str], None]) -> dict[str, Any]:
    """Everything about one size: microseconds a scrape for each server and encoding."""
    servers = {which: Server(which, size) for which in REQUESTS}
    found: dict[str, Any] = {"series": size}
    try:
        for encoding in TARGETS:
            runs: dict[str, list[float]] = {which: [] for which in servers}
            for turn in range(ROUNDS):
                note(f"{size} series, {encoding}, round {turn + 1} of {ROUNDS}")
                for which, server in servers.items():
                    runs[which].append(seconds_a_scrape(server, encoding, REQUESTS[which]))
            found[encoding] = {which: statistics.median(run) * 1e6 for which, run in runs.items()}
        client = http.client.HTTPConnection("127.0.0.1", servers["ours"].port)
        text, packed = scrape(client, "identity"), scrape(client, "gzip")
        found["samples"] = sum(line.startswith(b"qgm_") for line in text.splitlines())
        found["bytes"] = len(text), len(packed)
        client.close()
        if gzip.decompress(packed) != text or found["samples"] < size:
            sys.exit(f"{found['samples']:,} of {size:,} samples, or another text in gzip")
    finally:
        for server in servers.values():
            server.stop()
    return found


def table(rows: list[dict[str, Any]]) -> str:
    """The result as Markdown, microseconds of the server's processor a scrape."""
    head = "samples", "encoding", "prometheus_client", "ours", "ratio", "target", "changed", "ratio"
    lines = [f"| {' | '.join(head)} |", "| ---: | --- |" + " ---: |" * (len(head) - 2)]
    for row in rows:
        for encoding, target in TARGETS.items():
            spent = row[encoding]
            peer, ours, changed = spent["prometheus_client"], spent["ours"], spent["changed"]
            ratios = f"{peer / ours:,.0f} | {target}", f"{peer / changed:,.0f}"
            lines.append(
                f"| {row['samples']:,} | {encoding} | {peer:,.0f} | {ours:,.0f} | {ratios[0]} "
                f"| {changed:,.0f} | {ratios[1]} |"
            )
    return "\n".join(lines)


def main() -> int:
    """Run and print the table; exit code 1 if a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--serve", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        child(args.serve[0], int(args.serve[1]))
        return 0
    rows = [measured(size, lambda line: print(line, file=sys.stderr)) for size in SIZES]
    print(json.dumps(rows, indent=2) if args.json else table(rows))
    met = all(
        row[encoding]["prometheus_client"] / row[encoding]["ours"] >= target
        for row in rows
        for encoding, target in TARGETS.items()
    )
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
