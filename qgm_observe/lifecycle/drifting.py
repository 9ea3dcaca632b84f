"""Watch what has a baseline: fold the journal's points into the charts, one process at a time.

Where the charts stand is a row of the journal, so it outlives every process, and whoever follows
the journal sees the same.
"""

import math
from collections.abc import Iterator

from qgm_observe.journal import Event, Store
from qgm_observe.lifecycle.baselines import DAY, KeptBaseline, histories, read

TASK = "drift"
_LEASE_SECONDS = 60.0
_ROWS = 20_000
"""Rows that one look takes at most; the rest waits for the next."""


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
        rows = self._rows(journal)
        whole = len(rows) < _ROWS
        self._slot = slot if whole else self._slot
        stepped = list(_stepped(watched, rows, now if whole else rows[-1].at, now))
        new = journal.append(stepped) if stepped else []
        longest = max(k.every or DAY for k in watched.values())
        done = _through(rows, math.floor(now / longest) * longest)
        if done:
            journal.advance(TASK, done)
        return shown + new

    def _rows(self, journal: Store) -> list[Event]:
        after = journal.cursor(TASK) or 0
        nouns = ("run", "step", "job", "model")
        return list(journal.events(after, verbs=("estimate", "finished"), nouns=nouns, limit=_ROWS))


def _stepped(
    watched: dict[str, KeptBaseline], rows: list[Event], through: float, now: float
) -> Iterator[Event]:
    """Yield where the charts stand after the slots that ended before `through`."""
    found = histories(rows)
    for series, kept in watched.items():
        if series in found and kept.every is not None:
            until = math.floor(through / kept.every) * kept.every
            stepped = kept.after(found[series].points, until)
            if stepped.state != kept.state:
                yield stepped.event("drift", now)


def _through(rows: list[Event], until: float) -> int:
    """Return the last sequence number before the first row that is still to be counted."""
    done = 0
    for row in rows:
        if row.at >= until:
            break
        done = row.seq
    return done
