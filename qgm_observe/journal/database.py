"""What a journal's tables are to the code that uses them, and what SQLite's errors mean."""

import contextlib
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from qgm_observe.errors import CorruptJournal, JournalError
from qgm_observe.journal import schema


class Database(Protocol):
    """Something with a journal's tables."""

    def reading(self) -> AbstractContextManager[sqlite3.Connection]:
        """Hold one unchanging view of it."""

    def writing(self) -> AbstractContextManager[sqlite3.Connection]:
        """Change it wholly or not at all."""


class ScratchDatabase:
    """A journal's tables for this process alone; large ones spill to a nameless temporary file."""

    def __init__(self) -> None:
        self.path = Path("scratch")
        self._lock = threading.Lock()
        self._db = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA synchronous = OFF")
        bring_up_to_date(self._db, self.path, schema.MIGRATIONS)

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Hold it unchanged."""
        with self.writing() as db:
            yield db

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Change it wholly or not at all."""
        with self._lock:
            self._db.execute("BEGIN")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except sqlite3.Error as error:
                end(self._db, "ROLLBACK")
                raise translated(error, self.path) from error
            except BaseException:
                end(self._db, "ROLLBACK")
                raise

    def close(self) -> None:
        """Let the memory go."""
        with self._lock:
            self._db.close()


def bring_up_to_date(
    db: sqlite3.Connection, path: Path, migrations: Sequence[schema.Migration]
) -> None:
    """Apply the missing migrations in one transaction."""
    db.execute("BEGIN IMMEDIATE")
    try:
        schema.migrate(db, path, migrations)
        db.execute("COMMIT")
    except BaseException:
        end(db, "ROLLBACK")
        raise


def end(db: sqlite3.Connection, how: str) -> None:
    """End the transaction, if there still is one, by `COMMIT` or `ROLLBACK`."""
    with contextlib.suppress(sqlite3.Error):
        if db.in_transaction:
            db.execute(how)


_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_HARMLESS = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_FULL}
_PLAIN = {
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_IOERR: "the disk cannot be written or read",
    sqlite3.SQLITE_READONLY: "it may not be written",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened, or its directory may not be written",
    sqlite3.SQLITE_BUSY: "another program holds it",
}


def is_doubtful(error: sqlite3.Error) -> bool:
    """Return whether the connection may be of no more use after an error."""
    return _code(error) not in _HARMLESS


def translated(error: sqlite3.Error, path: Path) -> JournalError:
    """Return what an error of SQLite means to the user of the journal at a path."""
    code = _code(error)
    if code in _DAMAGED:
        return CorruptJournal(
            f"journal {path} is damaged or is none ({error}): it was left as it is, "
            "move it aside or give another path"
        )
    return JournalError(f"journal {path}: {_PLAIN.get(code, error)}")


def _code(error: sqlite3.Error) -> int:
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF
