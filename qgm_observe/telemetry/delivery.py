"""Delivery of what the journal holds to somebody else, at their pace and not at ours.

A follower of the journal with a cursor in it: what could not be delivered is still there, and the
next try, or the next process, goes on where this one stopped. One process at a time delivers for
a journal.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from qgm_observe.errors import Error
from qgm_observe.journal import TERMINAL, Event, Store, open_journal

LEASE_SECONDS = 30.0
LONGEST_PAUSE = 60.0

Take = Callable[[Sequence[Event]], bool]
"""Delivers events, all or nothing; false when they should be tried again later."""


@dataclass(frozen=True, slots=True)
class Route:
    """What is delivered to whom.

    Attributes:
        name: Of the lease and of the cursor.
        verbs: Of events that are delivered, `None` for all.
        replayed: Rows behind the newest at which it begins at most, `None` for no bound.
        begins_at_first: Whether it begins with the first row, or with what is recorded next.
        batch: Events delivered together, at most.
    """

    name: str
    verbs: tuple[str, ...] | None = (TERMINAL,)
    replayed: int | None = 50_000
    begins_at_first: bool = False
    batch: int = 200


OTLP = Route("otlp")


class Delivery:
    """Follows a journal on a thread of its own.

    Args:
        path: The journal.
        take: Delivers events.
        beat: Called once an interval, and once more at the end; delivers what is no event.
        interval: Seconds between two looks; after a failure the pause doubles, up to a minute.
        route: What is delivered to whom.

    Attributes:
        journal: Open as soon as there is one.
        is_ours: Whether this process delivers, and no other does.
    """

    def __init__(
        self,
        path: Path,
        take: Take,
        beat: Callable[[], None],
        interval: float,
        route: Route = OTLP,
    ) -> None:
        self.journal: Store | None = None
        self.is_ours = False
        self._path = path
        self._take = take
        self._beat = beat
        self._interval = interval
        self._pause = interval
        self._route = route
        self._cursor: int | None = None
        self._delivered = False
        self._stopping = threading.Event()
        name = f"qgm-observe-{route.name}"
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)

    def start(self) -> None:
        """Begin to follow, from what is recorded next or from where the last follower stopped."""
        with contextlib.suppress(Error):
            self.journal = open_journal(self._path)
            if not self._route.begins_at_first:
                self.journal.begin(self._route.name)
        self._thread.start()

    def stop(self, timeout: float) -> bool:
        """Deliver once more, within `timeout` seconds; false when some of it is left."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(timeout)
        return self._delivered and not self._thread.is_alive()

    def _work(self) -> None:
        stopping = False
        while not stopping:
            stopping = self._stopping.wait(self._pause)
            self._delivered = self.once()
            pause = min(2 * self._pause, LONGEST_PAUSE)
            self._pause = self._interval if self._delivered else pause
        self.close()

    def close(self) -> None:
        """Let the journal go, and whoever delivers next begin at once."""
        journal, self.journal = self.journal, None
        if journal is None:
            return
        with contextlib.suppress(Error):
            if self.is_ours:
                journal.lease(self._route.name, time.time(), 0.0)
        journal.close()

    def once(self) -> bool:
        """Deliver all that waits; false when some of it has to be tried again."""
        try:
            if self.journal is None:
                self.journal = open_journal(self._path)
            delivered = self._follow(self.journal)
        except Error:
            delivered, self._cursor = False, None
        if delivered or not self._stopping.is_set():
            self._beat()
        return delivered

    def _follow(self, journal: Store) -> bool:
        name = self._route.name
        self.is_ours = journal.lease(name, time.time(), LEASE_SECONDS)
        if not self.is_ours:
            self._cursor = None
            return True
        after = self._begin(journal)
        while True:
            verbs, batch = self._route.verbs, self._route.batch
            events = list(journal.events(after=after, verbs=verbs, limit=batch))
            if not events:
                return True
            if not self._take(events):
                return False
            after = self._cursor = events[-1].seq
            journal.advance(name, after)

    def _begin(self, journal: Store) -> int:
        """Where to go on; what was recorded before anybody wanted it may be left out."""
        route = self._route
        if self._cursor is None:
            if not route.begins_at_first:
                journal.begin(route.name)
            self._cursor = journal.cursor(route.name) or 0
        if route.replayed is not None:
            self._cursor = max(self._cursor, journal.last_seq() - route.replayed)
        return self._cursor
