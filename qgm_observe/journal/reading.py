"""The read side, the same for every form of the journal.

Rows are read a page at a time, by sequence number, each page in a transaction of its own: a
reader that stops in the middle holds nothing.
"""

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from qgm_observe.journal import blobs, folds, retention
from qgm_observe.journal.appending import open_rows
from qgm_observe.journal.body import COLUMNS, event_of
from qgm_observe.journal.event import TERMINAL, Event, OpenWork
from qgm_observe.journal.information import JournalInfo, look
from qgm_observe.journal.totals import Totals
from qgm_observe.records import Run

PAGE = 1000
_OPEN_COLUMNS = "subject, noun, run, opened_at, heartbeat, process, facts, body"


class Reader(ABC):
    """Answers questions about a journal.

    Attributes:
        path: Where the journal lies.
        clock: Tells the time, epoch seconds.
    """

    path: Path
    clock: Callable[[], float]

    @abstractmethod
    def _reading(self) -> AbstractContextManager[sqlite3.Connection]:
        """Hold one unchanging view of the tables."""

    # --------------------------------------------------------------------------------- events

    def events(
        self,
        after: int = 0,
        *,
        verbs: Collection[str] | None = None,
        nouns: Collection[str] | None = None,
        runs: Collection[str] | None = None,
        since: float | None = None,
        until: float | None = None,
        limit: int | None = None,
    ) -> Iterator[Event]:
        """Yield events in the order of the journal.

        Args:
            after: Sequence number to go on after.
            verbs: Of these verbs only.
            nouns: Of these nouns only.
            runs: Of these runs only, by id.
            since: Whose own time is at or after, epoch seconds.
            until: Whose own time is before, epoch seconds.
            limit: So many at most.
        """
        where, values = _where(verbs, nouns, runs, since, until)
        query = f"SELECT {COLUMNS} FROM events WHERE seq > ? {where} ORDER BY seq LIMIT ?"  # noqa: S608  constants only
        left = limit
        while left is None or left > 0:
            page = PAGE if left is None else min(PAGE, left)
            with self._reading() as db:
                rows = db.execute(query, (after, *values, page)).fetchall()
            yield from map(event_of, rows)
            if len(rows) < page:
                return
            after = rows[-1][0]
            left = None if left is None else left - len(rows)

    def newest(self, noun: str, verb: str, limit: int) -> list[Event]:
        """Return the last rows of a noun and verb, in the order of the journal."""
        query = f"""SELECT {COLUMNS} FROM events WHERE noun = ? AND verb = ?
            ORDER BY seq DESC LIMIT ?"""  # noqa: S608  constants only
        with self._reading() as db:
            rows = db.execute(query, (noun, verb, limit)).fetchall()
        return [event_of(row) for row in reversed(rows)]

    def last_seq(self) -> int:
        """Return the highest sequence number that was ever given, 0 at first."""
        with self._reading() as db:
            return _last_seq(db)

    def snapshot(self) -> tuple[Totals, int]:
        """Return the totals of everything ever appended, and up to which sequence number.

        What `events(after=...)` yields from there on is not in them.
        """
        query = f"SELECT {COLUMNS} FROM events WHERE verb IN {retention.COUNTED} ORDER BY seq"  # noqa: S608  constants only
        with self._reading() as db:
            totals, last = retention.pruned_totals(db), _last_seq(db)
            for row in db.execute(query):
                totals.add(event_of(row))
            return totals, last

    def minutes(
        self, since: float | None = None, until: float | None = None
    ) -> Iterator[tuple[float, str, tuple[str, ...], float]]:
        """Yield what pruned rows added to counters: minute (epoch s), signal, labels, increment.

        The minute is that of `recorded_at`; rows that are still kept are not in it.
        """
        with self._reading() as db:
            rows = retention.pruned_minutes(db, since, until)
        yield from rows

    # -------------------------------------------------------------------------------- records

    def open_work(self) -> list[OpenWork]:
        """Return what is going on, the oldest first."""
        query = f"SELECT {_OPEN_COLUMNS} FROM open_work ORDER BY opened_at, subject"  # noqa: S608  constants only
        with self._reading() as db:
            return open_rows(db.execute(query).fetchall())

    def records(self, kind: type[folds.R], /, **filters: Any) -> Iterator[folds.R]:
        """Yield records: first those that ended, in that order, then the open ones.

        What is open has no outcome, unless its process is gone: then it is `lost`.

        Args:
            kind: `Run`, `Step`, `Job` or `Session`.
            filters: `since` and `until` bound the start (epoch s), `run` takes an id; any other
                name is a label or field and its value, for instance `device="ibm_fez"`.

        Raises:
            UsageError: there is no such field.
            CorruptJournal: a row makes no record.
        """
        for facts in self._facts(folds.NOUNS[kind], filters):
            yield folds.record(kind, facts)

    def run(self, id_: str) -> Run | None:
        """Return a run by its id, `None` if it is not in the journal."""
        return next(self.records(Run, run=id_), None)

    def rows(
        self, kind: type, fields: Sequence[str], /, **filters: Any
    ) -> Iterator[tuple[Any, ...]]:
        """Yield the named fields of records as tuples; the name of a stage gives its seconds.

        Raises:
            UsageError: there is no such field.
        """
        noun = folds.NOUNS[kind]
        folds.check_fields(noun, list(fields))
        for facts in self._facts(noun, filters):
            yield tuple(folds.field(facts, name) for name in fields)

    def columns(self, kind: type, fields: Sequence[str], /, **filters: Any) -> dict[str, list[Any]]:
        """Return the named fields of records as lists of equal length; see `records`.

        Raises:
            UsageError: there is no such field.
        """
        columns: dict[str, list[Any]] = {name: [] for name in fields}
        for row in self.rows(kind, list(columns), **filters):
            for column, value in zip(columns.values(), row, strict=True):
                column.append(value)
        return columns

    def _facts(self, noun: str, filters: Mapping[str, Any]) -> Iterator[folds.Facts]:
        wanted = dict(filters)
        since, until = wanted.pop("since", None), wanted.pop("until", None)
        folds.check_fields(noun, wanted)
        runs = None if wanted.get("run") is None else [wanted["run"]]
        # what is open is read first: what ends meanwhile is then found among the finished
        opened = {work.subject: work for work in self.open_work() if work.noun == noun}
        later: dict[str, Mapping[str, Any]] = {}
        for event in self.events(verbs=("reconciled",), nouns=(noun,), runs=runs):
            before = later.get(event.subject)
            later[event.subject] = folds.told_over(before, event.body) if before else event.body
        for event in self.events(verbs=(TERMINAL,), nouns=(noun,), runs=runs):
            if event.subject in opened:
                if opened[event.subject].opened_at >= event.at:
                    continue  # a resumed run is open again
                del opened[event.subject]
            facts = folds.finished_facts(event, later.get(event.subject))
            if folds.matches(facts, since, until, wanted):
                yield facts
        now = self.clock()
        for work in opened.values():
            facts = folds.open_facts(work, now)
            if folds.matches(facts, since, until, wanted):
                yield facts

    # --------------------------------------------------------------------------------- others

    def blob(self, key: str) -> bytes | None:
        """Return a content by its hash, `None` if it is not kept."""
        with self._reading() as db:
            return blobs.fetch(db, key)

    def info(self, *, check: bool = False) -> JournalInfo:
        """Return what the journal says of itself; `check` reads all of it for faults."""
        with self._reading() as db:
            return look(db, self.path, check=check)


def _where(
    verbs: Collection[str] | None,
    nouns: Collection[str] | None,
    runs: Collection[str] | None,
    since: float | None,
    until: float | None,
) -> tuple[str, list[Any]]:
    """Return the conditions; a unary plus keeps an index from being used that would need a sort."""
    parts: list[str] = []
    values: list[Any] = []
    indexed = runs is None and nouns is not None and verbs is not None
    plus = "" if indexed and len(nouns or ()) == len(verbs or ()) == 1 else "+"
    for column, wanted in ((f"{plus}noun", nouns), (f"{plus}verb", verbs), ("run", runs)):
        if wanted is not None:
            parts.append(f"AND {column} IN ({', '.join('?' * len(wanted))})")
            values.extend(wanted)
    for comparison, bound in (("at >= ?", since), ("at < ?", until)):
        if bound is not None:
            parts.append(f"AND {comparison}")
            values.append(bound)
    return " ".join(parts), values


def _last_seq(db: sqlite3.Connection) -> int:
    (last,) = db.execute("SELECT coalesce(max(seq), 0) FROM events").fetchone()
    return int(last)
