"""A number with its interval, its floor and, where it cannot be had, the reason."""

from dataclasses import dataclass

from qgm_observe.errors import UsageError

VALID_SHOT_RATIO = "valid_shot_ratio"
"""The name of the estimate whose shots are counted: judged, and valid of those."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A statistic that says how far it can be trusted.

    Attributes:
        name: What is estimated.
        value: The point estimate, `None` where it cannot be had.
        low: Lower end of the interval.
        high: Upper end of the interval.
        level: Confidence level of the interval, in (0, 1).
        floor: What a perfect sampler would show on average at this number of shots, by the same
            estimator, so on the scale of the value.
        method: The interval's method.
        n: How many observations it rests on.
        reason: Why there is no value; required when there is none.
    """

    name: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    level: float = 0.95
    floor: float | None = None
    method: str = ""
    n: int = 0
    reason: str | None = None

    def __post_init__(self) -> None:
        """Refuse an interval that does not hold its value, and silence without a reason."""
        if not 0 < self.level < 1:
            raise UsageError(f"estimate {self.name}: write a level between 0 and 1")
        if self.value is None and not self.reason:
            raise UsageError(f"estimate {self.name}: say in `reason` why there is no value")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise UsageError(f"estimate {self.name}: the interval is upside down")
