"""Scripts that know nothing of us behave as without us, and are recorded."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qgm_observe.journal import Event, open_journal

BIN = Path(sys.executable).parent
RUN = (str(BIN / "qgm-observe"), "run", "--journal", "journal.db", "--no-summary", "train.py")

BELL = """
import os, sys
from qiskit import QuantumCircuit
from qiskit.primitives import StatevectorSampler
bell = QuantumCircuit(2)
bell.h(0)
bell.cx(0, 1)
bell.measure_all()
sampler = StatevectorSampler(seed=1)
def counts(shots):
    return sampler.run([bell], shots=shots).result()[0].data.meas.get_counts()
"""

LOOP = """
import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit_aer.primitives import SamplerV2
angles = ParameterVector("a", 8)
circuit = QuantumCircuit(4)
for layer in range(2):
    for qubit in range(4):
        circuit.ry(angles[4 * layer + qubit], qubit)
    for qubit in range(3):
        circuit.cx(qubit, qubit + 1)
circuit.measure_all()
sampler, rng = SamplerV2(seed=3), np.random.default_rng(3)
target = {"0000": 0.5, "1111": 0.5}
def loss(x):
    counts = sampler.run([(circuit, x)], shots=256).result()[0].data.meas.get_counts()
    return sum((counts.get(k, 0) / 256 - target.get(k, 0)) ** 2 for k in {*counts, *target})
x = rng.random(8)
for step in range(5):
    shift = rng.choice([-0.1, 0.1], 8)
    x -= 0.5 * (loss(x + shift) - loss(x - shift)) / shift / 2
    print(step, x.tolist())
"""

ENDINGS = {
    "crash": "counts(9)\nraise LookupError('of its own')",
    "exit": "counts(9)\nsys.exit(7)",
    "trap": """
import signal
signal.signal(signal.SIGTERM, lambda *_: (print("trapped"), sys.exit(5)))
counts(9)
os.kill(os.getpid(), signal.SIGTERM)
""",
    "killed": "import signal; counts(9); os.kill(os.getpid(), signal.SIGTERM)",
    "bar": """
for done in range(5):
    counts(9)
    sys.stderr.write(f"\\r{'#' * done:5}")
    sys.stderr.flush()
print("done")
""",
    "fork": """
import warnings
warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 tells of threads, ours is one
child = os.fork()
if child == 0:
    print("child", counts(9))
    sys.exit(3)
print("parent", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), counts(9))
""",
    "thread": """
import threading
threads = [threading.Thread(target=counts, args=(9 + n,)) for n in range(3)]
for each in threads: each.start()
for each in threads: each.join()
""",
    "asyncio": """
import asyncio
async def one(shots):
    return (await asyncio.to_thread(counts, shots)).keys() <= {"00", "11"}
async def main():
    print(await asyncio.gather(*(one(n) for n in (5, 6, 7))))
asyncio.run(main())
""",
}

CHILDREN = """
import multiprocessing
def work(shots):
    return sum(counts(shots).values())
if __name__ == "__main__":
    with multiprocessing.get_context(sys.argv[1]).Pool(2) as pool:
        print(sorted(pool.map(work, [10, 20, 30])))
        pool.close()
        pool.join()
"""


BY_VALUE = """
import subprocess, dill
class Mine(StatevectorSampler):
    def run(self, pubs, *, shots=None):
        return super().run(pubs, shots=shots)
with open("mine.pickle", "wb") as file:
    dill.dump((Mine(seed=1), bell), file)
assert Mine.run.__name__ == "run"
load = "import dill; mine, bell = dill.load(open('mine.pickle', 'rb')); "
use = "print(mine.run([bell], shots=7).result()[0].data.meas.num_shots)"
print(subprocess.run([sys.executable, "-c", load + use], check=True, capture_output=True).stdout)
"""


@pytest.fixture
def call(tmp_path: Path) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Runs a script in an empty folder."""

    def run(script: str, *words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        (tmp_path / "train.py").write_text(script)
        environment = {**os.environ, "OMP_NUM_THREADS": "1", **variables}
        return subprocess.run(
            words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )

    return run


@pytest.fixture
def finished(tmp_path: Path) -> Callable[..., list[Event]]:
    """Reads what has finished of a noun."""

    def read(noun: str) -> list[Event]:
        with open_journal(tmp_path / "journal.db", read_only=True) as journal:
            return list(journal.events(verbs=["finished"], nouns=[noun]))

    return read


def told(result: Any) -> tuple[int, str, str]:
    return result.returncode, result.stdout, result.stderr


def test_a_loop_over_aer_is_the_same_to_the_last_bit(
    call: Callable[..., Any], finished: Callable[..., list[Event]]
) -> None:
    """An SPSA loop that somebody wrote gives the same digits; each evaluation is one whole job."""
    ours = call(LOOP, *RUN)

    assert told(ours) == told(call(LOOP, sys.executable, "train.py"))
    jobs = finished("job")
    assert [event.body["shots"] for event in jobs] == [256] * 10
    for event in jobs:
        stages = [stage[0] for stage in event.body["stages"]]
        assert stages == ["submit", "queue", "execute", "decode"]
    (facts,) = jobs[0].body["attributes"]["circuits"]
    assert (facts["qubits"], facts["two_qubit_gates"], facts["parameters"]) == (4, 6, 8)
    assert (facts["depth"], facts["operations"]) == (8, 8 + 6 + 4)


@pytest.mark.parametrize("name", ENDINGS)
def test_a_script_behaves_as_without_us(
    name: str, call: Callable[..., Any], finished: Callable[..., list[Event]]
) -> None:
    """Crash, exit, signals, progress bar, fork, threads, asyncio: output and exit code are own."""
    script = BELL + ENDINGS[name]
    ours = call(script, *RUN)

    assert told(ours) == told(call(script, sys.executable, "train.py"))
    jobs = len(finished("job")) if name != "killed" else 1
    assert jobs == {"bar": 5, "fork": 2, "thread": 3, "asyncio": 3}.get(name, 1)


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_children_are_recorded(
    method: str, call: Callable[..., Any], finished: Callable[..., list[Event]]
) -> None:
    """Processes of multiprocessing work as without us, and their jobs belong to the run."""
    ours = call(BELL + CHILDREN, *RUN, method)

    assert told(ours) == (0, "[10, 20, 30]\n", "")
    (run,), jobs = finished("run"), finished("job")
    assert sorted(event.body["shots"] for event in jobs) == [10, 20, 30]
    assert {event.run for event in jobs} == {run.subject}


def test_a_class_of_the_script_goes_to_another_process(call: Callable[..., Any]) -> None:
    """A sampler whose class stands in the script is pickled by value, and works elsewhere."""
    ours = call(BELL + BY_VALUE, *RUN)

    assert told(ours) == (0, "b'7\\n'\n", "")


def test_declared_target_needs_no_edit(
    call: Callable[..., Any], finished: Callable[..., list[Event]], tmp_path: Path
) -> None:
    """With `--target` the counts of each job are evaluated against the file."""
    (tmp_path / "target.json").write_text(json.dumps({"00": 0.5, "11": 0.5}))
    words = (*RUN[:-1], "--target", "target.json", "train.py")
    ours = call(BELL + "counts(4000); counts(4000)", *words)

    assert told(ours) == (0, "", "")
    jobs = {event.subject for event in finished("job")}
    with open_journal(tmp_path / "journal.db", read_only=True) as journal:
        estimates = list(journal.events(verbs=["estimate"]))
    assert {event.subject for event in estimates} == jobs
    values = {event.body["name"]: event.body for event in estimates}
    assert values["valid_shot_ratio"]["value"] == 1.0
    assert values["total_variation"]["low"] < 0.05
    assert len({event.body["circuit"] for event in estimates}) == 1


def test_the_environment_names_the_model(
    call: Callable[..., Any], finished: Callable[..., list[Event]]
) -> None:
    """Model and version of a script that nobody edits come from the environment as well."""
    call(BELL, *RUN, QGM_OBSERVE_MODEL="qcbm", QGM_OBSERVE_MODEL_VERSION="7")

    (run,) = finished("run")
    assert (run.body["model"], run.body["model_version"]) == ("qcbm", "7")


def test_one_line_names_the_model(
    call: Callable[..., Any], finished: Callable[..., list[Event]], tmp_path: Path
) -> None:
    """One line at the head of a script makes it a run, whatever was imported before it."""
    line = "import qgm_observe as qgm; qgm.instrument(model='born', pipeline='nightly')\n"
    journal = {"QGM_OBSERVE_JOURNAL": str(tmp_path / "journal.db")}
    ours = call(BELL + line + "counts(9); sys.exit(4)", sys.executable, "train.py", **journal)

    assert told(ours) == (4, "", "")
    (run,), (job,) = finished("run"), finished("job")
    assert (run.body["model"], run.body["pipeline"], run.body["outcome"]) == (
        *("born", "nightly"),
        "failure",
    )
    assert run.body["attributes"] == {"script": "train.py"}
    assert job.run == run.subject


def test_opentelemetry_instruments_the_script(
    call: Callable[..., Any], finished: Callable[..., list[Event]], tmp_path: Path
) -> None:
    """`opentelemetry-instrument python train.py` finds our instrumentors and records the script."""
    pytest.importorskip("opentelemetry.instrumentation.auto_instrumentation")
    journal = {"QGM_OBSERVE_JOURNAL": str(tmp_path / "journal.db")}
    words = (str(BIN / "opentelemetry-instrument"), sys.executable, "train.py")
    ours = call(BELL + "print(counts(9) and 'here')", *words, **journal)

    assert told(ours) == (0, "here\n", "")
    (run,), (job,) = finished("run"), finished("job")
    assert (run.body["pipeline"], run.body["attributes"]["script"]) == ("train", "train.py")
    assert job.run == run.subject
