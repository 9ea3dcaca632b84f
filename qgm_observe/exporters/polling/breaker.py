"""A circuit breaker: who keeps failing is left in peace, longer and longer."""

import enum
import random

FAILURES = 3
"""Failures in a row that open the circuit."""

FIRST_PAUSE, LONGEST_PAUSE = 30.0, 900.0
"""Seconds for which it is open the first time, and at most."""

SPREAD = 0.1
"""A pause is up to this share longer, so that two exporters do not come back at one instant."""


class CircuitState(enum.StrEnum):
    """Whether calls are let through: all, none, or one to see how it goes."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Breaker:
    """Lets calls through, or holds them back after failures; asked and told by one thread.

    Args:
        chance: Where the spread comes from.

    Attributes:
        retry_at: Clock time (s) until which calls are held back, `None` when they are not.
    """

    def __init__(self, chance: random.Random) -> None:
        self.retry_at: float | None = None
        self._chance = chance
        self._failures = 0
        self._pause = FIRST_PAUSE
        self._trying = False

    @property
    def state(self) -> CircuitState:
        """Its state; once the pause is over the next `allows` makes it half open."""
        if self._trying:
            return CircuitState.HALF_OPEN
        return CircuitState.CLOSED if self.retry_at is None else CircuitState.OPEN

    def allows(self, now: float) -> bool:
        """Return whether a call may be made now."""
        if self.retry_at is None:
            return True
        if now < self.retry_at:
            return False
        self._trying = True
        return True

    def succeeded(self) -> None:
        """Close: a call was answered."""
        self._failures, self._pause = 0, FIRST_PAUSE
        self.retry_at, self._trying = None, False

    def failed(self, now: float, retry_after: float | None = None) -> None:
        """Count a failed call; what the provider told to wait (s) is kept at once."""
        self._failures += 1
        pause = retry_after or 0.0
        if self._trying or self._failures >= FAILURES:
            pause = max(pause, self._pause * (1 + SPREAD * self._chance.random()))
            self._pause = min(2 * self._pause, LONGEST_PAUSE)
        if pause > 0:
            self.retry_at = max(now + pause, self.retry_at or now)
        self._trying = False
