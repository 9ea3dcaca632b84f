"""One hook for metrics of users: image and perceptual ones, density estimates, anything.

It takes whatever gives a value and an interval, and nothing that gives a value alone.
"""

import math
from collections.abc import Callable, Sequence

from qgm_observe.errors import UsageError
from qgm_observe.quality.cells import Cells
from qgm_observe.records import Estimate

_PARTS = 3
Metric = Callable[[Cells], Estimate | Sequence[float]]
"""Takes the comparison; gives an `Estimate`, or (value, low, high)."""


def custom_metric(name: str, metric: Metric, cells: Cells, level: float = 0.95) -> Estimate:
    """Evaluate a user's metric and hold it to the rules of an estimate.

    Args:
        name: What the metric is called.
        metric: The metric.
        cells: Counts and target side by side.
        level: Confidence level that the metric's interval has, where it gives bare numbers.

    Returns:
        The estimate under that name.

    Raises:
        UsageError: The metric gives no interval, a number that is not finite, or an interval that
            does not hold its value.
    """
    found = metric(cells)
    if isinstance(found, Estimate):
        if found.value is not None:
            _require_interval(name, (found.value, found.low, found.high))
        return found
    numbers = tuple(found) if isinstance(found, Sequence) else (found,)
    if len(numbers) != _PARTS:
        raise UsageError(f"metric {name}: return (value, low, high), a number alone is no estimate")
    value, low, high = _require_interval(name, numbers)
    return Estimate(
        name=name, value=value, low=low, high=high, level=level, method="custom", n=cells.shots
    )


def _require_interval(name: str, numbers: Sequence[float | None]) -> tuple[float, float, float]:
    value, low, high = numbers
    if value is None or low is None or high is None:
        raise UsageError(f"metric {name}: give the interval's low and high beside the value")
    if not all(math.isfinite(number) for number in (value, low, high)) or not low <= value <= high:
        raise UsageError(f"metric {name}: give finite numbers with low <= value <= high")
    return float(value), float(low), float(high)
