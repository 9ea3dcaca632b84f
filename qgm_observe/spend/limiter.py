"""Our own limit of submissions a minute, which learns from a provider's refusals.

A submission books the next free place and is told how long to wait for it, so that threads and
coroutines wait each for its own time and none polls. Processes book from one list.
"""

import contextlib
from bisect import insort
from collections.abc import Iterator
from threading import Lock
from typing import Any

from qgm_observe.spend.turns import Turns

MINUTE = 60.0
RELAXES_AFTER = 600.0
"""Seconds without a refusal after which one more a minute is tried."""

_NEVER = float("-inf")
_MOST_AHEAD = 86_400.0
"""Seconds; nobody waits longer, so what is booked beyond that is of another clock."""


class Limiter:
    """Submissions to one provider in any minute; used from any thread.

    Args:
        limit: At most so many; a provider's refusal lowers it, time raises it again.
        turns: Shared with other processes; without it this process counts alone.
    """

    def __init__(self, limit: float, turns: Turns | None = None) -> None:
        self.most = max(limit, 1.0)
        self._turns = turns
        self._learned: float | None = None
        self._booked: list[float] = []
        self._changed_at = _NEVER
        self._not_before = _NEVER
        self._lock = Lock()

    @property
    def limit(self) -> float:
        """Submissions a minute as far as the provider's refusals have taught."""
        return self.most if self._learned is None else min(self._learned, self.most)

    def book(self, now: float, most: float | None = None) -> float:
        """Book the next place; return the seconds to wait for it, 0 or more.

        Args:
            now: Of a monotonic clock, seconds; of the system's where turns are shared.
            most: Of this submission's own guards, where they allow fewer a minute.
        """
        with self._turn(now):
            self._relax(now)
            self._booked = [at for at in self._booked if at > now - MINUTE]
            number = int(max(min(self.limit, most or self.limit), 1.0))
            at = max(now, self._not_before)
            if len(self._booked) >= number:
                at = max(at, self._booked[-number] + MINUTE)
            insort(self._booked, at)
            return at - now

    def refused(self, now: float) -> None:
        """Take note that the provider refused a submission as one too many.

        What was let through in the minute before it, without the refused one, is the new limit.
        """
        with self._turn(now):
            recent = [at for at in self._booked if now - MINUTE < at <= now]
            self._learned = max(min(self.limit, len(recent) - 1), 1.0)
            self._changed_at = now
            if recent:
                self._not_before = recent[0] + MINUTE

    def _relax(self, now: float) -> None:
        if self._learned is not None and now - self._changed_at >= RELAXES_AFTER:
            more = self._learned + 1
            self._learned, self._changed_at = (more if more < self.most else None), now

    @contextlib.contextmanager
    def _turn(self, now: float) -> Iterator[None]:
        """Have what other processes booked and learned, and tell them what is done to it."""
        with self._lock, contextlib.ExitStack() as held:
            shared = None if self._turns is None else held.enter_context(self._turns.changing())
            if shared:
                self._take(shared, now)
            yield
            if shared is not None:
                shared |= {"booked": self._booked, "learned": self._learned}
                shared |= {"changed_at": self._changed_at, "not_before": self._not_before}

    def _take(self, shared: dict[str, Any], now: float) -> None:
        with contextlib.suppress(KeyError, TypeError, ValueError):  # damaged: our own is kept
            booked = sorted(float(at) for at in shared["booked"])
            learned, changed_at = shared["learned"], float(shared["changed_at"])
            not_before = float(shared["not_before"])
            self._learned = None if learned is None else max(float(learned), 1.0)
            self._booked = [at for at in booked if at < now + _MOST_AHEAD]
            self._changed_at, self._not_before = changed_at, min(not_before, now + MINUTE)
