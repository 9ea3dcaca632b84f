"""What a journal's tables are to the code that uses them, and what SQLite's errors mean."""

import contextlib
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from qgm_observe.errors import CorruptJournal, JournalError, NewerJournal
from qgm_observe.journal import schema
from qgm_observe.journal.files import make_private_directory, make_private_file


class Database(Protocol):
    """Something with a journal's tables."""

    def reading(self) -> AbstractContextManager[sqlite3.Connection]:
        """Hold one unchanging view of it."""

    def writing(self) -> AbstractContextManager[sqlite3.Connection]:
        """Change it wholly or not at all."""


class ScratchDatabase:
    """A journal's tables for this process alone; large ones spill to a nameless temporary file.

    Args:
        path: A file that keeps them for the next process, where that can be had: it is another
            process's while that one lives, and what is damaged is made anew.

    Attributes:
        is_kept: Whether they are in that file.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or Path("scratch")
        self._lock = threading.Lock()
        kept = None if path is None else _kept_tables(path)
        self.is_kept = kept is not None
        self._db = kept or _nameless_tables()

    def discard(self) -> None:
        """Close, and forget what is kept."""
        self.close()
        if self.is_kept:
            _remove(self.path)

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


def _nameless_tables() -> sqlite3.Connection:
    db = sqlite3.connect("", isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA synchronous = OFF")
    bring_up_to_date(db, Path("scratch"), schema.MIGRATIONS)
    return db


def _kept_tables(path: Path) -> sqlite3.Connection | None:
    """Open kept tables for this process alone, or `None`; in this mode WAL needs no shared memory.

    Source: sqlite.org/wal.html, "Use of WAL Without Shared-Memory".
    """
    for _ in range(2):
        try:
            make_private_directory(path.parent)
            make_private_file(path)
            return _owned(path)
        except (sqlite3.OperationalError, JournalError) as error:
            if not isinstance(error, CorruptJournal | NewerJournal):
                return None
        except sqlite3.DatabaseError:
            pass
        _remove(path)
    return None


def _owned(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=0.1)
    try:
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
        db.execute("PRAGMA journal_mode = WAL").fetchall()
        db.execute("PRAGMA synchronous = NORMAL")
        bring_up_to_date(db, path, schema.MIGRATIONS)
    except BaseException:
        db.close()
        raise
    return db


def _remove(path: Path) -> None:
    for ending in ("", "-wal", "-shm", "-journal"):
        path.with_name(f"{path.name}{ending}").unlink(missing_ok=True)


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
