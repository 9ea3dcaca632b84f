"""What a dead OTLP endpoint costs the training, beside the OpenTelemetry SDK used plainly.

A process records 1,000 jobs while the endpoint refuses connections, or takes them and never
answers; printed are the slowest calls on the caller's thread and how long the exit took. The exit
code is 1 if ours lost a job, took more than 1 ms a call (p99), or to end more than 3 s and what a
busy machine's teardown takes.

Usage: python benchmarks/otlp.py
"""

import os
import socket
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from pathlib import Path

from qgm_observe.journal import open_journal

JOBS = 1_000
MOST_MS, MOST_SECONDS = 1.0, 4.5
OURS = """
    import time
    import qgm_observe as qgm
    def job():
        with qgm.job("aer", shots=8) as job:
            with job.stage("compile"): pass
            with job.stage("execute"): pass
"""
SDK = """
    import time
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    trace.set_tracer_provider(TracerProvider())
    trace.get_tracer_provider().add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    tracer = trace.get_tracer("benchmark")
    def job():
        with tracer.start_as_current_span("job"):
            with tracer.start_as_current_span("compile"): pass
            with tracer.start_as_current_span("execute"): pass
"""
LOOP = f"""
job()
spent = []
for _ in range({JOBS}):
    began = time.perf_counter()
    job()
    spent.append(time.perf_counter() - began)
print(sorted(spent)[int(len(spent) * 0.99)], time.time())
"""


def run(code: str, endpoint: str, journal: Path) -> tuple[float, float]:
    """Milliseconds of the 99th percentile call, and seconds of the exit."""
    environment = {
        **os.environ,
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "QGM_OBSERVE_OTLP": "true",
        "QGM_OBSERVE_JOURNAL": str(journal),
    }
    words = [sys.executable, "-c", textwrap.dedent(code) + LOOP]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
    p99, ended = map(float, done.stdout.split())
    return p99 * 1e3, time.time() - ended


def hanging(server: socket.socket) -> None:
    """Accept and never answer."""
    kept = []
    while True:
        kept.append(server.accept())


def main() -> int:
    """Measure and print; 1 if ours does not keep its word."""
    broken = 0
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        threading.Thread(target=hanging, args=(server,), daemon=True).start()
        ports = {"refused": unused.getsockname()[1], "hanging": server.getsockname()[1]}
        print(f"{'endpoint':<10}{'by':<16}{'p99 call, ms':>14}{'exit, s':>10}{'rows kept':>12}")
        for how, port in ports.items():
            for who, code in (("qgm-observe", OURS), ("SDK, plainly", SDK)):
                with tempfile.TemporaryDirectory() as folder:
                    journal = Path(folder) / "journal.db"
                    p99, seconds = run(code, f"http://127.0.0.1:{port}", journal)
                    rows = kept(journal)
                    print(f"{how:<10}{who:<16}{p99:>14.3f}{seconds:>10.2f}{rows:>12}")
                if code == OURS:
                    is_whole = rows == f"{JOBS + 1}/{JOBS + 1}"
                    broken += not is_whole or p99 > MOST_MS or seconds > MOST_SECONDS
    return int(bool(broken))


def kept(journal: Path) -> str:
    """How many of the finished jobs are in the journal."""
    if not journal.exists():
        return "-"
    with open_journal(journal, read_only=True) as rows:
        totals, _ = rows.snapshot()
        counted = sum(totals.counters["qgm.jobs"].values())
    return f"{counted}/{JOBS + 1}"


if __name__ == "__main__":
    sys.exit(main())
