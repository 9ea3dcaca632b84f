"""Processor time that recording one job costs, beside qobserva-agent in an environment of its own.

Both record the same finished job (a 4-qubit Qiskit sampler result, 512 shots) with their defaults;
counted is the whole process, threads that write or deliver included, less the job itself. The peer
delivers to a collector on loopback that answers at once. Its package comes from the package index.
A row whose jobs were not recorded, or not delivered, is none: the exit code is 1.

Usage: python benchmarks/peers.py
"""

import http.server
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

PEER = "qobserva-agent==0.1.3"
QISKIT = ("qiskit==2.6.2", "qiskit-aer==0.18.2")
JOB = """
import os, sys, time
from qiskit import QuantumCircuit
from qiskit_aer import AerSimulator
from qiskit_aer.primitives import SamplerV2
circuit = QuantumCircuit(4)
for q in range(4):
    circuit.ry(0.3, q)
for q in range(3):
    circuit.cx(q, q + 1)
circuit.measure_all()
backend = AerSimulator()
result = SamplerV2().run([circuit], shots=512).result()
def plain():
    return result
def spent(call, times):
    call()
    began = time.process_time()
    for _ in range(times):
        call()
    settle()
    return (time.process_time() - began) / times * 1e6
settle = lambda: None
base = spent(plain, 1000)
"""
OURS = """
import qgm_observe as qgm
class Done:
    def result(self):
        return result
def recorded():
    with qgm.job(backend, shots=512) as job:
        with job.stage("compile"):
            pass
        return job.results(job.attempt(Done), decode=None)
settle = lambda: qgm.flush(30)
print(spent(recorded, 2000) - base)
from qgm_observe.journal import open_journal
from qgm_observe.lifecycle import recorder
recorder().close()
with open_journal(os.environ["QGM_OBSERVE_JOURNAL"], read_only=True) as journal:
    totals, _ = journal.snapshot()
kept = sum(totals.counters["qgm.jobs"].values())
if kept != 2001:
    sys.exit(f"qgm-observe: {kept} of 2,001 jobs were recorded")
"""
THEIRS = """
import qobserva
@qobserva.observe_run(project="p", tags={"sdk": "qiskit"}, backend=backend, circuit=circuit)
def recorded():
    return result
settle = lambda: qobserva.flush()
print(spent(recorded, 200) - base)
"""


class Collector(http.server.BaseHTTPRequestHandler):
    """Takes everything and says so; `bodies` counts what was not empty."""

    protocol_version = "HTTP/1.1"
    bodies = 0

    def do_POST(self) -> None:
        """Read the body and answer."""
        if self.rfile.read(int(self.headers.get("Content-Length", 0))):
            Collector.bodies += 1
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def environment_for_the_peer(folder: Path) -> Path:
    """A virtual environment with the peer in it; returns its Python."""
    uv = Path(sys.executable).with_name("uv")
    subprocess.run([uv, "venv", "-q", "--python", sys.executable, folder], check=True)
    python = folder / "bin" / "python"
    words = [uv, "pip", "install", "-q", "--python", python, PEER, *QISKIT]
    subprocess.run(words, check=True)
    return python


def measured(python: Path, code: str, **variables: str) -> float:
    """Microseconds a job that the code prints last."""
    environment = {**os.environ, **variables, "OMP_NUM_THREADS": "1"}
    words = [python, "-c", JOB + code]
    done = subprocess.run(words, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(done.returncode)
    return float(done.stdout.split()[-1])


def main() -> int:
    """Measure and print."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tallied = {"QGM_OBSERVE_JOURNAL": str(folder / "tallied.db")}
        full = {"QGM_OBSERVE_JOURNAL": str(folder / "full.db")}
        full["QGM_OBSERVE_DETAIL_RATE"] = "1000000000"
        rows = {
            "qgm-observe, every job in full": measured(Path(sys.executable), OURS, **full),
            "qgm-observe, by default": measured(Path(sys.executable), OURS, **tallied),
        }
        python = environment_for_the_peer(folder / "peer")
        theirs = measured(python, THEIRS, QOBSERVA_ENDPOINT=url, HOME=name)
    if not Collector.bodies:
        sys.exit(f"{PEER}: its collector was sent nothing")
    print(f"{'processor time a job':<36}{'us':>10}{'x less':>10}")
    for who, microseconds in rows.items():
        print(f"{who:<36}{microseconds:>10.1f}{theirs / microseconds:>10.0f}")
    print(f"{PEER + ', by default':<36}{theirs:>10.1f}{1:>10}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
