"""What others ship is stored in one journal here, and acknowledged when it is.

Events keep their ids, subjects and own times; `recorded_at` is when this journal took them, for
that is when a scrape could see them first. Open work is mirrored as of the newest shipment, under
a process name that tells whence it came; silence makes it lost much later than local work is.
"""

import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from threading import Lock

from qgm_observe.catalog import Signal, provider_signals
from qgm_observe.errors import JournalError, NewerJournal
from qgm_observe.exporters.exporter import Reply
from qgm_observe.journal import OpenWork, Store, open_journal
from qgm_observe.journal.measure import Labels
from qgm_observe.journal.shipment import Shipment, unpacked

log = logging.getLogger("qgm_observe")

PATH = "/api/v1/events"
_MARK = 16
"""Characters of a journal's id that tell whence open work came."""

Count = Callable[[Signal, Labels, float], None]


class Receiver:
    """Takes shipments; from any thread.

    Args:
        path: The journal that they are stored in.
        is_followed: Whether a journal, by its id, is read here anyhow.
        count: Counts what came of events.
        clock: Epoch seconds.
    """

    def __init__(
        self,
        path: Path,
        is_followed: Callable[[str], bool],
        count: Count,
        clock: Callable[[], float],
    ) -> None:
        self._path, self._is_followed, self._count, self._clock = path, is_followed, count, clock
        self._lock = Lock()
        self._journal: Store | None = None
        for receipt in ("stored", "duplicate", "refused"):
            self._say(receipt, 0)

    def open(self) -> None:
        """Open the journal, or create it.

        Raises:
            JournalError: it cannot be written.
        """
        self._journal = open_journal(self._path, clock=self._clock)

    def close(self) -> None:
        """Let the journal go."""
        with self._lock:
            journal, self._journal = self._journal, None
        if journal is not None:
            journal.close()

    def take(self, body: bytes) -> Reply:
        """Store a shipment and say what came of its events; nothing is stored by halves."""
        try:
            shipment = unpacked(body)
        except NewerJournal as error:
            return Reply(409, {"error": str(error)})
        except JournalError as error:
            return Reply(400, {"error": str(error)})
        try:
            stored = self._store(shipment)
        except JournalError as error:
            log.warning("receive: %s", error)
            return Reply(503, {"error": "it cannot be stored now: come again"})
        duplicate = len(shipment.events) - stored
        counts = {"stored": stored, "duplicate": duplicate, "refused": shipment.refused}
        for receipt, number in counts.items():
            self._say(receipt, number)
        return Reply(200, counts)

    def _store(self, shipment: Shipment) -> int:
        if self._is_followed(shipment.journal):
            return 0
        with self._lock:
            if self._journal is None:
                raise JournalError("the receiver is closed")
            mark = f"/{shipment.journal[:_MARK]}"
            mirrored = list(self._mirrored(shipment, mark))
            known = self._journal.open_work()
            events = shipment.events
            gone = _gone(known, mark) | {e.subject for e in events if e.verb == "opened"}
            gone |= {str(e.body.get("job")) for e in events if e.verb == "intent"}
            closed = gone - {work.subject for work in mirrored}
            stored = self._journal.append(
                events, open_work=mirrored, closed=sorted(closed), blobs=shipment.blobs
            )
            return len(stored)

    def _mirrored(self, shipment: Shipment, mark: str) -> Iterable[OpenWork]:
        """Yield open work with its age by this clock, under a process that is nobody's here."""
        now = self._clock()
        for work in shipment.open_work:
            host, boot, pid, started = work.process
            age = max(0.0, shipment.sent_at - work.heartbeat)
            yield replace(work, heartbeat=now - age, process=(f"{host}{mark}", boot, pid, started))

    def _say(self, receipt: str, number: int) -> None:
        self._count(provider_signals.EXPORTER_RECEIVED, (receipt,), number)


def _gone(known: Iterable[OpenWork], mark: str) -> set[str]:
    return {work.subject for work in known if work.process[0].endswith(mark)}
