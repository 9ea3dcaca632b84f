"""From handles to events: done by the writer, never on the training thread."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from qgm_observe.catalog import ExecutionMode, Outcome, shot_class
from qgm_observe.journal import Event, OpenWork
from qgm_observe.lifecycle.devices import Device
from qgm_observe.lifecycle.handle import Handle
from qgm_observe.lifecycle.identity import new_id
from qgm_observe.lifecycle.job_facts import AttemptHandle, JobFacts
from qgm_observe.lifecycle.logs import tail_of
from qgm_observe.lifecycle.programs import name_of
from qgm_observe.lifecycle.provider_job import id_of
from qgm_observe.lifecycle.recording import Told
from qgm_observe.lifecycle.run import RunHandle, SessionHandle, StepHandle
from qgm_observe.lifecycle.spending import ttl_of
from qgm_observe.lifecycle.versions import loaded_versions
from qgm_observe.providers.cost import Cost, cost
from qgm_observe.records import LOCAL, PROVIDER, Estimate, Failure, current_process
from qgm_observe.spend.guards import Ask

_ITEMS_KEPT = 256
_CHARACTERS_KEPT = 1024


def anchored(handle: Handle) -> float:
    """Return when a handle began, epoch seconds, anchored once."""
    if not handle.wall:
        handle.wall = round(handle.recorder.epoch_seconds(handle.started) * 1e9)
    return handle.wall / 1e9


def run_of(handle: Handle) -> str | None:
    """Return the id of the run that a handle is or belongs to."""
    link: Handle | None = handle
    while link is not None and link.noun != "run":
        link = link.parent
    return None if link is None else link.id


def opened(handle: Handle) -> Event:
    """Return the event of a handle that has begun."""
    at = anchored(handle)
    subject = handle.id
    return Event(
        verb="opened",
        noun=handle.noun,
        subject=subject,
        at=at,
        run=run_of(handle),
        body=labels_of(handle) | _known(handle) | {"start": at},
        id=f"{subject}/opened/{new_id(32):08x}",
    )


def finished(handle: Handle) -> Event:
    """Return the event of a handle that has ended: its whole record."""
    start = anchored(handle)
    zero = handle.started
    duration = (handle.ended - zero) / 1e9
    body = labels_of(handle)
    body["start"] = start
    body["duration"] = duration
    body["outcome"] = handle.outcome
    if handle.failure is not None:
        body["error"] = _failure(handle.failure)
    if handle.stamps:
        body["stages"] = _stages(handle.stamps, zero, handle.ended)
    body |= _known(handle)
    lines = tail_of(handle)
    if lines:
        body["log"] = lines
    subject = handle.id
    return Event(
        verb="finished",
        noun=handle.noun,
        subject=subject,
        at=start + duration,
        run=run_of(handle),
        body=body,
        id=f"{subject}/finished",
    )


def attempted(
    verb: str, attempt: AttemptHandle, at: float, told: Mapping[str, Any] | None = None
) -> Event:
    """Return the intent of an attempt, the provider's answer to it, or what it may cost."""
    job = attempt.job.id
    subject = f"{job}.{attempt.number}"
    body = labels_of(attempt.job) | {"job": job, "number": attempt.number} | dict(told or {})
    body |= {key: value for key, value in _slot(attempt.job).items() if value is not None}
    if attempt.provider_job_id is not None:
        body["provider_job_id"] = attempt.provider_job_id
    if verb == "intent":
        body |= _program(attempt.job)
    run = run_of(attempt.job)
    return Event(
        verb=verb,
        noun="attempt",
        subject=subject,
        at=at,
        run=run,
        body=body,
        id=f"{subject}/{verb}",
    )


def expected(
    verb: str, attempt: AttemptHandle, at: float, ask: Ask, *, seconds: float, told: dict[str, Any]
) -> Event:
    """Return what an attempt may cost, with the device time (s) that is foreseen for it."""
    if not ask.is_remote:  # it would have cost nothing
        return attempted(verb, attempt, at, told)
    price = attempt.job.recorder.price(ask.provider, ask.device)
    whole = cost(price, shots=ask.shots, seconds=seconds)
    return attempted(verb, attempt, at, told | _expected(seconds, whole))


def _expected(seconds: float, whole: Cost | None) -> dict[str, Any]:
    told: dict[str, Any] = {"device_seconds": seconds}
    if whole is not None:
        told |= {"cost": f"{whole.amount:.6f}", "currency": whole.currency}
    return told


def left_idle(session: SessionHandle, at: float, seconds: float) -> Event:
    """Return what the idle time of a session, from its last job to its end, may cost."""
    price = session.recorder.price(session.device.provider, session.device.name)
    told = _expected(seconds, cost(price, seconds=seconds))
    return Event(
        verb="estimated",
        noun="session",
        subject=session.id,
        at=at,
        run=run_of(session),
        body=labels_of(session) | told,
        id=f"{session.id}/estimated",
    )


def _slot(job: JobFacts) -> dict[str, Any]:
    """Where in its run a job stands, by which a resumed run finds it again."""
    session = None if job.session is None else job.session.id
    index, place = job.slot or (None, None)
    slot = {"session": session, "step_index": index, "place": place, "shots": job.shots}
    return slot | {"ttl_seconds": ttl_of(job)}


def _program(job: JobFacts) -> dict[str, str]:
    """What it is that was submitted, by which a resumed run knows it again."""
    with job.recorder.guard("provenance"):
        name = name_of(job.program)
        return {} if name is None else {"program": name}
    return {}


def said(handle: Handle, told: Told, at: float, facts: Mapping[str, Any] | None = None) -> Event:
    """Return the event of a statistic or a verdict about a handle."""
    told = told() if callable(told) else told
    subject = handle.id
    verb = "estimate" if isinstance(told, Estimate) else "judged"
    known = {k: v for k, v in asdict(told).items() if v is not None}
    return Event(
        verb=verb,
        noun=handle.noun,
        subject=subject,
        at=at,
        run=run_of(handle),
        body=labels_of(handle) | dict(facts or {}) | known,
        id=f"{subject}/{verb}/{new_id(64):016x}",
    )


def still_open(handle: Handle, now: float) -> OpenWork:
    """Return the open row of a handle."""
    wall_of = handle.recorder.epoch_seconds
    body = labels_of(handle) | _known(handle) | {"start": anchored(handle)}
    if handle.at_stage is not None:
        body["stage"] = handle.at_stage
    if isinstance(handle, RunHandle) and handle.last_step_ended:
        body["last_step_at"] = wall_of(handle.last_step_ended)
        body["median_step_seconds"] = handle.median_step()
    if isinstance(handle, RunHandle):
        body |= _planned(handle)
    if isinstance(handle, JobFacts) and handle.waiting:
        body["waiting_since"] = wall_of(handle.waiting)
    if isinstance(handle, JobFacts) and (seconds := handle.needed_seconds) is not None:
        body["needed_seconds"] = seconds
    process = current_process()
    return OpenWork(
        subject=handle.id,
        noun=handle.noun,
        run=run_of(handle),
        opened_at=anchored(handle),
        heartbeat=now,
        process=(process.host, process.boot, process.pid, process.started),
        body=body,
    )


def _planned(run: RunHandle) -> dict[str, Any]:
    """What an open run has planned, and the device time that this will still take, by place."""
    told: dict[str, Any] = {}
    if run.need.planned is not None:
        told["planned_steps"] = run.need.planned
    to_come = run.need.to_come(run.steps, run.recorder.history)
    if to_come:
        told["needed"] = [[*place, seconds] for place, seconds in to_come.items()]
    return told


def labels_of(handle: Handle) -> dict[str, Any]:
    """Return the label values of a handle by name; of a job also those of its device."""
    work = handle.work
    labels: dict[str, Any] = {
        "project": work.project,
        "pipeline": work.pipeline,
        "model": work.model,
        "model_version": work.model_version,
        "kind": work.kind,
    }
    if isinstance(handle, JobFacts):
        mode = handle.session.mode if handle.session is not None else handle.device.mode
        labels |= _device(handle.device, mode) | {"shot_class": shot_class(handle.shots)}
    elif isinstance(handle, SessionHandle):
        labels |= _device(handle.device, handle.mode) | {"shot_class": "none"}
    return labels


def _device(device: Device, mode: ExecutionMode) -> dict[str, Any]:
    return {
        "provider": device.provider,
        "device": device.name,
        "region": device.region,
        "execution_mode": mode,
    }


def _known(handle: Handle) -> dict[str, Any]:
    """What each noun knows beyond labels, times and outcome; nothing unknown is written."""
    known: dict[str, Any] = {}
    if handle.attributes:
        known["attributes"] = {key: _plain(value) for key, value in handle.attributes.items()}
    known["encoding"] = _encoding(handle)
    if handle.noun == "run" or (handle.noun == "job" and run_of(handle) is None):
        known["versions"] = dict(loaded_versions()) or None
    if isinstance(handle, JobFacts):
        known |= _job(handle)
    elif isinstance(handle, StepHandle):
        known |= {"index": handle.index, "loss": handle.loss_value}
    elif isinstance(handle, RunHandle):
        restart = None if handle.restart is None else handle.restart / 1e9
        known |= {"steps": handle.steps, "loss": handle.last_loss}
        known |= {"resumed_from": handle.resumed_from, "restart_seconds": restart}
        known["parent"] = None if handle.parent is None else handle.parent.id
        known |= {"resources": _spent(handle), "process": str(current_process())}
    elif isinstance(handle, SessionHandle):
        known["usage_seconds"] = handle.usage_seconds
        known["provider_session_id"] = id_of(handle.provider, "session_id")
        known |= {"ttl_seconds": ttl_of(handle), "plan": handle.recorder.settings.plan}
    return {key: value for key, value in known.items() if value is not None}


def _job(job: JobFacts) -> dict[str, Any]:
    known: dict[str, Any] = {"shots": job.shots, "circuits": job.circuits}
    if job.remote:
        known |= {"ttl_seconds": ttl_of(job), "plan": job.recorder.settings.plan}
    if job.parent is not None and job.parent.noun == "step":
        known["step"] = job.parent.id
    if job.session is not None:
        known["session"] = job.session.id
    if job.attempts:
        known["attempts"] = [_attempt(each) for each in job.attempts]
    return known


def _encoding(handle: Handle | None) -> str | None:
    """The encoding that was told of the nearest handle around."""
    while handle is not None and handle.encoded_as is None:
        handle = handle.parent
    return None if handle is None else handle.encoded_as


def _spent(run: RunHandle) -> dict[str, float] | None:
    """What is spent so far; a run that has only begun has spent nothing."""
    if run.meter is None:
        return None
    with run.recorder.guard("resources"):
        return run.meter.told()
    return None


def _attempt(attempt: AttemptHandle) -> dict[str, Any]:
    known = {
        "number": attempt.number,
        "outcome": attempt.outcome or (Outcome.CANCELLED if attempt.job.ended else None),
        "provider_job_id": attempt.provider_job_id,
        "error": None if attempt.failure is None else _failure(attempt.failure),
        "queue_seconds": attempt.queue_seconds,
        "execute_seconds": attempt.execute_seconds,
        "throttle_seconds": attempt.throttle_seconds,
    }
    return {key: value for key, value in known.items() if value is not None}


def _failure(failure: Failure) -> dict[str, Any]:
    told = {"class": failure.error_class, "type": failure.type, "stage": failure.stage}
    return {key: value for key, value in told.items() if value is not None}


def _stages(stamps: list[str | int], zero: int, ended: int) -> list[list[Any]]:
    """Stages as the journal keeps them, seconds; a mark lasts until the next one."""
    stages: list[list[Any]] = []
    told: list[int] = []
    until = ended
    for stamp in reversed(stamps):
        if not isinstance(stamp, str):
            told.append(stamp)
            continue
        clock = PROVIDER if told[0] is True else LOCAL
        start = told[-1]
        end = told[-2] if len(told) > 1 else until
        until = start if len(told) == 1 else until
        stages.append([stamp, (start - zero) / 1e9, (end - start) / 1e9, clock])
        told = []
    stages.reverse()
    return stages


def _plain(value: Any) -> Any:
    """Only plain facts are kept; of anything else its type, for its text may be hostile."""
    try:
        return _fact(value)
    except Exception:  # noqa: BLE001  a subclass of a plain type may do anything, or hold itself
        return f"<{type(value).__qualname__}>"


def _fact(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return value[:_CHARACTERS_KEPT]
    if isinstance(value, list | tuple) and len(value) <= _ITEMS_KEPT:
        return [_fact(item) for item in value]
    if isinstance(value, dict) and len(value) <= _ITEMS_KEPT:
        return {str(key)[:128]: _fact(item) for key, item in value.items() if isinstance(key, str)}
    return f"<{type(value).__qualname__}>"
