"""A counter as it is scraped: what it rose by in a window, as the rules count it, step by step."""

import math
from collections.abc import Sequence

from qgm_observe.slo.promql import GAP, NEWEST
from qgm_observe.slo.window import HOUR

_NEWEST, _GAP = (int(text.removesuffix("h")) * HOUR for text in (NEWEST, GAP))

Samples = list[float | None]


class Counted:
    """One counter.

    Args:
        samples: One a step, `None` where nothing is scraped.
        step: Seconds.
    """

    def __init__(self, samples: Samples, step: float) -> None:
        self._step = step
        self._newest, self._before = (_last(samples, each / step) for each in (_NEWEST, _GAP))
        self._first = [
            (place, value)
            for place, value in enumerate(samples)
            if value is not None and (place == 0 or self._newest[place - 1] is None)
        ]

    def newest(self, at: int) -> float | None:
        """Return the last sample that is not too old to be counted."""
        return _at(self._newest, at)

    def rise(self, at: int, window: float) -> float:
        """Return what it rose by since a window (s) began, or its first sample; none where anew."""
        newest = self.newest(at)
        if newest is None:
            return 0.0
        before = _at(self._before, math.floor(at - window / self._step + 1e-9))
        if before is None:
            begin = math.ceil(at - window / self._step - 1e-9)
            told = (value for place, value in self._first if begin <= place <= at)
            before = min(told, default=0.0)
        return max(newest - before, 0.0)


def _last(samples: Samples, steps: float) -> Samples:
    """Return at each step the last sample that is fewer steps old, up to a while after the end."""
    found: Samples = []
    value, since = None, 0
    longest = math.ceil(steps)
    for place in range(len(samples) + longest):
        told = samples[place] if place < len(samples) else None
        if told is not None:
            value, since = told, place
        found.append(value if place - since < longest else None)
    return found


def _at(samples: Sequence[float | None], place: int) -> float | None:
    return samples[place] if 0 <= place < len(samples) else None
