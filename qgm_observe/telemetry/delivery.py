"""Delivery of what the journal holds to somebody else, at their pace and not at ours.

A follower of the journal with a cursor in it: what could not be delivered is still there, and the
next try, or the next process, goes on where this one stopped. One process at a time delivers for
a journal.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from qgm_observe.errors import Error
from qgm_observe.journal import TERMINAL, Event, Store, open_journal

NAME = "otlp"
BATCH = 200
REPLAYED = 50_000
LEASE_SECONDS = 30.0
LONGEST_PAUSE = 60.0

Take = Callable[[Sequence[Event]], bool]
"""Delivers events, all or nothing; false when they should be tried again later."""


class Delivery:
    """Follows a journal on a thread of its own.

    Args:
        path: The journal.
        take: Delivers finished events.
        beat: Called once an interval, and once more at the end; delivers what is no event.
        interval: Seconds between two looks; after a failure the pause doubles, up to a minute.
    """

    def __init__(
        self,
        path: Path,
        take: Take,
        beat: Callable[[], None],
        interval: float,
    ) -> None:
        self._path = path
        self._take = take
        self._beat = beat
        self._interval = interval
        self._pause = interval
        self._journal: Store | None = None
        self._cursor: int | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="qgm-observe-otlp", daemon=True)

    def start(self) -> None:
        """Begin to follow, from what is recorded next or from where the last follower stopped."""
        with contextlib.suppress(Error):
            self._journal = open_journal(self._path)
            self._begin(self._journal)
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Deliver once more, within `timeout` seconds; what is left then waits in the journal."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(timeout)

    def _work(self) -> None:
        stopping = False
        while not stopping:
            stopping = self._stopping.wait(self._pause)
            delivered = self.once()
            self._pause = self._interval if delivered else min(2 * self._pause, LONGEST_PAUSE)
        if self._journal is not None:
            self._journal.close()

    def once(self) -> bool:
        """Deliver all that waits; false when some of it has to be tried again."""
        try:
            if self._journal is None:
                self._journal = open_journal(self._path)
            delivered = self._follow(self._journal)
        except Error:
            delivered = False
        if delivered or not self._stopping.is_set():
            self._beat()
        return delivered

    def _follow(self, journal: Store) -> bool:
        if not journal.lease(NAME, time.time(), LEASE_SECONDS):
            return True
        after = self._begin(journal)
        while True:
            events = list(journal.events(after=after, verbs=(TERMINAL,), limit=BATCH))
            if not events:
                return True
            if not self._take(events):
                return False
            after = self._cursor = events[-1].seq
            journal.advance(NAME, after)

    def _begin(self, journal: Store) -> int:
        """Where to go on: never with what was recorded before anybody wanted it delivered."""
        last = journal.last_seq()
        if self._cursor is None:
            self._cursor = journal.cursor(NAME)
        if self._cursor is None:
            self._cursor = last
            journal.advance(NAME, last)
        if last - self._cursor > REPLAYED:
            self._cursor = last - REPLAYED
        return self._cursor
