"""Have parameters or calibration values moved? Both a relative and an absolute threshold.

A relative threshold alone fires on values near zero, an absolute one alone never fires on small
error rates; a move counts when it exceeds both.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from qgm_observe.errors import UsageError

DISABLED = 1.0
"""An error of 1 marks a gate that is switched off, no measurement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """How one value stands to its reference.

    Attributes:
        name: Which value.
        before: At the reference, `None` where it was unknown.
        now: Today, `None` where it is unknown.
        absolute: Size of the move in the value's unit, `None` where a side is unknown.
        relative: Size of the move over the reference's size, `None` where that is 0 or unknown.
        moved: Whether both thresholds are exceeded.
        note: What else there is to say, such as `appeared`, `gone` or `disabled`.
    """

    name: str
    before: float | None
    now: float | None
    absolute: float | None = None
    relative: float | None = None
    moved: bool = False
    note: str = ""


def parameter_drift(
    reference: Mapping[str, float],
    current: Mapping[str, float],
    *,
    relative: float = 0.1,
    absolute: float = 0.05,
    period: float | None = 2 * math.pi,
) -> tuple[Movement, ...]:
    """Compare model parameters with those that were accepted.

    Args:
        reference: Name to value, in radians for angles.
        current: Today's.
        relative: Share of the reference's size that a move has to exceed.
        absolute: Move that has to be exceeded, in the parameter's unit.
        period: Values so far apart are the same, a full turn for angles; `None` for none.

    Raises:
        UsageError: a value is no finite number, or a threshold is negative.
    """
    return _compared(reference, current, _Judge(relative, absolute, period))


def calibration_drift(
    reference: Mapping[str, float | None],
    current: Mapping[str, float | None],
    *,
    relative: float = 0.5,
    absolute: float = 1e-3,
) -> tuple[Movement, ...]:
    """Compare calibration values (errors, times) with those of the baseline.

    A gate that was switched off since (error 1) counts as moved, with the note `disabled`; one
    that was off and is back is noted as `enabled`. Across the qubits of a device the logarithm of
    an error spreads by 0.3 to 1, so that moves below the
    default of 50 % are common.

    Args:
        reference: Name to value in base units; unknown is `None`.
        current: Today's.
        relative: Share of the reference's size that a move has to exceed.
        absolute: Move that has to be exceeded, in the value's unit.

    Raises:
        UsageError: a value is no finite number, or a threshold is negative.
    """
    return _compared(reference, current, _Judge(relative, absolute, None, errors=True))


def _compared(
    reference: Mapping[str, float | None],
    current: Mapping[str, float | None],
    judge: "_Judge",
) -> tuple[Movement, ...]:
    names = [*reference, *(name for name in current if name not in reference)]
    return tuple(judge.movement(name, reference.get(name), current.get(name)) for name in names)


@dataclass(frozen=True, slots=True)
class _Judge:
    relative: float
    absolute: float
    period: float | None
    errors: bool = False

    def __post_init__(self) -> None:
        if not (0 <= self.relative < math.inf and 0 <= self.absolute < math.inf):
            raise UsageError("thresholds: write finite numbers of 0 or more")

    def movement(self, name: str, before: float | None, now: float | None) -> Movement:
        _require_finite(name, before, now)
        if before is None or now is None:
            return Movement(name=name, before=before, now=now, note=_absence(before, now))
        if self.errors and _off(name, now) != _off(name, before):
            off = _off(name, now)
            note = "disabled" if off else "enabled"
            return Movement(name=name, before=before, now=now, moved=off, note=note)
        size = abs(
            now - before if self.period is None else math.remainder(now - before, self.period)
        )
        scale = abs(before)
        return Movement(
            name=name,
            before=before,
            now=now,
            absolute=size,
            relative=size / scale if scale and math.isfinite(size / scale) else None,
            moved=size > self.absolute and size > self.relative * scale,
        )


def _require_finite(name: str, *values: float | None) -> None:
    for value in values:
        if value is not None and not math.isfinite(value):
            raise UsageError(f"{name} {value}: write a finite number, or None for unknown")


def _absence(before: float | None, now: float | None) -> str:
    if before is None and now is None:
        return "unknown"
    return "gone" if now is None else "appeared"


def _off(name: str, value: float) -> bool:
    return "error" in name and value >= DISABLED
