"""From events to records.

Facts are the form between them: the body of a finished subject, or the latest word on an open one,
with `id`, `run`, `started_at`, the records' defaults where something is unknown, and the parts of
the error beside each other. Filters and columns are taken from facts, records are made of them.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

from qgm_observe.catalog import STAGES, ErrorClass, ExecutionMode, Outcome, Purpose, shot_class
from qgm_observe.catalog import labels as by
from qgm_observe.errors import CorruptJournal, UsageError
from qgm_observe.journal.event import Event, OpenWork
from qgm_observe.records import (
    LOCAL,
    PROVIDER,
    Attempt,
    Failure,
    Job,
    Process,
    Run,
    Session,
    StageTime,
    Step,
    Work,
)

R = TypeVar("R", Run, Step, Job, Session)
Facts = dict[str, Any]

HEARTBEAT_TIMEOUT = 60.0
"""Seconds without a heartbeat after which another machine's process counts as gone."""

_WORK = {
    "project": "default",
    "pipeline": "default",
    "model": "unknown",
    "model_version": "unknown",
    "kind": Purpose.TRAINING.value,
}
_DEVICE = {
    "provider": "unknown",
    "device": "unknown",
    "region": "unknown",
    "execution_mode": ExecutionMode.LOCAL.value,
}
_DEFAULTS = {"run": _WORK, "step": _WORK, "job": _WORK | _DEVICE, "session": _WORK | _DEVICE}

_COMMON = (
    *("id", "run", "started_at", "duration", "outcome"),
    *("error_class", "error_type", "error_stage"),
    *(label.name for label in by.WORK),
)
_OF_JOBS = tuple(label.name for label in by.JOB if label not in by.WORK)
FIELDS = {
    "run": (*_COMMON, "steps", "resumed_from", "restart_seconds", "loss"),
    "step": (*_COMMON, "index", "loss"),
    "job": (*_COMMON, *_OF_JOBS, "step", "session", "shots", "circuits"),
    "session": (*_COMMON, *_OF_JOBS, "usage_seconds"),
}
"""Noun to the names of its facts; the name of a stage gives the seconds spent in it."""


def finished_facts(event: Event, later: Mapping[str, Any] | None) -> Facts:
    """Return the facts of a finished subject, with a `later` truth told over the first."""
    body = event.body if later is None else told_over(event.body, later)
    return _facts(event.noun, event.subject, event.run, event.at, body)


def told_over(body: Mapping[str, Any], later: Mapping[str, Any]) -> dict[str, Any]:
    """Return a body with a later truth over it; with an outcome and no error there was none."""
    unfailed = "outcome" in later and "error" not in later
    return {k: v for k, v in body.items() if not (unfailed and k == "error")} | dict(later)


def open_facts(work: OpenWork, now: float) -> Facts:
    """Return the facts of open work; one whose process is gone is `lost`."""
    body = dict(work.body)
    if is_lost(work, now, HEARTBEAT_TIMEOUT):
        body |= lost_body(work)
    return _facts(work.noun, work.subject, work.run, work.opened_at, body)


def is_lost(work: OpenWork, now: float, heartbeat_timeout: float) -> bool:
    """Return whether the process of open work is gone, as far as this machine can tell."""
    gone = Process(*work.process).is_gone()
    return now - work.heartbeat > heartbeat_timeout if gone is None else gone


def lost_body(work: OpenWork) -> dict[str, Any]:
    """Return what there is to say of work that was lost: it lasted to its last heartbeat."""
    start = work.body.get("start", work.opened_at)
    error = {"class": ErrorClass.LOST.value, "type": "", "stage": work.body.get("stage")}
    return {
        "start": start,
        "duration": max(0.0, work.heartbeat - start),
        "outcome": Outcome.LOST.value,
        "error": {key: value for key, value in error.items() if value is not None},
    }


def _facts(noun: str, subject: str, run: str | None, at: float, body: Mapping[str, Any]) -> Facts:
    facts = {**_DEFAULTS[noun], **{key: value for key, value in body.items() if value is not None}}
    facts["id"], facts["run"] = subject, run
    facts["started_at"] = facts.get("start", at)
    error = facts.get("error") or {}
    for part in ("class", "type", "stage"):
        facts[f"error_{part}"] = error.get(part)
    if noun == "job":
        facts.setdefault("shot_class", shot_class(facts.get("shots")))
    return facts


def field(facts: Facts, name: str) -> Any:
    """Return one fact, or the seconds in a stage; `None` where it is unknown."""
    if name not in STAGES or name in facts:
        return facts.get(name)
    spent = [stage[2] for stage in facts.get("stages", ()) if stage[0] == name]
    return sum(spent) if spent else None


def check_fields(noun: str, names: Mapping[str, Any] | list[str]) -> None:
    """Refuse a name that is no fact of a noun.

    Raises:
        UsageError: names the ones there are.
    """
    known = (*FIELDS[noun], *STAGES)
    for name in names:
        if name not in known:
            raise UsageError(f"{noun} has no field {name!r}: write one of {', '.join(known)}")


def matches(
    facts: Facts, since: float | None, until: float | None, wanted: Mapping[str, Any]
) -> bool:
    """Return whether it started in [since, until) and every wanted field has its value."""
    start = facts["started_at"]
    if (since is not None and start < since) or (until is not None and start >= until):
        return False
    return all(field(facts, name) == value for name, value in wanted.items())


# ------------------------------------------------------------------------------------- records


def record(kind: type[R], facts: Facts) -> R:
    """Return the record that facts make.

    Raises:
        CorruptJournal: they make none.
    """
    try:
        made: R = _MAKERS[kind](facts)
    except (UsageError, ValueError, TypeError, KeyError, IndexError, InvalidOperation) as error:
        raise CorruptJournal(f"{NOUNS[kind]} {facts['id']} cannot be read: {error}") from error
    return made


def _run(facts: Facts) -> Run:
    return Run(
        **_common(facts),
        resumed_from=facts.get("resumed_from"),
        restart_seconds=facts.get("restart_seconds"),
        steps=facts.get("steps", 0),
        resources=facts.get("resources", {}),
    )


def _step(facts: Facts) -> Step:
    return Step(
        **_common(facts),
        run=facts["run"] or "",
        index=facts.get("index", -1),
        loss=facts.get("loss"),
    )


def _job(facts: Facts) -> Job:
    return Job(
        **_common(facts),
        run=facts["run"],
        step=facts.get("step"),
        provider=facts["provider"],
        device=facts["device"],
        region=facts["region"],
        execution_mode=ExecutionMode(facts["execution_mode"]),
        shots=facts.get("shots"),
        circuits=facts.get("circuits"),
        session=facts.get("session"),
        attempts=tuple(_attempt(each) for each in facts.get("attempts", ())),
    )


def _session(facts: Facts) -> Session:
    duration = facts.get("duration")
    return Session(
        id=facts["id"],
        work=_work(facts),
        mode=ExecutionMode(facts["execution_mode"]),
        provider=facts["provider"],
        device=facts["device"],
        region=facts["region"],
        opened_at=facts["started_at"],
        closed_at=None if duration is None else facts["started_at"] + duration,
        outcome=_outcome(facts),
        usage_seconds=facts.get("usage_seconds"),
    )


NOUNS: dict[type, str] = {Run: "run", Step: "step", Job: "job", Session: "session"}
"""The kind of record to its noun in the journal."""

_MAKERS: dict[type, Callable[[Facts], Any]] = {
    Run: _run,
    Step: _step,
    Job: _job,
    Session: _session,
}


def _common(facts: Facts) -> dict[str, Any]:
    duration = facts.get("duration")
    return {
        "id": facts["id"],
        "work": _work(facts),
        "started_at": facts["started_at"],
        "duration": None if duration is None else max(0.0, duration),
        "outcome": _outcome(facts),
        "failure": _failure(facts.get("error")),
        "stages": _stages(facts.get("stages", ())),
        "attributes": facts.get("attributes", {}),
        "log": tuple(facts.get("log", ())),
    }


def _work(facts: Facts) -> Work:
    labels = {name: facts[name] for name in _WORK}
    return Work(**labels | {"kind": Purpose(labels["kind"])})


def _outcome(facts: Mapping[str, Any]) -> Outcome | None:
    outcome = facts.get("outcome")
    return None if outcome is None else Outcome(outcome)


def _failure(error: Mapping[str, Any] | None) -> Failure | None:
    if not error:
        return None
    told = error.get("class")
    known = ErrorClass(told) if told in set(ErrorClass) else ErrorClass.OTHER
    return Failure(known, error.get("type") or "", error.get("stage"))


def _stages(stages: Any) -> tuple[StageTime, ...]:
    return tuple(
        StageTime(stage, start, max(0.0, duration), PROVIDER if clock == PROVIDER else LOCAL)
        for stage, start, duration, clock in stages
        if stage in STAGES
    )


def _attempt(attempt: Mapping[str, Any]) -> Attempt:
    return Attempt(
        number=attempt["number"],
        outcome=_outcome(attempt),
        provider_job_id=attempt.get("provider_job_id"),
        failure=_failure(attempt.get("error")),
        queue_seconds=attempt.get("queue_seconds"),
        execute_seconds=attempt.get("execute_seconds"),
        device_seconds=attempt.get("device_seconds"),
        cost=None if attempt.get("cost") is None else Decimal(attempt["cost"]),
        currency=attempt.get("currency"),
    )
