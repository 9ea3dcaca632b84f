"""Old rows go, what they counted stays.

The transaction that prunes rows adds them to `totals` and, for counters, to buckets of a minute.
Rows go in the order of their sequence numbers; the newest one stays, so that no number is given
twice, and so does what tells of open work.
"""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

from qgm_observe.catalog import Outcome
from qgm_observe.journal.body import COLUMNS, decode, encode, event_of
from qgm_observe.journal.database import Database
from qgm_observe.journal.event import MONEY, TERMINAL
from qgm_observe.journal.totals import SCALES, Totals

BATCH = 1000
"""Rows one transaction prunes at most."""

KEEP_MINUTES = 400 * 86400.0
"""Seconds for which minute buckets and the ids of lost work are kept."""

UNNAMED_BLOB = 3600.0
"""Seconds for which a content waits to be named by an event."""

WRONG_CLOCK = 86400.0
"""A row from so many seconds ahead holds nothing back: its clock was wrong."""

VACUUM_PAGES = 2000
"""Pages one transaction gives back at most."""

COUNTED = (TERMINAL, "tallied", "noted", "estimate", *MONEY)
"""Verbs that totals count."""

# what is open needs the rows that tell what it is and where it was submitted
_FREE = """seq < (SELECT max(seq) FROM events) AND verb != 'baseline'
    AND NOT (verb IN ('opened', 'intent', 'submitted') AND (
    subject IN (SELECT subject FROM open_work)
    OR coalesce(json_extract(body, '$.job'), '') IN (SELECT subject FROM open_work)))"""
_ALL = 2**62


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneReport:
    """What a pruning took, or would take.

    Attributes:
        rows: Events pruned into totals.
        blobs: Contents removed.
        bytes_before: Size of what was kept, bytes.
        bytes_after: The same afterwards, an estimate in a dry run.
    """

    rows: int
    blobs: int
    bytes_before: int
    bytes_after: int


# ---------------------------------------------------------------------------------------- prune


def prune(
    database: Database, now: float, *, older_than_seconds: float, max_bytes: int
) -> PruneReport:
    """Prune rows recorded longer ago, and the oldest rows of a journal that is too large.

    Args:
        database: The journal's tables.
        now: Epoch seconds.
        older_than_seconds: Age at which a row goes.
        max_bytes: Size of what is kept above which the oldest rows go.
    """
    with database.reading() as db:
        before, through = live_bytes(db), _last_old(db, now, older_than_seconds)
    rows, blobs = _drain(database, through, above=-1) if through else (0, 0)
    with database.reading() as db:
        too_large = live_bytes(db) > max_bytes
    if too_large:
        more_rows, more_blobs = _drain(database, _ALL, above=max_bytes)
        rows, blobs = rows + more_rows, blobs + more_blobs
    if rows:
        blobs += _sweep(database, now)
        _shrink(database)
    with database.reading() as db:
        after = live_bytes(db)
    return PruneReport(rows=rows, blobs=blobs, bytes_before=before, bytes_after=after)


def foresee(
    database: Database, now: float, *, older_than_seconds: float, max_bytes: int
) -> PruneReport:
    """Return what `prune` would take, the size by the mean row's; changes nothing."""
    with database.reading() as db:
        size, through = live_bytes(db), _last_old(db, now, older_than_seconds)
        (kept,) = db.execute("SELECT count(*) FROM events").fetchone()
        (free,) = db.execute(f"SELECT count(*) FROM events WHERE {_FREE}").fetchone()  # noqa: S608  constants only
        (old,) = db.execute(
            f"SELECT count(*) FROM events WHERE seq <= ? AND {_FREE}",  # noqa: S608  constants only
            (through,),
        ).fetchone()
        mean = size / max(kept, 1)
        rows = max(old, min(free, ceil((size - max_bytes) / mean)))
        (blobs,) = db.execute(
            """SELECT count(*) FROM blobs WHERE hash IN (SELECT hash FROM refs) AND hash NOT IN (
                SELECT hash FROM refs WHERE seq > (
                    SELECT coalesce(max(seq), 0) FROM (SELECT seq FROM events ORDER BY seq LIMIT ?)
                ))""",
            (rows,),
        ).fetchone()
    after = max(0, round(size - rows * mean))
    return PruneReport(rows=rows, blobs=blobs, bytes_before=size, bytes_after=after)


def live_bytes(db: sqlite3.Connection) -> int:
    """Return the size of the pages that hold something."""
    pages, free, size = (
        db.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


def _last_old(db: sqlite3.Connection, now: float, older_than_seconds: float) -> int:
    """Return the sequence number before the first row that is young enough to stay."""
    row = db.execute(
        "SELECT seq FROM events WHERE recorded_at BETWEEN ? AND ? ORDER BY seq LIMIT 1",
        (now - older_than_seconds, now + WRONG_CLOCK),
    ).fetchone()
    if row is None:
        row = db.execute("SELECT coalesce(max(seq), 0) + 1 FROM events").fetchone()
    return int(row[0]) - 1


def _drain(database: Database, through: int, *, above: int) -> tuple[int, int]:
    """Prune up to a sequence number while the size is `above`; return rows and blobs."""
    rows = blobs = after = 0
    while True:
        with database.writing() as db:
            if live_bytes(db) <= above:
                return rows, blobs
            pruned = db.execute(
                f"""SELECT {COLUMNS} FROM events
                    WHERE seq > ? AND seq <= ? AND {_FREE} ORDER BY seq LIMIT ?""",  # noqa: S608  constants only
                (after, through, BATCH),
            ).fetchall()
            if not pruned:
                return rows, blobs
            count(db, pruned)
            blobs += _delete(db, [row[0] for row in pruned])
        rows += len(pruned)
        after = pruned[-1][0]


def _delete(db: sqlite3.Connection, seqs: list[int]) -> int:
    """Delete rows, and the contents that nothing refers to any more; return how many of those."""
    keys = [(seq,) for seq in seqs]
    hashes: set[str] = set()
    for key in keys:
        hashes.update(row[0] for row in db.execute("SELECT hash FROM refs WHERE seq = ?", key))
    db.executemany("DELETE FROM refs WHERE seq = ?", keys)
    db.executemany("DELETE FROM events WHERE seq = ?", keys)
    return (
        db.executemany(
            """DELETE FROM blobs WHERE hash = ?
                AND NOT EXISTS (SELECT 1 FROM refs WHERE refs.hash = blobs.hash)""",
            [(each,) for each in hashes],
        ).rowcount
        if hashes
        else 0
    )


def _sweep(database: Database, now: float) -> int:
    """Remove what no row tells the age of; return the number of contents."""
    with database.writing() as db:
        db.execute("DELETE FROM minutes WHERE minute < ?", (int((now - KEEP_MINUTES) // 60),))
        db.execute("DELETE FROM lost WHERE at < ?", (now - KEEP_MINUTES,))
        return db.execute(
            """DELETE FROM blobs WHERE stored_at < ?
                AND NOT EXISTS (SELECT 1 FROM refs WHERE refs.hash = blobs.hash)""",
            (now - UNNAMED_BLOB,),
        ).rowcount


def _shrink(database: Database) -> None:
    """Give free pages back to the file system, some at a time."""
    left = -1
    while True:
        with database.writing() as db:
            (free,) = db.execute("PRAGMA freelist_count").fetchone()
            if free in (0, left):
                return
            left = free
            db.execute(f"PRAGMA incremental_vacuum({VACUUM_PAGES})").fetchall()


# --------------------------------------------------------------------------------------- totals


def pruned_totals(db: sqlite3.Connection) -> Totals:
    """Return what all pruned rows counted."""
    row = db.execute("SELECT body FROM totals").fetchone()
    return Totals.from_json(decode(row[0])) if row else Totals()


def count(db: sqlite3.Connection, pruned: list[tuple[Any, ...]]) -> None:
    """Add rows of `body.COLUMNS` to the totals and the minutes, before they go."""
    events = [event_of(row) for row in pruned if row[2] in COUNTED]
    totals = pruned_totals(db)
    minutes: dict[int, Totals] = {}
    for event in events:
        totals.add(event)
        minutes.setdefault(int(event.recorded_at // 60), Totals()).add(event)
        if event.verb == TERMINAL and event.body.get("outcome") == Outcome.LOST:
            row = (event.id, event.recorded_at)
            db.execute("INSERT OR REPLACE INTO lost (id, at) VALUES (?, ?)", row)
    set_totals(db, totals, len(pruned))
    for minute, counted in minutes.items():
        add_minutes(db, _minute_rows(minute, counted))


def set_totals(db: sqlite3.Connection, totals: Totals, rows: int) -> None:
    """Keep new totals of pruned rows, of which there are `rows` more than before."""
    db.execute(
        """INSERT INTO totals (only, rows, body) VALUES (1, ?, ?)
            ON CONFLICT (only) DO UPDATE SET rows = rows + excluded.rows, body = excluded.body""",
        (rows, encode(totals.to_json())),
    )


def minute_rows(db: sqlite3.Connection, oldest: int) -> list[tuple[Any, ...]]:
    """Return the buckets of a minute (since the epoch) and later ones, as they are kept."""
    query = "SELECT minute, signal, labels, value FROM minutes WHERE minute >= ?"
    return db.execute(query, (oldest,)).fetchall()


def add_minutes(db: sqlite3.Connection, rows: Iterable[Sequence[Any]]) -> None:
    """Add counters to the buckets of their minutes."""
    db.executemany(
        """INSERT INTO minutes (minute, signal, labels, value) VALUES (?, ?, ?, ?)
            ON CONFLICT (minute, signal, labels) DO UPDATE SET value = value + excluded.value""",
        rows,
    )


def _minute_rows(minute: int, counted: Totals) -> list[tuple[int, str, str, int]]:
    return [
        (minute, signal, json.dumps(labels), number)
        for signal, series in counted.counters.items()
        for labels, number in series.items()
    ]


def pruned_minutes(
    db: sqlite3.Connection, since: float | None, until: float | None
) -> list[tuple[float, str, tuple[str, ...], float]]:
    """Return start of the minute (epoch s), signal, labels and increment in the signal's unit."""
    rows = db.execute(
        """SELECT minute, signal, labels, value FROM minutes
            WHERE minute * 60 >= coalesce(?, 0) AND minute * 60 < coalesce(?, 1e18)
            ORDER BY minute, signal, labels""",
        (since, until),
    )
    return [
        (minute * 60.0, signal, tuple(json.loads(labels)), value / SCALES.get(signal, 1))
        for minute, signal, labels, value in rows
    ]
