"""What work cost, line by line: one a provider job, one a session's idle time, as a journal tells.

A line's cost is the best that is known of it: the invoice's, else the settled usage at list price,
else nothing. What is not settled is pending, and an estimate stands beside it, never in its place.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from qgm_observe.catalog import ExecutionMode, Outcome, Waste
from qgm_observe.journal import Event
from qgm_observe.journal.event import MONEY
from qgm_observe.journal.reading import Reader
from qgm_observe.providers.cost import Cost, cost
from qgm_observe.providers.protocol import Price
from qgm_observe.records import Attempt, Job, Session, Work
from qgm_observe.spend.billing import Share, Use, apportion
from qgm_observe.spend.pricing import told_cost, waste_of_attempt

Quote = Callable[[str, str], Price | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One thing that costs money.

    Attributes:
        subject: Id of the job, or of the session whose idle time it is.
        run: Its run.
        shots: Of the attempt, `None` where unknown.
        outcome: Of the attempt; `None` of idle time and of what is not over.
        seconds: Device time, `None` while it is pending.
        estimated_seconds: Of device time, before it ran.
        estimated: Before it ran.
        billed: Settled usage at list price, or the part of its session's.
        invoiced: As the provider's invoice has it.
        waste: Why it brought nothing, if so.
    """

    subject: str
    run: str | None
    work: Work
    provider: str
    device: str
    mode: ExecutionMode
    shots: int | None = None
    outcome: Outcome | None = None
    seconds: float | None = None
    estimated_seconds: float | None = None
    estimated: Cost | None = None
    billed: Cost | None = None
    invoiced: Cost | None = None
    waste: Waste | None = None

    @property
    def known(self) -> Cost | None:
        """The best that is known of what it cost, `None` while that is pending."""
        return self.invoiced or self.billed

    @property
    def is_pending(self) -> bool:
        """Whether its bill is still to come."""
        return self.seconds is None and self.known is None


@dataclass(frozen=True, slots=True)
class Statement:
    """All lines of some work.

    Attributes:
        lines: Jobs and idle times.
        untagged: Invoice lines that belong to no recorded work.
        prevented: What guards did not let through, by estimate.
    """

    lines: tuple[Line, ...]
    untagged: tuple[Cost, ...] = ()
    prevented: tuple[Cost, ...] = ()

    @classmethod
    def of(
        cls,
        journal: Reader,
        quote: Quote,
        *,
        runs: Collection[str] | None = None,
        since: float | None = None,
        until: float | None = None,
    ) -> "Statement":
        """Return the statement of a journal.

        Args:
            journal: To be read.
            quote: The price of a device, for usage that was settled without one.
            runs: Of these runs only, by id.
            since: Whose work began at or after, epoch seconds.
            until: Whose work began before, epoch seconds.
        """
        told = _Told(journal.events(verbs=MONEY, runs=runs))
        span = {"since": since, "until": until}
        jobs = [job for job in _records(journal, Job, runs, span) if _is_remote(job)]
        sessions = _records(journal, Session, runs, span)
        dedicated = [s for s in sessions if s.mode is ExecutionMode.SESSION]
        inside = {session.id for session in dedicated}
        lines = [
            line
            for job in jobs
            if job.session not in inside
            for line in _job_lines(job, told, quote)
        ]
        for session in dedicated:
            own = [job for job in jobs if job.session == session.id]
            lines += _session_lines(session, own, told, quote)
        return cls(tuple(lines), tuple(told.untagged), tuple(told.prevented))


class _Told:
    """What events told of money, by subject."""

    def __init__(self, events: Iterator[Event]) -> None:
        self.bodies: dict[tuple[str, str], Mapping[str, Any]] = {}
        self.invoiced: dict[str, Cost] = {}
        self.untagged: list[Cost] = []
        self.prevented: list[Cost] = []
        for event in events:
            amount = told_cost(event.body)
            if event.verb == "guarded" and amount is not None:
                self.prevented.append(amount)
            elif event.verb == "invoiced" and amount is not None:
                self._invoice(event, amount)
            self.bodies[event.verb, event.subject] = event.body

    def cost(self, verb: str, subject: str) -> Cost | None:
        return told_cost(self.bodies.get((verb, subject), {}))

    def seconds(self, verb: str, subject: str) -> float | None:
        seconds = self.bodies.get((verb, subject), {}).get("device_seconds")
        return None if seconds is None else float(seconds)

    def _invoice(self, event: Event, amount: Cost) -> None:
        body = event.body
        subject = body.get("session")
        if "job" in body:
            subject = f"{body['job']}.{body['number']}"
        if subject is None:
            self.untagged.append(amount)
        elif subject not in self.invoiced:
            self.invoiced[subject] = amount
        elif self.invoiced[subject].currency == amount.currency:
            total = self.invoiced[subject].amount + amount.amount
            self.invoiced[subject] = Cost(total, amount.currency)


def _records(
    journal: Reader, kind: Any, runs: Collection[str] | None, span: Mapping[str, Any]
) -> list[Any]:
    if runs is None:
        return list(journal.records(kind, **span))
    return [record for run in runs for record in journal.records(kind, run=run, **span)]


def _is_remote(job: Job) -> bool:
    return job.execution_mode is not ExecutionMode.LOCAL


def _job_lines(job: Job, told: _Told, quote: Quote) -> Iterator[Line]:
    for attempt in _costly(job):
        name = f"{job.id}.{attempt.number}"
        seconds = attempt.device_seconds
        billed = told.cost("billed", name)
        if billed is None and seconds is not None:
            price = quote(job.provider, job.device)
            billed = cost(price, shots=job.shots, seconds=seconds)
        yield _line(
            job,
            attempt,
            seconds=seconds,
            estimated_seconds=told.seconds("estimated", name),
            estimated=told.cost("estimated", name),
            billed=billed,
            invoiced=told.invoiced.get(name),
        )


def _session_lines(
    session: Session, jobs: Sequence[Job], told: _Told, quote: Quote
) -> Iterator[Line]:
    """Yield a session's jobs, each with its part of the whole, and its idle time."""
    pairs = [(job, attempt) for job in jobs for attempt in _costly(job)]
    usage = told.seconds("billed", session.id)
    billed = told.cost("billed", session.id)
    if usage is not None and billed is None:
        billed = cost(quote(session.provider, session.device), seconds=usage)
    invoiced = told.invoiced.get(session.id)
    uses = [
        Use(job.id, attempt.device_seconds or 0.0, waste_of_attempt(attempt, job.attempts))
        for job, attempt in pairs
    ]
    of_bill, of_invoice = _shares(usage, billed, uses), _shares(usage, invoiced, uses)
    for place, (job, attempt) in enumerate(pairs):
        name = f"{job.id}.{attempt.number}"
        yield _line(
            job,
            attempt,
            seconds=None if usage is None else attempt.device_seconds,
            estimated_seconds=told.seconds("estimated", name),
            estimated=told.cost("estimated", name),
            billed=_cost_of(of_bill, place, billed),
            invoiced=_cost_of(of_invoice, place, invoiced),
        )
    idle = of_bill or of_invoice or _shares(usage, Cost(Decimal(0), ""), uses)
    if pairs or usage:
        yield Line(
            subject=session.id,
            run=jobs[0].run if jobs else None,
            work=session.work,
            provider=session.provider,
            device=session.device,
            mode=session.mode,
            seconds=idle[-1].seconds if idle else None,
            estimated_seconds=told.seconds("estimated", session.id),
            estimated=told.cost("estimated", session.id),
            billed=_cost_of(of_bill, -1, billed),
            invoiced=_cost_of(of_invoice, -1, invoiced),
            waste=Waste.IDLE,
        )


def _shares(usage: float | None, whole: Cost | None, uses: Sequence[Use]) -> list[Share]:
    return [] if usage is None or whole is None else apportion(usage, whole.amount, uses)


def _cost_of(shares: Sequence[Share], place: int, whole: Cost | None) -> Cost | None:
    return None if whole is None or not shares else Cost(shares[place].amount, whole.currency)


def _costly(job: Job) -> list[Attempt]:
    """Return the attempts that a provider has."""
    return [attempt for attempt in job.attempts if attempt.provider_job_id is not None]


def _line(job: Job, attempt: Attempt, **told: Any) -> Line:
    return Line(
        subject=job.id,
        run=job.run,
        work=job.work,
        provider=job.provider,
        device=job.device,
        mode=job.execution_mode,
        shots=job.shots,
        outcome=attempt.outcome,
        waste=waste_of_attempt(attempt, job.attempts),
        **told,
    )
