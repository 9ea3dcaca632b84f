"""A process's two handles on a journal's file: readers never wait for its writer.

Every write takes its turn by a lock file. SQLite's own waiting starves some writers, and no version
before 3.51.3 may checkpoint while another process commits: rarely, that loses pages
(sqlite.org/wal.html, "The WAL-reset bug"). All our checkpoints happen in turn.

A handle never crosses a fork: all are closed before it and opened again on the next use.
"""

import contextlib
import fcntl
import io
import os
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from weakref import WeakSet

from qgm_observe.errors import JournalError
from qgm_observe.journal import (
    forking,  # noqa: F401  its hook, registered before ours, runs after it
    schema,
)
from qgm_observe.journal.database import bring_up_to_date, end, is_doubtful, translated
from qgm_observe.journal.files import make_private_directory, make_private_file, unwritable

CHECKPOINT_PAGES = 8000
"""Pages in the log above which a commit moves them to the main file (32 MiB)."""

LOG_LIMIT = 40 * 1024**2
"""Bytes the log is cut down to."""

PATIENCE = 30.0
"""Seconds a writer waits for its turn, and anybody for a lock of SQLite's."""

_BACKOFF = 0.002
_random = random.SystemRandom().random


@dataclass(slots=True)
class _Handle:
    """One connection, its lock and the file it was opened on."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    db: sqlite3.Connection | None = None
    pid: int = 0
    file: tuple[int, int] | None = None

    def close(self) -> None:
        if self.db is not None:
            with contextlib.suppress(sqlite3.Error):
                self.db.close()
        self.db = None

    def leave(self) -> None:
        """Take the log into a file that was moved: closing alone would not."""
        if self.db is not None:
            with contextlib.suppress(sqlite3.Error):
                self.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        self.close()

    def abandon(self) -> None:
        if self.db is not None:
            _leak(self.db)
        self.db = None


class FileDatabase:
    """A journal's file as this process holds it."""

    def __init__(
        self,
        path: Path,
        *,
        read_only: bool,
        migrations: Sequence[schema.Migration] = schema.MIGRATIONS,
        patience: float = PATIENCE,
    ) -> None:
        self.path = path
        self._name = os.fspath(path)
        self.read_only = read_only
        self._migrations = migrations
        self._patience = patience
        self._reader, self._writer = _Handle(), _Handle()
        self._turn_file: io.FileIO | None = None
        self._closed = False
        _live.add(self)
        try:
            with self.reading() if read_only else self.writing():
                pass
        except BaseException:
            self.close()
            raise

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Hold one unchanging view of the journal; keep it short, the log grows meanwhile."""
        if self._closed:
            raise JournalError(f"journal {self.path} was closed")
        with self._reader.lock:
            try:
                db = self._opened(self._reader, self._open_reader)
                db.execute("BEGIN")
                try:
                    yield db
                finally:
                    end(db, "COMMIT")
            except sqlite3.Error as error:
                raise translated(error, self.path) from error

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Change the journal wholly or not at all."""
        with self._in_turn() as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                end(db, "ROLLBACK")
                raise

    def checkpoint(self) -> None:
        """Move the log into the main file and cut it, as far as readers allow."""
        with self._in_turn() as db, contextlib.suppress(sqlite3.OperationalError):
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def close(self) -> None:
        """Let the file go."""
        self._closed = True
        with self._writer.lock, self._reader.lock:
            self._release()

    # -------------------------------------------------------------------------------- handles

    @contextlib.contextmanager
    def _in_turn(self) -> Iterator[sqlite3.Connection]:
        if self.read_only or self._closed:
            why = "closed" if self._closed else "opened for reading only"
            raise JournalError(f"journal {self.path} was {why}")
        with self._writer.lock:
            try:
                self._take_turn()
                yield self._opened(self._writer, self._open_writer)
            except sqlite3.Error as error:
                if is_doubtful(error):
                    self._writer.close()
                raise translated(error, self.path) from error
            finally:
                if self._turn_file is not None:
                    fcntl.flock(self._turn_file, fcntl.LOCK_UN)

    def _take_turn(self) -> None:
        if self._turn_file is None:
            self._turn_file = self._open_turn_file()
        give_up = 0.0
        while True:
            try:
                fcntl.flock(self._turn_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                give_up = give_up or time.monotonic() + self._patience
                if time.monotonic() > give_up:
                    raise JournalError(
                        f"journal {self.path}: another process has held it for {self._patience:g} s"
                    ) from None
                time.sleep(_random() * _BACKOFF)

    def _open_turn_file(self) -> io.FileIO:
        if self.path.is_dir():
            raise JournalError(f"journal {self.path} is a directory: give the path of a file")
        make_private_directory(self.path.parent)
        path = self.path.with_name(f"{self.path.name}-lock")
        try:
            return io.FileIO(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+")
        except OSError as error:
            raise unwritable(self.path, error) from None

    def _opened(
        self, handle: _Handle, connect: Callable[[], sqlite3.Connection]
    ) -> sqlite3.Connection:
        file = _identity(self._name)
        if handle.db is None or handle.pid != os.getpid() or handle.file != file:
            if handle.pid == os.getpid():
                handle.leave()
            else:  # to close it would release the parent's locks
                handle.abandon()
            handle.db = connect()
            handle.pid, handle.file = os.getpid(), _identity(self._name)
        return handle.db

    def _open_writer(self) -> sqlite3.Connection:
        make_private_file(self.path)
        db = _connect(self.path, "rw", self._patience)
        try:
            db.execute("PRAGMA synchronous = NORMAL")
            db.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
            db.execute(f"PRAGMA journal_size_limit = {LOG_LIMIT}")
            version = schema.version_of(db, self.path, len(self._migrations))
            if version == 0:
                schema.begin_file(db, self.path)
            if version < len(self._migrations):
                bring_up_to_date(db, self.path, self._migrations)
        except BaseException:
            db.close()
            raise
        return db

    def _open_reader(self) -> sqlite3.Connection:
        if self.path.is_dir():
            raise JournalError(f"journal {self.path} is a directory: give the path of a file")
        if not self.path.exists():
            raise JournalError(f"no journal at {self.path}: record a run first, or give its path")
        db = _connect(self.path, "ro", self._patience)
        try:
            try:
                schema.check(db, self.path, self._migrations)
            except sqlite3.OperationalError:
                if self.path.with_name(f"{self.path.name}-wal").exists():
                    raise
                db.close()
                # a medium that cannot be written has no log beside it: the file is all there is
                db = _connect(self.path, "ro&immutable=1", self._patience)
                schema.check(db, self.path, self._migrations)
        except BaseException:
            db.close()
            raise
        return db

    # ----------------------------------------------------------------------------------- fork

    def pause(self) -> bool:
        """Close both handles and keep their locks; return whether no thread stood in the way."""
        taken: list[threading.Lock] = []
        for handle in (self._writer, self._reader):
            if not handle.lock.acquire(timeout=1.0):
                for lock in taken:
                    lock.release()
                return False
            taken.append(handle.lock)
        self._release()
        return True

    def resume(self) -> None:
        """Give the locks back."""
        self._reader.lock.release()
        self._writer.lock.release()

    def abandon(self) -> None:
        """Forget handles that another process uses, without closing them."""
        self._reader.abandon()
        self._writer.abandon()
        self._reader, self._writer = _Handle(), _Handle()
        self._turn_file = None

    def _release(self) -> None:
        self._reader.close()
        self._writer.close()
        if self._turn_file is not None:
            self._turn_file.close()
            self._turn_file = None


def _connect(path: Path, mode: str, patience: float) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=patience,
    )


def _identity(name: str) -> tuple[int, int] | None:
    try:
        found = os.stat(name)  # noqa: PTH116  once a commit: half the time of a Path's
    except OSError:
        return None
    return found.st_dev, found.st_ino


# ---------------------------------------------------------------------------------------- fork

_live: WeakSet[FileDatabase] = WeakSet()
_paused: list[FileDatabase] = []
_forking = threading.Lock()


def _leak(db: sqlite3.Connection) -> None:
    """Keep a connection from ever being closed, also when the interpreter ends."""
    import ctypes

    ctypes.pythonapi.Py_IncRef(ctypes.py_object(db))


def _before_fork() -> None:
    _forking.acquire()
    _paused.extend(each for each in list(_live) if each.pause())


def _after_fork_in_parent() -> None:
    while _paused:
        _paused.pop().resume()
    _forking.release()


def _after_fork_in_child() -> None:
    for each in list(_live):
        if each not in _paused:
            each.abandon()
    _after_fork_in_parent()


os.register_at_fork(
    before=_before_fork,
    after_in_parent=_after_fork_in_parent,
    after_in_child=_after_fork_in_child,
)
