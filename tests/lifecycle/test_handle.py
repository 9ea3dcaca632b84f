"""Runs, steps and jobs: what they record however they end."""

import asyncio
import random
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

import qgm_observe as qgm
from qgm_observe.errors import UsageError
from qgm_observe.journal import Event

from .conftest import Clock

pytestmark = pytest.mark.usefixtures("recorder")
Rows = Callable[..., list[Event]]


def finished(rows: Rows, noun: str) -> dict[str, Any]:
    """The body of the one finished event of a noun."""
    (event,) = rows(verbs=("finished",), nouns=(noun,))
    return dict(event.body)


class RuntimeJobTimeoutError(Exception):
    """Named like the provider's."""


@pytest.mark.parametrize(
    ("error", "outcome", "error_class"),
    [
        (None, "success", None),
        (ValueError("x"), "failure", "validation"),
        (KeyboardInterrupt(), "cancelled", "cancelled"),
        (asyncio.CancelledError(), "cancelled", "cancelled"),
        (TimeoutError(), "timeout", "run_timeout"),
        (RuntimeJobTimeoutError(), "timeout", "queue_timeout"),
        (GeneratorExit(), "cancelled", "cancelled"),
        (SystemExit(0), "success", None),
        (SystemExit(3), "failure", "other"),
        (MemoryError(), "failure", "resource"),
        (ConnectionResetError(), "failure", "network"),
    ],
)
def test_outcome_and_error_class(
    rows: Rows, error: BaseException | None, outcome: str, error_class: str | None
) -> None:
    """However a job ends, its outcome and error class say so, and the error passes unchanged."""
    caught: BaseException | None = None
    try:
        with qgm.job("aer") as job, job.stage("execute"):
            if error is not None:
                raise error
    except BaseException as same:
        caught = same

    body = finished(rows, "job")

    assert caught is error
    assert outcome == body["outcome"]
    assert error_class == body.get("error", {}).get("class")
    assert ("execute" if error_class else None) == body.get("error", {}).get("stage")


def test_stages_take_what_the_clock_says(rows: Rows, clock: Clock) -> None:
    """Blocks and marks give starts and durations to the nanosecond of one clock."""
    with qgm.job("aer", shots=100) as job:
        clock.tick(0.5)
        with job.stage("compile"):
            clock.tick(2)
        job.mark("submit")
        clock.tick(0.25)
        job.mark("execute")
        clock.tick(4)

    body = finished(rows, "job")

    assert body["stages"] == [
        ["compile", 0.5, 2.0, "local"],
        ["submit", 2.5, 0.25, "local"],
        ["execute", 2.75, 4.0, "local"],
    ]
    assert body["duration"] == 6.75
    assert pytest.approx(body["start"]) == 1_800_000_000.0
    assert (body["device"], body["shot_class"], body["execution_mode"]) == ("aer", "100", "local")


def test_an_unknown_stage_is_refused() -> None:
    """A misspelled stage is refused with the ten that there are."""
    with qgm.job() as job, pytest.raises(UsageError, match="prepare, encode, compile"):
        job.stage("transpile")


@pytest.mark.parametrize("shots", [0, -5])
def test_impossible_shots_are_refused(shots: int) -> None:
    """Shots below one are refused with what to write."""
    with pytest.raises(UsageError, match="count of 1 or more"):
        qgm.job("aer", shots=shots)


def test_unknown_labels_are_refused() -> None:
    """A label that is none is refused with those that there are."""
    with pytest.raises(UsageError, match="model_version"), qgm.run(colour="blue"):
        pass


def test_jobs_belong_to_the_step_and_run_around_them(rows: Rows) -> None:
    """Run, step and job are tied by ids, and labels are handed down."""
    with qgm.run(model="qcbm", model_version="3") as run, run.step(4) as step:
        with step.job("aer", shots=10):
            pass
        with qgm.job("aer"):
            pass
        step.loss(0.25)

    jobs = rows(verbs=("finished",), nouns=("job",))
    (step_event,) = rows(verbs=("finished",), nouns=("step",))

    assert [(run.id, step.id)] * 2 == [(event.run, event.body["step"]) for event in jobs]
    assert {("qcbm", "3")} == {(e.body["model"], e.body["model_version"]) for e in jobs}
    assert (step_event.body["index"], step_event.body["loss"]) == (4, 0.25)


def test_a_sweep_is_a_run_with_runs(rows: Rows) -> None:
    """A run inside a run is a run of its own that knows its parent."""
    with qgm.run() as sweep, qgm.run() as child:
        pass

    bodies = {e.subject: e.body for e in rows(verbs=("finished",), nouns=("run",))}

    assert {sweep.id, child.id} == bodies.keys()
    assert sweep.id == bodies[child.id]["parent"]


def test_a_retry_that_succeeds_is_a_success(rows: Rows) -> None:
    """An attempt that failed stays on the record of the job that succeeded in the end."""

    class Broken:
        def result(self) -> None:
            raise ConnectionError

    class Works:
        def result(self) -> int:
            return 7

    with qgm.job("aer") as job:
        with pytest.raises(ConnectionError):
            job.results(job.attempt(Broken))
        assert job.results(job.attempt(Works), decode=None) == 7

    body = finished(rows, "job")

    assert body["outcome"] == "success"
    assert "error" not in body
    assert [each["outcome"] for each in body["attempts"]] == ["failure", "success"]
    assert body["attempts"][0]["error"]["class"] == "network"


def test_decorated_functions_are_jobs(rows: Rows) -> None:
    """Every call of a function, coroutine, generator or async generator is a job of its own."""

    @qgm.job("aer", kind="inference")
    def plain(n: int) -> int:
        return n + 1

    @qgm.job("aer")
    async def later(n: int) -> int:
        return n + 2

    @qgm.job("aer")
    def items() -> Iterator[int]:
        yield from (1, 2)

    @qgm.job("aer")
    async def items_later() -> AsyncIterator[int]:
        yield 3

    async def gather() -> list[int]:
        return [await later(1), *[item async for item in items_later()]]

    assert [plain(1), plain(1)] == [2, 2]
    assert list(items()) == [1, 2]
    assert asyncio.run(gather()) == [3, 3]
    assert [e.body["outcome"] for e in rows(verbs=("finished",))] == ["success"] * 5


def test_a_generator_that_is_closed_early_is_cancelled(rows: Rows) -> None:
    """Leaving a decorated generator half-way makes its job cancelled, not failed."""

    @qgm.job("aer")
    def endless() -> Iterator[int]:
        while True:
            yield 1

    generator = endless()
    next(generator)
    generator.close()  # type: ignore[attr-defined]

    assert finished(rows, "job")["outcome"] == "cancelled"


def test_tasks_and_threads_keep_their_own_context(rows: Rows) -> None:
    """Concurrent tasks see their own run; a thread is given its handle and sees none by itself."""

    async def train(name: str) -> tuple[str, str]:
        async with qgm.run(model=name):
            await asyncio.sleep(0)
            async with qgm.job("aer") as job:
                await asyncio.sleep(0)
                return name, job.work.model

    async def both() -> list[tuple[str, str]]:
        return await asyncio.gather(train("a"), train("b"))

    seen: list[object] = []
    with qgm.run(model="c") as run:
        thread = threading.Thread(
            target=lambda: (seen.append(qgm.current()), run.job("aer").begin().end())
        )
        thread.start()
        thread.join()

    assert asyncio.run(both()) == [("a", "a"), ("b", "b")]
    assert seen == [None]
    assert [run.id] == [
        e.run for e in rows(nouns=("job",), verbs=("finished",)) if e.body["model"] == "c"
    ]


def test_seeded_randomness_is_left_alone() -> None:
    """Ids come from a generator of our own: the global one gives what it would have given."""
    random.seed(11)
    expected = [random.random() for _ in range(3)]
    random.seed(11)
    with qgm.run() as run, run.step() as step, step.job("aer") as job:
        ids = {run.id, step.id, job.id}

    assert expected == [random.random() for _ in range(3)]
    assert len(ids) == 3


def test_a_handle_ends_once(rows: Rows) -> None:
    """Ending twice records the first end alone."""
    job = qgm.job("aer").begin()
    job.end()
    job.end(ValueError())

    assert finished(rows, "job")["outcome"] == "success"


def test_notes_keep_plain_facts_only(rows: Rows) -> None:
    """Attributes keep numbers and text; of anything else only its type, whatever its text does."""

    class Hostile:
        def __repr__(self) -> str:
            raise RuntimeError

    with qgm.job("aer") as job:
        job.note(seed=3, name="x" * 5000, odd=Hostile(), several=[1, Hostile()])

    attributes = finished(rows, "job")["attributes"]

    assert attributes["seed"] == 3
    assert len(attributes["name"]) == 1024
    assert "Hostile" in attributes["odd"]
    assert attributes["several"][0] == 1


def test_a_loss_that_is_no_number_is_a_note(rows: Rows) -> None:
    """A loss that diverged is not a number in the metrics, but the record says so."""
    with qgm.run() as run, run.step() as step:
        step.loss(float("nan"))

    body = finished(rows, "step")

    assert "loss" not in body
    assert body["attributes"]["loss"] == "nan"
