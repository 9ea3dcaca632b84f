"""Processor time that hooks add to scripts that nobody edits, beside what else could be used.

The works: one simultaneous-perturbation step of a 4-qubit Aer training that compiles its circuit
anew, as a script does that binds its parameters first; one sampler job of about 5 ms of processor
time; and, for our hooks alone, SciPy's `minimize` (COBYLA, 25 evaluations at most) over such jobs,
and a PennyLane qnode with as many shots. In one process, blocks of about 0.25 s of processor time
with and without the hooks take turns, each pair in the other order than the one before, for as many
seconds as `--seconds` says, and for 7 pairs at least. The median of the pairs' ratios counts, with
the order statistics that hold it in 95 of 100 cases: so other load on the machine falls on both.
Counted is the processor time, user and system, of the whole process, our writer's thread included,
until all that was recorded is where it is kept. Every job that was made with the hooks in place has
to be there, or the exit code is 1.

The peers, on the works they can see:

- OpenTelemetry's SDK, called directly: a span a job and a stage and the same counters, to an
  exporter that discards.
- MLflow, to an SQLite file. Its autologging knows no Qiskit, SciPy or PennyLane, so that row is
  `mlflow.autolog()` and records nothing; the others are what a user writes instead: the decorator
  `mlflow.trace` around each job, and `mlflow.log_metrics` (shots, seconds) after each.
- qobserva-agent with its defaults, in an environment of its own, whose collector on loopback
  answers at once.

Usage: python benchmarks/zero_code.py [--seconds 6] [--no-peer] [ROW ...]
(some rows alone, by a word of theirs; all of them take three minutes on a quiet machine)
"""

import argparse
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from peers import PEER, Collector, environment_for_the_peer

WORK = """
import gc, os, statistics, sys, time
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

jobs = {True: 0, False: 0}  # by whether the hooks were in place
hooked = False

def counts(circuit, x):
    jobs[hooked] += 1
    return sampler.run([(circuit, x)], shots=SHOTS).result()[0].data.meas.get_counts()

def job():
    counts(isa, point)

def step():
    shift = rng.choice([-0.1, 0.1], len(point))
    for x in (point + shift, point - shift):
        jobs[hooked] += 1
        compiled = transpile(ansatz.assign_parameters(x), backend, optimization_level=1)
        sampler.run([compiled], shots=512).result()[0].data.meas.get_counts()

SHOTS = 512
works = {"step": step, "job": job}
job()
for _ in range(8):  # as many shots as a job of 5 ms takes on this machine
    began = time.process_time()
    for _ in range(20):
        job()
    SHOTS = max(512, round(SHOTS * 0.005 / ((time.process_time() - began) / 20)))

LEAST, BLOCK, SECONDS = 7, 0.25, float(os.environ["SECONDS"])

def spent(work, times):
    gc.collect()
    began = time.process_time()
    for _ in range(times):
        work()
    settle()
    return (time.process_time() - began) / times * 1e3

def pair(work, times, swapped):
    global hooked
    took = {}
    for hooked in (swapped, not swapped):
        (on if hooked else off)()
        took[hooked] = spent(work, times)
    hooked = False
    off()
    return took[False], took[True]

def compared(name):
    work, told = works[name], []
    pair(work, 1, False)
    began = time.process_time()
    pair(work, 3, False)
    times = max(1, round(BLOCK * 6 / (time.process_time() - began)))
    began = time.monotonic()
    while len(told) < LEAST or time.monotonic() - began < SECONDS:
        told.append(pair(work, times, len(told) % 2))
    plain, hooked = (statistics.median(each) for each in zip(*told))
    ratios = sorted(after / before for before, after in told)
    rank = int((len(told) - 1.96 * len(told) ** 0.5) / 2)
    middle = statistics.median(ratios)
    print("row", name, plain, hooked, middle, ratios[rank], ratios[-1 - rank], len(told))

def measure(*names):
    for name in names or ("step", "job"):
        compared(name)
    print("recorded", recorded(), jobs[True])
"""

RECORDED = """
import qgm_observe as qgm
from qgm_observe.journal import open_journal
on, off = qgm.instrument, qgm.uninstrument
settle = qgm.flush

def recorded():
    qgm.flush(60)
    with open_journal(os.environ["QGM_OBSERVE_JOURNAL"], read_only=True) as journal:
        totals, _ = journal.snapshot()
    return sum(totals.counters["qgm.jobs"].values())
"""
OURS = RECORDED + "measure()"

LOOPS = """
import pennylane as qml
import scipy.optimize

def loss(x):
    return -counts(isa, x).get("0000", 0) / SHOTS

def minimize():
    options = {"maxiter": 25}
    scipy.optimize.minimize(loss, point, method="COBYLA", options=options)

device = qml.device("default.qubit", wires=QUBITS, seed=5)

@qml.qnode(device)
def circuit(x):
    qml.BasicEntanglerLayers(x, wires=range(QUBITS))
    return qml.counts()

sampled = qml.set_shots(circuit, SHOTS)
weights = point.reshape(LAYERS + 1, QUBITS)

def qnode():
    jobs[hooked] += 1
    sampled(weights)

works |= {"minimize": minimize, "qnode": qnode}
measure("minimize", "qnode")
"""

SDK = """
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

class Nowhere(SpanExporter):
    jobs = 0
    def export(self, spans):
        Nowhere.jobs += sum(span.name == "job" for span in spans)
        return SpanExportResult.SUCCESS

provider = TracerProvider()
processor = BatchSpanProcessor(Nowhere())
provider.add_span_processor(processor)
tracer = provider.get_tracer("bench")
meter = MeterProvider([InMemoryMetricReader()]).get_meter("bench")
stages = meter.create_histogram("qgm.job.stage.duration", "s")
ended = meter.create_counter("qgm.jobs")
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
        ended.add(1, labels)
    return answer

def on():
    SamplerV2.run = run

def off():
    SamplerV2.run = own

settle = processor.force_flush
recorded = lambda: Nowhere.jobs
measure()
"""

MLFLOW = """
import os
import mlflow
mlflow.set_tracking_uri(os.environ["MLFLOW_STORE"])
mlflow.set_experiment("bench")
own = SamplerV2.run
told = 0

def run(self, pubs, **options):
    began = time.perf_counter()
    answer = own(self, pubs, **options)
    answer.result()
    return answer, time.perf_counter() - began

def logged(self, pubs, **options):
    global told
    told += 1
    answer, seconds = run(self, pubs, **options)
    mlflow.log_metrics({"shots": options["shots"], "seconds": seconds}, step=told)
    return answer

@mlflow.trace(name="job")
def traced_job(shots, call):
    return call()[1]

def traced(self, pubs, **options):
    answers = []
    def call():
        answers.append(run(self, pubs, **options))
        return answers[0]
    traced_job(options["shots"], call)
    return answers[0][0]

def settle():
    mlflow.flush_trace_async_logging()

def recorded():
    client = mlflow.MlflowClient()
    run = mlflow.active_run()
    if run is not None:
        return len(client.get_metric_history(run.info.run_id, "shots"))
    return len(mlflow.search_traces(max_results=10**6, include_spans=False, return_type="list"))

def off():
    SamplerV2.run = own
"""
AUTOLOG = """
recorded = lambda: "none"

def on():
    mlflow.autolog(silent=True)

def off():
    mlflow.autolog(disable=True, silent=True)

with mlflow.start_run():
    measure()
"""
METRICS = """
def on():
    SamplerV2.run = logged

with mlflow.start_run():
    measure()
"""
TRACE = """
def on():
    SamplerV2.run = traced

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
recorded = lambda: "sent"
measure()
"""

LINE = "{:<38}{:>9}{:>10}{:>10}{:>8}{:>17}{:>7}"


def show(who: str, python: Path, code: str, **variables: str) -> None:
    """Measure in a process of its own, and print milliseconds without and with, and the ratio.

    A row whose jobs were not recorded ends everything, with exit code 1.
    """
    sent = Collector.bodies
    environment = {**os.environ, **variables, "OMP_NUM_THREADS": "1"}
    words = [python, "-W", "ignore", "-c", WORK + code]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
    for line in done.stdout.splitlines():
        row, *told = line.split()
        if row == "row":
            plain, hooked, ratio, low, high = map(float, told[1:-1])
            work, pairs = told[0], told[-1]
            times = (work, f"{plain:.2f}", f"{hooked:.2f}", f"{ratio:.3f}")
            print(LINE.format(who, *times, f"[{low:.3f}, {high:.3f}]", pairs), flush=True)
        elif row == "recorded":
            kept, jobs = told
            if not int(jobs) or kept not in (jobs, "none" if "autolog" in who else "sent"):
                sys.exit(f"{who}: {kept} of {jobs} jobs were recorded")
            if kept == "sent" and Collector.bodies == sent:
                sys.exit(f"{who}: nothing was sent")


def rows(folder: Path, url: str) -> dict[str, Callable[[str], None]]:
    """What prints each row, by what it is called."""
    here = Path(sys.executable)
    journal = {"QGM_OBSERVE_JOURNAL": str(folder / "tallied.db")}
    full = {"QGM_OBSERVE_JOURNAL": str(folder / "full.db")}
    loops = {"QGM_OBSERVE_JOURNAL": str(folder / "loops.db")}
    for each in (full, loops):
        each["QGM_OBSERVE_DETAIL_RATE"] = "1000000000"
    store = {"MLFLOW_STORE": f"sqlite:///{folder / 'mlflow.db'}", "GIT_PYTHON_REFRESH": "quiet"}

    def peer(who: str) -> None:
        python = environment_for_the_peer(folder / "peer")
        show(who, python, THEIRS, QOBSERVA_ENDPOINT=url, HOME=str(folder))

    return {
        "qgm-observe, every job in full": partial(show, python=here, code=OURS, **full),
        "qgm-observe, by default": partial(show, python=here, code=OURS, **journal),
        "qgm-observe, loops in full": partial(show, python=here, code=RECORDED + LOOPS, **loops),
        "OpenTelemetry SDK, called directly": partial(show, python=here, code=SDK),
        "MLflow, autolog()": partial(show, python=here, code=MLFLOW + AUTOLOG, **store),
        "MLflow, trace a job": partial(show, python=here, code=MLFLOW + TRACE, **store),
        "MLflow, log_metrics a job": partial(show, python=here, code=MLFLOW + METRICS, **store),
        PEER: peer,
    }


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="processor time that hooks add")
    parser.add_argument("rows", nargs="*", metavar="ROW", help="a word of rows to measure alone")
    parser.add_argument("--seconds", type=float, default=6.0, help="for each work of each row")
    parser.add_argument("--no-peer", action="store_true", help="download nothing")
    args = parser.parse_args()
    os.environ["SECONDS"] = str(args.seconds)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    head = ("processor time, ms", "work", "without", "with", "ratio", "95 %", "pairs")
    print(LINE.format(*head), flush=True)
    with tempfile.TemporaryDirectory() as name:
        for who, measure in rows(Path(name), url).items():
            wanted = not args.rows or any(word in who for word in args.rows)
            if wanted and not (who == PEER and args.no_peer):
                measure(who)
    return 0


if __name__ == "__main__":
    sys.exit(main())
