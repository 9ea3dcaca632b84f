"""The journal: what every form of it can do, and its usual form, one SQLite file."""

import contextlib
import json
import os
import sqlite3
import time
from abc import abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from qgm_observe.journal import blobs, reaping, retention, schema
from qgm_observe.journal.appending import Batch, ProcessId, apply
from qgm_observe.journal.blobs import Blob
from qgm_observe.journal.body import encode
from qgm_observe.journal.connection import PATIENCE, FileDatabase
from qgm_observe.journal.event import Event, OpenWork
from qgm_observe.journal.folds import HEARTBEAT_TIMEOUT
from qgm_observe.journal.reading import Reader
from qgm_observe.journal.retention import PruneReport
from qgm_observe.records import Process, current_process


class Store(Reader):
    """A journal that can be read and written, in whatever form."""

    @abstractmethod
    def append(
        self,
        events: Sequence[Event],
        *,
        open_work: Sequence[OpenWork] = (),
        closed: Sequence[str] = (),
        blobs: Sequence[Blob] = (),
    ) -> list[Event]:
        """Append events and refresh what is open, all or nothing.

        An event whose id is known is left out. A second, different `finished` event of a subject
        is kept as `reconciled`, which is never counted.

        Args:
            events: In order.
            open_work: What is still open, with fresh heartbeats.
            closed: Subjects that are open no more and have no finished event.
            blobs: Contents that the events refer to.

        Returns:
            The events that are new, as they were stored.

        Raises:
            JournalError: nothing was written; the same call may be tried again later.
        """

    @abstractmethod
    def lease(self, name: str, now: float, seconds: float) -> bool:
        """Take or renew a task that one process at a time may do; return whether it is ours."""

    @abstractmethod
    def put_blob(self, kind: str, data: bytes) -> str:
        """Keep a content and return its hash; one above 16 MiB is not kept."""

    @abstractmethod
    def prune(
        self, now: float, *, older_than_seconds: float, max_bytes: int, dry_run: bool = False
    ) -> PruneReport:
        """Prune old rows, and the oldest of a journal that is too large, into totals.

        Args:
            now: Epoch seconds.
            older_than_seconds: Age at which a row goes.
            max_bytes: Size of what is kept above which the oldest rows go.
            dry_run: Tell what would go, and change nothing.
        """

    @abstractmethod
    def close(self) -> None:
        """Let the files go."""

    @abstractmethod
    def key(self) -> str:
        """Return the journal's own id, which stays when its files are moved."""

    def numbering(self) -> str | None:
        """Return what gave the sequence numbers, `None` where they do not outlast this object."""
        return self.key()

    @abstractmethod
    def cursor(self, name: str) -> int | None:
        """Return how far a follower has come, `None` where that is not known."""

    @abstractmethod
    def advance(self, name: str, seq: int) -> None:
        """Remember how far a follower has come.

        Raises:
            JournalError: it cannot be written; what was remembered before still is.
        """

    def begin(self, name: str) -> None:
        """Let a follower that never was there begin with what is recorded next."""
        if self.cursor(name) is None:
            self.advance(name, self.last_seq())

    def reap(self, now: float, *, heartbeat_timeout: float = HEARTBEAT_TIMEOUT) -> list[Event]:
        """Finish open work whose process is gone, as `lost`; return the events stored.

        One process at a time does this for a journal.

        Args:
            now: Epoch seconds.
            heartbeat_timeout: Seconds without a heartbeat after which the work of another machine
                is lost.
        """
        if not self.lease("reap", now, heartbeat_timeout):
            return []
        lost = reaping.lost_work(self.open_work(), now, heartbeat_timeout)
        if not lost:
            return []
        events = [reaping.lost_event(self, work) for work in lost]
        return self.append(events, closed=[work.subject for work in lost])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class Journal(Store):
    """A journal in one SQLite file that several processes write and read at once."""

    def __init__(self, path: Path, database: FileDatabase, clock: Callable[[], float]) -> None:
        self.path = path
        self.clock = clock
        self._database = database
        self._token = os.urandom(8).hex()

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        *,
        read_only: bool = False,
        clock: Callable[[], float] = time.time,
        patience: float = PATIENCE,
        migrations: Sequence[schema.Migration] = schema.MIGRATIONS,
    ) -> Self:
        """Open a journal; create it, for this user alone, unless it is only to be read.

        Args:
            path: Its file.
            read_only: Neither create nor change anything.
            clock: Tells when rows are recorded, epoch seconds.
            patience: Seconds to wait for other processes.
            migrations: How older journals are brought up to date.

        Raises:
            JournalError: it cannot be opened or created.
            CorruptJournal: the file is damaged or is no journal; it is left as it is.
            NewerJournal: a later version of this package wrote it.
        """
        place = Path(path)
        database = FileDatabase(
            place, read_only=read_only, migrations=migrations, patience=patience
        )
        return cls(place, database, clock)

    def _reading(self) -> contextlib.AbstractContextManager[sqlite3.Connection]:
        return self._database.reading()

    def append(
        self,
        events: Sequence[Event],
        *,
        open_work: Sequence[OpenWork] = (),
        closed: Sequence[str] = (),
        blobs: Sequence[Blob] = (),
    ) -> list[Event]:
        """Append events and refresh what is open in one transaction; see `Store.append`."""
        batch = Batch(
            events=events,
            texts=[encode(event.body) for event in events],
            process=identity(current_process()),
            open_work=open_work,
            closed=closed,
            blobs=self._packed(blobs),
        )
        with self._database.writing() as db:
            return apply(db, batch, self.clock())

    def lease(self, name: str, now: float, seconds: float) -> bool:
        """Take or renew a task that one process at a time may do; return whether it is ours."""
        with self._database.writing() as db:
            held = db.execute("SELECT owner, until FROM leases WHERE name = ?", (name,)).fetchone()
            mine = reaping.owner(self._token)
            if held and held[0] != mine and not reaping.is_free(held[0], held[1], now):
                return False
            row = (name, mine, now + seconds)
            db.execute("INSERT OR REPLACE INTO leases (name, owner, until) VALUES (?, ?, ?)", row)
            return True

    def key(self) -> str:
        """Return the journal's own id, which stays when its file is moved."""
        with self._reading() as db:
            return str(schema.facts_of(db)["id"])

    def cursor(self, name: str) -> int | None:
        """Return how far a follower has come, `None` where that is not known."""
        with self._reading() as db:
            seq = schema.facts_of(db).get(f"cursor {name}")
        return None if seq is None else int(seq)

    def advance(self, name: str, seq: int) -> None:
        """Remember how far a follower has come."""
        row = (f"cursor {name}", json.dumps(seq))
        with self._database.writing() as db:
            db.execute("INSERT OR REPLACE INTO journal (key, value) VALUES (?, ?)", row)

    def put_blob(self, kind: str, data: bytes) -> str:
        """Keep a content and return its hash; one above 16 MiB is not kept."""
        blob = Blob(kind, data)
        packed = self._packed([blob])
        if packed:
            with self._database.writing() as db:
                blobs.keep(db, packed, self.clock())
        return blob.hash

    def prune(
        self, now: float, *, older_than_seconds: float, max_bytes: int, dry_run: bool = False
    ) -> PruneReport:
        """Prune old rows, and the oldest of a journal that is too large; see `Store.prune`."""
        how = retention.foresee if dry_run else retention.prune
        report = how(
            self._database, now, older_than_seconds=older_than_seconds, max_bytes=max_bytes
        )
        if report.rows and not dry_run:
            self._database.checkpoint()
        return report

    def close(self) -> None:
        """Let the file go."""
        self._database.close()

    def _packed(self, contents: Sequence[Blob]) -> list[blobs.PackedBlob]:
        if not contents:
            return []
        with self._reading() as db:
            known = {each.hash for each in contents if blobs.is_kept(db, each.hash)}
        return blobs.pack(contents, known)


def identity(process: Process) -> ProcessId:
    """Return a process as the journal writes it."""
    return process.host, process.boot, process.pid, process.started
