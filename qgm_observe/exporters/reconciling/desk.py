"""An account that is asked how work ended: within a budget, and left in peace when it fails."""

import logging
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from qgm_observe.catalog import ErrorClass
from qgm_observe.exporters.journal_config import JournalConfig
from qgm_observe.exporters.polling.breaker import Breaker
from qgm_observe.exporters.polling.retry_after import retry_after
from qgm_observe.exporters.polling.schedule import Budget
from qgm_observe.exporters.reconciling.abandoned import Abandoned
from qgm_observe.exporters.reconciling.completion import TAG, ids_of, needs_search
from qgm_observe.exporters.reconciling.docket import Unsettled
from qgm_observe.providers.prices import prices
from qgm_observe.providers.protocol import (
    Canceler,
    Capability,
    Price,
    Provider,
    ProviderJob,
    ProviderSession,
)
from qgm_observe.records import Job

Answer = TypeVar("Answer")

log = logging.getLogger("qgm_observe")

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

    def ask(self, question: Callable[[Provider], Answer], now: float) -> Answer | None:
        """Return what the account answers, `None` if it cannot be asked."""
        if not self.may_be_asked(now):
            return None
        try:
            self.opened = self.opened or self.open()
            if Capability.JOBS not in self.opened.capabilities:
                return None
            answer = question(self.opened)
        except Exception as error:  # noqa: BLE001  a provider's library raises what it likes
            self._failed(error, now)
            return None
        self.breaker.succeeded()
        return answer

    def jobs_of(self, job: Unsettled, now: float) -> list[ProviderJob] | None:
        """Return the provider's jobs of an unsettled one, `None` if the account cannot be asked.

        Each attempt is asked for by its id, and those without one by our tag.
        """
        return self.ask(partial(self._found, job=job, now=now), now)

    def session_of(
        self, id_: str | None, jobs: Iterable[Job], now: float
    ) -> ProviderSession | None:
        """Return a session by its id, or by that of a job in it where nobody told its own."""
        return self.ask(partial(_session, id_=id_, jobs=jobs), now)

    def ends(self, left: Abandoned, now: float) -> bool:
        """Have abandoned work ended; return whether it was."""
        return self.ask(partial(_end, left=left), now) is True

    def price(self, work: Mapping[str, Any]) -> Price | None:
        """Return the account's price of the device of work; one that cannot be told is unknown.

        Where the account was configured without a plan, it is the list price of the work's own.
        """
        if self.opened is None or Capability.PRICE not in self.opened.capabilities:
            return None
        device = str(work.get("device"))
        try:
            return self.opened.price(device) or prices().price(
                self.provider, device, work.get("plan")
            )
        except Exception as error:  # noqa: BLE001  a plug-in's own fault
            log.warning("reconcile %s: price: %s", self.provider, type(error).__name__)
            return None

    def close(self) -> None:
        """Let the provider go."""
        provider, self.opened = self.opened, None
        if provider is not None:
            try:
                provider.close()
            except Exception as error:  # noqa: BLE001  it is not needed any more
                log.warning("reconcile %s: closing: %s", self.provider, type(error).__name__)

    def _found(self, provider: Provider, job: Unsettled, now: float) -> list[ProviderJob]:
        found: dict[str, ProviderJob] = {}
        ids = ids_of(job.body)
        searched = needs_search(job.body)
        for _ in range(len(ids) + searched - 1):  # the first call is counted already
            self.budget.take(now)
        for id_ in ids:
            told = _one(provider, id_)
            if told is not None:
                found[told.id] = told
        if searched:
            tagged = provider.jobs(tag=f"{TAG}{job.subject}", limit=MOST_FOUND)
            found |= {each.id: each for each in tagged if each.id not in found}
        return list(found.values())

    def _failed(self, error: Exception, now: float) -> None:
        kind = ErrorClass.OTHER
        if self.opened is not None:
            kind = _class_of(self.opened, error)
        if kind is ErrorClass.AUTH:
            self.close()
        self.breaker.failed(now, retry_after(error, now))
        log.warning("reconcile %s: %s (%s)", self.provider, kind.value, type(error).__name__)


def desks_of(config: JournalConfig, now: float) -> list[Desk]:
    """Return the accounts of a configuration; none is asked yet."""
    from qgm_observe.exporters.provider import open_provider

    calls = config.reconcile.calls_per_hour
    return [
        Desk(each.provider, partial(open_provider, each), Budget(calls, now))
        for each in config.providers
    ]


def _session(provider: Provider, id_: str | None, jobs: Iterable[Job]) -> ProviderSession | None:
    """Return a session by its id, or by that of a job in it where nobody told its own."""
    if id_ is None:
        ids = [a.provider_job_id for job in jobs for a in job.attempts if a.provider_job_id]
        told = _one(provider, ids[0]) if ids else None
        id_ = None if told is None else told.session
    if not id_ or Capability.SESSIONS not in provider.capabilities:
        return None
    return _known(provider, lambda: provider.session(id_))


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
    return _known(provider, lambda: provider.job(id_))


def _known(provider: Provider, question: Callable[[], Answer]) -> Answer | None:
    """Return an answer, `None` where the account knows nothing of that id."""
    try:
        return question()
    except Exception as error:
        if _class_of(provider, error) is ErrorClass.NOT_FOUND:
            return None
        raise


def _class_of(provider: Provider, error: Exception) -> ErrorClass:
    try:
        return ErrorClass(provider.classify(error))
    except Exception:  # noqa: BLE001  a plug-in's own fault
        return ErrorClass.OTHER
