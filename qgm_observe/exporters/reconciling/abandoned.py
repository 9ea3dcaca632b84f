"""Work that nobody waits for any more: older than it may live, and recorded by nobody now.

Its process ended or died, so it does not cancel what its guard's time to live would have it cancel.
The reconciler does that where it is told to; otherwise it only says what it found.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from qgm_observe.catalog import labels as by
from qgm_observe.exporters.reconciling.completion import matched
from qgm_observe.exporters.reconciling.docket import Unsettled
from qgm_observe.journal import Event
from qgm_observe.providers.cost import Cost, cost
from qgm_observe.providers.protocol import Price, ProviderJob
from qgm_observe.records import Job
from qgm_observe.spend.foresight import formula
from qgm_observe.spend.pricing import as_text

_LABELS = tuple(label.name for label in by.JOB)


@dataclass(frozen=True, slots=True)
class Abandonment:
    """What is done about abandoned work.

    Attributes:
        cancels: Whether it is cancelled; else it is only told.
        seconds: How long work may live whose guards told nothing, from its submission; without it
            such work is left alone.
    """

    cancels: bool = False
    seconds: float | None = None

    def is_due(self, body: Mapping[str, Any], since: float, now: float) -> bool:
        """Return whether work has lived longer than it may.

        Args:
            body: Of its record.
            since: When it was submitted last, epoch seconds.
            now: Epoch seconds.
        """
        allowed = body.get("ttl_seconds", self.seconds)
        return allowed is not None and now - since > allowed


@dataclass(frozen=True, slots=True, kw_only=True)
class Abandoned:
    """A job, session or batch that nobody waits for.

    Attributes:
        noun: `job`, `session` or `batch`.
        id: The provider's.
        age: Seconds since it was submitted.
        seconds: Device time that it is expected to take, `None` where that cannot be told.
        amount: What that costs, `None` where no price is known.
        is_cancelled: Whether it was ended now.
    """

    noun: str
    id: str
    provider: str
    device: str
    age: float
    seconds: float | None = None
    amount: Cost | None = None
    is_cancelled: bool = False

    def cancelled(self) -> "Abandoned":
        """Return it as ended."""
        return replace(self, is_cancelled=True)


def abandoned_jobs(
    work: Unsettled, found: Iterable[ProviderJob], price: Price | None, how: Abandonment, now: float
) -> list[Abandoned]:
    """Return the provider's jobs of one of ours that wait or run and have lived too long.

    Args:
        work: Ours.
        found: The provider's.
        price: Of the device.
        how: See there.
        now: Epoch seconds.
    """
    started = float(work.body.get("start", now))
    return [
        _abandoned(work, job, price, now - (job.created_at or started))
        for job in found
        if not job.state.is_final and how.is_due(work.body, job.created_at or started, now)
    ]


def last_submitted(session: Unsettled, jobs: Iterable[Job]) -> float:
    """Return when the last job of a session began, or itself, epoch seconds."""
    began = float(session.body.get("start", 0.0))
    return max((job.started_at for job in jobs), default=began)


def cancellations(
    work: Unsettled, found: Sequence[ProviderJob], ended: Iterable[Abandoned], now: float
) -> list[Event]:
    """Return what the journal is told of jobs that were cancelled; each once, whoever does it.

    Args:
        work: Ours.
        found: All jobs at the provider that are attempts of it.
        ended: Those that were cancelled.
        now: Epoch seconds.
    """
    attempts = matched(work.body, found)
    numbers = {each.get("provider_job_id"): each["number"] for each in attempts}
    return [_event(work, numbers[each.id], each, now) for each in ended]


def _abandoned(work: Unsettled, job: ProviderJob, price: Price | None, age: float) -> Abandoned:
    shots = work.body.get("shots")
    seconds = job.estimated_seconds or (formula(int(shots)) if shots else None)
    return Abandoned(
        noun="job",
        id=job.id,
        provider=job.provider,
        device=str(work.body.get("device", job.device)),
        age=age,
        seconds=seconds,
        amount=None if seconds is None else cost(price, shots=shots, seconds=seconds),
    )


def _event(work: Unsettled, number: int, ended: Abandoned, now: float) -> Event:
    body = {name: work.body[name] for name in _LABELS if name in work.body}
    body |= {"job": work.subject, "number": number, "provider_job_id": ended.id}
    body["reason"] = f"cancelled: nobody waits for it, {ended.age:.0f} s after its submission"
    if ended.seconds is not None:
        body["device_seconds"] = ended.seconds
    if ended.amount is not None:
        body |= {"cost": as_text(ended.amount.amount), "currency": ended.amount.currency}
    subject = f"{work.subject}.{number}"
    return Event(
        verb="guarded",
        noun="attempt",
        subject=subject,
        run=work.run,
        at=now,
        body=body,
        id=f"{subject}/guarded",
    )
