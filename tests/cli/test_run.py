"""`qgm-observe run`: an unmodified script, recorded."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qgm_observe.cli import main
from qgm_observe.journal import Event, open_journal

COMMAND = str(Path(sys.executable).with_name("qgm-observe"))
EXAMPLE = Path(__file__).parents[2] / "examples" / "plain_qiskit.py"

SAMPLER = """
from qiskit import QuantumCircuit
from qiskit.primitives import StatevectorSampler
bell = QuantumCircuit(2)
bell.h(0)
bell.cx(0, 1)
bell.measure_all()
sampler = StatevectorSampler(seed=1)
"""

Outcome = tuple[int, str, str]


def call(*command: str, cwd: Path) -> Outcome:
    told = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    return told.returncode, told.stdout, told.stderr


@pytest.fixture
def observe(tmp_path: Path) -> Callable[..., Outcome]:
    """Runs the command in an empty folder, with a journal beside it."""
    return lambda *arguments: call(
        COMMAND, "run", "--journal", "journal.db", *arguments, cwd=tmp_path
    )


@pytest.fixture
def quietly(observe: Callable[..., Outcome]) -> Callable[..., Outcome]:
    """Runs the command without its summary."""
    return lambda *arguments: observe("--no-summary", *arguments)


@pytest.fixture
def python(tmp_path: Path) -> Callable[..., Outcome]:
    """Runs Python in the same folder."""
    return lambda *arguments: call(sys.executable, *arguments, cwd=tmp_path)


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Writes a script into the folder, and goes there."""
    monkeypatch.chdir(tmp_path)

    def write(text: str, name: str = "train.py") -> str:
        (tmp_path / name).write_text(text)
        return name

    return write


@pytest.fixture
def events(tmp_path: Path) -> Callable[..., list[Event]]:
    """Reads what has finished of a noun."""

    def read(noun: str) -> list[Event]:
        with open_journal(tmp_path / "journal.db", read_only=True) as journal:
            return list(journal.events(verbs=["finished"], nouns=[noun]))

    return read


@pytest.fixture
def run(events: Callable[..., list[Event]]) -> Callable[[], dict[str, Any]]:
    """Reads the only run there is."""

    def read() -> dict[str, Any]:
        (event,) = events("run")
        return dict(event.body)

    return read


# ------------------------------------------------------------------------------- quantum scripts


def test_a_script_prints_the_same_with_and_without_us(
    quietly: Callable[..., Outcome],
    python: Callable[..., Outcome],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A seeded training prints the same to the last byte, and each of its jobs is recorded."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # Aer's threads would fight over a busy machine
    ours = quietly("--json", "summary.json", str(EXAMPLE), "10")

    assert ours == python(str(EXAMPLE), "10")
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["jobs"] == {"success": 11}
    assert summary["shots"] == (10 * 2 + 1) * 2000
    counts = {each["stage"]: each["count"] for each in summary["stages"]}
    assert counts == {"compile": 1, "submit": 11, "queue": 11, "execute": 11, "decode": 11}


def _timeless(traceback: str) -> str:
    """A traceback without the place in `Future.result`, which tells whether it had to wait."""
    return re.sub(r'(concurrent/futures/_base\.py", line )\d+', r"\1", traceback)


def test_tracebacks_are_the_scripts_own(
    quietly: Callable[..., Outcome],
    python: Callable[..., Outcome],
    script: Callable[..., str],
    events: Callable[..., list[Event]],
) -> None:
    """Exceptions out of a compilation and a job show the traceback that Python shows."""
    text = """
from qiskit.transpiler import PassManager, TransformationPass
class Broken(TransformationPass):
    def run(self, dag):
        raise ValueError("in the pass")
try:
    PassManager([Broken()]).run(bell)
except ValueError:
    bell.h(0)
    sampler.run([bell]).result()
"""
    name = script(SAMPLER + text)
    code, printed, told = quietly(name)

    theirs = python(name)
    assert (code, printed) == theirs[:2]
    assert _timeless(told) == _timeless(theirs[2])
    assert "in the pass" in told
    assert "mid-circuit" in told
    assert [event.body["error"]["stage"] for event in events("job")] == ["compile", "execute"]


def test_work_after_the_last_line_is_part_of_the_run(
    observe: Callable[..., Outcome], script: Callable[..., str], events: Callable[..., list[Event]]
) -> None:
    """A job that ends after the script's last line still belongs to its run and its summary."""
    text = """
import atexit, threading
last_line = threading.Event()
class Slow(StatevectorSampler):
    def _run(self, pubs):
        last_line.wait()
        return super()._run(pubs)
Slow(seed=1).run([bell], shots=200_000)
atexit.register(print, "bye")
last_line.set()
"""
    code, printed, told = observe(script(SAMPLER + text))

    assert (code, printed) == (0, "bye\n")
    lines = [line.rstrip() for line in told.splitlines()]
    assert lines[0].startswith("qgm-observe ──")
    assert "jobs      1 success" in lines
    assert "shots     200,000 in 1 circuit" in lines
    assert "cost      nothing: simulated here" in lines
    (job,), (outer,) = events("job"), events("run")
    assert job.run == outer.subject
    assert job.at <= outer.at


def test_processes_of_the_script_belong_to_its_run(
    observe: Callable[..., Outcome], script: Callable[..., str], events: Callable[..., list[Event]]
) -> None:
    """Jobs in forked processes are recorded under the same run, and one summary is told."""
    text = """
import multiprocessing
def work(shots):
    return sampler.run([bell], shots=shots).result()[0].data.meas.num_shots
if __name__ == "__main__":
    with multiprocessing.get_context("fork").Pool(2) as pool:
        print(pool.map(work, [10, 20, 30, 40]))
        pool.close()
        pool.join()
"""
    code, printed, told = observe(script(SAMPLER + text))

    assert (code, printed) == (0, "[10, 20, 30, 40]\n")
    assert told.count("simulated here") == 1
    jobs, (outer,) = events("job"), events("run")
    assert sorted(event.body["shots"] for event in jobs) == [10, 20, 30, 40]
    assert {event.run for event in jobs} == {outer.subject}


# ------------------------------------------------------------------------------------ any script


def test_runs_inside_the_script_are_in_its_summary(
    quietly: Callable[..., Outcome], script: Callable[..., str], tmp_path: Path
) -> None:
    """A script that tells runs and steps itself, in any folder, has them summed up as well."""
    text = """
import os
import qgm_observe as qgm
os.chdir("/")
with qgm.run(model="mine") as mine, mine.step(0) as step, step.job("statevector", shots=10):
    step.loss(0.5)
"""
    quietly("--json", "summary.json", script(text))

    summary = json.loads((tmp_path / "summary.json").read_text())
    assert (summary["jobs"], summary["steps"], summary["last_loss"]) == ({"success": 1}, 1, 0.5)


def test_the_script_names_the_pipeline(
    quietly: Callable[..., Outcome], script: Callable[..., str], run: Callable[[], dict[str, Any]]
) -> None:
    """A run is labeled by the script's name, and keeps its file and exit code."""
    quietly(script("import sys; sys.exit(0)", "my_training.py"))

    body = run()
    assert (body["pipeline"], body["outcome"]) == ("my_training", "success")
    assert body["attributes"] == {"script": "my_training.py", "exit_code": 0}


def test_labels_are_the_options(
    quietly: Callable[..., Outcome], script: Callable[..., str], run: Callable[[], dict[str, Any]]
) -> None:
    """The labels that were asked for are those of the run."""
    options = ("--model", "qcbm", "--model-version", "3", "--project", "chemistry")
    quietly(*options, "--pipeline", "nightly", script("pass"))

    body = run()
    labels = ("model", "model_version", "project", "pipeline")
    assert [body[label] for label in labels] == ["qcbm", "3", "chemistry", "nightly"]


def test_the_environment_names_the_pipeline(
    quietly: Callable[..., Outcome],
    script: Callable[..., str],
    run: Callable[[], dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A pipeline of the environment wins over the script's name."""
    monkeypatch.setenv("OTEL_SERVICE_NAME", "service")
    quietly(script("pass"))

    assert run()["pipeline"] == "service"


@pytest.mark.parametrize(
    "case",
    [
        ("import sys; sys.exit(4)", 4, ("failure", "SystemExit")),
        ("import sys; sys.exit('no')", 1, ("failure", "SystemExit")),
        ("raise TimeoutError", 1, ("timeout", "TimeoutError")),
        ("raise KeyboardInterrupt", 130, ("cancelled", "KeyboardInterrupt")),
        ("import no_such_library", 1, ("failure", "ModuleNotFoundError")),
        ("def f(:", 1, ("failure", "SyntaxError")),
    ],
)
def test_a_run_ends_as_its_script_does(
    case: tuple[str, int, tuple[str, str]],
    quietly: Callable[..., Outcome],
    script: Callable[..., str],
    run: Callable[[], dict[str, Any]],
) -> None:
    """The exit code is the script's own, and outcome and error of the run follow from it."""
    text, code, ending = case
    assert quietly(script(text))[0] == code

    body = run()
    assert (body["outcome"], body["error"]["type"]) == ending
    assert body["attributes"]["exit_code"] == code


def test_a_modules_options_are_its_own(
    quietly: Callable[..., Outcome], script: Callable[..., str], run: Callable[[], dict[str, Any]]
) -> None:
    """After -m comes a module and whatever it wants, also what looks like an option of ours."""
    script("import sys; print(sys.argv[1:])", "package_free.py")

    assert quietly("-m", "package_free", "--json", "-m", "x")[1] == "['--json', '-m', 'x']\n"
    assert run()["pipeline"] == "package_free"


def test_a_scripts_options_are_its_own(
    quietly: Callable[..., Outcome], script: Callable[..., str]
) -> None:
    """What follows the script goes to the script, also after two dashes."""
    name = script("import sys; print(sys.argv[1:])")

    assert quietly(name, "--model", "x", "--", "-m")[1] == "['--model', 'x', '--', '-m']\n"
    assert quietly("--", name, "--help")[1] == "['--help']\n"


def test_metrics_are_served_meanwhile(
    quietly: Callable[..., Outcome], script: Callable[..., str]
) -> None:
    """While the script runs, its metrics are at the address that standard error told first."""
    text = """
import sys, urllib.request
from qgm_observe.telemetry.endpoint import _endpoints
(endpoint,) = _endpoints
print("qgm_observe_build_info" in urllib.request.urlopen(endpoint.url).read().decode())
print(endpoint.url, file=sys.stderr)
"""
    _, printed, told = quietly("--serve", "0", script(text))

    first, second = told.splitlines()
    assert printed == "True\n"
    assert first == f"qgm-observe: metrics at {second}"


def test_a_disabled_recording_records_nothing(
    observe: Callable[..., Outcome],
    script: Callable[..., str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where recording is switched off the script just runs."""
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")

    assert observe(script("print('here')")) == (0, "here\n", "")
    assert not (tmp_path / "journal.db").exists()


def test_a_damaged_journal_costs_the_summary_alone(
    observe: Callable[..., Outcome], script: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the journal is damaged at the end, one line says so and the exit code stays."""
    monkeypatch.setenv("QGM_OBSERVE_STRICT", "0")
    text = """
import pathlib, qgm_observe
qgm_observe.flush()
for file in pathlib.Path().glob("journal.db*"):
    file.write_bytes(b"not a journal " * 1000)
raise SystemExit(7)
"""
    code, printed, told = observe(script(text))

    assert (code, printed) == (7, "")
    assert told.startswith("qgm-observe: no summary: ")
    assert told.count("\n") == 1


# -------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ([], "nothing to run: write a script's path, or -m and a module"),
        (["-m"], "-m: write the name of a module after it"),
        (["missing.py"], "script 'missing.py': no such file; write a Python file's path"),
        (["."], "script '.' is a directory: write a Python file, or -m MODULE"),
        (
            ["-m", "no_such_module"],
            "module 'no_such_module' is not found: write a name that `python -m` knows",
        ),
        (
            ["--json", "no/such/folder.json", "here.py"],
            "--json no/such/folder.json: write a file in a folder that exists",
        ),
        (["--journal", "here.py", "here.py"], None),
    ],
)
def test_bad_input_is_one_line(
    arguments: list[str],
    line: str | None,
    script: Callable[..., str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What cannot be run or recorded gives exit code 2 and one line, before the script begins."""
    script("print('never')", "here.py")

    assert main(["run", *arguments]) == 2
    told = capsys.readouterr()
    assert (told.out, told.err.count("\n")) == ("", 1)
    assert line is None or told.err == f"qgm-observe: {line}\n"


def test_a_part_that_is_not_there_is_one_line(
    observe: Callable[..., Outcome], run: Callable[[], dict[str, Any]]
) -> None:
    """A missing part of a package that exists is refused in the same way, as a run that failed."""
    line = "module 'email.no_such_part' is not found: write a name that `python -m` knows"

    assert observe("-m", "email.no_such_part") == (2, "", f"qgm-observe: {line}\n")
    assert run()["outcome"] == "failure"
