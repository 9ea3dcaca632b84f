"""A resumed run collects what an earlier process submitted, instead of paying for it again."""

import contextlib
from collections.abc import Mapping
from typing import Any, NamedTuple

from qgm_observe.catalog import ErrorClass
from qgm_observe.errors import JournalError
from qgm_observe.journal import TERMINAL, open_journal
from qgm_observe.lifecycle.handle import Handle, current
from qgm_observe.lifecycle.job_facts import JobFacts, Slot
from qgm_observe.lifecycle.primitives import is_estimator
from qgm_observe.lifecycle.programs import name_of
from qgm_observe.providers.failures import class_of

_IN_VAIN = ("CANCELLED", "ERROR", "FAILED")
"""How states begin of jobs without a result; `CANCELLED - RAN TOO LONG` is one as well."""


class Outstanding(NamedTuple):
    """A submission of an earlier process.

    Attributes:
        job: Its id.
        provider_job_id: `None` where the process died before the provider told it.
        program: Hash of its circuits and values, `None` where they were not seen.
    """

    job: str
    number: int
    provider_job_id: str | None
    device: str
    shots: int | None
    program: str | None = None


def slot_of(job: JobFacts) -> Slot:
    """Return where a job stands in its run, and count it there."""
    around = _nearest(job, "step") or _nearest(current(), "step")
    owner: Any = around or _nearest(job, "run") or job
    owner.slots += 1
    return (None if around is None else int(owner.index)), owner.slots - 1


def is_resumed(job: JobFacts) -> bool:
    """Return whether an earlier process of the job's run may have submitted it."""
    run: Any = _nearest(job, "run")
    return run is not None and run.resumed_from is not None and job.remote


def earlier(job: JobFacts) -> Outstanding | None:
    """Return what an earlier process of the same run submitted in place of a job, if anything."""
    run: Any = _nearest(job, "run")
    if not is_resumed(job):
        return None
    if run.outstanding is None:
        run.outstanding = outstanding(run)
    job.slot = job.slot or slot_of(job)
    found: Outstanding | None = run.outstanding.pop(job.slot, None)
    if found is None or (found.device, found.shots) != (job.device.name, job.shots):
        return None
    return found


def service_for(job: JobFacts, found: Outstanding, submit: Any) -> Any:
    """Return the live service that has an earlier submission, `None` where it is not to be taken.

    Unasked, only what is certain to be the same is taken: equal circuits and equal values.

    Args:
        job: What is about to be submitted.
        found: What was.
        submit: Submits: one of IBM's primitives, or its method.

    Source: `service` of IBM's backends and sessions, `_backend` and `_mode` of its primitives.
    """
    where = f"resume: job {found.job} on {found.device} was submitted before the run's process died"
    name = name_of(job.program)
    primitive = _primitive(submit)
    if name is None or found.program is None or is_estimator(primitive):
        _say(job, f"{where}; its circuits, values and observables are not all known")
    elif name != found.program:
        _say(job, f"{where}; its circuits or values were others (is compiling seeded?)")
    else:
        session = None if job.session is None else job.session.provider
        inner = getattr(primitive, "_mode", None), getattr(primitive, "_backend", None)
        for each in (job.backend, session, *inner):
            service = getattr(each, "service", None)
            if callable(getattr(service, "job", None)):
                return service
        _say(job, f"{where}; no service of it is seen")
    return None


def _primitive(submit: Any) -> Any:
    while hasattr(submit, "func"):  # a partial
        submit = submit.func
    return getattr(submit, "__self__", submit)


def _say(job: JobFacts, told: str) -> None:
    more = "so it is submitted anew: attempt(collect=service) would collect it"
    job.recorder.guard.warn_once("collect", f"{told}, {more}")


def at_provider(found: Outstanding, service: Any) -> Any:
    """Return the provider's job of an earlier submission, `None` if it is of no use.

    Raises:
        Exception: what the service raises.
    """
    provider_job = _asked_of(found, service)
    if provider_job is None or _status(provider_job).startswith(_IN_VAIN):
        return None
    return provider_job


def outstanding(run: Handle) -> dict[Slot, Outstanding]:
    """Return by slot what earlier processes of a run submitted and nobody knows to be in vain."""
    found: dict[Slot, Outstanding] = {}
    run.recorder.flush(run.recorder.settings.intent_timeout)
    with (
        contextlib.suppress(JournalError),  # nothing was recorded yet
        open_journal(run.recorder.settings.journal_path, read_only=True) as journal,
    ):
        failed: set[tuple[str, int]] = set()
        verbs = (TERMINAL, "reconciled")
        for event in journal.events(verbs=verbs, nouns=("job",), runs=[run.id]):
            for attempt in event.body.get("attempts") or ():
                if "error" in attempt:
                    failed.add((event.subject, attempt["number"]))
        verbs = ("intent", "submitted")
        for event in journal.events(verbs=verbs, nouns=("attempt",), runs=[run.id]):
            body = event.body
            if "place" in body and (body["job"], body["number"]) not in failed:
                slot = body.get("step_index"), body["place"]
                program = found[slot].program if slot in found else None
                found[slot] = _outstanding({"program": program, **body})
    return found


def _outstanding(body: Mapping[str, Any]) -> Outstanding:
    return Outstanding(
        body["job"],
        body["number"],
        body.get("provider_job_id"),
        str(body.get("device")),
        body.get("shots"),
        body.get("program"),
    )


def _asked_of(found: Outstanding, service: Any) -> Any:
    if found.provider_job_id is not None:
        try:
            return service.job(found.provider_job_id)
        except Exception as error:
            if class_of(error) is ErrorClass.NOT_FOUND:
                return None
            raise
    tagged = service.jobs(job_tags=[f"qgm-{found.job}"], limit=1)
    return tagged[0] if tagged else None


def _status(provider_job: Any) -> str:
    status = provider_job.status()
    return str(getattr(status, "name", status)).upper()


def _nearest(handle: Handle | None, noun: str) -> Handle | None:
    while handle is not None and handle.noun != noun:
        handle = handle.parent
    return handle
