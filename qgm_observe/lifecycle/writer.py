"""The writer: one thread a process that turns what the ring holds into rows of the journal."""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from qgm_observe.catalog import Kind, Outcome, Signal, observe_signals
from qgm_observe.errors import Error
from qgm_observe.journal import Event, OpenWork, open_journal
from qgm_observe.journal.blobs import Blob
from qgm_observe.lifecycle import events
from qgm_observe.lifecycle.capture import captured
from qgm_observe.lifecycle.handle import Handle
from qgm_observe.lifecycle.identity import new_id
from qgm_observe.lifecycle.job_facts import JobFacts
from qgm_observe.lifecycle.provenance import Provenance
from qgm_observe.lifecycle.recording import Recording
from qgm_observe.lifecycle.resources import disk_free, sample
from qgm_observe.lifecycle.run import RunHandle
from qgm_observe.lifecycle.spending import expire
from qgm_observe.lifecycle.tallying import Tally
from qgm_observe.records import current_process

if TYPE_CHECKING:
    from qgm_observe.lifecycle.drifting import Drift
    from qgm_observe.lifecycle.tracing import Tracing


@dataclass(slots=True)
class _Batch:
    """What one transaction writes; not all that is seen is kept."""

    seen: list[Event] = field(default_factory=list)
    kept: list[Event] = field(default_factory=list)
    blobs: list[Blob] = field(default_factory=list)
    answers: list[Future[None]] = field(default_factory=list)

    def keep(self, events: list[Event]) -> None:
        self.seen += events
        self.kept += events


DRAIN_SECONDS = 0.25
"""A transaction costs as much as several rows, so more of them share one; a ring that fills faster
wakes the writer."""
BEAT_SECONDS = 1.0
BEAT_NANOSECONDS = 1_000_000_000
UPKEEP_SECONDS = 60.0
RETRY_SECONDS = 5.0
BATCH = 2_000


Row = TypeVar("Row")


class Writer:
    """Drains the ring, beats for what is open, keeps the journal in shape.

    Attributes:
        provenance: What records rest on.
        tracing: Where finished work goes besides, if spans are wanted.
    """

    def __init__(self, recorder: Recording) -> None:
        self.recorder = recorder
        self.journal: Any = None
        self.provenance = Provenance(recorder)
        self.tracing: Tracing | None = None
        self._thread: threading.Thread | None = None
        self._wake = threading.Event()
        self._stopping = False
        self._turn = threading.Lock()
        self._backlog: deque[Event] = deque()
        self._known: set[str] = set()
        self._noted: dict[tuple[str, tuple[str, ...]], float] = {}
        self._observed: list[tuple[str, tuple[str, ...], float]] = []
        self._retry_at = self._beat_at = self._upkeep_at = 0.0
        self._tally = Tally(recorder.seconds)
        self._drift: Drift | None = None

    def start(self) -> None:
        """Start the thread, once."""
        if self._thread is None and not self._stopping:
            self._thread = threading.Thread(target=self._work, name="qgm-observe", daemon=True)
            self._thread.start()

    def wake(self) -> None:
        """Have the ring drained now."""
        if self._thread is None:
            self.start()
        self._wake.set()

    def flush(self, timeout: float) -> bool:
        """Drain on the caller's thread; false when the journal did not take everything in time."""
        if not self._turn.acquire(timeout=max(timeout, 0.001)):
            return False
        try:
            self._retry_at = 0.0
            self._drain()
            self._beat()
            return not self._backlog
        finally:
            self._turn.release()

    def stop(self, timeout: float) -> None:
        """Flush within `timeout` seconds and end the thread."""
        if self._stopping:
            return
        self._stopping = True
        self._wake.set()
        thread = self._thread
        if thread is not None:
            thread.join(timeout)
        if thread is None or not thread.is_alive():
            with self.recorder.guard("writer"):
                self.flush(timeout)
            with self.recorder.guard("drift"):
                self._watch(self.recorder.seconds())
            with self.recorder.guard("writer"):
                self.close()

    def _work(self) -> None:
        epoch = self.recorder.epoch
        while not self._stopping and epoch == self.recorder.epoch:
            self._wake.wait(DRAIN_SECONDS)
            self._wake.clear()
            with self.recorder.guard("writer"), self._turn:
                self._drain()
                now = self.recorder.seconds()
                if not 0 <= now - self._beat_at < BEAT_SECONDS:
                    self._beat_at = now
                    self._beat()
                if not 0 <= now - self._upkeep_at < UPKEEP_SECONDS:
                    self._upkeep_at = now
                    self._upkeep(now)

    def _drain(self) -> None:
        """Write all that waits, a batch a transaction."""
        ring = self.recorder.ring
        announced: deque[Handle] = self.recorder.announced
        while announced or ring:
            batch = _Batch()
            new = [announced.popleft() for _ in range(len(announced))]
            begun = [handle for handle in new if not handle.told]  # else it ended meanwhile
            batch.keep(self._each(partial(self._announce, blobs=batch.blobs), begun))
            for _ in range(min(BATCH, len(ring))):
                item = ring.popleft()
                with self.recorder.guard("event"):
                    if isinstance(item, Handle):
                        self._finished(item, batch)
                    else:
                        batch.keep([item.make()])
                        batch.answers += [item.answer] if item.answer is not None else []
            self._put(batch)

    def _put(self, batch: _Batch) -> None:
        if self.tracing is not None:
            self.tracing.put(batch.seen)
        with self.recorder.guard("tally"):
            batch.kept = self._tally.thinned(batch.kept, self.recorder.settings.detail_rate)
        totals = self._tally.taken()
        if totals is not None:
            batch.kept.append(self._own_event("tallied", {"totals": totals.to_json()}))
        self._fold(batch.kept)
        if self._write(batch.kept, blobs=batch.blobs):
            for answer in batch.answers:
                if answer.set_running_or_notify_cancel():  # nobody waits any longer
                    answer.set_result(None)

    def _fold(self, rows: list[Event]) -> None:
        with self.recorder.guard("fold"):
            self.recorder.aggregates.fold(rows)

    def _each(self, make: Callable[[Handle], Row], handles: list[Handle]) -> list[Row]:
        """What can be made of handles; one of which nothing can be made costs itself alone."""
        rows: list[Row] = []
        for handle in handles:
            with self.recorder.guard("event"):
                rows.append(make(handle))
        return rows

    def _finished(self, handle: Handle, batch: _Batch) -> None:
        handle.told = True
        event = events.finished(handle)
        self._known.discard(handle.id)
        if self._tally.takes(event, self.recorder.settings.detail_rate):
            batch.seen.append(event)
        else:
            batch.keep([self._with_contents(handle, event, batch.blobs)])

    def _with_contents(self, handle: Handle, event: Event, blobs: list[Blob]) -> Event:
        named: dict[str, list[str]] = {}
        if handle.kept:
            with self.recorder.guard("capture"):
                named = captured(handle.kept, self.recorder.settings.capture, blobs)
        return self._with_provenance(handle, event, named, blobs)

    def _with_provenance(
        self, handle: Handle, event: Event, named: dict[str, list[str]], blobs: list[Blob]
    ) -> Event:
        told: dict[str, Any] = {}
        with self.recorder.guard("provenance"):
            told = self.provenance.of(handle, blobs, self.journal)
        for kind, hashes in told.get("blobs", {}).items():
            named[kind] = list(dict.fromkeys([*named.get(kind, ()), *hashes]))
        more = told | ({"blobs": named} if named else {})
        return replace(event, body={**event.body, **more}) if more else event

    def _announce(self, handle: Handle, blobs: list[Blob] | None = None) -> Event:
        """What a run rests on is written at once, for it may never finish."""
        self._known.add(handle.id)
        event = events.opened(handle)
        return event if blobs is None else self._with_provenance(handle, event, {}, blobs)

    def _own_event(self, verb: str, body: dict[str, Any]) -> Event:
        subject = str(current_process())
        at = self.recorder.seconds()
        return Event(
            verb=verb,
            noun="process",
            subject=subject,
            at=at,
            body=body,
            id=f"{verb}/{new_id(128):032x}",
        )

    def _write(self, rows: list[Event], **extra: Any) -> bool:
        """Append to the journal; what it does not take now waits, within the ring's bound."""
        self._backlog.extend(rows)
        if 0 < self._retry_at - self.recorder.seconds() <= RETRY_SECONDS:
            self._shorten()
            return False
        try:
            if self.journal is None:
                self.journal = open_journal(self.recorder.settings.journal_path)
            self.journal.append(list(self._backlog), **extra)
        except (Error, OSError) as error:
            self._retry_at = self.recorder.seconds() + RETRY_SECONDS
            self.recorder.guard.warn_once("journal", f"{error}; metrics go on, rows wait in memory")
            self._shorten()
            return False
        except Exception:
            self._sift()
            raise
        self._backlog.clear()
        return True

    def _sift(self) -> None:
        """One row that cannot be written must not keep the others from it."""
        if self.journal is None:  # it was not the rows' fault: they wait
            self._retry_at = self.recorder.seconds() + RETRY_SECONDS
            self._shorten()
            return
        rows = list(self._backlog)
        self._backlog.clear()
        for row in rows:
            try:
                self.journal.append([row])
            except (Error, OSError):
                self._backlog.append(row)
            except Exception:  # noqa: BLE001  counted, and told by who caught the first
                self._count(observe_signals.UNWRITTEN, 1)

    def _shorten(self) -> None:
        surplus = len(self._backlog) - self.recorder.settings.ring
        for _ in range(surplus):
            self._backlog.popleft()
        if surplus > 0:
            self._count(observe_signals.UNWRITTEN, surplus)

    def _beat(self) -> None:
        """Say what is open, once a second; what ended within a second costs nothing here."""
        now = self.recorder.seconds()
        handles = [
            h
            for h in list(self.recorder.open)
            if self.recorder.now() - h.started >= BEAT_NANOSECONDS and not self._left(h)
        ]
        with self.recorder.guard("resources"):
            sample([h.meter for h in handles if isinstance(h, RunHandle) and h.meter is not None])
        fresh = self._each(self._announce, [h for h in handles if h.id not in self._known])
        rows = self._each(lambda handle: self._still_open(handle, now), handles)
        with self.recorder.guard("fold"):
            self.recorder.aggregates.set_open(rows, now)
        for provider, skew in list(self.recorder.skews.items()):
            self.recorder.aggregates.set_gauge(observe_signals.SKEW, (provider,), skew)
        with self.recorder.guard("expire"):
            expire(self.recorder)
        self._note()
        noted = self._take_noted()
        self._fold([*fresh, *noted])
        renamed = self.recorder.renamed
        closed = [renamed.popleft() for _ in range(len(renamed))]
        if fresh or rows or noted or closed or self._backlog:
            self._write([*fresh, *noted], open_work=rows, closed=closed)

    def _still_open(self, handle: Handle, now: float) -> OpenWork:
        row = events.still_open(handle, now)
        if isinstance(handle, JobFacts):
            with self.recorder.guard("provenance"):
                told = self.provenance.rests_on(handle, now, self.journal)
                return replace(row, body={**row.body, **told}) if told else row
        return row

    def _left(self, handle: Handle) -> bool:
        """Whether it has ended; one whose end was interrupted half-way is ended here."""
        if not handle.ended:
            return False
        if self.recorder.now() - handle.ended >= BEAT_NANOSECONDS:
            self.recorder.open.discard(handle)
            if not handle.told:
                handle.outcome = handle.outcome or Outcome.CANCELLED
                self.recorder.ring.append(handle)
        return True

    def _note(self) -> None:
        """Collect the counts of this package's own health."""
        recorder = self.recorder
        for part, count in recorder.guard.take().items():
            self._count(observe_signals.ERRORS, count, part)
        while recorder.counted:
            signal, number, labels = recorder.counted.popleft()
            self._count(signal, number, *labels)
        dropped, recorder.dropped = recorder.dropped, 0
        gaps, recorder.gaps = recorder.gaps, 0
        self._count(observe_signals.DROPPED, dropped)
        self._count(observe_signals.GAPS, gaps)

    def _count(self, signal: Signal, count: float, *labels: str) -> None:
        if signal.kind is Kind.HISTOGRAM:
            self._observed.append((signal.name, labels, count))
        elif count:
            key = (signal.name, labels)
            self._noted[key] = self._noted.get(key, 0) + count

    def _take_noted(self) -> list[Event]:
        noted, self._noted = self._noted, {}
        observed, self._observed = self._observed, []
        if not noted and not observed:
            return []
        body: dict[str, list[Any]] = {}
        for (name, labels), count in noted.items():
            body.setdefault(name, []).append([list(labels), count])
        for name, labels, value in observed:
            body.setdefault(name, []).append([list(labels), value])
        return [self._own_event("noted", body)]

    def _upkeep(self, now: float) -> None:
        """Declare the dead lost, prune what is old, a minute apart."""
        if self.journal is None:
            return
        settings = self.recorder.settings
        with self.recorder.guard("drift"):
            self._watch(now)
        with self.recorder.guard("upkeep"):
            size = _size(self.journal.path)
            self.recorder.aggregates.set_gauge(observe_signals.JOURNAL_SIZE, (), size)
            free = disk_free(self.journal.path)
            self.recorder.aggregates.set_gauge(observe_signals.DISK_FREE, (), free)
            self.journal.reap(now)
            self.journal.prune(
                now,
                older_than_seconds=settings.retention_days * 86400,
                max_bytes=settings.retention_bytes,
            )

    def _watch(self, now: float) -> None:
        """Step the drift charts; where nothing has a baseline, nothing of it is even imported."""
        if self.journal is None:
            return
        if self._drift is None:
            if not any(self.journal.events(verbs=("baseline",), nouns=("model",), limit=1)):
                return
            from qgm_observe.lifecycle.drifting import Drift

            self._drift = Drift()
        self._fold(self._drift.follow(self.journal, now))

    def close(self) -> None:
        """Let the journal go."""
        if self.journal is not None:
            self.journal.close()
            self.journal = None


def _size(path: Path) -> float:
    """The bytes of a journal's file, or of the files in its directory."""
    files = path.iterdir() if path.is_dir() else (path,)
    return float(sum(file.stat().st_size for file in files))
