"""When to ask next: intervals with jitter, and a budget of calls that no hour exceeds."""

import random
from dataclasses import dataclass

JITTER = 0.1
"""An interval is up to this share longer, so that polls of several exporters drift apart."""

BURST = 0.2
"""Share of an hour's calls that may be made at once."""

HOUR = 3600.0


@dataclass(slots=True)
class Timer:
    """One thing that is due again and again.

    Attributes:
        interval: Seconds between two polls, at least.
        due_at: Clock time (s) of the next.
    """

    interval: float
    due_at: float

    def next(self, now: float, chance: random.Random) -> None:
        """Set when it is due after a poll that begins now."""
        self.due_at = now + self.interval * (1 + JITTER * chance.random())


class Budget:
    """Calls an hour: a bucket that leaks, so that in no hour there are more than allowed.

    Args:
        calls_per_hour: At least 5.
        now: Clock time, seconds.
    """

    def __init__(self, calls_per_hour: int, now: float) -> None:
        self._size = BURST * calls_per_hour
        self._rate = (calls_per_hour - self._size) / HOUR
        self._left = self._size
        self._at = now

    def take(self, now: float) -> bool:
        """Return whether a call may be made now, and count it if so."""
        self._fill(now)
        if self._left < 1:
            return False
        self._left -= 1
        return True

    def wait(self, now: float) -> float:
        """Return the seconds until a call may be made."""
        self._fill(now)
        return max(0.0, (1 - self._left) / self._rate)

    def _fill(self, now: float) -> None:
        self._left = min(self._size, self._left + max(0.0, now - self._at) * self._rate)
        self._at = now
