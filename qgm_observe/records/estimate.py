"""A number with its interval, its floor and, where it cannot be had, the reason."""

from collections.abc import Iterable
from dataclasses import dataclass

from qgm_observe.errors import UsageError

VALID_SHOT_RATIO = "valid_shot_ratio"
"""The name of the estimate whose shots are counted: judged, and valid of those."""

_SMALLEST_P = 1e-16
"""Below it a p-value is a matter of rounding, and none is ever 0."""


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

    def __str__(self) -> str:
        """Return a line: value, interval and what a perfect sampler would show, or why not."""
        name, value, about, floor = _row(self, with_level=True)
        if self.value is None:
            return f"{name} {value}: {about}"
        told = [f"{name} {value}", about, floor and f"a perfect sampler shows {floor}"]
        return ", ".join(each for each in told if each)


def estimate_rows(estimates: Iterable[Estimate]) -> list[tuple[str, str, str, str]]:
    """Return estimates as rows of text, the first of them the headings.

    Returns:
        Name, value, interval or the reason why there is no value, and what a perfect sampler would
        show. The level of the intervals stands in the heading where they share it.
    """
    told = list(estimates)
    levels = {each.level for each in told if each.value is not None and each.low is not None}
    shared = f" at {levels.pop():.0%}" if len(levels) == 1 else ""
    heads = ("samples", "value", f"interval{shared}", "perfect shows")
    return [heads, *(_row(each, with_level=not shared) for each in told)]


def estimate_text(estimates: Iterable[Estimate]) -> str:
    """Return estimates as a table of plain text: names on the left, numbers on the right."""
    rows = estimate_rows(estimates)
    known = [row for row in rows if row[1] != _UNKNOWN]
    first, second = (max(len(row[place]) for row in rows) for place in (0, 1))
    third, last = (max(len(row[place]) for row in known) for place in (2, 3))
    return "\n".join(
        f"{name:{first}}  {value:>{second}}  {about:{third}}  {floor:>{last}}".rstrip()
        for name, value, about, floor in rows
    )


_UNKNOWN = "not known"


def _row(each: Estimate, *, with_level: bool) -> tuple[str, str, str, str]:
    name = each.name.replace("_", " ")
    if each.value is None:
        return name, _UNKNOWN, each.reason or "", ""
    floor = "" if each.floor is None else f"{each.floor:.3g}"
    return name, _value(each.name, each.value), _interval(each, with_level=with_level), floor


def _value(name: str, value: float) -> str:
    if name.endswith("_p") and value < _SMALLEST_P:
        return f"< {_SMALLEST_P:g}"
    return f"{value:.4g}"


def _interval(estimate: Estimate, *, with_level: bool) -> str:
    if estimate.low is None or estimate.high is None:
        return ""
    level = f" at {estimate.level:.0%}" if with_level else ""
    return f"{estimate.low:.4g} to {estimate.high:.4g}{level}"
