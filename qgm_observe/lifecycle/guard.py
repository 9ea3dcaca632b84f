"""No exception of ours reaches the training: counted, logged once, swallowed."""

import contextlib
import logging
from collections import Counter
from types import TracebackType

from qgm_observe.errors import BudgetExceeded

log = logging.getLogger("qgm_observe")
log.addHandler(logging.NullHandler())


class Guard:
    """A context manager around our own work.

    It stops `Exception` and nothing else, so that an interrupt passes, and so does the word of a
    spending guard that was asked for. Under `strict` (our own
    tests) it stops nothing.
    """

    def __init__(self, *, strict: bool = False) -> None:
        self.strict = strict
        self.counts: Counter[str] = Counter()
        self._told: set[str] = set()

    def __call__(self, part: str) -> "_Guarded":
        """Guard a block; `part` names it in the counter and in the log."""
        return _Guarded(self, part)

    def warn_once(self, part: str, message: str) -> None:
        """Log a message, the first time for this part."""
        if part not in self._told:
            self._told.add(part)
            with contextlib.suppress(Exception):  # a handler of the script's may raise
                log.warning("qgm-observe: %s", message)

    def take(self) -> dict[str, int]:
        """Return the counts since the last call."""
        taken, self.counts = self.counts, Counter()
        return dict(taken)


class _Guarded:
    __slots__ = ("_guard", "_part")

    def __init__(self, guard: Guard, part: str) -> None:
        self._guard = guard
        self._part = part

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> bool:
        if not isinstance(error, Exception) or isinstance(error, BudgetExceeded):
            return False
        self._guard.counts[self._part] += 1
        self._guard.warn_once(
            self._part, f"{self._part}: {type(error).__name__}, the training goes on without it"
        )
        return not self._guard.strict
