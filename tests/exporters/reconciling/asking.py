"""A provider that knows some jobs, and a reconciler of one journal that asks it."""

from collections.abc import Sequence
from typing import Any

from qgm_observe.catalog import ErrorClass
from qgm_observe.exporters.polling.schedule import Budget
from qgm_observe.exporters.reconciling.abandoned import Abandonment
from qgm_observe.exporters.reconciling.desk import Desk
from qgm_observe.exporters.reconciling.docket import Docket, scan
from qgm_observe.exporters.reconciling.reconciler import Reconciler
from qgm_observe.journal import Event, Store
from qgm_observe.providers.protocol import Capability, JobState, ProviderJob
from qgm_observe.records import Job

from ..journals import NOW, REMOTE, Clock, finished

MAX_AGE = 14 * 86400.0


class NoSuchJobError(Exception):
    """What the fake provider raises for an id it does not know."""


class FakeProvider:
    """Knows jobs by id, answers by tag, and writes down what it was asked."""

    name = "ibm"
    account = "team"
    capabilities = frozenset({Capability.JOBS})

    def __init__(self, *jobs: ProviderJob) -> None:
        self.known = {job.id: job for job in jobs}
        self.asked: list[str] = []
        self.error: Exception | None = None

    def job(self, id_: str) -> ProviderJob:
        self._ask(id_)
        if id_ not in self.known:
            raise NoSuchJobError
        return self.known[id_]

    def jobs(
        self, *, pending: bool | None = None, tag: str | None = None, limit: int = 200
    ) -> Sequence[ProviderJob]:
        self._ask(str(tag))
        return [job for job in self.known.values() if tag in job.tags][:limit]

    def classify(self, error: BaseException) -> ErrorClass:
        known = isinstance(error, NoSuchJobError)
        return ErrorClass.NOT_FOUND if known else ErrorClass.NETWORK

    def close(self) -> None:
        return

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if self.error is not None:
            raise self.error


def at_provider(id_: str = "pj1", **facts: Any) -> ProviderJob:
    told: dict[str, Any] = {
        "state": JobState.DONE,
        "created_at": NOW - 100.0,
        "started_at": NOW - 40.0,
        "finished_at": NOW - 30.0,
        "device_seconds": 7.5,
    }
    return ProviderJob(provider="ibm", id=id_, **told | facts)


def lost(subject: str = "00000000000000aa", at: float = NOW - 50.0, **more: Any) -> Event:
    """A remote job whose process died while it waited; its provider's id was written down."""
    attempt = {"number": 1, "outcome": "lost", "provider_job_id": "pj1", **more}
    attempt = {key: value for key, value in attempt.items() if value is not None}
    stages = [["submit", 0.0, 1.0, "local"]]
    return finished(
        outcome="lost",
        subject=subject,
        at=at,
        labels=REMOTE,
        error={"class": "lost"},
        attempts=[attempt],
        stages=stages,
    )


class Desks:
    """A reconciler of one journal whose provider and time are ours."""

    def __init__(
        self,
        journal: Store,
        clock: Clock,
        *providers: FakeProvider,
        abandonment: Abandonment = Abandonment(),  # noqa: B008  frozen
    ) -> None:
        self.journal, self.clock = journal, clock
        self.docket = Docket(MAX_AGE)
        scan(journal, self.docket, clock())
        self.desks = [Desk("ibm", lambda p=p: p, Budget(1000, clock())) for p in providers]  # type: ignore[misc]
        self.reconciler = Reconciler(self.desks, clock, abandonment)

    def settle(self, seconds: float = 31.0, **how: Any) -> int | None:
        self.clock.now += seconds
        return self.reconciler.settle(self.journal, self.docket, **how)

    @property
    def job(self) -> Job:
        (job,) = self.journal.records(Job)
        return job
