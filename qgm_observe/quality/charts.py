"""Two control charts against a fixed reference: EWMA for small lasting shifts, CUSUM for ramps.

Both take points in units of the baseline's standard deviation, counted upwards where it gets
worse. An alarm is raised where the level reaches the limit and cleared below half the limit, so
that one disturbance is one alarm. The very step that runs in service is the one that is simulated
to set the limit.

Sources: Roberts, Technometrics 1, 239 (1959); Page, Biometrika 41, 100 (1954).
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from qgm_observe.errors import UsageError
from qgm_observe.quality.series import Array

EWMA, CUSUM = "ewma", "cusum"
CLEARED = 0.5
"""Share of the limit below which an alarm is over."""

_LIMITS = np.geomspace(0.3, 120.0, 40)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """One chart and where it stands.

    Attributes:
        kind: `ewma` or `cusum`.
        weight: Of the newest point in an EWMA, in (0, 1]; the slack a point in a CUSUM, in sd.
        limit: The level that raises an alarm, in sd.
        level: Where it stands, in sd.
        alarm: Whether an alarm is raised.
        alarms: How many were raised so far.
    """

    kind: str
    weight: float
    limit: float
    level: float = 0.0
    alarm: bool = False
    alarms: int = 0

    def __post_init__(self) -> None:
        """Refuse an unknown kind and a weight that kills the chart."""
        if self.kind not in (EWMA, CUSUM):
            raise UsageError(f"chart {self.kind!r}: write ewma or cusum")
        if not 0 < self.weight <= 1 or not self.limit > 0:
            raise UsageError(f"chart {self.kind}: write a weight in (0, 1] and a limit above 0")

    def after(self, point: float) -> "Chart":
        """Return the chart after one more point, in sd, positive where it is worse."""
        level = advanced(self.kind, self.weight, self.level, point, self.limit)
        alarm = bool(alarmed(level, self.alarm, self.limit))
        return replace(
            self,
            level=float(level),
            alarm=alarm,
            alarms=self.alarms + (alarm and not self.alarm),
        )


def advanced(kind: str, weight: float, level: Any, point: Any, limit: Any) -> Any:
    """Return the next level; floats or arrays that broadcast.

    EWMA: (1 - weight) level + weight point. CUSUM: max(0, level + point - weight), held at the
    limit, so that a repaired fault clears in a bounded time.
    """
    if kind == EWMA:
        return level + weight * (point - level)
    return np.clip(level + point - weight, 0.0, limit)


def alarmed(level: Any, alarm: Any, limit: Any) -> Any:
    """Return whether an alarm stands: raised at the limit, cleared below half of it."""
    return (level >= limit) | (alarm & (level >= CLEARED * limit))


def limit_for(kind: str, weight: float, futures: Array, alarms: float) -> float:
    """Return the limit at which futures without a change raise so many alarms on average.

    Args:
        kind: `ewma` or `cusum`.
        weight: As in `Chart`.
        futures: Points in sd, shape (steps, paths).
        alarms: Expected alarms a path.
    """
    rates = _alarm_rates(kind, weight, futures)
    enough = np.flatnonzero(rates >= alarms)
    if not len(enough):
        return float(_LIMITS[0])
    last = int(enough[-1])
    if last == len(_LIMITS) - 1:
        return float(_LIMITS[-1])
    ends = np.log(np.maximum(rates[last : last + 2], 1e-3 / futures.shape[1]))
    part = (ends[0] - np.log(alarms)) / max(ends[0] - ends[1], 1e-12)
    return float(_LIMITS[last] * (_LIMITS[last + 1] / _LIMITS[last]) ** min(part, 1.0))


def _alarm_rates(kind: str, weight: float, futures: Array) -> Array:
    shape = (len(_LIMITS), futures.shape[1])
    limit = _LIMITS[:, np.newaxis]
    level, alarm, raised = np.zeros(shape), np.zeros(shape, bool), np.zeros(len(_LIMITS))
    for points in futures:
        level = advanced(kind, weight, level, points, limit)
        now = alarmed(level, alarm, limit)
        raised += np.count_nonzero(now & ~alarm, axis=1)
        alarm = now
    return np.asarray(raised / futures.shape[1])
