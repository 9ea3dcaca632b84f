"""The script as a run that nobody begins."""

import sys
from collections.abc import Callable, Iterator

import pytest
from qiskit import QuantumCircuit
from qiskit.primitives import StatevectorSampler

from qgm_observe.instrumentation import instrument, script, uninstrument
from qgm_observe.journal import Event
from qgm_observe.lifecycle import Recorder

ReadAll = Callable[..., list[Event]]


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch, recorder: Recorder) -> Iterator[None]:
    """A process whose script is `train.py`."""
    monkeypatch.setattr(sys, "argv", ["/somewhere/train.py", "--fast"])
    monkeypatch.delattr(sys, "last_value", raising=False)
    yield
    uninstrument()


def test_a_script_begins_with_its_first_library(
    named: None, bell: QuantumCircuit, finished: ReadAll
) -> None:
    """Labels make the script a run from its first library on; it is named by its file."""
    instrument(model="qcbm")
    StatevectorSampler(seed=1).run([bell], shots=10).result()
    uninstrument()

    (run,), (job,) = finished("run"), finished("job")
    assert (run.body["pipeline"], run.body["model"]) == ("train", "qcbm")
    assert run.body["attributes"] == {"script": "train.py"}
    assert job.run == run.subject


def test_without_labels_jobs_stand_for_themselves(
    named: None, bell: QuantumCircuit, finished: ReadAll
) -> None:
    """Nobody asked for a run, so there is none."""
    instrument()
    StatevectorSampler(seed=1).run([bell], shots=10).result()
    uninstrument()

    assert finished("run") == []
    assert len(finished("job")) == 1


@pytest.mark.parametrize(("code", "outcome"), [(3, "failure"), (0, "success"), (None, "success")])
def test_an_exit_code_is_remembered(
    code: int | None, outcome: str, named: None, finished: ReadAll
) -> None:
    """`sys.exit` leaves as ever, and its code tells how the run ended."""
    own = sys.exit
    instrument(model="qcbm")
    with pytest.raises(SystemExit) as left:
        sys.exit(code)
    script.finish()

    assert left.value.code == code
    assert sys.exit is own
    assert [run.body["outcome"] for run in finished("run")] == [outcome]


def test_an_uncaught_exception_fails_the_run(
    named: None, finished: ReadAll, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What Python keeps as the last uncaught exception is how the run ended."""
    instrument(model="qcbm")
    monkeypatch.setattr(sys, "last_value", LookupError("x"), raising=False)
    uninstrument()

    (run,) = finished("run")
    assert (run.body["outcome"], run.body["error"]["type"]) == ("failure", "LookupError")


def test_a_run_is_no_second_run(
    named: None, bell: QuantumCircuit, recorder: Recorder, finished: ReadAll
) -> None:
    """Inside a run of the script's own, and asked twice, nothing further begins."""
    instrument(model="qcbm")
    instrument(model="other")
    uninstrument()

    assert [run.body["model"] for run in finished("run")] == ["qcbm"]
