"""The healthy level that drift and residuals are judged against, captured once and kept fixed.

A rolling mean absorbs a change after its own length and never sees a ramp; a fixed baseline keeps
the debt visible until somebody captures a new one.
"""

import json
import math
from dataclasses import asdict, dataclass, fields

from numpy.typing import ArrayLike

from qgm_observe.errors import UsageError
from qgm_observe.quality.intervals import normal_quantile
from qgm_observe.quality.persistence import LEAST_HISTORY, persistence_of
from qgm_observe.quality.series import finite_series
from qgm_observe.records import Estimate

NO_BASELINE = f"no baseline: capture one from {LEAST_HISTORY} points or more of a healthy time"
"""The reason where there is nothing to compare with."""

_MOST_CORRELATION = 0.99


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """The level of one metric of one model on one device with one circuit.

    Attributes:
        metric: What was measured, in the metric's own unit.
        model: Of which model, with its version.
        device: On which device.
        circuit: Which circuit, by its content hash or name.
        center: Mean of the history.
        sd: Standard deviation of one point of the history.
        autocorrelation: Expected correlation of neighboring points.
        n: Points of the history.
        captured_at: Epoch seconds, or `None` where nobody said.
    """

    metric: str
    model: str = "unknown"
    device: str = "unknown"
    circuit: str = "unknown"
    center: float
    sd: float
    autocorrelation: float = 0.0
    n: int
    captured_at: float | None = None

    def __post_init__(self) -> None:
        """Refuse a level or a spread that is no number."""
        numbers = (self.center, self.sd, self.autocorrelation)
        if not all(map(math.isfinite, numbers)) or self.sd <= 0:
            raise UsageError(f"baseline {self.metric}: write a finite center and an sd above 0")

    def reference(self, level: float = 0.95) -> Estimate:
        """Return the center as an estimate, its standard error widened for the autocorrelation."""
        correlation = min(max(self.autocorrelation, 0.0), _MOST_CORRELATION)
        inflation = (1 + correlation) / (1 - correlation)
        reach = normal_quantile(level) * self.sd * math.sqrt(inflation / self.n)
        return Estimate(
            name=self.metric,
            value=self.center,
            low=self.center - reach,
            high=self.center + reach,
            level=level,
            method="baseline",
            n=self.n,
        )

    def to_json(self) -> str:
        """Return it as one line of JSON."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Baseline":
        """Read what `to_json` wrote.

        Raises:
            UsageError: the text is no baseline.
        """
        try:
            told = json.loads(text)
            return cls(**{name: told[name] for name in (field.name for field in fields(cls))})
        except (KeyError, TypeError, ValueError) as error:
            raise UsageError("baseline: write the JSON that Baseline.to_json gave") from error


def capture_baseline(
    metric: str,
    history: ArrayLike,
    *,
    model: str = "unknown",
    device: str = "unknown",
    circuit: str = "unknown",
    captured_at: float | None = None,
) -> Baseline:
    """Capture the level of a healthy time.

    Args:
        metric: What was measured.
        history: Equally spaced values, shape (n,), in the metric's unit; feed daily means where
            several jobs ran a day.
        model: Of which model.
        device: On which device.
        circuit: Which circuit.
        captured_at: Epoch seconds.

    Raises:
        UsageError: there are fewer than 30 values, or they are no finite numbers, or all equal.
    """
    values = finite_series("history", history, LEAST_HISTORY)
    return Baseline(
        metric=metric,
        model=model,
        device=device,
        circuit=circuit,
        center=float(values.mean()),
        sd=float(values.std(ddof=1)),
        autocorrelation=persistence_of(values).autocorrelation,
        n=len(values),
        captured_at=captured_at,
    )


def residual(
    measured: Estimate, predicted: Estimate | float, baseline: Baseline | None
) -> Estimate:
    """Estimate what calibration leaves unexplained: measured minus predicted minus the usual gap.

    Args:
        measured: A score with its interval.
        predicted: What calibration lets expect, in the same unit.
        baseline: The usual gap of this circuit, as a baseline of measured minus predicted.

    Returns:
        The residual; its interval joins those of both by the square root of summed squares
        (Zou and Donner, Statistics in Medicine 27, 1693 (2008)). Without a baseline, or where a
        part is unavailable, there is a reason and no value.
    """
    expected = predicted if isinstance(predicted, Estimate) else _exact(float(predicted))
    name, level = "residual", measured.level
    for part in (measured, expected):
        if part.value is None:
            return Estimate(name=name, level=level, reason=f"{part.name}: {part.reason}")
    if baseline is None:
        return Estimate(name=name, level=level, reason=NO_BASELINE)
    gap = difference(measured, expected, name)
    return _shifted(gap, -baseline.center)


def difference(first: Estimate, second: Estimate, name: str = "difference") -> Estimate:
    """Estimate first minus second from two independent estimates with intervals.

    Returns:
        The difference with its interval at the lower of the two levels; without two values a
        reason and no value.

    Source: Zou and Donner, Statistics in Medicine 27, 1693 (2008), method of variance estimates
    recovery.
    """
    level = min(first.level, second.level)
    for part in (first, second):
        if part.value is None:
            return Estimate(name=name, level=level, reason=f"{part.name}: {part.reason}")
    a, a_low, a_high = _ends(first)
    b, b_low, b_high = _ends(second)
    return Estimate(
        name=name,
        value=a - b,
        low=a - b - math.hypot(a - a_low, b_high - b),
        high=a - b + math.hypot(a_high - a, b - b_low),
        level=level,
        method="mover",
        n=min(first.n, second.n) if first.n and second.n else max(first.n, second.n),
    )


def _exact(value: float) -> Estimate:
    if not math.isfinite(value):
        return Estimate(name="prediction", reason="it is no finite number")
    return Estimate(name="prediction", value=value, low=value, high=value, method="exact")


def _ends(estimate: Estimate) -> tuple[float, float, float]:
    value = float(estimate.value or 0.0)
    low = value if estimate.low is None else estimate.low
    high = value if estimate.high is None else estimate.high
    return value, min(low, value), max(high, value)


def _shifted(estimate: Estimate, by: float) -> Estimate:
    value, low, high = _ends(estimate)
    return Estimate(
        name=estimate.name,
        value=value + by,
        low=low + by,
        high=high + by,
        level=estimate.level,
        floor=0.0,
        method=estimate.method,
        n=estimate.n,
    )
