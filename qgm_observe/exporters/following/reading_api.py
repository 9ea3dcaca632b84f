"""What people ask at 3 a.m.: the newest runs, jobs and failures, from memory.

`/api/v1/runs`, `/api/v1/jobs` and `/api/v1/failures` take `since`, `device`, `pipeline`, `outcome`
and `limit`; `/api/v1/runs/<id>` gives one run with its jobs; `/api/v1/readings` tells when which
device was calibrated, by `since`, `device` and `limit`. Newest first. Times are epoch seconds.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from threading import Lock
from typing import Any

from qgm_observe.catalog import Outcome
from qgm_observe.errors import UsageError
from qgm_observe.exporters.exporter import Reply
from qgm_observe.journal import TERMINAL, Event, OpenWork
from qgm_observe.journal.folds import finished_facts, open_facts, told_over
from qgm_observe.redaction import redacted

PREFIX = "/api/v1/"

MOST = 1_000
"""Entries of one answer."""

KEPT = {"run": 1_000, "job": 5_000, "failure": 1_000, "reading": 500}
"""Ended ones that are kept in memory, by what they are; failures are kept for longer."""

OPEN_KEPT = 5_000
_SLACK = 1.25
_FAILED = {Outcome.FAILURE, Outcome.TIMEOUT, Outcome.LOST}
_KINDS = {"runs": "run", "jobs": "job", "failures": "failure"}
_FILTERS = ("since", "device", "pipeline", "outcome", "limit")
_HIDDEN = {"blobs", "error", "start"}

Told = Event | OpenWork


class Recent:
    """The newest runs and jobs, ended or open; asked and told from any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._ended: dict[str, dict[str, Event]] = {kind: {} for kind in KEPT}
        self._open: list[OpenWork] = []
        self._now = 0.0

    def take(self, events: Iterable[Event]) -> None:
        """Take what ended, and later truths about it."""
        with self._lock:
            for event in events:
                if event.noun in ("run", "job"):
                    self._take(self._ended[event.noun], event)
                elif (event.verb, event.body.get("kind")) == ("reading", "calibration"):
                    self._ended["reading"][event.id] = event
            for kind, most in KEPT.items():
                kept = self._ended[kind]
                if len(kept) > _SLACK * most:
                    newest = sorted(kept.values(), key=_when)[-most:]
                    self._ended[kind] = {_key(event): event for event in newest}

    def set_open(self, open_work: Iterable[OpenWork], now: float) -> None:
        """Replace what is open."""
        rows = [work for work in open_work if work.noun in ("run", "job")]
        rows = sorted(rows, key=_when)[-OPEN_KEPT:]
        with self._lock:
            self._open, self._now = rows, now

    def of(self, kind: str) -> list[Told]:
        """Return what there is of a kind of `KEPT`, the newest first, open before ended.

        What ended is not told as open.
        """
        with self._lock:
            ended = self._ended[kind]
            opened = [w for w in self._open if w.noun == kind and w.subject not in ended]
            return [*reversed(opened), *sorted(ended.values(), key=_when, reverse=True)]

    def shown(self, told: Told) -> dict[str, Any]:
        """Return one as JSON, without what may hold a secret."""
        if isinstance(told, Event) and told.verb == "reading":
            return {"noun": told.noun, **_reading(told)}
        facts = finished_facts(told, None) if isinstance(told, Event) else _open(told, self._now)
        shown = {key: value for key, value in facts.items() if key not in _HIDDEN}
        return {"noun": told.noun, **_safe(shown)}

    def _take(self, kept: dict[str, Event], event: Event) -> None:
        known = kept.get(event.subject)
        if event.verb == "reconciled" and known is not None:
            event = replace(known, body=told_over(known.body, event.body))
        elif event.verb != TERMINAL:
            return
        kept[event.subject] = event
        self._ended["failure"].pop(event.subject, None)
        if event.body.get("outcome") in _FAILED:
            self._ended["failure"][event.subject] = event


def ask(recent: Recent, path: str, query: Mapping[str, str]) -> Reply | None:
    """Answer a read below `/api/v1/`, `None` for a path there is not.

    Args:
        recent: What is known.
        path: Behind `/api/v1/`.
        query: Filters.
    """
    kind, _, id_ = path.strip("/").partition("/")
    try:
        if kind == "readings" and not id_:
            return Reply(200, _readings(recent, query))
        if kind in _KINDS and not id_:
            return Reply(200, _listed(recent, kind, query))
        if kind == "runs":
            return _run(recent, id_)
    except UsageError as error:
        return Reply(400, {"error": str(error)})
    return None


def _readings(recent: Recent, query: Mapping[str, str]) -> dict[str, Any]:
    limit, since = _bounds(query, ("since", "device", "limit"))
    device = query.get("device")
    found = [
        told
        for told in recent.of("reading")
        if _when(told) >= since and (device is None or _is(told, "device", device))
    ]
    return {"readings": [recent.shown(told) for told in found[:limit]], "more": len(found) > limit}


def _reading(event: Event) -> dict[str, Any]:
    """Tell of a calibration whose it is and when it was; what it says is in the journal."""
    names = ("provider", "device", "kind", "observed_at", "taken_at")
    known: Mapping[str, Any] = event.body.get("values") or {}
    told = {name: event.body.get(name) for name in names}
    return {**_safe(told), "calibration_id": str(known.get("calibration_id") or "")[:128] or None}


def _bounds(query: Mapping[str, str], filters: tuple[str, ...]) -> tuple[int, float]:
    """Return how many at most and since when, where nothing else is asked than may be."""
    for name in query:
        if name not in filters:
            raise UsageError(f"filter {name!r}: write one of {', '.join(filters)}")
    since = _time(query["since"]) if "since" in query else float("-inf")
    return _limit(query.get("limit", "100")), since


def _listed(recent: Recent, kind: str, query: Mapping[str, str]) -> dict[str, Any]:
    limit, since = _bounds(query, _FILTERS)
    wanted = {name: query[name] for name in ("device", "pipeline", "outcome") if name in query}
    found = [
        told
        for told in recent.of(_KINDS[kind])
        if _when(told) >= since and all(_is(told, *each) for each in wanted.items())
    ]
    return {kind: [recent.shown(told) for told in found[:limit]], "more": len(found) > limit}


def _run(recent: Recent, id_: str) -> Reply:
    for told in recent.of("run"):
        if told.subject == id_:
            jobs = [job for job in recent.of("job") if job.run == id_][:MOST]
            return Reply(200, {**recent.shown(told), "jobs": [recent.shown(job) for job in jobs]})
    why = f"run {id_[:40]!r} is not among the newest: ask the journal with qgm-observe journal"
    return Reply(404, {"error": why})


def _limit(text: str) -> int:
    if text.isdecimal() and 1 <= int(text) <= MOST:
        return int(text)
    raise UsageError(f"limit {text[:40]!r}: write a number from 1 to {MOST}")


def _time(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(text).astimezone().timestamp()
    except ValueError:
        raise UsageError(
            f"since {text[:40]!r}: write epoch seconds or 2026-10-01T12:00:00+02:00"
        ) from None


def _key(event: Event) -> str:
    return event.id if event.verb == "reading" else event.subject


def _when(told: Told) -> float:
    """When it ended, or was opened."""
    return told.at if isinstance(told, Event) else told.opened_at


def _is(told: Told, name: str, value: str) -> bool:
    known = told.body.get(name)
    return str(known) == value if known is not None else value == "unknown"


def _open(work: OpenWork, now: float) -> dict[str, Any]:
    facts = open_facts(work, now)
    return {**facts, "outcome": facts.get("outcome")}


def _safe(value: Any) -> Any:
    """Texts as they may be shown; ids, which are long and in the clear, are not mistaken."""
    if isinstance(value, dict):
        return {str(key): _safe_at(str(key), each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_safe(each) for each in value]
    return redacted(value) if isinstance(value, str) else value


def _safe_at(key: str, value: Any) -> Any:
    is_id = key in ("id", "run", "step", "session", "provider_job_id") and isinstance(value, str)
    return value[:128] if is_id else _safe(value)
