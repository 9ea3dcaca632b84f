"""Histogram bounds: the durations that people name, so that each of them can be promised.

Neighbors differ by a factor of at most 2, so a quantile that Prometheus interpolates inside one
bucket is off by less than that.
"""

_BELOW = tuple(float(f"{m}e{d}") for d in range(-4, 0) for m in (1, 2, 3, 5))
_SECONDS = (1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 30.0)
_MINUTES = (1, 2, 3, 5, 10, 20, 30)
_HOURS = (1, 2, 3, 6, 12, 24, 48, 72)
_NAMED = (*_BELOW, *_SECONDS, *(60.0 * m for m in _MINUTES), *(3600.0 * h for h in _HOURS))


def between(low: float, high: float) -> tuple[float, ...]:
    """Return the bounds from `low` to `high` (both included), four or fewer a decade; seconds."""
    return tuple(bound for bound in _NAMED if low <= bound <= high)


DURATION = between(1e-3, 3 * 86400.0)
"""From a millisecond to three days, for whole jobs, steps and runs."""
