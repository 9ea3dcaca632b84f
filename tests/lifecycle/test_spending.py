"""Guards on the way of a submission."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import qgm_observe as qgm
from qgm_observe.catalog import signals
from qgm_observe.errors import BudgetExceeded, UsageError
from qgm_observe.journal import Event, open_journal
from qgm_observe.lifecycle import Recorder, use
from qgm_observe.settings import load_settings

from .conftest import REMOTE, Clock, ProviderJob

Rows = Callable[..., list[Event]]


class RefusedError(Exception):
    """What a provider raises that was asked too often."""

    status_code = 429


class Waiting:
    """A provider's job that waits until it is cancelled."""

    def __init__(self) -> None:
        self.cancelled = threading.Event()

    def job_id(self) -> str:
        return "d9"

    def cancel(self) -> None:
        self.cancelled.set()


@pytest.fixture(autouse=True)
def paying(path: Path, clock: Clock) -> Iterator[Recorder]:
    """A recorder of an account that pays by the second, whose sleep moves its clock."""
    made = Recorder(
        load_settings(journal=path, plan="pay-as-you-go"), now=clock.now, wall=clock.wall
    )
    made.sleep = clock.tick
    before = use(made)
    yield made
    made.close()
    use(before)


@pytest.fixture
def rows(path: Path, paying: Recorder) -> Rows:
    """Reads what the journal holds, after all that was recorded is in it."""

    def read(**filters: object) -> list[Event]:
        assert paying.flush(5)
        with open_journal(path, read_only=True) as journal:
            return list(journal.events(**filters))  # type: ignore[arg-type]

    return read


def train(jobs: int, **options: Any) -> int:
    """Submit jobs of 1,000 shots in one run; return how many were submitted."""
    done = 0
    with qgm.run(**options) as run:
        for index in range(jobs):
            with run.step(index) as step, step.job(REMOTE, shots=1_000) as job:
                job.results(job.attempt(ProviderJob), decode=None)
            done += 1
    return done


def test_a_guard_stops_the_run_before_the_money_is_spent(rows: Rows) -> None:
    """At 2.35 s, then 1 s a job, 5 USD let two through; the third is not made and is told."""
    with pytest.raises(BudgetExceeded, match=r"it would be 4.80 of 4.00 USD"):
        train(9, guard="4 USD")

    (stopped,) = rows(verbs=("guarded",))
    ended = {(e.noun, e.body["outcome"]) for e in rows(verbs=("finished",))}
    assert len(rows(verbs=("submitted",))) == 2
    assert (stopped.body["cost"], stopped.body["currency"]) == ("1.600000", "USD")
    assert "nothing was submitted" in stopped.body["reason"]
    assert ended >= {("run", "guarded"), ("step", "guarded"), ("job", "guarded")}


def test_a_stopped_job_is_no_error_and_its_money_is_counted(path: Path, rows: Rows) -> None:
    """Outcome guarded, no error counted; what was not spent is a counter of its own."""
    with pytest.raises(BudgetExceeded):
        train(9, guard="4 USD")
    rows()
    with open_journal(path, read_only=True) as journal:
        totals, _ = journal.snapshot()

    prevented = totals.counters[signals.COST_PREVENTED.name]
    assert list(prevented.values()) == [1_600_000_000]
    assert signals.JOB_ERRORS.name not in totals.counters
    assert ("guarded" in {labels[-1] for labels in totals.counters[signals.JOBS.name]}) is True


def test_the_plan_goes_with_the_work_to_its_bill(rows: Rows) -> None:
    """Whoever prices a bill later, elsewhere, finds the plan on jobs and sessions; no local one."""
    train(1)
    with qgm.run() as run:
        run.session(REMOTE).begin().end()
        with run.job("aer", shots=1):
            pass
    told = rows(verbs=("finished",))

    plans = {(e.noun, e.body.get("execution_mode")): e.body.get("plan") for e in told}
    assert plans[("session", "session")] == plans[("job", "job")] == "pay-as-you-go"
    assert plans[("job", "local")] is None


def test_without_a_guard_nothing_is_stopped(rows: Rows) -> None:
    """Guards are off by default; estimates are recorded all the same."""
    assert train(3) == 3
    costs = [event.body["cost"] for event in rows(verbs=("estimated",))]
    assert costs == ["3.760000", "1.600000", "1.600000"]


def test_a_guard_of_the_process_is_over_every_run(path: Path, clock: Clock) -> None:
    """QGM_OBSERVE_GUARD limits all runs and free jobs of a process together."""
    made = Recorder(load_settings(journal=path, guard="2500 shots"), now=clock.now, wall=clock.wall)
    use(made)
    train(1)
    with qgm.job(REMOTE, shots=1_000) as job:
        job.attempt(ProviderJob)
    with pytest.raises(BudgetExceeded, match="3,000 of 2,500 shots"):
        train(1)
    made.close()


def test_a_guard_that_cannot_be_read_stops_everything(path: Path, clock: Clock) -> None:
    """A mistyped variable does not mean that anything may be spent."""
    made = Recorder(load_settings(journal=path, guard="lots"), now=clock.now, wall=clock.wall)
    use(made)
    with pytest.raises(BudgetExceeded, match="guard 'lots' cannot be read"):
        train(1)
    made.close()


def test_a_guard_is_checked_before_the_run_begins() -> None:
    """An argument that cannot be read is refused where it is written."""
    with pytest.raises(UsageError, match="guard '20 dollars' cannot be read"):
        qgm.run(guard="20 dollars")


def test_each_call_of_a_decorated_run_has_its_own_budget() -> None:
    """A decorator's guard begins anew with every call."""

    @qgm.run(guard="1500 shots")
    def sample() -> None:
        with qgm.job(REMOTE, shots=1_000) as job:
            job.attempt(ProviderJob)

    sample()
    sample()


def test_asyncio_is_stopped_at_the_same_job(rows: Rows) -> None:
    """Ten coroutines at once: as many are submitted as the shots allow."""

    async def submit() -> ProviderJob:
        await asyncio.sleep(0)
        return ProviderJob()

    async def one(run: Any) -> None:
        async with run.job(REMOTE, shots=1_000) as job:
            await job.attempt(submit)

    async def main() -> list[Any]:
        async with qgm.run(guard="4000 shots") as run:
            return await asyncio.gather(*(one(run) for _ in range(10)), return_exceptions=True)

    outcomes = asyncio.run(main())

    assert [type(each) for each in outcomes if each is not None] == [BudgetExceeded] * 6
    assert len(rows(verbs=("submitted",))) == 4


def test_our_own_wait_is_throttle_and_no_part_of_queue_or_submit(path: Path, rows: Rows) -> None:
    """At 2 a minute the third job waits; that is told apart from its stages."""
    train(3, guard="2/min")
    attempts = [e.body["attempts"][0] for e in rows(verbs=("finished",), nouns=("job",))]
    stages = {s[0]: s[2] for s in rows(verbs=("finished",), nouns=("job",))[-1].body["stages"]}
    with open_journal(path, read_only=True) as journal:
        totals, _ = journal.snapshot()

    assert [attempt.get("throttle_seconds") for attempt in attempts] == [None, None, 60.0]
    assert (stages["submit"], stages["queue"]) == (0.0, 1.0)
    assert sum(totals.counters[signals.THROTTLED.name].values()) == 60 * 10**9


def test_two_guards_of_one_rate_book_one_place(path: Path, rows: Rows, clock: Clock) -> None:
    """Of a run's guard and the process's the stricter holds, and a job takes one place of both."""
    made = Recorder(load_settings(journal=path, guard="throttle"), now=clock.now, wall=clock.wall)
    made.sleep = clock.tick
    use(made)
    train(3, guard="2/min")
    made.close()
    attempts = [e.body["attempts"][0] for e in rows(verbs=("finished",), nouns=("job",))]

    assert [attempt.get("throttle_seconds") for attempt in attempts] == [None, None, 60.0]


def test_the_rate_that_ibm_documents_is_five_a_minute(rows: Rows) -> None:
    """`throttle` without a number takes the provider's own limit."""
    train(6, guard="throttle")
    attempts = [e.body["attempts"][0] for e in rows(verbs=("finished",), nouns=("job",))]

    assert [a.get("throttle_seconds") for a in attempts] == [None] * 5 + [60.0]


def test_a_refusal_for_the_rate_is_tried_again(rows: Rows, clock: Clock) -> None:
    """Two refusals and a success are three attempts of one job, with pauses between them."""
    answers: list[Any] = [RefusedError("slow down"), RefusedError("slow down"), ProviderJob()]
    before = clock.monotonic

    def submit() -> Any:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    with qgm.run(guard="3 retries") as run, run.job(REMOTE, shots=10) as job:
        job.attempt(submit)
    (event,) = rows(verbs=("finished",), nouns=("job",))

    outcomes = [attempt["outcome"] for attempt in event.body["attempts"][:2]]
    assert (len(event.body["attempts"]), outcomes) == (3, ["failure", "failure"])
    assert clock.monotonic > before


def test_retries_end_at_their_ceiling() -> None:
    """With two retries the third refusal is the script's to see."""
    calls: list[int] = []

    def submit() -> Any:
        calls.append(1)
        raise RefusedError("slow down")

    with pytest.raises(RefusedError), qgm.run(guard="2 retries") as run, run.job(REMOTE) as job:
        job.attempt(submit)

    assert len(calls) == 3


def test_what_may_have_arrived_is_never_sent_again() -> None:
    """After a broken connection nobody knows whether the job was taken."""
    calls: list[int] = []

    def submit() -> Any:
        calls.append(1)
        raise ConnectionResetError

    with (
        pytest.raises(ConnectionResetError),
        qgm.run(guard="2 retries") as run,
        run.job(REMOTE) as job,
    ):
        job.attempt(submit)

    assert len(calls) == 1


def test_a_job_beyond_its_time_to_live_is_cancelled(
    rows: Rows, paying: Recorder, clock: Clock
) -> None:
    """After 10 minutes of waiting the provider is asked to cancel, and that is recorded."""
    waiting = Waiting()
    with qgm.run(guard="ttl 10 min") as run, run.job(REMOTE, shots=1_000) as job:
        job.attempt(lambda: waiting)
        clock.tick(599)
        paying.flush(5)
        early = waiting.cancelled.is_set()
        clock.tick(2)
        paying.flush(5)
        cancelled = waiting.cancelled.wait(10)
        (event,) = rows(verbs=("guarded",))

    assert (early, cancelled) == (False, True)
    assert event.body["reason"] == "cancelled: older than 600 s"


def test_what_a_run_leaves_waiting_is_cancelled() -> None:
    """A run with a time to live ends, and its job that nobody waits for is taken back."""
    waiting, kept = Waiting(), Waiting()
    with qgm.run(guard="ttl 10 min") as run:
        run.job(REMOTE, shots=10).begin().attempt(lambda: waiting)
    with qgm.run(guard="100 shots") as run:
        run.job(REMOTE, shots=10).begin().attempt(lambda: kept)

    assert waiting.cancelled.wait(10)
    assert not kept.cancelled.is_set()


def test_shots_shrink_as_the_budget_runs_out() -> None:
    """Of 10,000 shots for four jobs each gets 2,500; what is left at last is less than needed."""
    with qgm.run(guard="10000 shots") as run:
        assert run.affordable(4_000, REMOTE, jobs=4) == 2_500
        assert run.affordable(1_000, REMOTE, jobs=4) == 1_000
        with run.job(REMOTE, shots=9_900) as job:
            job.attempt(ProviderJob)
        with pytest.raises(BudgetExceeded, match="100 of at least 500 shots"):
            run.affordable(4_000, REMOTE, least=500)


def test_a_run_that_goes_on_has_spent_what_it_spent(rows: Rows) -> None:
    """The shots of an earlier process of the same run count."""
    with qgm.run(guard="2500 shots") as first:
        for _ in range(2):
            with first.job(REMOTE, shots=1_000) as job:
                job.results(job.attempt(ProviderJob), decode=None)
    rows()
    with (
        pytest.raises(BudgetExceeded, match="3,000 of 2,500 shots"),
        qgm.run(id=first.id, resumed_from=0, guard="2500 shots") as again,
        again.job(REMOTE, shots=1_000) as job,
    ):
        job.attempt(ProviderJob)


def test_what_is_not_billed_yet_counts_by_estimate(rows: Rows) -> None:
    """A run that goes on has spent what it expects of jobs that still wait: two of 3.76 USD."""
    with qgm.run(guard="9 USD") as first:
        for _ in range(2):
            with first.job(REMOTE, shots=1_000) as job:
                job.attempt(ProviderJob)
    rows()
    with (
        pytest.raises(BudgetExceeded, match=r"it would be 11\.28 of 9\.00 USD"),
        qgm.run(id=first.id, resumed_from=0, guard="9 USD") as again,
        again.job(REMOTE, shots=1_000) as job,
    ):
        job.attempt(ProviderJob)


def test_tags_say_whose_job_it_is() -> None:
    """Run, project and pipeline go with the job as tags, cut to what the provider takes."""

    class Options:
        class environment:  # noqa: N801  as the client calls it
            job_tags: list[str] | None = None

    class Sampler:
        options = Options()
        sent: tuple[str, ...] = ()

        def run(self) -> ProviderJob:
            self.sent = tuple(self.options.environment.job_tags or ())
            return ProviderJob()

    sampler = Sampler()
    with qgm.run(project="chem", pipeline="n" * 100) as run, run.job(REMOTE) as job:
        job.attempt(sampler.run)

    assert sampler.sent[:3] == (f"qgm-{job.id}", f"qgm:run:{run.id}", "qgm:project:chem")
    assert sampler.sent[3] == ("qgm:pipeline:" + "n" * 100)[:86]
