"""Histogram bounds: about two a factor of three, so that a quantile is off by a factor under 2."""

import math

_MANTISSAS = (1.0, 1.8, 3.0, 5.5)


def geometric(low: float, high: float) -> tuple[float, ...]:
    """Return round bounds from `low` to `high` (both included), four a decade.

    Neighbors differ by a factor of at most 1.84, so a quantile that Prometheus interpolates
    inside one bucket is within a factor of 2 of the true one.
    """
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    bounds = {float(f"{m}e{d}") for d in decades for m in _MANTISSAS}
    return (low, *sorted(b for b in bounds if low < b < high), high)


DURATION = geometric(1e-3, 3 * 86400.0)
"""From a millisecond to three days, for whole jobs, steps and runs."""

INTERACTIVE = 5.0
"""Seconds that a person waits for samples; a bound of its own, so that it can be promised."""

JOB_DURATION = tuple(sorted({*DURATION, INTERACTIVE}))
"""For whole jobs."""
