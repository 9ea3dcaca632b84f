"""Bills: settled usage at a price, of an attempt or of a whole session; pure.

In session mode the session's usage is the cost, from its first job's start until it was given
back, idle time included. What its jobs used is a part of that, never added to it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from qgm_observe.catalog import ExecutionMode, Waste
from qgm_observe.catalog import labels as by
from qgm_observe.journal import Event
from qgm_observe.providers.cost import Cost, cost
from qgm_observe.providers.protocol import Price
from qgm_observe.records import Job
from qgm_observe.spend.pricing import as_text, waste_of, waste_of_attempt

Body = Mapping[str, Any]
_LABELS = tuple(label.name for label in by.JOB)


class Use(NamedTuple):
    """What an attempt took of a session: its job, seconds, and whether for nothing."""

    job: str
    seconds: float
    waste: Waste | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a session's cost.

    Attributes:
        job: Whose it is, `None` of the time in which none ran.
        seconds: Of device time.
        amount: In the currency of the whole.
        waste: Why it brought nothing, if so.
    """

    job: str | None
    seconds: float
    amount: Decimal
    waste: Waste | None = None


def apportion(usage_seconds: float, amount: Decimal, uses: Sequence[Use]) -> list[Share]:
    """Return the parts of a session's cost by time; the last is what was idle, and may be 0.

    The parts add up to the amount exactly. Where the jobs are told to have taken longer than the
    session was used, which clocks and rounding may do, their parts shrink to fit.

    Args:
        usage_seconds: Of the session, as its provider counts it.
        amount: What that costs.
        uses: Of its attempts.
    """
    whole = max(usage_seconds, sum(use.seconds for use in uses))
    shares = [
        Share(use.job, use.seconds, _part(amount, use.seconds, whole), use.waste) for use in uses
    ]
    spent = sum((share.amount for share in shares), Decimal(0))
    idle = whole - sum(use.seconds for use in uses)
    return [*shares, Share(None, max(idle, 0.0), amount - spent, Waste.IDLE)]


def _part(amount: Decimal, seconds: float, whole: float) -> Decimal:
    if whole <= 0:
        return Decimal(0)
    part = amount * Decimal(str(seconds)) / Decimal(str(whole))
    return part.quantize(Decimal("0.000001"), rounding="ROUND_DOWN")


def attempt_bill(
    attempt: Body, attempts: Sequence[Body], job: Body, price: Price | None
) -> dict[str, Any]:
    """Return the bill of an attempt as its event has it; nothing of it that is not known.

    Args:
        attempt: Its part of its job's body, with `device_seconds`, or `cost` and `currency`.
        attempts: Of the same job.
        job: The body of the job.
        price: Of the device; the provider's own cost goes before it.
    """
    told = {name: attempt[name] for name in ("device_seconds",) if name in attempt}
    if job.get("execution_mode") == ExecutionMode.SESSION:
        return told
    seconds = attempt.get("device_seconds")
    if attempt.get("cost") is not None:
        amount = Cost(Decimal(str(attempt["cost"])), str(attempt.get("currency")))
        return told | _priced(amount, None, _waste(attempt, attempts))
    known = cost(price, shots=job.get("shots"), seconds=seconds)
    return told if known is None else told | _priced(known, price, _waste(attempt, attempts))


def uses_of(job: Job) -> list[Use] | None:
    """Return what a job's attempts took of their session, `None` while one is not settled."""
    submitted = [attempt for attempt in job.attempts if attempt.provider_job_id]
    if any(attempt.device_seconds is None for attempt in submitted):
        return None
    return [
        Use(job.id, attempt.device_seconds or 0.0, waste_of_attempt(attempt, job.attempts))
        for attempt in submitted
    ]


def session_bill(
    session: Event, usage_seconds: float, uses: Iterable[Use], price: Price | None
) -> Event:
    """Return the bill of a session, the same whoever makes it.

    Args:
        session: An event whose body has the session's labels.
        usage_seconds: As its provider counts it, settled.
        uses: Of all its attempts.
        price: Of the device.
    """
    used = list(uses)
    body = {name: session.body[name] for name in _LABELS if name in session.body}
    known = cost(price, seconds=usage_seconds)
    shares = apportion(usage_seconds, Decimal(0) if known is None else known.amount, used)
    body |= {"device_seconds": usage_seconds, "idle_seconds": shares[-1].seconds}
    if known is not None:
        body |= _priced(known, price) | {"wasted": _sums(shares)}
    return Event(
        verb="billed",
        noun="session",
        subject=session.subject,
        run=session.run,
        at=session.at,
        body=body,
        id=f"{session.subject}/billed",
    )


def _waste(attempt: Body, attempts: Sequence[Body]) -> Waste | None:
    last = max((each.get("number", 0) for each in attempts), default=0)
    return waste_of(attempt.get("outcome"), is_last=attempt.get("number", 0) >= last)


def _priced(known: Cost, price: Price | None, waste: Waste | None = None) -> dict[str, Any]:
    told: dict[str, Any] = {"cost": as_text(known.amount), "currency": known.currency}
    if price is not None:
        told["price"] = f"{price.source}, {price.as_of}"
    if waste is not None and known.amount:
        told["wasted"] = {waste.value: told["cost"]}
    return told


def _sums(shares: Iterable[Share]) -> dict[str, str]:
    sums: dict[str, Decimal] = {}
    for share in shares:
        if share.waste is not None and share.amount:
            sums[share.waste.value] = sums.get(share.waste.value, Decimal(0)) + share.amount
    return {reason: as_text(amount) for reason, amount in sums.items()}
