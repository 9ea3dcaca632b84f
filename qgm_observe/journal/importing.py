"""Reads the JSONL form's files into tables of this process, each line once.

Lines are taken in the order they were recorded, but first those that followers have had: so what
they have not had comes after all that they had, however the clocks of machines differ. A torn last
line waits for its rest; one in the middle (its process could not finish it) is counted and passed
over.
"""

import heapq
import json
import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from qgm_observe.errors import NewerJournal
from qgm_observe.journal import cursors, lines, retention
from qgm_observe.journal.appending import ProcessId, apply
from qgm_observe.journal.body import COLUMNS
from qgm_observe.journal.database import ScratchDatabase
from qgm_observe.journal.lines import SUFFIX
from qgm_observe.journal.schema import MIGRATIONS
from qgm_observe.journal.totals import Totals
from qgm_observe.records import Process
from qgm_observe.version import __version__

CHUNK = 1 << 20
BATCH = 500
EVENTS = 2_000
SUMMARY = ".pruned.json"
_NOBODY: ProcessId = ("", "", 0, 0)
_TABLES = (
    """CREATE TABLE IF NOT EXISTS sources (
        seq INTEGER PRIMARY KEY, file TEXT NOT NULL, end INTEGER NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS progress (
        file TEXT PRIMARY KEY, offset INTEGER, last_at REAL, ended INTEGER, torn INTEGER,
        process TEXT) WITHOUT ROWID""",
    "CREATE TABLE IF NOT EXISTS replaced (name TEXT PRIMARY KEY) WITHOUT ROWID",
    """CREATE TABLE IF NOT EXISTS summaries (
        name TEXT PRIMARY KEY, content TEXT NOT NULL) WITHOUT ROWID""",
)
_NEXT_LINE = "SELECT file, end FROM sources WHERE seq > ? ORDER BY seq LIMIT 1"
_WHOLE_LINES = """SELECT file, max(end) FROM sources
    WHERE seq > ? AND seq <= ? AND NOT (file = ? AND end = ?) GROUP BY file"""
_PROGRESS = "SELECT file, offset, last_at, ended, torn, process FROM progress"


@dataclass(slots=True)
class SourceFile:
    """One process's file as far as it was read.

    Attributes:
        offset: Bytes read.
        last_at: When its last line was recorded, epoch seconds.
        ended: It will not grow any more.
        torn: Lines that cannot be read.
        process: Who writes it.
    """

    offset: int = 0
    last_at: float = 0.0
    ended: bool = False
    torn: int = 0
    process: ProcessId = _NOBODY


@dataclass(slots=True)
class Importer:
    """A directory's files as tables.

    Attributes:
        directory: Where the files are.
        database: The tables.
        files: Name to what was read of it.
        summaries: Name to the content of the summaries that stand for pruned files.
    """

    directory: Path
    database: ScratchDatabase = field(default_factory=ScratchDatabase)
    files: dict[str, SourceFile] = field(default_factory=dict)
    summaries: dict[str, dict[str, Any]] = field(default_factory=dict)
    _replaced: set[str] = field(default_factory=set)
    _had: dict[str, tuple[int, cursors.Offsets]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        """Go on where kept tables were left; remember of each row which file it came from."""
        with self.database.writing() as db:
            for statement in _TABLES:
                db.execute(statement)
            for name, offset, last_at, ended, torn, process in db.execute(_PROGRESS):
                host, boot, pid, started = json.loads(process)
                known = SourceFile(offset, last_at, bool(ended), torn, (host, boot, pid, started))
                self.files[name] = known
            self._replaced |= {name for (name,) in db.execute("SELECT name FROM replaced")}
            for name, text in db.execute("SELECT name, content FROM summaries"):
                self.summaries[name] = json.loads(text)

    def refresh(self) -> None:
        """Read what was added since the last time."""
        with self._lock:
            names = sorted(entry.name for entry in os.scandir(self.directory))
            for name in names:
                if name.endswith(SUMMARY) and name not in self._replaced | self.summaries.keys():
                    self._take_summary(name)
            streams = [
                self._lines(name)
                for name in names
                if name.endswith(SUFFIX) and name not in self._replaced
            ]
            had = cursors.read_all(self.directory)
            merged = heapq.merge(*streams, key=partial(_order, had))
            for batch in _batches(merged):
                with self.database.writing() as db:
                    for line in batch:
                        self._take(db, line)
                    self._keep_progress(db, {line.file for line in batch})

    def close(self) -> None:
        """Let the tables go."""
        self.database.close()

    # ---------------------------------------------------------------------------------- lines

    def _lines(self, name: str) -> Iterator[lines.Line]:
        known = self.files.setdefault(name, SourceFile())
        offset, at = known.offset, known.last_at
        while text := self._complete_lines(name, offset):
            for each in text.splitlines(keepends=True):
                offset += len(each)
                line = lines.read(each, name, offset, at)
                at = line.at
                yield line

    def _complete_lines(self, name: str, offset: int) -> bytes:
        """Return whole lines from an offset on, nothing if there is none; holds no file open."""
        path = self.directory / name
        try:
            if path.stat().st_size <= offset:
                return b""
            with path.open("rb") as file:
                file.seek(offset)
                text = file.read(CHUNK)
                while b"\n" not in text and (more := file.read(CHUNK)):
                    text += more
        except FileNotFoundError:
            return b""
        return text[: text.rfind(b"\n") + 1]

    def _take(self, db: sqlite3.Connection, line: lines.Line) -> None:
        known = self.files[line.file]
        known.offset, known.last_at = line.end, line.at
        if line.content is None:
            known.torn += 1
        elif "process" in line.content:
            self._refuse_newer(line.file, line.content)
            host, boot, pid, started = line.content["process"]
            known.process = (host, boot, pid, started)
        elif "end" in line.content:
            known.ended = True
        else:
            known.torn += not self._apply(db, line, known.process)

    def _keep_progress(self, db: sqlite3.Connection, names: set[str]) -> None:
        """Write down how far files were read, with the rows that came of it."""
        if not self.database.is_kept:
            return
        rows = []
        for name in names:
            known = self.files[name]
            read = (known.offset, known.last_at, known.ended, known.torn)
            rows.append((name, *read, json.dumps(known.process)))
        db.executemany("INSERT OR REPLACE INTO progress VALUES (?, ?, ?, ?, ?, ?)", rows)

    def _apply(self, db: sqlite3.Connection, line: lines.Line, process: ProcessId) -> bool:
        """Make the changes of a line; return whether it made sense."""
        db.execute("SAVEPOINT line")
        try:
            stored = apply(db, lines.batch_of(line.content or {}, process), line.at)
        except (sqlite3.IntegrityError, TypeError, ValueError, KeyError):
            db.execute("ROLLBACK TO line")
            return False
        rows = [(event.seq, line.file, line.end) for event in stored]
        db.executemany("INSERT INTO sources (seq, file, end) VALUES (?, ?, ?)", rows)
        return True

    def _refuse_newer(self, name: str, content: Any) -> None:
        if content["schema"] > len(MIGRATIONS):
            raise NewerJournal(
                f"journal {self.directory / name} was written by qgm-observe "
                f"{content['written_by']}: pip install --upgrade qgm-observe"
            )

    # -------------------------------------------------------------------------------- cursors

    def cursor(self, name: str) -> int | None:
        """Return the last row before the first that a follower has not had, in these numbers."""
        offsets = cursors.read(self.directory, name)
        if offsets is None:
            return None
        with self.database.reading() as db:
            last = int(db.execute("SELECT coalesce(max(seq), 0) FROM events").fetchone()[0])
            for seq, file, end in db.execute("SELECT seq, file, end FROM sources ORDER BY seq"):
                if end > offsets.get(file, 0):
                    last = seq - 1
                    break
        self._had[name] = last, offsets
        return last

    def advance(self, name: str, seq: int) -> None:
        """Remember that a follower has had the rows up to one; of a line it has all or nothing."""
        since, offsets = self._had.get(name) or (0, cursors.read(self.directory, name) or {})
        with self.database.reading() as db:
            cut = db.execute(_NEXT_LINE, (seq,)).fetchone() or ("", 0)
            taken = dict(db.execute(_WHOLE_LINES, (since, seq, *cut)))
        later = {file: max(end, offsets.get(file, 0)) for file, end in taken.items()}
        kept = {file: end for file, end in offsets.items() if file in self.files}
        self._had[name] = max(since, seq), kept | later
        cursors.keep(self.directory, name, kept | later)

    # ------------------------------------------------------------------------------ summaries

    def _take_summary(self, name: str) -> None:
        """Let a summary stand for the files it replaces."""
        try:
            content = json.loads((self.directory / name).read_bytes())
        except FileNotFoundError:
            return
        self._refuse_newer(name, content)
        self.summaries[name] = content
        with self.database.writing() as db:
            for gone in content["replaces"]:
                self._replaced.add(gone)
                self.summaries.pop(gone, None)
                self.files.pop(gone, None)
                self._forget(db, gone)
            self._retell(db)
            if self.database.is_kept:
                gone_too = [(each,) for each in content["replaces"]]
                db.executemany("INSERT OR IGNORE INTO replaced VALUES (?)", gone_too)
                db.executemany("DELETE FROM progress WHERE file = ?", gone_too)
                db.executemany("DELETE FROM summaries WHERE name = ?", gone_too)
                row = (name, json.dumps(content))
                db.execute("INSERT OR REPLACE INTO summaries VALUES (?, ?)", row)

    def _forget(self, db: sqlite3.Connection, name: str) -> None:
        """Delete the rows of a file; an empty one keeps the last number taken."""
        (newest,) = db.execute("SELECT max(seq) FROM events").fetchone()
        seqs = db.execute("SELECT seq FROM sources WHERE file = ?", (name,)).fetchall()
        for table in ("refs", "sources", "events"):
            db.executemany(f"DELETE FROM {table} WHERE seq = ?", seqs)  # noqa: S608  constants only
        if (newest,) in seqs:
            db.execute(
                """INSERT INTO events (seq, id, verb, noun, subject, at, recorded_at, body)
                    VALUES (?, ?, 'noted', 'process', '', 0, 0, '{}')""",
                (newest, f"pruned/{newest}"),
            )

    def _retell(self, db: sqlite3.Connection) -> None:
        """Write what the living summaries count into the tables."""
        totals, rows = Totals(), 0
        for table in ("totals", "minutes"):
            db.execute(f"DELETE FROM {table}")  # noqa: S608  constants only
        for content in self.summaries.values():
            totals.merge(Totals.from_json(content["totals"]))
            rows += content["rows"]
            retention.add_minutes(db, content["minutes"])
            db.executemany("INSERT OR IGNORE INTO lost (id, at) VALUES (?, ?)", content["lost"])
        retention.set_totals(db, totals, rows)

    # ---------------------------------------------------------------------------------- prune

    def prunable(self, now: float, older_than_seconds: float, max_bytes: int) -> list[str]:
        """Return whole files that may go: of processes that ended and left nothing open."""
        with self.database.reading() as db:
            busy = {process for (process,) in db.execute("SELECT process FROM open_work")}
        sizes = {name: self.size_of(name) for name in self.files}
        total = sum(sizes.values())
        chosen: list[str] = []
        for name, known in sorted(self.files.items(), key=lambda item: item[1].last_at):
            idle = now - known.last_at
            if json.dumps(known.process) in busy or not _has_ended(known, idle):
                continue
            if idle > older_than_seconds or total > max_bytes:
                chosen.append(name)
                total -= sizes[name]
        return chosen

    def summary(self, names: Sequence[str], now: float) -> dict[str, Any]:
        """Return what stands for files, and for all summaries so far, once they are gone."""
        of_file = f"SELECT {COLUMNS} FROM events JOIN sources USING (seq) WHERE file = ?"  # noqa: S608  constants only
        with self.database.writing() as db:
            db.execute("SAVEPOINT foreseen")
            for name in names:
                rows = db.execute(f"{of_file} ORDER BY events.seq", (name,)).fetchall()
                retention.count(db, rows)
            said = {
                "schema": len(MIGRATIONS),
                "written_by": __version__,
                "rows": db.execute("SELECT coalesce(sum(rows), 0) FROM totals").fetchone()[0],
                "totals": retention.pruned_totals(db).to_json(),
                "minutes": retention.minute_rows(db, int((now - retention.KEEP_MINUTES) // 60)),
                "lost": db.execute("SELECT id, at FROM lost").fetchall(),
                "replaces": [*self.summaries, *names],
            }
            db.execute("ROLLBACK TO foreseen")
        return said

    def rows_of(self, names: Sequence[str]) -> int:
        """Return how many rows came from files."""
        query = "SELECT count(*) FROM sources WHERE file = ?"
        with self.database.reading() as db:
            return sum(db.execute(query, (name,)).fetchone()[0] for name in names)

    def size_of(self, name: str) -> int:
        """Return the size of a file, bytes, 0 if it is gone."""
        try:
            return (self.directory / name).stat().st_size
        except FileNotFoundError:
            return 0


def _order(had: Sequence[cursors.Offsets], line: lines.Line) -> tuple[int, float]:
    return -sum(line.end <= offsets.get(line.file, 0) for offsets in had), line.at


def _batches(merged: Iterator[lines.Line]) -> Iterator[list[lines.Line]]:
    """Yield lines together that are one transaction: few, or with few events."""
    batch: list[lines.Line] = []
    events = 0
    for line in merged:
        batch.append(line)
        told = (line.content or {}).get("events")
        events += len(told) if isinstance(told, list) else 0
        if len(batch) >= BATCH or events >= EVENTS:
            yield batch
            batch, events = [], 0
    if batch:
        yield batch


def _has_ended(known: SourceFile, idle: float) -> bool:
    if known.ended:
        return True
    gone = Process(*known.process).is_gone()
    return idle > retention.WRONG_CLOCK if gone is None else gone
