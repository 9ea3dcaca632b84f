"""Processor time that hooks add to scripts that nobody edits, beside what else could be used.

Two works: one simultaneous-perturbation step of a 4-qubit Aer training that compiles its circuit
anew, as a script does that binds its parameters first, and one sampler job of about 5 ms. Each is
repeated in turns with and without the hooks, in one process; the ratio of the medians counts. The
whole process is measured, our writer's thread included. Beside them, in environments of their own:
the OpenTelemetry SDK called directly with a span a stage and the same counters, and qobserva-agent
with its defaults, whose collector on loopback answers at once.

Usage: python benchmarks/zero_code.py
"""

import os
import subprocess
import sys
import tempfile
import threading
from http.server import ThreadingHTTPServer
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from peers import PEER, Collector, environment_for_the_peer

WORK = """
import statistics, sys, time
import numpy as np
from qiskit import QuantumCircuit, transpile
from qiskit.circuit import ParameterVector
from qiskit_aer import AerSimulator
from qiskit_aer.primitives import SamplerV2

QUBITS, LAYERS = 4, 2
angles = ParameterVector("a", QUBITS * (LAYERS + 1))
ansatz = QuantumCircuit(QUBITS)
for layer in range(LAYERS + 1):
    for qubit in range(QUBITS):
        ansatz.ry(angles[layer * QUBITS + qubit], qubit)
    for qubit in range(QUBITS if layer < LAYERS else 0):
        ansatz.cx(qubit, (qubit + 1) % QUBITS)
ansatz.measure_all()
rng = np.random.default_rng(5)
backend = AerSimulator()
sampler = SamplerV2(seed=5)
isa = transpile(ansatz, backend)
point = rng.random(len(angles))

def job():
    return sampler.run([(isa, point)], shots=SHOTS).result()[0].data.meas.get_counts()

def step():
    shift = rng.choice([-0.1, 0.1], len(point))
    for x in (point + shift, point - shift):
        compiled = transpile(ansatz.assign_parameters(x), backend, optimization_level=1)
        sampler.run([compiled], shots=SHOTS).result()[0].data.meas.get_counts()

SHOTS = 512
works = {"step": step, "job": job}
job()
for _ in range(4):  # as many shots as a job of 5 ms takes on this machine
    began = time.process_time()
    for _ in range(20):
        job()
    SHOTS = max(512, round(SHOTS * 0.005 / ((time.process_time() - began) / 20)))

def spent(work, times):
    began = time.process_time()
    for _ in range(times):
        work()
    settle()
    return (time.process_time() - began) / times * 1e3

def compared(name, times, rounds):
    global SHOTS
    before, SHOTS = SHOTS, 512 if name == "step" else SHOTS
    pairs = []
    for _ in range(rounds):
        off()
        plain = spent(works[name], times)
        on()
        pairs.append((plain, spent(works[name], times)))
    off()
    SHOTS = before
    plain, hooked = (statistics.median(each) for each in zip(*pairs))
    ratio = statistics.median(after / before for before, after in pairs)
    print(name, plain, hooked, ratio)

def measure():
    for name, times, rounds in (("step", 20, 7), ("job", 60, 7)):
        works[name]()
        compared(name, times, rounds)
"""

OURS = """
import qgm_observe as qgm
on, off = qgm.instrument, qgm.uninstrument
settle = qgm.flush
measure()
"""

SDK = """
from contextlib import contextmanager
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

class Nowhere(SpanExporter):
    def export(self, spans):
        return SpanExportResult.SUCCESS

provider = TracerProvider()
processor = BatchSpanProcessor(Nowhere())
provider.add_span_processor(processor)
tracer = provider.get_tracer("bench")
meter = MeterProvider([InMemoryMetricReader()]).get_meter("bench")
stages = meter.create_histogram("qgm.job.stage.duration", "s")
jobs = meter.create_counter("qgm.jobs")
labels = {"model": "m", "device": "aer_simulator", "provider": "aer", "outcome": "success"}
own = SamplerV2.run

def run(self, pubs, **options):
    with tracer.start_as_current_span("job", attributes=labels):
        began = time.perf_counter()
        for stage in ("submit", "queue"):
            with tracer.start_as_current_span(stage, attributes=labels):
                stages.record(time.perf_counter() - began, {**labels, "stage": stage})
        with tracer.start_as_current_span("execute", attributes=labels):
            answer = own(self, pubs, **options)
            answer.result()
            stages.record(time.perf_counter() - began, {**labels, "stage": "execute"})
        with tracer.start_as_current_span("decode", attributes=labels):
            stages.record(time.perf_counter() - began, {**labels, "stage": "decode"})
        jobs.add(1, labels)
    return answer

def on():
    SamplerV2.run = run

def off():
    SamplerV2.run = own

settle = processor.force_flush
measure()
"""

THEIRS = """
import qobserva
own = SamplerV2.run

def run(self, pubs, **options):
    circuit = pubs[0] if isinstance(pubs[0], QuantumCircuit) else pubs[0][0]
    @qobserva.observe_run(project="p", tags={"sdk": "qiskit"}, backend=backend, circuit=circuit)
    def recorded():
        answers.append(own(self, pubs, **options))
        return answers[-1].result()
    answers = []
    recorded()
    return answers[0]

def on():
    SamplerV2.run = run

def off():
    SamplerV2.run = own

settle = qobserva.flush
measure()
"""

Row = tuple[float, float, float]


def measured(python: Path, code: str, **variables: str) -> dict[str, Row]:
    """Milliseconds without and with, and the ratio, by work."""
    environment = {**os.environ, **variables, "OMP_NUM_THREADS": "1"}
    words = [python, "-W", "ignore", "-c", WORK + code]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
    rows: dict[str, Row] = {}
    for line in done.stdout.splitlines():
        name, *numbers = line.split()
        if name in ("step", "job"):
            plain, hooked, ratio = map(float, numbers)
            rows[name] = plain, hooked, ratio
    return rows


def show(who: str, rows: dict[str, Row]) -> None:
    """Print what was measured as soon as it was."""
    for work, (plain, hooked, ratio) in rows.items():
        print(f"{who:<36}{work:>6}{plain:>10.2f}{hooked:>10.2f}{ratio:>8.3f}", flush=True)


def main() -> int:
    """Measure and print; with --no-peer nothing is downloaded."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    here = Path(sys.executable)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        journal = {"QGM_OBSERVE_JOURNAL": str(folder / "journal.db")}
        full = {**journal, "QGM_OBSERVE_DETAIL_RATE": "1000000000"}
        print(f"{'processor time, ms':<36}{'work':>6}{'without':>10}{'with':>10}{'ratio':>8}")
        show("qgm-observe, every job in full", measured(here, OURS, **full))
        show("qgm-observe, by default", measured(here, OURS, **journal))
        show("OpenTelemetry SDK, called directly", measured(here, SDK))
        if "--no-peer" not in sys.argv[1:]:
            python = environment_for_the_peer(folder / "peer")
            show(PEER, measured(python, THEIRS, QOBSERVA_ENDPOINT=url, HOME=name))
    return 0


if __name__ == "__main__":
    sys.exit(main())
