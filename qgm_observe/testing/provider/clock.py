"""A clock that moves when it is told to, and does then what is due.

Everything that happens in the provider (a job starts, a session expires, a bill is settled) is an
event on this clock. Nothing sleeps.
"""

import heapq
import itertools
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

from qgm_observe.errors import UsageError

START = datetime(2026, 5, 1, tzinfo=UTC).timestamp()
"""Epoch seconds at which a clock starts unless told: after the newest calibration snapshot."""


def to_text(seconds: float) -> str:
    """Return epoch seconds in the form the provider's interface uses."""
    text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def to_date(seconds: float) -> str:
    """Return epoch seconds in the form of properties: 20 characters, whole seconds (OpenAPI)."""
    return datetime.fromtimestamp(int(seconds), UTC).isoformat().replace("+00:00", "Z")


def to_seconds(text: str) -> float:
    """Return the epoch seconds of an ISO 8601 time, taken as UTC where it names no zone."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


class VirtualClock:
    """Time of the provider, in epoch seconds.

    Args:
        start: Where it starts.
        per_request: Seconds that pass with each request to the provider, so that a script which
            waits for its result comes to an end although nobody calls `advance`.
        speed: Virtual seconds that pass with each real second, seen at each request.

    Raises:
        UsageError: For a step or speed below 0.
    """

    def __init__(
        self, start: float = START, *, per_request: float = 0.0, speed: float = 0.0
    ) -> None:
        if per_request < 0 or speed < 0:
            raise UsageError("a clock only moves forward: per_request and speed must be 0 or more")
        self.lock = threading.RLock()
        self.per_request = per_request
        self.speed = speed
        self._now = float(start)
        self._seen = time.monotonic()
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()

    @property
    def now(self) -> float:
        """Epoch seconds."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Move forward, and do in order what falls due on the way.

        Raises:
            UsageError: For a step below 0.
        """
        if seconds < 0:
            raise UsageError(f"a clock only moves forward: advance by 0 or more, not {seconds}")
        with self.lock:
            target = self._now + seconds
            while self._due and self._due[0][0] <= target:
                when, _, action = heapq.heappop(self._due)
                self._now = max(self._now, when)
                action()
            self._now = target

    def at(self, when: float, action: Callable[[], None]) -> None:
        """Do something at an instant, or at the next move where that has passed."""
        with self.lock:
            heapq.heappush(self._due, (when, next(self._numbers), action))

    def tick(self) -> None:
        """Let pass what passes with a request."""
        with self.lock:
            real = time.monotonic()
            seconds = self.per_request + self.speed * (real - self._seen)
            self._seen = real
            if seconds:
                self.advance(seconds)
