"""Watch what has a baseline: fold the journal's points into the charts, one process at a time.

Where the charts stand is a row of the journal, so it outlives every process, and whoever follows
the journal sees the same.
"""

import math
from collections.abc import Iterable, Iterator, Mapping

from qgm_observe.journal import Event, Store
from qgm_observe.lifecycle.baselines import DAY, History, KeptBaseline, histories, read

TASK = "drift"
_LEASE_SECONDS = 60.0
_VERBS = ("estimate", "finished")
_NOUNS = ("run", "step", "job", "model")


class Drift:
    """Follows a journal for the charts; asked from time to time, does nothing most of it."""

    def __init__(self) -> None:
        self._slot = -1.0
        self._shown = False

    def follow(self, journal: Store, now: float) -> list[Event]:
        """Step the charts over all slots that have ended, and return what is new to be shown.

        Args:
            journal: With baselines, points and, after this, where the charts stand.
            now: Epoch seconds.
        """
        kept = read(journal)
        if not kept.kept:
            return []
        shown = [] if self._shown else [each.event("drift", now) for each in kept.kept.values()]
        self._shown = True
        watched = {s: k for s, k in kept.kept.items() if k.state is not None and k.every}
        slot = math.floor(now / min((k.every or DAY for k in watched.values()), default=DAY))
        if not watched or slot == self._slot or not journal.lease(TASK, now, _LEASE_SECONDS):
            return shown
        self._slot = slot
        longest = max(k.every or DAY for k in watched.values())
        seen = _Seen(math.floor(now / longest) * longest)
        rows = journal.events(journal.cursor(TASK) or 0, verbs=_VERBS, nouns=_NOUNS)
        stepped = list(_stepped(watched, histories(seen.through(rows)), now))
        new = journal.append(stepped) if stepped else []
        if seen.last:
            journal.advance(TASK, seen.last)
        return shown + new


class _Seen:
    """Remembers the last row before the first one that is still to be counted."""

    def __init__(self, until: float) -> None:
        self.last = 0
        self._until = until

    def through(self, rows: Iterable[Event]) -> Iterator[Event]:
        counted = True
        for row in rows:
            counted = counted and row.at < self._until
            self.last = row.seq if counted else self.last
            yield row


def _stepped(
    watched: dict[str, KeptBaseline], found: Mapping[str, History], now: float
) -> Iterator[Event]:
    """Yield where the charts stand after the slots that have ended."""
    for series, kept in watched.items():
        if series in found and kept.every is not None:
            until = math.floor(now / kept.every) * kept.every
            stepped = kept.after(found[series].points, until)
            if stepped.state != kept.state:
                yield stepped.event("drift", now)
