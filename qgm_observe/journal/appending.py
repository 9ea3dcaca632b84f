"""What one append changes, all of it in one transaction."""

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from qgm_observe.catalog import Outcome
from qgm_observe.journal.blobs import PackedBlob, keep, references
from qgm_observe.journal.body import encode
from qgm_observe.journal.event import TERMINAL, Event, OpenWork

ProcessId = tuple[str, str, int, int]
"""Host, boot, pid and start of a process."""

_INSERT = """
    INSERT INTO events (id, verb, noun, subject, run, at, recorded_at, body)
    SELECT * FROM (VALUES (?, ?, ?, ?, ?, ?, ?, ?))
    WHERE NOT EXISTS (SELECT 1 FROM lost WHERE id = column1)
    ON CONFLICT (id) DO NOTHING"""

_ROW = """
    INSERT INTO open_work (subject, noun, run, opened_at, heartbeat, process, facts, body)
    SELECT * FROM (VALUES (?, ?, ?, ?, ?, ?, ?, ?))"""
_UNLESS_FINISHED = " WHERE NOT EXISTS (SELECT 1 FROM events WHERE id = column1 || '/finished')"

# a finished run that is resumed opens again; no late heartbeat or intent opens what was finished
_OPENED = f"""{_ROW} WHERE true ON CONFLICT (subject) DO UPDATE SET
    opened_at = excluded.opened_at, heartbeat = excluded.heartbeat,
    process = excluded.process, facts = excluded.facts"""
_INTENDED = f"{_ROW}{_UNLESS_FINISHED} ON CONFLICT (subject) DO NOTHING"
_OR_OPEN = " OR EXISTS (SELECT 1 FROM open_work WHERE subject = column1)"
_BEATS = f"""{_ROW}{_UNLESS_FINISHED}{_OR_OPEN} ON CONFLICT (subject) DO UPDATE SET
    heartbeat = excluded.heartbeat, process = excluded.process, body = excluded.body"""


@dataclass(frozen=True, slots=True)
class Batch:
    """What is appended together.

    Attributes:
        events: In order.
        texts: The body of each event as JSON.
        process: Who appends them.
        open_work: Rows that are still open, with fresh heartbeats.
        closed: Subjects that are open no more and have no finished event.
        blobs: Contents that the events refer to.
    """

    events: Sequence[Event]
    texts: Sequence[str]
    process: ProcessId
    open_work: Sequence[OpenWork] = ()
    closed: Sequence[str] = ()
    blobs: Sequence[PackedBlob] = ()


def apply(db: sqlite3.Connection, batch: Batch, recorded_at: float) -> list[Event]:
    """Make the changes inside the open transaction; return the events that are new, as stored."""
    cursor = db.cursor()
    stored: list[Event] = []
    ended = list(batch.closed)
    for event, text in zip(batch.events, batch.texts, strict=True):
        new = _store(cursor, event, text, recorded_at)
        if new is not None:
            stored.append(new)
            _open_by(cursor, new, text, batch.process)
            _refer(cursor, new)
            if event.verb == TERMINAL:  # told anew at the end of a resumed run
                ended.append(event.subject)
    if batch.open_work:
        cursor.executemany(_BEATS, map(_open_row, batch.open_work))
    cursor.executemany("DELETE FROM open_work WHERE subject = ?", [(each,) for each in ended])
    if batch.blobs:
        keep(db, batch.blobs, recorded_at)
    return stored


def _store(cursor: sqlite3.Cursor, event: Event, text: str, recorded_at: float) -> Event | None:
    stored = _insert(cursor, event, event.id, text, recorded_at)
    if stored is not None or event.verb != TERMINAL:
        return stored
    if event.body.get("outcome") == Outcome.LOST:  # an assumption, never a later truth
        return None
    known = cursor.execute("SELECT body FROM events WHERE id = ?", (event.id,)).fetchone()
    if known and known[0] == text:
        return None
    return _insert(cursor, event, reconciled_id(event.subject, text), text, recorded_at)


def reconciled_id(subject: str, text: str) -> str:
    """Return the id of a later truth, the same for the same body."""
    return f"{subject}/reconciled/{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def _insert(
    cursor: sqlite3.Cursor, event: Event, id_: str, text: str, recorded_at: float
) -> Event | None:
    """Store an event and return it as stored, or `None` if its id is known."""
    verb = event.verb if id_ == event.id else "reconciled"
    run = event.subject if event.noun == "run" else event.run
    row = (id_, verb, event.noun, event.subject, run, event.at, recorded_at, text)
    if cursor.execute(_INSERT, row).rowcount != 1:
        return None
    return Event(
        verb=verb,
        noun=event.noun,
        subject=event.subject,
        at=event.at,
        body=event.body,
        id=id_,
        run=run,
        recorded_at=recorded_at,
        seq=cursor.lastrowid or 0,
    )


def _open_by(cursor: sqlite3.Cursor, event: Event, text: str, process: ProcessId) -> None:
    """Open what an event says is opened, or about to be submitted, by whoever appends it."""
    times = (event.at, event.recorded_at, json.dumps(process))
    if event.verb == "opened":
        cursor.execute(_OPENED, (event.subject, event.noun, event.run, *times, text, "{}"))
    elif event.verb == "intent" and isinstance(event.body.get("job"), str):
        facts = {key: event.body[key] for key in event.body if key not in {"job", "number"}}
        row = (event.body["job"], "job", event.run, *times, encode(facts), "{}")
        cursor.execute(_INTENDED, row)


def _refer(cursor: sqlite3.Cursor, event: Event) -> None:
    if "blob" in event.body or "blobs" in event.body:
        rows = [(event.seq, key) for key in references(event.body)]
        cursor.executemany("INSERT OR IGNORE INTO refs (seq, hash) VALUES (?, ?)", rows)


def _open_row(work: OpenWork) -> tuple[Any, ...]:
    times = (work.opened_at, work.heartbeat, json.dumps(work.process))
    run = work.subject if work.noun == "run" else work.run
    return work.subject, work.noun, run, *times, "{}", encode(work.body)


def open_rows(rows: Iterable[tuple[Any, ...]]) -> list[OpenWork]:
    """Return open work from rows of subject, noun, run, times, process, facts and body."""
    return [
        OpenWork(
            subject=subject,
            noun=noun,
            run=run,
            opened_at=opened_at,
            heartbeat=heartbeat,
            process=tuple(json.loads(process)),
            body={**json.loads(facts), **json.loads(body)},
        )
        for subject, noun, run, opened_at, heartbeat, process, facts, body in rows
    ]
