"""What open work still needs of its devices' time."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import qgm_observe as qgm
from qgm_observe.errors import UsageError
from qgm_observe.lifecycle import Recorder
from qgm_observe.lifecycle.events import still_open
from qgm_observe.lifecycle.need import Need
from qgm_observe.lifecycle.run import RunHandle
from qgm_observe.spend.foresight import History
from qgm_observe.spend.plan import plan

from .conftest import REMOTE, ProviderJob

FEZ = ("ibm", "ibm_fez")
FORMULA = 2 + 0.00035 * 1_000


def row(handle: Any) -> Any:
    """The body of a handle's open row."""
    return still_open(handle, handle.recorder.seconds()).body


def one_step(run: RunHandle, index: int) -> None:
    """A step of one remote job of 1,000 shots, which the provider works on for a second."""
    with run.step(index) as step, step.job(REMOTE, shots=1_000) as job:
        job.results(job.attempt(ProviderJob), decode=None)


def test_a_run_that_told_its_steps_needs_those_to_come(recorder: Recorder) -> None:
    """After one of ten steps it needs nine times what the first was foreseen to take."""
    with qgm.run(steps=10) as run:
        assert "needed" not in row(run)
        one_step(run, 0)
        told = row(run)

    assert told["planned_steps"] == 10
    assert told["needed"] == [[*FEZ, pytest.approx(9 * FORMULA)]]


def test_a_run_without_a_plan_needs_an_unknown_time(recorder: Recorder) -> None:
    """Nothing is told of a run that did not say how many steps it takes."""
    with qgm.run() as run:
        one_step(run, 0)
        told = row(run)

    assert "needed" not in told
    assert "planned_steps" not in told


def test_a_job_needs_its_time_until_it_ends(recorder: Recorder) -> None:
    """A submission needs what is foreseen for it, one that ended or never was needs nothing."""
    with qgm.job(REMOTE, shots=1_000) as job:
        assert "needed_seconds" not in row(job)
        attempt = job.attempt(ProviderJob)
        waiting = row(job)
        job.results(attempt, decode=None)
        ended = row(job)

    assert waiting["needed_seconds"] == pytest.approx(FORMULA)
    assert "needed_seconds" not in ended


def test_local_work_needs_no_devices_time(recorder: Recorder) -> None:
    """A simulator's jobs are on nobody's quota."""
    with qgm.run(steps=3) as run:
        with run.step(0) as step, step.job("aer_simulator", shots=100) as job:
            job.attempt(ProviderJob)
            assert "needed_seconds" not in row(job)
        assert "needed" not in row(run)


def test_what_the_step_now_open_has_submitted_is_not_needed_twice(recorder: Recorder) -> None:
    """A step in flight counts once: what it submitted is its jobs', the rest is the run's."""
    with qgm.run(steps=2) as run:
        one_step(run, 0)
        first = run.need.asked[FEZ]
        with run.step(1) as step, step.job(REMOTE, shots=1_000) as job:
            job.attempt(ProviderJob)
            ((_, _, rest),) = row(run)["needed"]
            submitted = row(job)["needed_seconds"]

    assert submitted == pytest.approx(FORMULA * 1 / FORMULA)  # the first told: it took one second
    assert rest == pytest.approx(first - submitted)


def test_a_plan_for_preflight_tells_the_jobs_to_come(recorder: Recorder) -> None:
    """Before the first job the plan's own figure holds, after it the mean of those before."""
    need = Need(plan=plan("ibm_fez, 5 jobs, 2-4 s each"))
    run = RunHandle(recorder, None, None, need=need)

    assert need.to_come(run.steps, run.recorder.history) == {FEZ: 15.0}
    need.take(FEZ, 2.0)
    assert need.to_come(run.steps, run.recorder.history) == {FEZ: 8.0}
    for _ in range(6):
        need.take(FEZ, 2.0)
    assert need.to_come(run.steps, run.recorder.history) == {FEZ: 0.0}


def test_steps_that_make_no_sense_are_refused() -> None:
    """Steps are a count of 1 or more, and the error says so."""
    for steps in (0, -1, 2.5):
        with pytest.raises(UsageError, match="write a count of 1 or more"):
            qgm.run(steps=steps)  # type: ignore[arg-type]


def test_an_observed_core_tells_its_iterations(recorder: Recorder) -> None:
    """The argument of `fit` that tells the steps is taken as the plan; an unclear one is not."""

    class Core:
        def fit(self, data: Any, *, iterations: Any = None, epochs: int = 0) -> int | None:
            run = qgm.lifecycle.handle.current()
            assert isinstance(run, RunHandle)
            return run.need.planned

    core = qgm.observe(Core())
    assert core.fit([], iterations=12) == 12
    assert core.fit([], epochs=3) is None
    assert core.fit([], iterations="many") is None


@given(
    planned=st.integers(1, 50),
    seconds=st.lists(st.floats(0.1, 100), min_size=1, max_size=60),
)
def test_what_is_needed_never_is_negative(planned: int, seconds: list[float]) -> None:
    """With every completed step the rest is its share of the mean, down to 0 and not below."""
    need = Need(steps=planned)
    for steps, value in enumerate(seconds, 1):
        need.take(FEZ, value)
        need.complete()
        (told,) = need.to_come(steps, History()).values()
        mean = sum(seconds[:steps]) / steps
        assert told == pytest.approx(max(planned - steps, 0) * mean)
