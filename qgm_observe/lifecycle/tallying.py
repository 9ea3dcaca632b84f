"""Above a rate, what is alike is counted together instead of being kept one by one.

That is true of successful local jobs, and of estimates and verdicts about one piece of work that
later ones repeat, as when an objective function that is called thousands of times evaluates.
"""

from collections.abc import Callable
from math import inf

from qgm_observe.journal import Event, Totals
from qgm_observe.lifecycle.handle import SUCCESS

BURST_SECONDS = 60.0
"""What may be said at once, in seconds of the rate: many results may be judged in one go."""

_SAID = ("estimate", "judged")
_BY_THE_WAY = ("method", "reason")


class Tally:
    """Says which events are kept, and sums up those that are not.

    Args:
        seconds: The wall clock, epoch seconds.
    """

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._second, self._kept = 0, 0.0
        self._said_at, self._spare = 0.0, inf
        self._totals: Totals | None = None

    def takes(self, event: Event, limit: float) -> bool:
        """Sum up an event above the limit, in jobs a second; return whether that was done."""
        if not _is_plain(event):
            return False
        second = int(self._seconds())
        if second != self._second:
            self._second, self._kept = second, 0.0
        self._kept += 1
        if self._kept <= limit:
            return False
        self._add(event)
        return True

    def thinned(self, events: list[Event], limit: float) -> list[Event]:
        """Sum up estimates and verdicts that later events repeat, and return the others in order.

        Args:
            events: Those of one transaction.
            limit: How many a second are kept in any case.
        """
        now = self._seconds()
        gained = max(0.0, now - self._said_at) * limit
        said = sum(event.verb in _SAID for event in events)
        self._said_at = now
        left = min(self._spare + gained, BURST_SECONDS * limit) - said
        self._spare = max(0.0, left)
        return events if left >= 0 else self._latest(events, -left)

    def _latest(self, events: list[Event], surplus: float) -> list[Event]:
        known: set[tuple[str, ...]] = set()
        kept: list[Event] = []
        for event in reversed(events):
            about = _about(event) if event.verb in _SAID else None
            if surplus > 0 and about in known:
                surplus -= 1
                self._add(event)
                continue
            if about is not None:
                known.add(about)
            kept.append(event)
        return kept[::-1]

    def _add(self, event: Event) -> None:
        self._totals = self._totals or Totals()
        self._totals.add(event)

    def taken(self) -> Totals | None:
        """Return what was counted since the last call, `None` if nothing was."""
        totals, self._totals = self._totals, None
        return totals or None


def _is_plain(event: Event) -> bool:
    """Whether it is a successful local job, of which a tally tells enough at a high rate."""
    body = event.body
    return (
        event.noun == "job"
        and event.verb == "finished"
        and body["outcome"] is SUCCESS
        and body["execution_mode"] == "local"
    )


def _about(event: Event) -> tuple[str, ...]:
    """Whose work, which statistic or question, of which circuit: all words but how and why."""
    words = (v for k, v in event.body.items() if isinstance(v, str) and k not in _BY_THE_WAY)
    return (event.subject, event.verb, *words)
