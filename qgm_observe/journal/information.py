"""What a journal says of itself."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qgm_observe.journal import schema


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalInfo:
    """One look at a journal.

    Attributes:
        path: Its file, or its directory in the JSONL form.
        form: `sqlite` or `jsonl`.
        schema: Version of its tables.
        id: Unique to it.
        created: Epoch seconds.
        written_by: Version of this package that gave it its schema.
        rows: Noun to verb to the number of rows kept.
        runs: Runs that are kept, the open ones included.
        open_work: What is going on, by noun.
        first_at: Time of the oldest row kept, epoch seconds, `None` if there is none.
        last_at: Time of the youngest row, epoch seconds, `None` if there is none.
        size_bytes: On disk, without the log.
        log_bytes: Of the write-ahead log.
        blobs: Contents kept.
        blob_bytes: Their size as they are kept.
        pruned_rows: Rows that live on in the totals alone.
        integrity: `ok`, the first fault, or `None` if nobody looked.
    """

    path: Path
    form: str
    schema: int
    id: str
    created: float
    written_by: str
    rows: Mapping[str, Mapping[str, int]]
    runs: int
    open_work: Mapping[str, int]
    first_at: float | None
    last_at: float | None
    size_bytes: int
    log_bytes: int
    blobs: int
    blob_bytes: int
    pruned_rows: int
    integrity: str | None = None


def look(db: sqlite3.Connection, path: Path, *, check: bool) -> JournalInfo:
    """Return what an open journal says of itself; `check` reads all of it."""
    facts = schema.facts_of(db)
    rows: dict[str, dict[str, int]] = {}
    for noun, verb, count in db.execute(
        "SELECT noun, verb, count(*) FROM events GROUP BY noun, verb"
    ):
        rows.setdefault(noun, {})[verb] = count
    blobs, blob_bytes = _row(db, "SELECT count(*), coalesce(sum(length(packed)), 0) FROM blobs")
    return JournalInfo(
        path=path,
        form="sqlite",
        schema=_row(db, "PRAGMA user_version")[0],
        id=str(facts["id"]),
        created=float(facts["created"]),
        written_by=str(facts["written_by"]),
        rows=rows,
        runs=_row(db, "SELECT count(DISTINCT run) FROM events WHERE noun = 'run'")[0],
        open_work=dict(db.execute("SELECT noun, count(*) FROM open_work GROUP BY noun").fetchall()),
        first_at=_row(db, "SELECT (SELECT at FROM events ORDER BY seq LIMIT 1)")[0],
        last_at=_row(db, "SELECT (SELECT at FROM events ORDER BY seq DESC LIMIT 1)")[0],
        size_bytes=_size(path),
        log_bytes=_size(path.with_name(f"{path.name}-wal")),
        blobs=blobs,
        blob_bytes=blob_bytes,
        pruned_rows=_row(db, "SELECT coalesce(sum(rows), 0) FROM totals")[0],
        integrity=str(_row(db, "PRAGMA integrity_check(1)")[0]) if check else None,
    )


def _row(db: sqlite3.Connection, query: str) -> tuple[Any, ...]:
    row: tuple[Any, ...] = db.execute(query).fetchone()
    return row


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
