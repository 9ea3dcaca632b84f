"""From what a provider knows of a job to the later truth of a record; pure.

What is completed: state and error, queue and execution by the provider's clock, time on the device
and cost once they are settled. A job that ended `lost` gets the outcome that its last attempt has
at the provider; any other job keeps the outcome that its process saw. Counters keep what they
counted: `qgm_jobs_total{outcome="lost"}` never falls, and how many of the lost turned out otherwise
is told by `qgm_exporter_jobs_reconciled_total`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from qgm_observe.catalog import ErrorClass, ExecutionMode, Outcome, provider_signals
from qgm_observe.catalog import labels as by
from qgm_observe.journal import Event
from qgm_observe.journal.appending import reconciled_id
from qgm_observe.journal.body import encode
from qgm_observe.providers.protocol import JobState, Price, ProviderJob, ProviderSession
from qgm_observe.records import PROVIDER
from qgm_observe.spend.billing import Use, attempt_bill, session_bill

TAG = "qgm-"
_OUTCOMES = {
    JobState.DONE: Outcome.SUCCESS,
    JobState.FAILED: Outcome.FAILURE,
    JobState.CANCELLED: Outcome.CANCELLED,
    JobState.RAN_TOO_LONG: Outcome.TIMEOUT,
}
_CLASSES = {
    Outcome.FAILURE: ErrorClass.EXECUTION,
    Outcome.CANCELLED: ErrorClass.CANCELLED,
    Outcome.TIMEOUT: ErrorClass.RUN_TIMEOUT,
}
_DOUBTFUL = {Outcome.LOST, Outcome.TIMEOUT, Outcome.CANCELLED}
_NOBODY = {"", "unknown", "local"}
_HELD = {ExecutionMode.SESSION, ExecutionMode.BATCH}
_LABELS = tuple(label.name for label in by.JOB)
_KEPT = (
    *(*_LABELS, "start", "outcome", "error", "stages", "attempts", "shots", "session"),
    *("provider_session_id", "ttl_seconds", "plan"),
)

Body = Mapping[str, Any]
_BILLED = ("number", "provider_job_id")


@dataclass(frozen=True, slots=True)
class Case:
    """A job of ours.

    Attributes:
        body: As its process, or an earlier completion, told it.
        now: Epoch seconds.
    """

    subject: str
    run: str | None
    body: Body
    now: float


@dataclass(frozen=True, slots=True)
class Completion:
    """What was found out about a job.

    Attributes:
        events: To be appended; their ids follow from what they say, so twice is once.
        is_settled: Nothing more will be known.
    """

    events: tuple[Event, ...]
    is_settled: bool


def kept(body: Body) -> dict[str, Any]:
    """Return the part of a finished body that its completion needs."""
    return {name: body[name] for name in _KEPT if name in body}


def is_unsettled(body: Body) -> bool:
    """Return whether a provider knows more of a finished remote job than its record."""
    provider, mode = body.get("provider", ""), body.get("execution_mode")
    if mode in (None, ExecutionMode.LOCAL) or provider in _NOBODY:
        return False
    if body.get("reconciliation") in ("complete", "absent"):
        return False
    return body.get("outcome") == Outcome.LOST or any(map(_is_open, _attempts(body)))


def is_unclosed(body: Body) -> bool:
    """Return whether a finished session or batch may be open, or its usage not be settled."""
    if body.get("execution_mode") not in _HELD or body.get("provider", "") in _NOBODY:
        return False
    return body.get("reconciliation") != "complete"


def ids_of(body: Body) -> list[str]:
    """Return the provider's ids of a job's attempts, as far as they are known."""
    return [each["provider_job_id"] for each in _attempts(body) if each.get("provider_job_id")]


def needs_search(body: Body) -> bool:
    """Return whether an attempt may have reached the provider without its id coming back."""
    return not _attempts(body) or any(_is_doubtful(each) for each in _attempts(body))


def complete(case: Case, found: Sequence[ProviderJob], price: Price | None = None) -> Completion:
    """Return what a provider's jobs tell about one of ours.

    Args:
        case: Ours.
        found: All jobs at the provider that are attempts of it, in any order.
        price: Of the device, for bills of which the provider tells the time alone.
    """
    body, was_lost = case.body, case.body.get("outcome") == Outcome.LOST
    attempts = matched(body, found)
    told: dict[str, Any] = {"attempts": attempts, "reconciliation": _progress(found)}
    told |= _stages(body, found)
    if was_lost:
        told |= _outcome(attempts)
    at = max((job.finished_at or 0.0 for job in found), default=0.0) or case.now
    id_ = reconciled_id(case.subject, encode(told))
    events = [_event("reconciled", "job", case.subject, case.run, at=at, body=told, id_=id_)]
    events += _billed(case, attempts, {job.id: job for job in found}, price)
    if was_lost and all(job.state.is_final for job in found):
        events.append(_noted(case, told.get("outcome", Outcome.LOST)))
    return Completion(tuple(events), told["reconciliation"] != "open")


def complete_session(
    case: Case, session: ProviderSession, uses: Iterable[Use], price: Price | None
) -> tuple[Event, ...]:
    """Return what a provider's closed session tells about one of ours, and its bill.

    A batch has none: its jobs are billed one by one.

    Args:
        case: Ours.
        session: The provider's; its usage is known.
        uses: Of all attempts in it.
        price: Of the device.
    """
    usage, at = session.usage_seconds or 0.0, session.closed_at or case.now
    told = {"usage_seconds": usage, "provider_session_id": session.id, "reconciliation": "complete"}
    id_ = reconciled_id(case.subject, encode(told))
    event = _event("reconciled", "session", case.subject, case.run, at=at, body=told, id_=id_)
    if case.body.get("execution_mode") == ExecutionMode.BATCH:
        return (event,)
    return event, session_bill(replace(event, body={**case.body, **told}), usage, uses, price)


def _attempts(body: Body) -> list[Body]:
    return [each for each in body.get("attempts") or () if isinstance(each, Mapping)]


def _is_open(attempt: Body) -> bool:
    """A submission whose bill is unknown, or of which nobody knows whether it arrived."""
    if attempt.get("provider_job_id"):
        return attempt.get("device_seconds") is None and attempt.get("cost") is None
    return _is_doubtful(attempt)


def _is_doubtful(attempt: Body) -> bool:
    if attempt.get("provider_job_id"):
        return False
    error = attempt.get("error") or {}
    was_cut = error.get("class") == ErrorClass.NETWORK
    return was_cut or attempt.get("outcome") in (*_DOUBTFUL, None)


def matched(body: Body, found: Sequence[ProviderJob]) -> list[dict[str, Any]]:
    """Return a job's attempts with what is found: by id, else in the order of their creation.

    A submission more than there were attempts, such as of a request that was sent twice, is an
    attempt of its own: it costs as much as any.
    """
    attempts = [dict(each) for each in _attempts(body)]
    known = {each["provider_job_id"]: each for each in attempts if each.get("provider_job_id")}
    waiting = [each for each in attempts if _is_doubtful(each)]
    for job in sorted(found, key=lambda job: job.created_at or 0.0):
        attempt = known.get(job.id) or (waiting.pop(0) if waiting else None)
        if attempt is None:
            attempt = {"number": max((each["number"] for each in attempts), default=0) + 1}
            attempts.append(attempt)
        attempt.update(_told(job))
        if attempt.get("outcome") == Outcome.SUCCESS:
            attempt.pop("error", None)
    return attempts


def _told(job: ProviderJob) -> dict[str, Any]:
    outcome = _OUTCOMES.get(job.state)
    told = {
        "provider_job_id": job.id,
        "outcome": None if outcome is None else outcome.value,
        "error": _error(job, outcome),
        "queue_seconds": _between(job.created_at, job.started_at),
        "execute_seconds": _between(job.started_at, job.finished_at),
        "created_at": job.created_at,
        "started_at": job.started_at,
        "finished_at": job.finished_at,
        "device_seconds": job.device_seconds,
        "cost": None if job.cost is None else str(job.cost),
        "currency": job.currency,
        "calibration_id": job.calibration_id,
    }
    return {name: value for name, value in told.items() if value is not None}


def _error(job: ProviderJob, outcome: Outcome | None) -> dict[str, Any] | None:
    if outcome is None or outcome not in _CLASSES:
        return None
    told = {"class": (job.error_class or _CLASSES[outcome]).value, "type": "", "stage": "execute"}
    return told | ({"code": job.error_code} if job.error_code else {})


def _between(first: float | None, second: float | None) -> float | None:
    return second - first if first is not None and second is not None and second >= first else None


def _progress(found: Sequence[ProviderJob]) -> str:
    if not found:
        return "absent"
    settled = all(
        job.state.is_final and (job.device_seconds is not None or job.cost is not None)
        for job in found
    )
    return "complete" if settled else "open"


def _outcome(attempts: Sequence[Body]) -> dict[str, Any]:
    """Return how a lost job really ended, nothing while that is open."""
    last = attempts[-1] if attempts else {}
    if last.get("outcome") in (None, Outcome.LOST):
        return {}
    error = {"error": last["error"]} if "error" in last else {}
    return {"outcome": last["outcome"], **error}


def _stages(body: Body, found: Sequence[ProviderJob]) -> dict[str, Any]:
    """Return the stages with queue and execute by the provider's clock, if it told of them."""
    stages = [list(each) for each in body.get("stages") or ()]
    ended = [job for job in found if _between(job.started_at, job.finished_at) is not None]
    if not ended or any(each[0] in ("queue", "execute") and each[3] == PROVIDER for each in stages):
        return {}
    job = max(ended, key=lambda each: each.finished_at or 0.0)
    stages = [each for each in stages if each[0] not in ("queue", "execute")]
    begun, done = job.started_at or 0.0, job.finished_at or 0.0
    created = begun if job.created_at is None else job.created_at
    zero = min(body.get("start", created), created)
    if begun >= created and job.created_at is not None:
        stages.append(["queue", created - zero, begun - created, PROVIDER])
    stages.append(["execute", begun - zero, done - begun, PROVIDER])
    return {"stages": stages}


def _billed(
    case: Case, attempts: Sequence[Body], found: Mapping[str, ProviderJob], price: Price | None
) -> list[Event]:
    """Return an event for each attempt whose bill is settled, the same whoever finds it."""
    labels = {name: case.body[name] for name in _LABELS if name in case.body}
    events = []
    for each in attempts:
        job = found.get(each.get("provider_job_id", ""))
        is_told = "device_seconds" in each or "cost" in each
        if job is None or not job.state.is_final or not is_told:
            continue
        told = labels | {"job": case.subject} | {n: each[n] for n in _BILLED if n in each}
        told |= attempt_bill(each, attempts, case.body, price)
        name, at = f"{case.subject}.{each['number']}", job.finished_at or case.now
        events.append(
            _event("billed", "attempt", name, case.run, at=at, body=told, id_=f"{name}/billed")
        )
    return events


def _noted(case: Case, outcome: str) -> Event:
    counted = {provider_signals.RECONCILED.name: [[[case.body.get("provider", ""), outcome], 1]]}
    id_ = f"{case.subject}/reconciled/noted"
    return _event("noted", "process", case.subject, None, at=case.now, body=counted, id_=id_)


def _event(
    verb: str, noun: str, subject: str, run: str | None, *, at: float, body: Body, id_: str
) -> Event:
    return Event(verb=verb, noun=noun, subject=subject, run=run, at=at, body=body, id=id_)
