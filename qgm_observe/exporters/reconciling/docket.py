"""The remote jobs, sessions and batches of a journal whose end or bill is unknown: when to ask."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any

from qgm_observe.exporters.reconciling.completion import is_unclosed, is_unsettled, kept
from qgm_observe.journal import TERMINAL, Event, Store
from qgm_observe.journal.folds import told_over

NOUNS = ("job", "session")
FIRST_PAUSE = 30.0
LONGEST_PAUSE = 6 * 3600.0
MOST = 10_000
"""Jobs; more are left out until some are settled and the journal is read anew."""


@dataclass(slots=True)
class Unsettled:
    """One job or session.

    Attributes:
        body: The part of its record that a completion needs.
        ask_at: Not before, epoch seconds.
        pause: Seconds to wait after the next answer that settles nothing.
        noun: `job` or `session`, which a batch is too.
    """

    subject: str
    run: str | None
    body: dict[str, Any]
    ask_at: float
    pause: float = FIRST_PAUSE
    noun: str = "job"


class Docket:
    """What is unsettled; used from any thread.

    Args:
        max_age: Seconds since its start after which a job is asked for no more.
    """

    def __init__(self, max_age: float) -> None:
        self.max_age = max_age
        self._lock = Lock()
        self._jobs: dict[str, Unsettled] = {}

    def take(self, events: Iterable[Event], now: float) -> None:
        """Take what ended, and what is known of it meanwhile."""
        with self._lock:
            for event in events:
                if event.noun in NOUNS and event.verb in (TERMINAL, "reconciled"):
                    self._take(event, now)

    def due(self, now: float, *, early: bool = False) -> list[Unsettled]:
        """Return what may be asked for now, jobs first; `early` is all there is."""
        with self._lock:
            for subject, job in list(self._jobs.items()):
                if now - job.body.get("start", now) > self.max_age:
                    del self._jobs[subject]
            due = [job for job in self._jobs.values() if early or job.ask_at <= now]
            return sorted(due, key=lambda job: (job.noun, job.ask_at))  # a session after its jobs

    def defer(self, job: Unsettled, now: float) -> None:
        """Ask again later, each time later still."""
        with self._lock:
            job.ask_at = now + job.pause
            job.pause = min(2 * job.pause, LONGEST_PAUSE)

    def counts(self) -> dict[str, int]:
        """Return how many jobs are unsettled, by provider."""
        counts: dict[str, int] = {}
        with self._lock:
            for job in [job for job in self._jobs.values() if job.noun == "job"]:
                provider = str(job.body.get("provider"))
                counts[provider] = counts.get(provider, 0) + 1
        return counts

    def to_json(self) -> dict[str, Any]:
        """Return JSON-compatible content."""
        with self._lock:
            return {
                job.subject: [job.run, job.body, float(job.ask_at), float(job.pause), job.noun]
                for job in self._jobs.values()
            }

    def resume(self, content: Mapping[str, Any]) -> None:
        """Take what `to_json` gave; what is damaged is left out."""
        with self._lock:
            self._jobs |= {job.subject: job for job in _jobs(content)}

    def _take(self, event: Event, now: float) -> None:
        known = self._jobs.get(event.subject)
        body = event.body if known is None else told_over(known.body, event.body)
        if not (is_unsettled if event.noun == "job" else is_unclosed)(body):
            self._jobs.pop(event.subject, None)
        elif known is not None:
            known.body = kept(body)
        elif len(self._jobs) < MOST:
            self._jobs[event.subject] = Unsettled(
                event.subject, event.run, kept(body), now + FIRST_PAUSE, noun=event.noun
            )


def scan(journal: Store, docket: Docket, now: float) -> None:
    """Fill a docket from a journal of which nothing is remembered."""
    verbs, since = (TERMINAL, "reconciled"), now - docket.max_age
    docket.take(journal.events(verbs=verbs, nouns=NOUNS, since=since), now)


def _jobs(content: Mapping[str, Any]) -> Iterator[Unsettled]:
    for subject, told in content.items():
        match told:
            case [None | str() as run, dict() as body, float() as ask_at, float() as pause, *noun]:
                yield Unsettled(subject, run, body, ask_at, pause, *noun[:1])
