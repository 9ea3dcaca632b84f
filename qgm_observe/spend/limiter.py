"""Our own limit of submissions a minute, which learns from a provider's refusals.

A submission books the next free place and is told how long to wait for it, so that threads and
coroutines wait each for its own time and none polls.
"""

from bisect import insort
from threading import Lock

MINUTE = 60.0
RELAXES_AFTER = 600.0
"""Seconds without a refusal after which one more a minute is tried."""


class Limiter:
    """Submissions to one provider in any minute; used from any thread.

    Args:
        limit: At most so many; a provider's refusal lowers it, time raises it again.
    """

    def __init__(self, limit: float) -> None:
        self.most = self.limit = max(limit, 1.0)
        self._booked: list[float] = []
        self._changed_at = float("-inf")
        self._not_before = float("-inf")
        self._lock = Lock()

    def book(self, now: float) -> float:
        """Book the next place; return the seconds to wait for it, 0 or more."""
        with self._lock:
            self._relax(now)
            self._booked = [at for at in self._booked if at > now - MINUTE]
            number = int(self.limit)
            at = max(now, self._not_before)
            if len(self._booked) >= number:
                at = max(at, self._booked[-number] + MINUTE)
            insort(self._booked, at)
            return at - now

    def refused(self, now: float) -> None:
        """Take note that the provider refused a submission as one too many.

        What was let through in the minute before it, without the refused one, is the new limit.
        """
        with self._lock:
            recent = [at for at in self._booked if now - MINUTE < at <= now]
            self.limit = max(min(self.limit, len(recent) - 1), 1.0)
            self._changed_at = now
            if recent:
                self._not_before = recent[0] + MINUTE

    def _relax(self, now: float) -> None:
        if self.limit < self.most and now - self._changed_at >= RELAXES_AFTER:
            self.limit, self._changed_at = min(self.limit + 1, self.most), now
