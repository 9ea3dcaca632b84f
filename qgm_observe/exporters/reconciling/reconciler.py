"""Asks providers how remote work ended, days later if need be, and completes its records.

One process at a time does this for a journal, by lease. Each account is asked within a budget of
calls; one that fails is left in peace for a while. A job is found by the provider's id of each
attempt, and by our tag where an id never came back. A session is billed once all its jobs are.
What nobody waits for any more is told, and cancelled where that is wanted.
"""

import contextlib
import logging
import random
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from qgm_observe.catalog import ErrorClass
from qgm_observe.errors import JournalError
from qgm_observe.exporters.journal_config import JournalConfig
from qgm_observe.exporters.polling.breaker import Breaker
from qgm_observe.exporters.polling.retry_after import retry_after
from qgm_observe.exporters.polling.schedule import Budget
from qgm_observe.exporters.reconciling.abandoned import (
    Abandoned,
    Abandonment,
    abandoned_jobs,
    cancellations,
    last_submitted,
)
from qgm_observe.exporters.reconciling.completion import (
    TAG,
    Case,
    complete,
    complete_session,
    ids_of,
    needs_search,
)
from qgm_observe.exporters.reconciling.docket import Docket, Unsettled
from qgm_observe.journal import Store
from qgm_observe.providers.protocol import (
    Canceler,
    Capability,
    Price,
    Provider,
    ProviderJob,
    ProviderSession,
)
from qgm_observe.records import Job
from qgm_observe.spend.billing import uses_of

Answer = TypeVar("Answer")

log = logging.getLogger("qgm_observe")

LEASE = "reconcile"
LEASE_SECONDS = 60.0
SEARCHED_FOR = 3600.0
"""Seconds since a job's start within which one that is not found may still turn up."""

MOST_FOUND = 20


@dataclass(slots=True)
class Desk:
    """An account that is asked.

    Attributes:
        provider: The label `provider` of the jobs it may know.
        open: Opens it, when it is first asked and after a refused login.
        budget: Calls that it is asked at most.
        breaker: Holds calls back after failures.
    """

    provider: str
    open: Callable[[], Provider]
    budget: Budget
    breaker: Breaker = field(default_factory=lambda: Breaker(random.Random()))  # noqa: S311  jitter
    opened: Provider | None = None

    def is_ready(self, now: float) -> bool:
        """Return whether a call could be made."""
        return self.budget.wait(now) <= 0 and (self.breaker.retry_at or now) <= now

    def may_be_asked(self, now: float) -> bool:
        """Return whether a call may be made; it counts as made."""
        return self.breaker.allows(now) and self.budget.take(now)


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
                _close(desk)

    def _settle(self, journal: Store, docket: Docket, job: Unsettled) -> bool:
        """Ask every account until one knows the job; that none does is believed from all alone."""
        found: list[ProviderJob] = []
        price: Price | None = None
        told = []
        for desk in self._desks_of(job):
            told.append(self._ask(desk, partial(self._found, desk, job=job)))
            found = told[-1] or []
            if found:
                price = self._price(desk, job)
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
            told = self._ask(desk, partial(_session, id_=id_, jobs=jobs))
            if told is not None and told.is_open and is_due:
                told = self._closed(desk, session, told, now - last_submitted(session, jobs))
            if None in uses:
                continue
            if told is not None and not told.is_open and told.usage_seconds is not None:
                case = Case(session.subject, session.run, session.body, now)
                used = [use for each in uses for use in each or ()]
                events = complete_session(case, told, used, self._price(desk, session))
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
        return self._ask(desk, partial(self._found, desk, job=job)) or found

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
        device = str(session.body.get("device", told.device))
        left = Abandoned(noun="session", id=told.id, provider=desk.provider, device=device, age=age)
        if not self._ends(desk, left):
            self.abandoned.append(left)
            return told
        self.abandoned.append(left.cancelled())
        return self._ask(desk, lambda provider: provider.session(told.id))

    def _ends(self, desk: Desk, left: Abandoned) -> bool:
        """Have a provider end abandoned work, if that is wanted; return whether it did."""
        if not self._abandonment.cancels:
            return False
        is_ended = self._ask(desk, partial(_end, left=left)) is True
        done = "cancelled" if is_ended else "could not be cancelled"
        log.warning("reconcile %s: abandoned %s %s %s", desk.provider, left.noun, left.id, done)
        return is_ended

    def _price(self, desk: Desk, work: Unsettled) -> Price | None:
        """Return the account's price of a device; one that cannot be told is unknown."""
        if desk.opened is None or Capability.PRICE not in desk.opened.capabilities:
            return None
        try:
            return desk.opened.price(str(work.body.get("device")))
        except Exception as error:  # noqa: BLE001  a plug-in's own fault
            log.warning("reconcile %s: price: %s", desk.provider, type(error).__name__)
            return None

    def _desks_of(self, job: Unsettled) -> list[Desk]:
        return self._desks.get(str(job.body.get("provider")), [])

    def _ask(self, desk: Desk, question: Callable[[Provider], Answer]) -> Answer | None:
        """Return what an account answers, `None` if it cannot be asked."""
        now = self._clock()
        if not desk.may_be_asked(now):
            return None
        try:
            desk.opened = desk.opened or desk.open()
            if Capability.JOBS not in desk.opened.capabilities:
                return None
            answer = question(desk.opened)
        except Exception as error:  # noqa: BLE001  a provider's library raises what it likes
            self._failed(desk, error, now)
            return None
        desk.breaker.succeeded()
        return answer

    def _found(self, desk: Desk, provider: Provider, job: Unsettled) -> list[ProviderJob]:
        """Ask for each attempt by its id, and for those without one by our tag."""
        found: dict[str, ProviderJob] = {}
        ids = ids_of(job.body)
        searched = needs_search(job.body)
        for _ in range(len(ids) + searched - 1):  # the first call is counted already
            desk.budget.take(self._clock())
        for id_ in ids:
            told = _one(provider, id_)
            if told is not None:
                found[told.id] = told
        if searched:
            tagged = provider.jobs(tag=f"{TAG}{job.subject}", limit=MOST_FOUND)
            found |= {each.id: each for each in tagged if each.id not in found}
        return list(found.values())

    def _failed(self, desk: Desk, error: Exception, now: float) -> None:
        kind = ErrorClass.OTHER
        if desk.opened is not None:
            kind = _class_of(desk.opened, error)
        if kind is ErrorClass.AUTH:
            _close(desk)
        desk.breaker.failed(now, retry_after(error, now))
        log.warning("reconcile %s: %s (%s)", desk.provider, kind.value, type(error).__name__)


def desks_of(config: JournalConfig, now: float) -> list[Desk]:
    """Return the accounts of a configuration; none is asked yet."""
    from qgm_observe.exporters.provider import open_provider

    calls = config.reconcile.calls_per_hour
    return [
        Desk(each.provider, partial(open_provider, each), Budget(calls, now))
        for each in config.providers
    ]


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


def _session(provider: Provider, id_: str | None, jobs: Iterable[Job]) -> ProviderSession | None:
    """Return a session by its id, or by that of a job in it where nobody told its own."""
    if id_ is None:
        ids = [a.provider_job_id for job in jobs for a in job.attempts if a.provider_job_id]
        told = _one(provider, ids[0]) if ids else None
        id_ = None if told is None else told.session
    return provider.session(id_) if id_ and Capability.SESSIONS in provider.capabilities else None


_UNANSWERED = {ErrorClass.AUTH, ErrorClass.NETWORK, ErrorClass.RATE_LIMIT}


def _end(provider: Provider, left: Abandoned) -> bool:
    """Have something cancelled; false where it is over already, or the provider cannot."""
    if not isinstance(provider, Canceler):
        return False
    try:
        (provider.cancel if left.noun == "job" else provider.close_session)(left.id)
    except Exception as error:
        if _class_of(provider, error) in _UNANSWERED:
            raise
        return False
    return True


def _one(provider: Provider, id_: str) -> ProviderJob | None:
    try:
        return provider.job(id_)
    except Exception as error:
        if _class_of(provider, error) is ErrorClass.NOT_FOUND:
            return None
        raise


def _class_of(provider: Provider, error: Exception) -> ErrorClass:
    try:
        return ErrorClass(provider.classify(error))
    except Exception:  # noqa: BLE001  a plug-in's own fault
        return ErrorClass.OTHER


def _close(desk: Desk) -> None:
    provider, desk.opened = desk.opened, None
    if provider is not None:
        try:
            provider.close()
        except Exception as error:  # noqa: BLE001  it is not needed any more
            log.warning("reconcile %s: closing: %s", desk.provider, type(error).__name__)
