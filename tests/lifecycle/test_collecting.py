"""A resumed run collects what was submitted before, and only that."""

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter

import qgm_observe as qgm
from qgm_observe.journal import Event, open_journal
from qgm_observe.lifecycle import Recorder
from qgm_observe.lifecycle.programs import Program
from qgm_observe.records import Job

from .conftest import REMOTE, ProviderJob

Rows = Callable[..., list[Event]]


class Cancelled(ProviderJob):
    """A provider's job that was taken back."""

    def status(self) -> str:
        return "CANCELLED - RAN TOO LONG"


class Service:
    """A provider's service that knows jobs by id."""

    def __init__(self, *, error: Exception | None = None, kind: Any = ProviderJob) -> None:
        self.error, self.kind = error, kind
        self.asked: list[str] = []

    def job(self, id_: str) -> Any:
        self.asked.append(id_)
        if self.error is not None:
            raise self.error
        return self.kind()


class Submissions:
    """Counts what is submitted."""

    count = 0

    def __call__(self) -> ProviderJob:
        self.count += 1
        return ProviderJob()


def one_of(step: Any, submit: Submissions, index: int) -> None:
    """Submit the job of a step and wait for it, but at the third be interrupted first."""
    with step.job(REMOTE, shots=100) as job:
        attempt = job.attempt(submit)
        if index == 2:
            raise KeyboardInterrupt
        job.results(attempt, decode=None)


@pytest.fixture
def submit() -> Submissions:
    return Submissions()


@pytest.fixture
def run_id(recorder: Recorder, submit: Submissions) -> str:
    """A run whose third step was submitted and never waited for."""
    run = qgm.run().begin()
    for index in range(3):
        with run.step(index) as step, contextlib.suppress(KeyboardInterrupt):
            one_of(step, submit, index)
    recorder.flush(5)
    submit.count = 0
    recorder.open.clear()  # nobody ends the run
    return run.id


def again(run_id: str, service: Service, submit: Submissions, **options: Any) -> None:
    """Go on with the run from its second step, to its fourth."""
    with qgm.run(id=run_id, resumed_from=1) as run:
        for index in range(1, 4):
            told = {"shots": 100} | options
            with run.step(index) as step, step.job(REMOTE, **told) as job:
                job.results(job.attempt(submit, collect=service), decode=None)


def test_steps_that_were_submitted_are_collected(
    run_id: str, submit: Submissions, rows: Rows
) -> None:
    """Two of three steps have their jobs at the provider already; one is submitted."""
    service = Service()
    before = [event.body["job"] for event in rows(verbs=("submitted",))]
    again(run_id, service, submit)
    jobs = {event.body["job"] for event in rows(verbs=("submitted",))}

    assert (submit.count, service.asked) == (1, ["d1abc", "d1abc"])
    assert len(jobs) == len(before) + 1


def test_a_collected_job_is_the_earlier_one(
    run_id: str, submit: Submissions, rows: Rows, path: Path
) -> None:
    """It keeps its id, so that its record and its bill are one."""
    again(run_id, Service(), submit)
    rows()
    with open_journal(path, read_only=True) as journal:
        records = list(journal.records(Job, run=run_id))

    assert len(records) == 4
    assert [len(job.attempts) for job in records] == [1, 1, 1, 1]


def test_another_number_of_shots_is_another_job(run_id: str, submit: Submissions) -> None:
    """What does not ask for the same is submitted."""
    service = Service()
    again(run_id, service, submit, shots=200)

    assert (submit.count, service.asked) == (3, [])


def test_what_was_cancelled_is_submitted_again(run_id: str, submit: Submissions) -> None:
    """A job without a result is of no use."""
    again(run_id, Service(kind=Cancelled), submit)

    assert submit.count == 3


def test_a_provider_that_does_not_answer_is_no_reason_to_pay_twice(
    run_id: str, submit: Submissions
) -> None:
    """Its error is the script's to see; nothing is submitted instead."""
    with pytest.raises(ConnectionError):
        again(run_id, Service(error=ConnectionError("refused")), submit)

    assert submit.count == 0


def test_a_fresh_run_collects_nothing(submit: Submissions, recorder: Recorder) -> None:
    """Only a run that goes on has something to collect."""
    service = Service()
    with qgm.run() as run, run.job(REMOTE, shots=100) as job:
        job.attempt(submit, collect=service)

    assert (submit.count, service.asked) == (1, [])


class Sampler:
    """A primitive of a live service, as IBM's client has it; counts what is submitted."""

    def __init__(self, service: Any = None) -> None:
        self._backend = SimpleNamespace(service=service)
        self.count = 0

    def run(self, pubs: Any) -> ProviderJob:
        self.count += 1
        return ProviderJob()


def rotation() -> QuantumCircuit:
    """A circuit of one angle, as each process builds it anew."""
    circuit = QuantumCircuit(1, 1)
    circuit.rx(Parameter("a"), 0)
    circuit.measure(0, 0)
    return circuit


def sample(run: Any, sampler: Sampler, value: float = 0.5, **options: Any) -> None:
    with run.step(0) as step, step.job(REMOTE, shots=100) as job:
        job.attempt(sampler.run, [(rotation(), [value])], **options)


@pytest.fixture
def sampled(recorder: Recorder) -> str:
    """A run that submitted one circuit with one value, and died."""
    run = qgm.run().begin()
    sample(run, Sampler())
    recorder.flush(5)
    recorder.open.clear()
    return run.id


def go_on(run_id: str, sampler: Sampler, *values: float, **options: Any) -> None:
    with qgm.run(id=run_id, resumed_from=0) as run:
        sample(run, sampler, *values, **options)


def test_what_is_certain_to_be_the_same_is_collected_unasked(sampled: str) -> None:
    """Equal circuits and values: the service behind the primitive is asked, nothing submitted."""
    sampler = Sampler(service := Service())
    go_on(sampled, sampler)

    assert (sampler.count, service.asked) == (0, ["d1abc"])


@pytest.mark.parametrize(
    ("value", "has_service", "told"),
    [(0.6, True, "its circuits or values were others"), (0.5, False, "no service of it is seen")],
    ids=["other values", "no service"],
)
def test_what_is_not_certain_is_submitted_and_that_is_said(
    value: float, has_service: bool, told: str, sampled: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Other values would bring another job's counts; the message names what would collect."""
    sampler = Sampler(Service() if has_service else None)
    go_on(sampled, sampler, value)

    assert sampler.count == 1
    assert told in caplog.text
    assert "attempt(collect=service) would collect it" in caplog.text


class Estimator(Sampler):
    """Likewise, of observables."""


def test_an_estimator_is_not_collected_from_unasked(
    recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    """What it estimates is no part of what a job is known by, its parameters' values are."""
    pubs = [(rotation(), "Z", [0.5])]
    run = qgm.run().begin()
    with run.step(0) as step, step.job(REMOTE, shots=100) as job:
        job.attempt(Estimator().run, pubs)
    recorder.flush(5)
    recorder.open.clear()
    estimator = Estimator(Service())
    with (
        qgm.run(id=run.id, resumed_from=0) as again,
        again.step(0) as step,
        step.job(REMOTE, shots=100) as job,
    ):
        job.attempt(estimator.run, pubs)

    assert estimator.count == 1
    assert "observables are not all known" in caplog.text
    assert isinstance(job.program, Program)
    assert job.program.pubs[0].values is not None
    assert [float(value) for _, array in job.program.pubs[0].values for value in array] == [0.5]


def test_what_a_call_asks_for_is_done_whatever_is_certain(sampled: str) -> None:
    """A service that is given collects other values too; `False` collects nothing."""
    sampler, service = Sampler(Service()), Service()
    go_on(sampled, sampler, 0.6, collect=service)
    first = sampler.count, service.asked
    go_on(sampled, sampler, collect=False)

    assert (first, sampler.count) == ((0, ["d1abc"]), 1)


def test_coroutines_collect_unasked_as_well(sampled: str) -> None:
    """Under asyncio the provider is asked off the event loop."""
    service = Service()
    sampler = Sampler(service)

    class Later:
        _backend = SimpleNamespace(service=service)

        async def run(self, pubs: Any) -> ProviderJob:
            return sampler.run(pubs)

    async def main() -> None:
        async with (
            qgm.run(id=sampled, resumed_from=0) as run,
            run.step(0) as step,
            step.job(REMOTE, shots=100) as job,
        ):
            await job.attempt(Later().run, [(rotation(), [0.5])])

    asyncio.run(main())

    assert (sampler.count, service.asked) == (0, ["d1abc"])
