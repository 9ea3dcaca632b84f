"""The journal where SQLite cannot share memory: a directory of one file a process.

Files are only ever appended to. The read side takes them into tables of its own, see `importing`;
sequence numbers therefore belong to the object that gave them.
"""

import contextlib
import json
import os
import sqlite3
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Self

from qgm_observe.catalog import Outcome
from qgm_observe.errors import CorruptJournal, JournalError
from qgm_observe.journal import blobs as contents
from qgm_observe.journal import cursors, lines, reaping
from qgm_observe.journal.appending import reconciled_id
from qgm_observe.journal.blobs import Blob
from qgm_observe.journal.body import encode
from qgm_observe.journal.database import ScratchDatabase
from qgm_observe.journal.event import TERMINAL, Event, OpenWork
from qgm_observe.journal.files import make_private_directory
from qgm_observe.journal.importing import SUMMARY, Importer
from qgm_observe.journal.information import JournalInfo
from qgm_observe.journal.lines import SUFFIX
from qgm_observe.journal.own_file import OwnFile, create, replace_file
from qgm_observe.journal.retention import UNNAMED_BLOB, PruneReport
from qgm_observe.journal.schema import MIGRATIONS, facts_of
from qgm_observe.journal.store import Store, identity
from qgm_observe.records import current_process
from qgm_observe.version import __version__

LARGEST_FILE = 64 * 1024**2
"""Bytes after which a process begins a new file."""

PRUNE_SECONDS = 600.0
REMEMBERED = 10_000
"""Ids this process appended that it knows again; readers know them all."""

_FACTS = "journal.json"


class JsonlJournal(Store):
    """A journal in a directory that several processes, also of several machines, write at once."""

    def __init__(
        self,
        path: Path,
        clock: Callable[[], float],
        *,
        read_only: bool,
        tables: Path | None = None,
    ) -> None:
        self.path = path
        self._tables = tables
        self.clock = clock
        self._read_only = read_only
        self._token = os.urandom(8).hex()
        self._lock = threading.Lock()
        self._own: OwnFile | None = None
        self._seen: OrderedDict[str, int] = OrderedDict()
        self._importers: dict[int, Importer] = {}

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        *,
        read_only: bool = False,
        clock: Callable[[], float] = time.time,
        tables: Path | None = None,
    ) -> Self:
        """Open a journal's directory; create it, for this user alone, unless only to read.

        Args:
            path: The directory.
            read_only: Neither create nor change anything in it.
            clock: Tells when rows are recorded, epoch seconds.
            tables: A file, elsewhere, that keeps what was read for the next process.

        Raises:
            JournalError: it cannot be opened or created.
        """
        place = Path(path)
        if not read_only:
            make_private_directory(place)
            _write_facts(place)
        elif not (place / _FACTS).exists():
            raise JournalError(f"no journal at {place}: record a run first, or give its path")
        return cls(place, clock, read_only=read_only, tables=tables)

    # -------------------------------------------------------------------------------- writing

    def append(
        self,
        events: Sequence[Event],
        *,
        open_work: Sequence[OpenWork] = (),
        closed: Sequence[str] = (),
        blobs: Sequence[Blob] = (),
    ) -> list[Event]:
        """Append events and refresh what is open as one line; see `Store.append`.

        The events returned have no sequence number: only a reader gives them one.
        """
        self._refuse_read_only()
        for blob in blobs:
            self.put_blob(blob.kind, blob.data)
        with self._lock:
            at = self.clock()
            said = _Said(self._seen)
            new = [event for event in events if said.is_new(event)]
            process = identity(current_process())
            self._file().write(lines.line_of(new, open_work, closed, at=at, process=process))
            said.remember()
        return [replace(event, recorded_at=at) for event in said.as_stored]

    def put_blob(self, kind: str, data: bytes) -> str:  # noqa: ARG002  the name tells all there is
        """Keep a content and return its hash; one above 16 MiB is not kept."""
        self._refuse_read_only()
        blob = Blob("", data)
        path = self.path / "blobs" / blob.hash
        if not path.exists() and len(data) <= contents.LARGEST:
            (packed,) = contents.pack([blob], ())
            make_private_directory(path.parent)
            replace_file(path, packed.packed)
        return blob.hash

    def lease(self, name: str, now: float, seconds: float) -> bool:
        """Take or renew a task that one process at a time may do; return whether it is ours."""
        self._refuse_read_only()
        path = self.path / "leases" / f"{name}.json"
        make_private_directory(path.parent)
        mine = reaping.owner(self._token)
        said = json.dumps([mine, now + seconds]).encode()
        try:
            owner, until = json.loads(path.read_bytes())
        except FileNotFoundError:
            return create(path, said)
        except ValueError:  # just being written, or its writer died of it
            owner, until = reaping.owner(""), path.stat().st_mtime + seconds
        if owner == mine:
            replace_file(path, said)
            return True
        if not reaping.is_free(owner, until, now):
            return False
        try:
            path.rename(path.with_suffix(f".{os.urandom(8).hex()}"))
        except FileNotFoundError:
            return False
        return create(path, said)

    def prune(
        self, now: float, *, older_than_seconds: float, max_bytes: int, dry_run: bool = False
    ) -> PruneReport:
        """Prune whole files of processes that ended; see `Store.prune`."""
        self._refuse_read_only()
        importer = self._refreshed()
        before = self._size()
        names = importer.prunable(now, older_than_seconds, max_bytes)
        if not names or not (dry_run or self.lease("prune", now, PRUNE_SECONDS)):
            return PruneReport(rows=0, blobs=0, bytes_before=before, bytes_after=before)
        rows, size = importer.rows_of(names), sum(map(importer.size_of, names))
        if dry_run:
            return PruneReport(rows=rows, blobs=0, bytes_before=before, bytes_after=before - size)
        summary = importer.summary(names, now)
        path = self.path / f"{os.urandom(8).hex()}{SUMMARY}"
        replace_file(path, json.dumps(summary).encode())
        for name in summary["replaces"]:
            (self.path / name).unlink(missing_ok=True)
        removed = self._sweep(self._refreshed(), now)
        return PruneReport(rows=rows, blobs=removed, bytes_before=before, bytes_after=self._size())

    def close(self) -> None:
        """Let the files go."""
        with self._lock:
            if self._own is not None and self._own.pid == os.getpid():
                self._own.close()
            self._own = None
            importer = self._importers.pop(os.getpid(), None)
        if importer is not None:
            importer.close()

    # -------------------------------------------------------------------------------- reading

    def key(self) -> str:
        """Return the journal's own id, which stays when its directory is moved."""
        return str(json.loads((self.path / _FACTS).read_bytes())["id"])

    def numbering(self) -> str | None:
        """Return what gave the sequence numbers; only those of kept tables last."""
        importer = self._refreshed()
        if not importer.database.is_kept:
            return None
        with importer.database.reading() as db:
            return str(facts_of(db)["id"])

    def cursor(self, name: str) -> int | None:
        """Return how far a follower has come, `None` where that is not known."""
        return self._refreshed().cursor(name)

    def advance(self, name: str, seq: int) -> None:
        """Remember how far a follower has come; see `Store.advance`."""
        self._refuse_read_only()
        self._refreshed().advance(name, seq)

    def begin(self, name: str) -> None:
        """Let a follower that never was there begin with what is recorded next; reads no line."""
        self._refuse_read_only()
        if cursors.read(self.path, name) is None:
            sizes = {entry.name: entry.stat().st_size for entry in _entries(self.path)}
            ends = {name: size for name, size in sizes.items() if name.endswith(SUFFIX)}
            cursors.keep(self.path, name, ends)

    def blob(self, key: str) -> bytes | None:
        """Return a content by its hash, `None` if it is not kept."""
        path = self.path / "blobs" / Path(key).name
        return contents.unpack(path.read_bytes()) if path.is_file() else None

    def info(self, *, check: bool = False) -> JournalInfo:
        """Return what the journal says of itself; `check` counts lines that cannot be read."""
        found = super().info()
        facts = json.loads((self.path / _FACTS).read_bytes())
        kept = [entry.stat().st_size for entry in _entries(self.path / "blobs")]
        torn = sum(known.torn for known in self._importers[os.getpid()].files.values())
        return replace(
            found,
            form="jsonl",
            **facts,
            size_bytes=self._size(),
            log_bytes=0,
            blobs=len(kept),
            blob_bytes=sum(kept),
            integrity=(f"{torn} torn lines" if torn else "ok") if check else None,
        )

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._refreshed().database.reading() as db:
            yield db

    def _refreshed(self) -> Importer:
        pid = os.getpid()
        with self._lock:
            if pid not in self._importers:
                self._importers = {pid: Importer(self.path, ScratchDatabase(self._tables))}
            importer = self._importers[pid]
        try:
            importer.refresh()
        except CorruptJournal:
            self._importers.clear()
            importer.database.discard()
            raise
        except BaseException:
            self._importers.clear()  # what was taken half is read again
            importer.close()
            raise
        return importer

    def _size(self) -> int:
        return sum(
            entry.stat().st_size
            for folder in (self.path, self.path / "blobs")
            for entry in _entries(folder)
        )

    def _sweep(self, importer: Importer, now: float) -> int:
        """Remove contents that no row refers to; return how many."""
        with importer.database.reading() as db:
            named = {key for (key,) in db.execute("SELECT DISTINCT hash FROM refs")}
        removed = 0
        for entry in _entries(self.path / "blobs"):
            if entry.name not in named and now - entry.stat().st_mtime > UNNAMED_BLOB:
                Path(entry.path).unlink(missing_ok=True)
                removed += 1
        return removed

    # ----------------------------------------------------------------------------------- file

    def _file(self) -> "OwnFile":
        own = self._own
        if own is None or not own.is_ours():
            own = self._own = OwnFile.begin(self.path)
        elif own.size > LARGEST_FILE:
            own.write(lines.END)
            own.close()
            own = self._own = OwnFile.begin(self.path)
        return own

    def _refuse_read_only(self) -> None:
        if self._read_only:
            raise JournalError(f"journal {self.path} was opened for reading only")


class _Said:
    """What this process said, as far as it remembers: id to the hash of a finished body."""

    def __init__(self, before: OrderedDict[str, int]) -> None:
        self.as_stored: list[Event] = []
        self._before = before
        self._now: dict[str, int] = {}

    def is_new(self, event: Event) -> bool:
        """Return whether an event adds something: a second, different end is a later truth."""
        text = encode(event.body) if event.verb == TERMINAL else ""
        known = self._now.get(event.id, self._before.get(event.id))
        if known is None:
            self._now[event.id] = hash(text)
            self.as_stored.append(event)
            return True
        if known == hash(text) or event.body.get("outcome") == Outcome.LOST:
            return False
        id_ = reconciled_id(event.subject, text)
        if id_ in self._now or id_ in self._before:
            return False
        self._now[id_] = 0
        self.as_stored.append(replace(event, verb="reconciled", id=id_))
        return True

    def remember(self) -> None:
        """Keep what was said now that it is on disk."""
        self._before.update(self._now)
        while len(self._before) > REMEMBERED:
            self._before.popitem(last=False)


def _write_facts(directory: Path) -> None:
    facts = {
        "id": os.urandom(16).hex(),
        "created": time.time(),
        "written_by": __version__,
        "schema": len(MIGRATIONS),
    }
    path = directory / _FACTS
    if not path.exists():
        create(path, json.dumps(facts).encode())


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        return [entry for entry in os.scandir(folder) if entry.is_file()]
    except FileNotFoundError:
        return []
