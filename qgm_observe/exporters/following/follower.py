"""One journal, followed: every row is counted once, whatever happens to the file or to us.

Sequence numbers have no gaps unless rows were pruned, so a gap behind the last row that was counted
says that what was pruned there has to be taken from the journal's own totals.
"""

import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

from qgm_observe.errors import JournalError
from qgm_observe.exporters.following.checkpoints import Checkpoint
from qgm_observe.exporters.following.discovery import Found, marks
from qgm_observe.exporters.reconciling.docket import Docket, scan
from qgm_observe.journal import Event, OpenWork, Store, Totals, open_journal

log = logging.getLogger("qgm_observe")

BATCH = 2_000
LOCK_PATIENCE = 2.0
"""Seconds to wait for a journal that somebody holds."""

NEWEST = {"run": 1_000, "job": 1_000}
ESTIMATES = 200
LONGEST_PAUSE = 60.0
REAP_SECONDS = 15.0


class Sink(Protocol):
    """Where rows go; called on any thread."""

    def claim(self, key: str, follower: "Follower") -> bool:
        """Return whether nobody else follows this journal."""

    def tables(self, path: Path) -> Path:
        """Return the file that keeps what was read of a journal of the JSONL form."""

    def saved(self, key: str) -> Checkpoint | None:
        """Return how far the journal was counted, if it was; those counts are shown already."""

    def fold(self, follower: "Follower", events: Sequence[Event]) -> None:
        """Take new rows."""

    def absorb(self, totals: Totals, *, is_new: bool) -> None:
        """Take counts of rows that nobody will see."""

    def recall(self, follower: "Follower", events: Sequence[Event]) -> None:
        """Take rows that were counted before."""


class Follower:
    """Reads one journal; used by one thread at a time, except for `checkpoint`.

    Args:
        found: Where it is.
        sink: Where its rows go.
        clock: Epoch seconds.
        docket: Collects what the reconciler has to ask for.

    Attributes:
        open_work: What was open at the last look.
        up: Whether the last look worked, `None` before the first.
        lag: Age of the newest row when it was counted, seconds, `None` before there was one.
        retry_at: Not to be looked at before, epoch seconds.
        journal: While it is open.
        is_writable: Whether it may be reaped and reconciled here.
    """

    def __init__(
        self,
        found: Found,
        sink: Sink,
        clock: Callable[[], float] = time.time,
        docket: Docket | None = None,
    ) -> None:
        self.found = found
        self.docket = docket
        self.open_work: list[OpenWork] = []
        self.up: bool | None = None
        self.lag: float | None = None
        self.retry_at = 0.0
        self.journal: Store | None = None
        self.is_writable = False
        self.key = ""
        self.is_twin = False
        self._sink, self._clock = sink, clock
        self._reaped_at = float("-inf")
        self._lock = Lock()
        self._known = False
        self._seq = 0
        self._totals = Totals()
        self._pending: Mapping[str, Any] | None = None
        self._numbering: str | None = None
        self._pause = 1.0
        self._mark: tuple[int, int] | None = None
        self._told = ""

    def look(self, now: float) -> bool:
        """Count what is new; return whether the journal could be read."""
        try:
            journal = self._opened()
            if self.is_twin and self._sink.claim(self.key, self):
                self.key = ""  # whoever followed it under another path does so no more
                self._begin(journal)
            if not self.is_twin:
                self._follow(journal)
                self.open_work = journal.open_work()
        except Exception as error:  # noqa: BLE001  whatever is wrong with one, the others go on
            self._failed(error, now)
            return False
        self.up, self._pause, self._told = True, 1.0, ""
        return True

    def reap(self, now: float, heartbeat_timeout: float) -> None:
        """Finish what nobody works on any more, where that may be written, now and then."""
        is_due = not 0 <= now - self._reaped_at < REAP_SECONDS
        if self.journal is None or self.is_twin or not (self.is_writable and is_due):
            return
        self._reaped_at = now
        try:
            self.journal.reap(now, heartbeat_timeout=heartbeat_timeout)
        except Exception as error:  # noqa: BLE001  the next look is soon
            log.debug("journal %s: %s", self.found.path, type(error).__name__)

    def checkpoint(self) -> Checkpoint | None:
        """Return how far it was counted, `None` before it was ever read."""
        with self._lock:
            if not self.key or self.is_twin:
                return None
            copied = Totals()
            copied.merge(self._totals)
            pending = None if self.docket is None else self.docket.to_json()
            return Checkpoint(self.key, self._seq, copied, pending, self._numbering)

    def close(self) -> None:
        """Let its files go."""
        journal, self.journal = self.journal, None
        if journal is not None:
            journal.close()

    # ------------------------------------------------------------------------------- opening

    def _opened(self) -> Store:
        mark = _mark(self.found.path)
        if self.journal is not None and mark == self._mark:
            return self.journal
        self.close()
        if mark is None:
            raise JournalError(f"no journal at {self.found.path}")
        tables = self._sink.tables(self.found.path)
        journal, self.is_writable = _open(self.found.path, tables)
        try:
            self._begin(journal)
        except BaseException:
            journal.close()
            raise
        self.journal, self._mark = journal, mark
        return journal

    def _begin(self, journal: Store) -> None:
        """Go on where this journal was left, by this object or by an earlier process."""
        key = journal.key()
        if key != self.key:
            self._turn_to(key)
        if self.is_twin:
            return
        numbering = journal.numbering()
        is_same = numbering is not None and numbering == self._numbering
        self._numbering = numbering
        if self._known and is_same:
            self._seq = min(self._seq, journal.last_seq())  # a restored backup may be behind
        else:
            self._catch_up(journal)
        self._fill_docket(journal, is_same=is_same)
        for noun, limit in NEWEST.items():
            self._sink.recall(self, journal.newest(noun, "finished", limit))
        for noun in ("run", "step", "job", "model"):
            for verb in ("baseline", "estimate", "drift", "judged"):
                self._sink.recall(self, journal.newest(noun, verb, ESTIMATES))
        self._sink.recall(self, journal.newest("device", "reading", ESTIMATES))

    def _turn_to(self, key: str) -> None:
        """Another journal is at this path than before."""
        claimed = self._sink.claim(key, self)
        saved = self._sink.saved(key) if claimed else None
        with self._lock:
            self.key, self.is_twin = key, not claimed
            self._known = saved is not None
            self._seq = saved.seq if saved else 0
            self._totals = Totals()
            self._pending = saved.pending if saved else None
            self._numbering = saved.numbering if saved else None
            if saved is not None:
                self._totals.merge(saved.totals)

    def _fill_docket(self, journal: Store, *, is_same: bool) -> None:
        """Take up what an earlier process had still to ask for, or look for it in the journal."""
        if self.docket is None:
            return
        if self._pending is not None and is_same:
            self.docket.resume(self._pending)
        else:
            scan(journal, self.docket, self._clock())
        self._pending = {}

    # ------------------------------------------------------------------------------ counting

    def _follow(self, journal: Store) -> None:
        while rows := list(journal.events(after=self._seq, limit=BATCH)):
            if rows[-1].seq - self._seq == len(rows):
                self._count(rows)
            else:
                self._catch_up(journal)
                self._sink.recall(self, rows)

    def _count(self, rows: Sequence[Event]) -> None:
        counted, good = Totals(), []
        for row in rows:
            try:
                counted.add(row)
            except Exception:  # noqa: BLE001  a row that makes no sense costs itself alone
                log.debug("journal %s: row %d makes no sense", self.found.path, row.seq)
            else:
                good.append(row)
        with self._lock:
            self._totals.merge(counted)
            self._seq = rows[-1].seq
            if self.docket is not None:
                self.docket.take(good, self._clock())
        self.lag = max(0.0, self._clock() - rows[-1].recorded_at)
        self._sink.fold(self, good)

    def _catch_up(self, journal: Store) -> None:
        """Take from the journal's totals what is not counted yet, also of rows that are gone."""
        totals, last = journal.snapshot()
        with self._lock:
            added = totals.since(self._totals)
            self._totals.merge(added)
            self._seq = last
            is_new, self._known = not self._known, True
        self._sink.absorb(added, is_new=is_new)

    def _failed(self, error: Exception, now: float) -> None:
        self.up = False
        self.close()
        self.retry_at = now + self._pause
        self._pause = min(2 * self._pause, LONGEST_PAUSE)
        if str(error) != self._told:
            self._told = str(error)
            log.warning("%s", error)


def _open(path: Path, tables: Path) -> tuple[Store, bool]:
    """Open a journal that exists, for writing where that is allowed."""
    mark = marks(path)
    if os.access(mark, os.W_OK) and os.access(mark.parent, os.W_OK):
        return open_journal(path, patience=LOCK_PATIENCE, tables=tables), True
    return open_journal(path, read_only=True, patience=LOCK_PATIENCE, tables=tables), False


def _mark(path: Path) -> tuple[int, int] | None:
    try:
        found = marks(path).stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
