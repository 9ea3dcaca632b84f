"""Samples against a declared target."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pennylane as qml
import pytest
from qiskit import QuantumCircuit
from qiskit.primitives import StatevectorSampler

from qgm_observe.errors import UsageError
from qgm_observe.instrumentation import scoring
from qgm_observe.instrumentation.scoring import Scorer, load_target
from qgm_observe.journal import open_journal
from qgm_observe.lifecycle import Recorder, RunHandle


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Path]:
    """A file with the exact distribution of a Bell pair, in use."""
    path = tmp_path / "target.json"
    path.write_text(json.dumps({"00": 0.5, "11": 0.5}))
    scoring.use(load_target(path))
    yield path
    scoring.use(None)


@pytest.fixture
def estimated(path: Path, recorder: Recorder) -> Callable[[], list[str]]:
    """Reads which jobs were evaluated, after the evaluations are done."""

    def read() -> list[str]:
        scorer = scoring._scorer
        if scorer is not None and scorer._thread is not None:
            scorer._thread.shutdown(wait=True)
        assert recorder.flush(5)
        with open_journal(path, read_only=True) as journal:
            return [event.subject for event in journal.events(verbs=["estimate"])]

    return read


def test_counts_of_the_targets_width_are_evaluated(
    target: Path, run: RunHandle, bell: QuantumCircuit, estimated: Callable[[], list[str]]
) -> None:
    """A job with as many bits is evaluated, one with others is not."""
    one = QuantumCircuit(1)
    one.measure_all()
    StatevectorSampler(seed=1).run([one], shots=100).result()
    StatevectorSampler(seed=1).run([bell], shots=100).result()

    assert len(set(estimated())) == 1


def test_without_a_target_nothing_is_evaluated(
    run: RunHandle, bell: QuantumCircuit, estimated: Callable[[], list[str]]
) -> None:
    """No target, no evaluation."""
    StatevectorSampler(seed=1).run([bell], shots=100).result()

    assert estimated() == []


def test_what_pennylane_samples_is_evaluated(
    target: Path, run: RunHandle, estimated: Callable[[], list[str]]
) -> None:
    """Counts of a QNode are compared with the target, values of one are not."""

    def circuit(measured: Callable[[], Any]) -> Any:
        @qml.set_shots(100)
        @qml.qnode(qml.device("default.qubit", wires=2, seed=1))
        def node() -> Any:
            qml.Hadamard(0)
            qml.CNOT([0, 1])
            return measured()

        return node

    circuit(lambda: qml.expval(qml.PauliZ(0)))()
    assert estimated() == []
    assert scoring.why_nothing() == "no result is counts of one circuit"
    scoring.use(load_target(target))
    circuit(qml.counts)()
    assert len(set(estimated())) == 1
    assert scoring.why_nothing() is None


def test_why_nothing_was_evaluated_is_told(
    target: Path, run: RunHandle, estimated: Callable[[], list[str]]
) -> None:
    """A target of another width than all counts is no silence."""
    assert scoring.why_nothing() == "no job gave a result"
    one = QuantumCircuit(1)
    one.measure_all()
    StatevectorSampler(seed=1).run([one], shots=100).result()

    assert estimated() == []
    assert scoring.why_nothing() == "counts have 1 bits, the target has 2"


def test_what_cannot_be_kept_up_with_is_counted(
    *,
    target: Path,
    run: RunHandle,
    bell: QuantumCircuit,
    recorder: Recorder,
    noted: Callable[[str], list[tuple[list[str], float]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Beyond a bound, evaluations are left out and counted; the jobs go on."""
    monkeypatch.setattr(scoring, "_WAITING", 0)
    StatevectorSampler(seed=1).run([bell], shots=100).result()

    assert sum(value for _, value in noted("qgm.observe.events.dropped")) == 1


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("{", "write JSON, probabilities by bitstring"),
        ("3", "write JSON, probabilities by bitstring"),
        ('{"00": 0.5, "11": 0.4}', "sum"),
        ('{"00": -0.5, "11": 1.5}', "at least 0"),
    ],
)
def test_a_bad_target_is_one_line(text: str, line: str, tmp_path: Path) -> None:
    """A target that cannot be read names its file and what to write instead."""
    path = tmp_path / "bad.json"
    path.write_text(text)

    with pytest.raises(UsageError, match=line) as caught:
        load_target(path)
    assert str(caught.value).startswith(f"target {path}")


def test_a_missing_target_is_one_line(tmp_path: Path) -> None:
    """A file that is not there is told as such."""
    with pytest.raises(UsageError, match="No such file"):
        load_target(tmp_path / "none.json")


def test_a_list_of_probabilities_will_do(tmp_path: Path) -> None:
    """A list of 2^n probabilities is a target of n bits."""
    path = tmp_path / "list.json"
    path.write_text("[0.25, 0.25, 0.25, 0.25]")

    assert Scorer(load_target(path))._target.num_bits == 2
