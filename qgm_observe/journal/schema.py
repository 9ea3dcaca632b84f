"""The journal's tables, and how an older journal is brought up to date.

`PRAGMA application_id` tells a journal from any other SQLite file, `PRAGMA user_version` is the
schema's version: the number of migrations that were applied.
"""

import json
import os
import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from qgm_observe.errors import CorruptJournal, JournalError, NewerJournal
from qgm_observe.version import __version__

APPLICATION_ID = 0x51474D4A
"""`QGMJ` in ASCII."""

Migration = Callable[[sqlite3.Connection], None]

_VERSION_1 = (
    "CREATE TABLE journal (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    # no sequence number is given twice, for the newest row is never deleted
    """CREATE TABLE events (
        seq INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        verb TEXT NOT NULL,
        noun TEXT NOT NULL,
        subject TEXT NOT NULL,
        run TEXT,
        at REAL NOT NULL,
        recorded_at REAL NOT NULL,
        body TEXT NOT NULL)""",
    "CREATE INDEX events_kind ON events (noun, verb)",
    "CREATE INDEX events_run ON events (run) WHERE run IS NOT NULL",
    """CREATE TABLE open_work (
        subject TEXT PRIMARY KEY,
        noun TEXT NOT NULL,
        run TEXT,
        opened_at REAL NOT NULL,
        heartbeat REAL NOT NULL,
        process TEXT NOT NULL,
        facts TEXT NOT NULL,
        body TEXT NOT NULL) WITHOUT ROWID""",
    """CREATE TABLE blobs (
        hash TEXT PRIMARY KEY,
        kind TEXT NOT NULL,
        stored_at REAL NOT NULL,
        size INTEGER NOT NULL,
        packed BLOB NOT NULL)""",
    "CREATE TABLE refs (seq INTEGER, hash TEXT, PRIMARY KEY (seq, hash)) WITHOUT ROWID",
    "CREATE INDEX refs_hash ON refs (hash)",
    """CREATE TABLE totals (
        only INTEGER PRIMARY KEY CHECK (only = 1),
        rows INTEGER NOT NULL,
        body TEXT NOT NULL)""",
    """CREATE TABLE minutes (
        minute INTEGER,
        signal TEXT,
        labels TEXT,
        value INTEGER NOT NULL,
        PRIMARY KEY (minute, signal, labels)) WITHOUT ROWID""",
    # finished events that only assumed a loss: their id outlives their row, see `retention`
    "CREATE TABLE lost (id TEXT PRIMARY KEY, at REAL NOT NULL) WITHOUT ROWID",
    """CREATE TABLE leases (
        name TEXT PRIMARY KEY,
        owner TEXT NOT NULL,
        until REAL NOT NULL) WITHOUT ROWID""",
)


def _create(db: sqlite3.Connection) -> None:
    for statement in _VERSION_1:
        db.execute(statement)
    db.executemany(
        "INSERT INTO journal (key, value) VALUES (?, ?)",
        [("id", json.dumps(os.urandom(16).hex())), ("created", json.dumps(time.time()))],
    )


MIGRATIONS: tuple[Migration, ...] = (_create,)
"""Entry n leads from version n to version n + 1; version 0 is an empty file."""


def version_of(db: sqlite3.Connection, path: Path, newest: int = len(MIGRATIONS)) -> int:
    """Return the schema version of an open file, 0 for an empty one. Changes nothing.

    Raises:
        CorruptJournal: it is another application's file.
        NewerJournal: a later version of this package wrote it.
    """
    (application,) = db.execute("PRAGMA application_id").fetchone()
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if (
        application == 0
        and version == 0
        and not db.execute("SELECT 1 FROM sqlite_master").fetchone()
    ):
        return 0
    if application != APPLICATION_ID:
        raise CorruptJournal(f"{path} is no journal but another SQLite file: give another path")
    if version > newest:
        raise NewerJournal(
            f"journal {path} was written by qgm-observe {_writer(db)} (schema {version}); this is "
            f"{__version__} (schema {newest}): pip install --upgrade qgm-observe"
        )
    return int(version)


def _writer(db: sqlite3.Connection) -> str:
    try:
        return str(facts_of(db)["written_by"])
    except (sqlite3.Error, KeyError, ValueError):
        return "of a later version"


def facts_of(db: sqlite3.Connection) -> dict[str, str | float]:
    """Return what a journal says of itself: `id`, `created` (epoch s), `written_by`."""
    rows = db.execute("SELECT key, value FROM journal")
    return {key: json.loads(value) for key, value in rows}


def check(db: sqlite3.Connection, path: Path, migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """Refuse what cannot be read as it is.

    Raises:
        JournalError: it is empty or older and would have to be changed.
    """
    version = version_of(db, path, len(migrations))
    if version == 0:
        raise JournalError(f"journal {path} is empty: nothing was recorded yet")
    if version < len(migrations):
        raise JournalError(
            f"journal {path} has the older schema {version}: record into it once, that updates it"
        )


def begin_file(db: sqlite3.Connection, path: Path) -> None:
    """Give an empty file what cannot be changed later: WAL mode and pages that can be freed.

    Raises:
        JournalError: the file system has no shared memory for WAL mode.
    """
    db.execute("PRAGMA auto_vacuum = INCREMENTAL")
    (mode,) = db.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode not in {"wal", "memory"}:
        raise JournalError(
            f"journal {path}: SQLite cannot share memory here, give a path on a local disk"
        )


def migrate(
    db: sqlite3.Connection, path: Path, migrations: Sequence[Migration] = MIGRATIONS
) -> None:
    """Bring the file up to date inside the open transaction, so wholly or not at all."""
    version = version_of(db, path, len(migrations))
    if version == len(migrations):
        return
    for migration in migrations[version:]:
        migration(db)
    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    db.execute(f"PRAGMA user_version = {len(migrations)}")
    db.execute(
        "INSERT OR REPLACE INTO journal (key, value) VALUES ('written_by', ?)",
        (json.dumps(__version__),),
    )
