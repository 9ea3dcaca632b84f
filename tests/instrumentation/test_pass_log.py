"""What is kept of a compilation that fails or is slow."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.circuit import Gate
from qiskit.primitives import StatevectorSampler
from qiskit.transpiler import PassManager, TransformationPass, generate_preset_pass_manager
from qiskit.transpiler.exceptions import TranspilerError
from qiskit_ibm_runtime.fake_provider import FakeManilaV2

from qgm_observe.instrumentation import pass_log
from qgm_observe.instrumentation.pass_log import MOST_PASSES, PassLog
from qgm_observe.journal import Event, open_journal
from qgm_observe.lifecycle import RunHandle

Finished = Callable[..., list[Event]]
Logs = Callable[[], list[dict[str, Any]]]
SECRET = "canary-0123"


@pytest.fixture
def logs(path: Path, finished: Finished) -> Logs:
    """Reads the logs of all jobs."""

    def read() -> list[dict[str, Any]]:
        events = finished()
        with open_journal(path, read_only=True) as journal:
            keys = [k for e in events for k in (e.body.get("blobs") or {}).get("compile_log", ())]
            return [json.loads(journal.blob(key) or b"") for key in keys]

    return read


@pytest.fixture
def all_are_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every compilation is slow, and none was kept in the last minute."""
    monkeypatch.setattr(pass_log, "SLOW_SECONDS", 0.0)
    monkeypatch.setattr(pass_log, "_last_slow", -(10**18))


@pytest.fixture
def undefined(bell: QuantumCircuit) -> QuantumCircuit:
    """A circuit with a gate of which nothing says what it does."""
    circuit = QuantumCircuit(2)
    circuit.append(Gate("my_oracle", 2, [0.5]), [0, 1])
    return circuit.compose(bell.remove_final_measurements(inplace=False))


class Broken(TransformationPass):
    """A pass that says something secret when it fails."""

    def run(self, _dag: Any) -> Any:
        raise TranspilerError(SECRET)


def test_a_failure_tells_where_and_what(
    run: RunHandle, undefined: QuantumCircuit, finished: Finished, logs: Logs
) -> None:
    """Pass, place, circuit, target, options, versions and the passes before are on the record."""
    with pytest.raises(TranspilerError):
        transpile(undefined, FakeManilaV2(), optimization_level=2, seed_transpiler=3)

    (log,) = logs()
    (job,) = finished()
    assert (log["outcome"], log["pass"]) == ("failure", "HighLevelSynthesis")
    assert log["error"]["type"].endswith("TranspilerError")
    assert log["error"]["at"].startswith("qiskit.transpiler.passes.synthesis.high_level_synthesis.")
    assert log["given"] == [
        {"qubits": 2, "operations": 3, "depth": 3, "gates": {"my_oracle": 1, "h": 1, "cx": 1}}
    ]
    assert (log["target"]["qubits"], log["target"]["couplings"]) == (5, 8)
    assert {"cx", "rz", "sx", "x"} < set(log["target"]["gates"])
    assert log["undefined"] == ["my_oracle"]
    assert log["options"] == {"optimization_level": 2, "seed_transpiler": 3}
    assert set(log["versions"]) >= {"qiskit"}
    assert log["passes"][-1][0] == "HighLevelSynthesis"
    assert len(log["passes"]) > 1
    told = job.body["attributes"]["compilation"]
    assert told == {k: v for k, v in log.items() if k in told}
    assert {"passes", "given"}.isdisjoint(told)


def test_no_text_of_an_error_is_kept(
    run: RunHandle, bell: QuantumCircuit, finished: Finished, logs: Logs
) -> None:
    """What the exception says is nowhere; a pass of the script's own is named."""
    with pytest.raises(TranspilerError):
        PassManager([Broken()]).run(bell)

    (log,) = logs()
    assert (log["pass"], log["error"]["at"].rpartition(".")[2][:4]) == ("Broken", "run:")
    assert "target" not in log
    assert SECRET not in json.dumps([log, *(dict(each.body) for each in finished())])


@pytest.mark.parametrize("told", [False, True], ids=["open job", "told stage"])
def test_a_job_of_the_scripts_own_gets_the_log(
    run: RunHandle, bell: QuantumCircuit, logs: Logs, told: bool
) -> None:
    """Inside `run.job()`, and inside its stage, the log is that job's."""
    manager = PassManager([Broken()])
    if told:
        with pytest.raises(TranspilerError), run.job() as job, job.stage("compile"):
            manager.run(bell)
    else:
        with pytest.raises(TranspilerError), run.job():
            manager.run(bell)

    assert [log["pass"] for log in logs()] == ["Broken"]


def test_what_is_quick_leaves_nothing(run: RunHandle, bell: QuantumCircuit, logs: Logs) -> None:
    """A compilation that succeeds within a second has no log and no attribute."""
    StatevectorSampler(seed=1).run([transpile(bell, FakeManilaV2())]).result()

    assert logs() == []


def test_a_slow_one_is_kept_once_a_minute(
    run: RunHandle, bell: QuantumCircuit, finished: Finished, logs: Logs, all_are_slow: None
) -> None:
    """The job that follows has the log of the first; a second one of that minute has none."""
    for _ in range(2):
        isa = transpile(bell, FakeManilaV2(), optimization_level=1, seed_transpiler=3)
        StatevectorSampler(seed=1).run([isa]).result()

    (log,) = logs()
    first, second = finished()
    assert log["outcome"] == "slow"
    assert log["passes"][-1][2] > 0
    assert "compile_log" in first.body["blobs"]
    assert "compile_log" not in second.body["blobs"]


def test_a_slow_stage_that_is_told_is_kept(
    run: RunHandle, bell: QuantumCircuit, logs: Logs, all_are_slow: None
) -> None:
    """Inside `stage("compile")` the log is that job's as well."""
    with run.job() as job, job.stage("compile"):
        generate_preset_pass_manager(1, backend=FakeManilaV2()).run(bell)

    assert [log["options"] for log in logs()] == [{"optimization_level": 1}]


@pytest.mark.parametrize("placed", [False, True], ids=["by name", "by place"])
def test_the_scripts_own_callback_is_called(
    run: RunHandle, bell: QuantumCircuit, placed: bool
) -> None:
    """Whoever listens to passes goes on hearing each of them, with all arguments."""
    heard: list[dict[str, Any]] = []
    manager = generate_preset_pass_manager(0, backend=FakeManilaV2())

    def listen(**told: Any) -> None:
        heard.append(told)

    manager.run(bell, None, listen) if placed else manager.run(bell, callback=listen)
    assert len(heard) > 2
    assert set(heard[0]) == {"pass_", "dag", "time", "property_set", "count"}


def test_other_processes_are_left_alone(
    bell: QuantumCircuit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the passes of many circuits run in other processes, nothing of ours is sent there."""
    monkeypatch.setattr("qiskit.utils.should_run_in_parallel", lambda _processes: True)
    many, one = (PassLog(PassManager(), (circuits,), {}) for circuits in ([bell, bell], [bell]))

    assert many.kwargs == {}
    assert one.kwargs == {"callback": one}


def test_logs_are_bounded(bell: QuantumCircuit, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many passes the last 256 are kept, and a hostile one does no harm."""
    monkeypatch.setattr(pass_log, "_last_slow", -(10**18))
    log = PassLog(PassManager(), (bell,), {})
    log(nonsense=True)
    for _ in range(MOST_PASSES + 9):
        log(pass_=Broken(), dag=bell, time=0.1, property_set={}, count=1)
    told = json.loads(log.slow(0, 2 * 10**9) or b"")

    assert len(told["passes"]) == MOST_PASSES
    assert told["left_out"] == 10
    assert told["passes"][0] == ["Broken", 0.1, 4, 3]


@pytest.mark.parametrize(("level", "kept"), [("none", 0), ("hashes", 1)])
def test_capture_holds_for_logs(
    run: RunHandle, finished: Finished, monkeypatch: pytest.MonkeyPatch, level: str, kept: int
) -> None:
    """At the level `none` there is no log, and at `hashes` its hash alone."""
    monkeypatch.setattr(run.recorder, "settings", replace(run.recorder.settings, capture=level))
    with pytest.raises(TranspilerError):
        PassManager([Broken()]).run(QuantumCircuit(1))

    (job,) = finished()
    keys = job.body.get("blobs", {}).get("compile_log", [])
    with open_journal(run.recorder.settings.journal_path, read_only=True) as journal:
        assert [journal.blob(key) for key in keys] == [None] * kept
