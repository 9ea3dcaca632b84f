"""`capture()`: what code records, in a journal of its own."""

from pathlib import Path

import pytest
from qiskit import QuantumCircuit
from qiskit.primitives import StatevectorSampler
from scipy.optimize import minimize

import qgm_observe as qgm
from qgm_observe.catalog import Outcome, signals
from qgm_observe.errors import UsageError
from qgm_observe.instrumentation import instrument, instrumented, uninstrument
from qgm_observe.journal import open_journal
from qgm_observe.lifecycle import Recorder, current, recorder, use
from qgm_observe.settings import load_settings
from qgm_observe.testing import capture


@pytest.fixture
def bell() -> QuantumCircuit:
    """Two qubits that agree."""
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure_all()
    return circuit


def test_unmodified_code_is_seen(bell: QuantumCircuit) -> None:
    """Inside the block a sampler's call is a job, readable at once and after the block."""
    with capture() as seen:
        assert seen.jobs == []
        StatevectorSampler(seed=1).run([bell], shots=7).result()
        assert [job.device for job in seen.jobs] == ["statevector"]
    (job,) = seen.jobs

    assert (job.outcome, job.shots) == (Outcome.SUCCESS, 7)
    assert not instrumented()


def test_what_code_tells_itself_is_seen() -> None:
    """Runs, steps and jobs of instrumented code are records of the block, in order."""
    with capture(hooks=False) as seen, qgm.run(model="mine") as run:
        for index in range(2):
            with run.step(index) as step, step.job("aer", shots=10):
                step.loss(0.5 - index / 4)

    assert [(r.work.model, r.outcome, r.steps) for r in seen.runs] == [("mine", "success", 2)]
    assert [step.loss for step in seen.steps] == [0.5, 0.25]
    assert [job.step for job in seen.jobs] == [step.id for step in seen.steps]
    assert [event.verb for event in seen.events if event.noun == "run"] == ["opened", "finished"]


def test_totals_add_up_label_sets() -> None:
    """`total` gives a counter over all label sets that have the values asked for."""
    with capture(hooks=False) as seen:
        for shots in (10, 2000):
            with qgm.job("aer", shots=shots):
                pass
        with pytest.raises(LookupError), qgm.job("aer"):
            raise LookupError

    assert seen.total(signals.JOBS) == 3
    assert seen.total(signals.JOBS, outcome="success") == 2
    assert seen.total(signals.JOB_SHOTS, shot_class="1k") == 2000
    assert seen.total(signals.ROOTS, outcome="failure") == 1


def test_nothing_of_it_is_left(tmp_path: Path) -> None:
    """A block records nowhere else, neither in the journal nor in the run that is open."""
    mine = Recorder(load_settings(journal=tmp_path / "journal.db"))
    before = use(mine)
    with qgm.run() as run:
        with capture() as seen:
            assert current() is None
            minimize(lambda x: float(x @ x), [1.0], method="cobyla", options={"maxiter": 5})
        assert recorder() is mine
        assert current() is run
    mine.close()
    use(before)

    assert len(seen.runs) == 1
    with open_journal(tmp_path / "journal.db", read_only=True) as journal:
        assert [event.noun for event in journal.events()] == ["run", "run"]


def test_hooks_that_were_there_stay(tmp_path: Path) -> None:
    """A block inside instrumented code leaves the hooks and the run of threads as they were."""
    mine = Recorder(load_settings(journal=tmp_path / "journal.db"))
    before = use(mine)
    instrument()
    with capture():
        pass
    still = instrumented()
    uninstrument()
    mine.close()
    use(before)

    assert still


def test_an_exception_passes(bell: QuantumCircuit) -> None:
    """A failing test fails with its own exception, and what was recorded can still be read."""
    sampler = StatevectorSampler()
    with pytest.raises(LookupError, match="mine"), capture() as seen:
        raise LookupError(f"mine: {sampler.run([bell]).result()}")

    assert len(seen.jobs) == 1


def test_an_unknown_setting_is_refused() -> None:
    """A setting out of range is refused with what to write instead."""
    with pytest.raises(UsageError, match="write one of none, hashes"), capture(capture="much"):
        pass


def test_the_environment_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test sees the same whatever the environment says of recording."""
    monkeypatch.setenv("QGM_OBSERVE_DISABLED", "1")
    with capture(hooks=False) as seen, qgm.run():
        pass

    assert len(seen.runs) == 1
