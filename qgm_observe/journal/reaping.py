"""What was open when its process died is finished for it, as lost."""

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from qgm_observe.catalog import Outcome
from qgm_observe.journal.event import TERMINAL, Event, OpenWork
from qgm_observe.journal.folds import is_lost, lost_body
from qgm_observe.records import Process, current_process

if TYPE_CHECKING:
    from qgm_observe.journal.reading import Reader

_INNERMOST_FIRST = {"job": 0, "session": 1, "step": 2, "run": 3}
_MOMENTARY = ("waiting_since", "last_step_at", "median_step_seconds")


def lost_work(
    open_work: Iterable[OpenWork], now: float, heartbeat_timeout: float
) -> list[OpenWork]:
    """Return what nobody works on any more, jobs before their steps and runs.

    Work of another process in a lost run goes on: each is judged by its own process.
    """
    lost = [work for work in open_work if is_lost(work, now, heartbeat_timeout)]
    return sorted(lost, key=lambda work: _INNERMOST_FIRST.get(work.noun, 0))


def lost_event(journal: "Reader", work: OpenWork) -> Event:
    """Return the finished event of lost work."""
    body: dict[str, Any] = {
        key: value for key, value in work.body.items() if key not in {"stage", *_MOMENTARY}
    }
    body |= lost_body(work)
    if work.noun == "job":
        body |= _attempts(journal, work)
    return Event(
        verb=TERMINAL,
        noun=work.noun,
        subject=work.subject,
        at=body["start"] + body["duration"],
        run=work.run,
        body=body,
        id=f"{work.subject}/{TERMINAL}",
    )


def _attempts(journal: "Reader", work: OpenWork) -> dict[str, Any]:
    """Return the job's attempts: those it told of, and those whose intents are on disk."""
    attempts = {each["number"]: dict(each) for each in work.body.get("attempts", ())}
    runs = None if work.run is None else [work.run]
    for verb in ("intent", "submitted"):
        for event in journal.events(verbs=(verb,), nouns=("attempt",), runs=runs):
            if event.body.get("job") == work.subject:
                told = attempts.setdefault(event.body["number"], {"number": event.body["number"]})
                told |= {k: v for k, v in event.body.items() if k == "provider_job_id"}
    for each in attempts.values():
        each.setdefault("outcome", Outcome.LOST.value)
    return {"attempts": [attempts[number] for number in sorted(attempts)]} if attempts else {}


# --------------------------------------------------------------------------------------- leases


def owner(token: str) -> str:
    """Return who takes a lease, as text; the token tells two journals of one process apart."""
    process = current_process()
    return json.dumps([process.host, process.boot, process.pid, process.started, token])


def is_free(owner: str, until: float, now: float) -> bool:
    """Return whether a lease has ended, or its owner has."""
    *process, _ = json.loads(owner)
    return now >= until or Process(*process).is_gone() is True
