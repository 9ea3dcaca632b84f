"""Asks providers how remote work ended, days later if need be, and completes its records.

One process at a time does this for a journal, by lease. Each account is asked within a budget of
calls; one that fails is left in peace for a while. A job is found by the provider's id of each
attempt, and by our tag where an id never came back. A session is billed once all its jobs are; a
batch is billed by its jobs alone. What nobody waits for any more is told, and ended where that is
wanted.
"""

import contextlib
import logging
import threading
from collections.abc import Callable, Iterable, Mapping

from qgm_observe.errors import JournalError
from qgm_observe.exporters.journal_config import JournalConfig
from qgm_observe.exporters.reconciling.abandoned import (
    Abandoned,
    Abandonment,
    abandoned_jobs,
    cancellations,
    last_submitted,
)
from qgm_observe.exporters.reconciling.completion import (
    Case,
    complete,
    complete_session,
)
from qgm_observe.exporters.reconciling.desk import Desk
from qgm_observe.exporters.reconciling.docket import Docket, Unsettled
from qgm_observe.journal import Store
from qgm_observe.providers.protocol import (
    Price,
    ProviderJob,
    ProviderSession,
)
from qgm_observe.records import Job
from qgm_observe.spend.billing import uses_of

log = logging.getLogger("qgm_observe")

LEASE = "reconcile"
LEASE_SECONDS = 60.0
SEARCHED_FOR = 3600.0
"""Seconds since a job's start within which one that is not found may still turn up."""


class Reconciler:
    """Settles dockets.

    Args:
        desks: The accounts.
        clock: Epoch seconds.
        abandonment: What is done about work that nobody waits for.

    Attributes:
        abandoned: What the newest `settle` found of that.
    """

    def __init__(
        self,
        desks: Iterable[Desk],
        clock: Callable[[], float],
        abandonment: Abandonment = Abandonment(),  # noqa: B008  frozen
    ) -> None:
        self.abandoned: list[Abandoned] = []
        self._desks: dict[str, list[Desk]] = {}
        for desk in desks:
            self._desks.setdefault(desk.provider, []).append(desk)
        self._clock = clock
        self._abandonment = abandonment

    @property
    def providers(self) -> list[str]:
        """The providers that can be asked."""
        return list(self._desks)

    def settle(
        self,
        journal: Store,
        docket: Docket,
        stopping: threading.Event | None = None,
        *,
        early: bool = False,
    ) -> int | None:
        """Ask for what is due; return how many jobs were asked for, `None` if another process does.

        Args:
            journal: Where truths are appended.
            docket: Its unsettled jobs.
            stopping: Set to end after the present call.
            early: Ask for all, due or not.

        Raises:
            JournalError: the journal cannot be written.
        """
        due = [job for job in docket.due(self._clock(), early=early) if self._desks_of(job)]
        self.abandoned = []
        asked = 0
        for job in due:
            if stopping is not None and stopping.is_set():
                break
            if not any(desk.is_ready(self._clock()) for desk in self._desks_of(job)):
                continue
            if not journal.lease(LEASE, self._clock(), LEASE_SECONDS):
                return None
            settle = self._settle if job.noun == "job" else self._settle_session
            asked += settle(journal, docket, job)
        return asked

    def release(self, journal: Store) -> None:
        """Let another process reconcile a journal at once, if this one did."""
        with contextlib.suppress(JournalError):
            if journal.lease(LEASE, self._clock(), 0.0):
                log.debug("journal %s is free to be reconciled", journal.path)

    def close(self) -> None:
        """Let the providers go."""
        for desks in self._desks.values():
            for desk in desks:
                desk.close()

    def _settle(self, journal: Store, docket: Docket, job: Unsettled) -> bool:
        """Ask every account until one knows the job; that none does is believed from all alone."""
        found: list[ProviderJob] = []
        price: Price | None = None
        told = []
        for desk in self._desks_of(job):
            told.append(desk.jobs_of(job, self._clock()))
            found = told[-1] or []
            if found:
                price = desk.price(job.body)
                found = self._without_abandoned(journal, desk, job, found, price)
                break
        now = self._clock()
        docket.defer(job, now)
        is_absent = None not in told and now - job.body.get("start", now) >= SEARCHED_FOR
        if found or is_absent:
            completion = complete(Case(job.subject, job.run, job.body, now), found, price)
            journal.append(completion.events)
            docket.take(completion.events, now)
        return any(each is not None for each in told)

    def _settle_session(self, journal: Store, docket: Docket, session: Unsettled) -> bool:
        """Ask for a session's usage, once the bills of its jobs are known."""
        now = self._clock()
        docket.defer(session, now)
        jobs = list(journal.records(Job, run=session.run, session=session.subject))
        uses = [uses_of(job) for job in jobs]
        is_due = self._is_abandoned(journal, session, jobs, now)
        if None in uses and not is_due:
            return False
        id_ = session.body.get("provider_session_id")
        for desk in self._desks_of(session):
            told = desk.session_of(id_, jobs, self._clock())
            if told is not None and told.is_open and is_due:
                told = self._closed(desk, session, told, now - last_submitted(session, jobs))
            if None in uses:
                continue
            if told is not None and not told.is_open and told.usage_seconds is not None:
                case = Case(session.subject, session.run, session.body, now)
                used = [use for each in uses for use in each or ()]
                price = desk.price(session.body)
                events = complete_session(case, told, used, price)
                journal.append(events)
                docket.take(events, now)
                return True
        return False

    def _without_abandoned(
        self,
        journal: Store,
        desk: Desk,
        job: Unsettled,
        found: list[ProviderJob],
        price: Price | None,
    ) -> list[ProviderJob]:
        """Return a job's at the provider as they are once what is abandoned was cancelled."""
        now = self._clock()
        left = abandoned_jobs(job, found, price, self._abandonment, now)
        ended = [each.cancelled() for each in left if self._ends(desk, each)]
        gone = {each.id for each in ended}
        self.abandoned += [*ended, *(each for each in left if each.id not in gone)]
        if not ended:
            return found
        journal.append(cancellations(job, found, ended, now))
        return desk.jobs_of(job, self._clock()) or found

    def _is_abandoned(
        self, journal: Store, session: Unsettled, jobs: Iterable[Job], now: float
    ) -> bool:
        """Return whether a session has lived too long since its last job, and none is open here."""
        if not self._abandonment.is_due(session.body, last_submitted(session, jobs), now):
            return False
        return not any(work.body.get("session") == session.subject for work in journal.open_work())

    def _closed(
        self, desk: Desk, session: Unsettled, told: ProviderSession, age: float
    ) -> ProviderSession | None:
        """Close an abandoned session if that is wanted, and return it as it is then."""
        left = Abandoned(
            noun=str(session.body["execution_mode"]),
            id=told.id,
            provider=desk.provider,
            device=str(session.body.get("device", told.device)),
            age=age,
        )
        if not self._ends(desk, left):
            self.abandoned.append(left)
            return told
        self.abandoned.append(left.cancelled())
        return desk.ask(lambda provider: provider.session(told.id), self._clock())

    def _ends(self, desk: Desk, left: Abandoned) -> bool:
        """Have a provider end abandoned work, if that is wanted; return whether it did."""
        if not self._abandonment.cancels:
            return False
        is_ended = desk.ends(left, self._clock())
        done = "cancelled" if is_ended else "could not be cancelled"
        log.warning("reconcile %s: abandoned %s %s %s", desk.provider, left.noun, left.id, done)
        return is_ended

    def _desks_of(self, job: Unsettled) -> list[Desk]:
        return self._desks.get(str(job.body.get("provider")), [])


def abandonment_of(config: JournalConfig) -> Abandonment:
    """Return what a configuration has done about work that nobody waits for."""
    hours = config.reconcile.abandoned_after_hours
    seconds = None if hours is None else hours * 3600.0
    return Abandonment(cancels=config.reconcile.cancel_abandoned, seconds=seconds)


def unsettled(dockets: Iterable[Docket], providers: Iterable[str]) -> Mapping[str, int]:
    """Return how many jobs of which provider are unsettled, 0 for those without any."""
    counts = dict.fromkeys(providers, 0)
    for docket in dockets:
        for provider, number in docket.counts().items():
            counts[provider] = counts.get(provider, 0) + number
    return counts
