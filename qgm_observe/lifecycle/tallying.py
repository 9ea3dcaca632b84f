"""Above a rate, successful local jobs are counted together instead of being kept one by one."""

from collections.abc import Callable

from qgm_observe.journal import Event, Totals
from qgm_observe.lifecycle.handle import SUCCESS


class Tally:
    """Says of each finished event whether it is kept, and sums up those that are not.

    Args:
        seconds: The wall clock, epoch seconds.
    """

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._second, self._kept = 0, 0.0
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
        self._totals = self._totals or Totals()
        self._totals.add(event)
        return True

    def taken(self) -> Totals | None:
        """Return what was summed up since the last call, `None` if nothing was."""
        totals, self._totals = self._totals, None
        return totals


def _is_plain(event: Event) -> bool:
    """Whether it is a successful local job, of which a tally tells enough at a high rate."""
    body = event.body
    return (
        event.noun == "job"
        and event.verb == "finished"
        and body["outcome"] is SUCCESS
        and body["execution_mode"] == "local"
    )
