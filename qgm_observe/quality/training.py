"""What a training is doing, told from a window of steps and the shot noise of each.

A loss that truly falls goes up in nearly every second step at common shots, so single steps tell
nothing; a window's slope against its standard error does. A gradient that cannot be told from zero
is a plateau high up and convergence at the bottom: which of the two only the loss floor can say.

Where gradients and parameters of each step are known, the descent itself is measured: the gradient
at a new place times the move that led there, summed over the window. The move was made before the
noise of that gradient came, so a truly zero gradient gives mean 0 and a known deviation. It sees
descents that are too weak for the losses, and tells less than the true descent in a valley.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

from qgm_observe.errors import UsageError
from qgm_observe.quality.gradient_signal import GradientSignal, gradient_signal
from qgm_observe.quality.intervals import normal_quantile
from qgm_observe.quality.series import LARGEST, Array, finite_series, finite_table, open_share
from qgm_observe.quality.slopes import LEAST_STEPS, Trend, trend_of
from qgm_observe.records import Estimate

FALSE_CLAIM = 1e-5
"""Chance a window of seeing improvement, divergence or a gradient that is not there."""

_POWER_Z = float(ndtri(0.8))
_FOLLOWED_Z = float(ndtri(1 - 0.005))
_CONTRADICTED_Z = float(ndtri(0.975))
"""A loss that falls along a gradient proven real needs less proof of its own."""


class TrainingState(StrEnum):
    """What a window of a training shows."""

    IMPROVING = "improving"
    DIVERGING = "diverging"
    FLAT_WITH_SIGNAL = "flat_with_signal"
    BARREN_PLATEAU = "barren_plateau"
    CONVERGED = "converged"
    PLATEAU_OR_CONVERGED = "plateau_or_converged"
    STUCK = "stuck"
    INSUFFICIENT_DATA = "insufficient_data"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingVerdict:
    """What a window shows, and how far it could see.

    Attributes:
        state: The state.
        reason: Why, in one sentence, with what would tell more.
        slope: Change of the loss a step; a reason where there is none.
        loss: Mean loss over the window; a reason where there is none.
        signal: Of the gradients, `None` where none were given.
        descent: Change of the loss along the path of the parameters, `None` where gradients,
            standard errors and parameters were not given of each step.
        detectable_slope: The smallest slope this window would have shown with power 0.8, `None`
            where there is no slope.
    """

    state: TrainingState
    reason: str
    slope: Estimate
    loss: Estimate
    signal: GradientSignal | None = None
    descent: Estimate | None = None
    detectable_slope: float | None = None


def training_state(
    losses: ArrayLike,
    *,
    loss_standard_error: float | None = None,
    gradients: ArrayLike | None = None,
    gradient_standard_errors: ArrayLike | None = None,
    parameters: ArrayLike | None = None,
    loss_floor: float | None = None,
    tolerance: float | None = None,
    false_claim: float = FALSE_CLAIM,
) -> TrainingVerdict:
    """Judge a window of training steps; 50 steps are a good window, 10 the least.

    Without a true gradient each window is called improving, diverging or flat with signal with a
    chance of `false_claim` for slope and descent together and the same for the gradient. Where the
    gradient is proven real, a fall of the loss counts at a chance of 0.005. Improving is what falls
    by its losses, or by its descent unless the losses rise at a chance of 0.025.

    Args:
        losses: One a step, shape (W,), lower is better.
        loss_standard_error: Shot noise of one loss; from the scatter of the losses if `None`.
        gradients: Measured gradients of the window, shape (W, P), or of any of its steps.
        gradient_standard_errors: Of the components, a shape that broadcasts.
        parameters: One row a step, shape (W, P), where the gradient was measured: tells an
            optimizer that moves nothing, and with gradients of all W steps the descent.
        loss_floor: The lowest loss that can be had: the target's entropy for a likelihood, the
            floor at this number of shots for a plug-in divergence, or the best known.
        tolerance: How far above the floor counts as there; one loss's standard error if `None`.
        false_claim: Chance a window of claiming a slope or a gradient that is not there.

    Raises:
        UsageError: shapes or numbers cannot be used, or gradients come without standard errors.
    """
    open_share("false_claim", false_claim)
    values = _row(losses)
    blind = _unseen(values)
    if blind is not None:
        return blind
    _require_positive("loss_standard_error", loss_standard_error)
    _require_positive("tolerance", tolerance)
    trend = trend_of(finite_series("losses", values), loss_standard_error)
    signal = _signal(gradients, gradient_standard_errors)
    descent = _descent(gradients, gradient_standard_errors, parameters)
    threshold = -float(ndtri(false_claim / (2 if descent is None else 4)))
    falls = descent is not None and descent.z < -threshold
    moved, gap = _moved(parameters), _gap(trend, loss_floor, tolerance)
    seen = _Seen(trend, signal, falls=falls, moved=moved, gap=gap)
    state, reason = _judged(seen, threshold, false_claim)
    return TrainingVerdict(
        state=state,
        reason=reason,
        slope=trend.slope(),
        loss=trend.level(),
        signal=signal,
        descent=None if descent is None else descent.estimate(),
        detectable_slope=(threshold + _POWER_Z) * trend.slope_error,
    )


@dataclass(frozen=True, slots=True)
class _Seen:
    """The slope, the gradient, whether the descent falls, the movement, the gap to the floor."""

    trend: Trend
    signal: GradientSignal | None
    falls: bool
    moved: bool | None
    gap: bool | None


def _judged(seen: _Seen, threshold: float, false_claim: float) -> tuple[TrainingState, str]:
    trend, signal = seen.trend, seen.signal
    if seen.moved is False:
        return _unmoved(seen.gap)
    real = signal is not None and signal.p < false_claim
    if trend.z < -(_FOLLOWED_Z if real else threshold):
        return TrainingState.IMPROVING, f"the loss falls, slope z {trend.z:.1f}"
    if trend.z > threshold:
        return TrainingState.DIVERGING, f"the loss rises, slope z {trend.z:.1f}"
    if seen.falls and trend.z < _CONTRADICTED_Z:
        return TrainingState.IMPROVING, "the loss falls along the path of the parameters"
    if real:
        return TrainingState.FLAT_WITH_SIGNAL, (
            "there is a gradient but the loss does not follow: look at the learning rate"
        )
    return _silent(signal, seen.gap, trend)


def _unmoved(gap: bool | None) -> tuple[TrainingState, str]:
    if gap is False:
        return TrainingState.CONVERGED, "the loss is at its floor and the parameters rest"
    return TrainingState.STUCK, "the parameters did not move within the window"


def _silent(
    signal: GradientSignal | None, gap: bool | None, trend: Trend
) -> tuple[TrainingState, str]:
    seen = "no gradient is told" if signal is None else f"gradient like zero, p {signal.p:.2g}"
    if gap is None:
        return TrainingState.PLATEAU_OR_CONVERGED, (
            f"the loss is flat at {trend.mean:.3g}, {seen}; tell the lowest that can be had, to "
            "know which it is: `run --loss-floor 0`, or step.loss(value, floor=0)"
        )
    if not gap:
        return TrainingState.CONVERGED, f"{seen}, and the loss is at its floor"
    if signal is None:
        return TrainingState.PLATEAU_OR_CONVERGED, (
            f"flat at {trend.mean:.3g}, above its floor; gradients would tell a plateau from a "
            "learning rate too small: step.gradient(values); without them, start elsewhere"
        )
    return TrainingState.BARREN_PLATEAU, f"{seen}, and the loss is above its floor"


def _gap(trend: Trend, floor: float | None, tolerance: float | None) -> bool | None:
    """Return whether the loss is provably above its floor, `None` without a floor."""
    if floor is None:
        return None
    if not math.isfinite(floor):
        raise UsageError(f"loss_floor {floor}: write a finite number, or None for unknown")
    low = trend.level().low
    slack = trend.noise if tolerance is None else tolerance
    return low is not None and low > floor + slack


def _signal(gradients: ArrayLike | None, errors: ArrayLike | None) -> GradientSignal | None:
    if gradients is None:
        return None
    if errors is None:
        raise UsageError("gradients: write their standard errors too, see shift_standard_errors")
    return gradient_signal(gradients, errors)


@dataclass(frozen=True, slots=True)
class _Descent:
    change: float
    error: float
    steps: int

    @property
    def z(self) -> float:
        return self.change / self.error if self.error > 0 else 0.0

    def estimate(self, level: float = 0.95) -> Estimate:
        reach = normal_quantile(level) * self.error
        return Estimate(
            name="loss_descent",
            value=self.change,
            low=self.change - reach,
            high=self.change + reach,
            level=level,
            floor=0.0,
            method="path of the parameters",
            n=self.steps,
        )


def _descent(
    gradients: ArrayLike | None, errors: ArrayLike | None, parameters: ArrayLike | None
) -> _Descent | None:
    """Sum up each gradient times the move that led to its place."""
    if gradients is None or errors is None or parameters is None:
        return None
    slopes, places = finite_table("gradients", gradients), finite_table("parameters", parameters)
    if slopes.shape != places.shape or len(slopes) < LEAST_STEPS:
        return None
    noise = np.broadcast_to(np.asarray(errors, np.float64), slopes.shape)
    moves = np.diff(places, axis=0)
    change = float((slopes[1:] * moves).sum())
    error = math.sqrt(float(((noise[1:] * moves) ** 2).sum()))
    return _Descent(change, error, len(slopes))


def _moved(parameters: ArrayLike | None) -> bool | None:
    if parameters is None:
        return None
    table: Array = finite_table("parameters", parameters)
    return bool(np.ptp(table, axis=0).max() > 1e-12 * max(1.0, float(np.abs(table).max())))


def _unseen(losses: Array) -> TrainingVerdict | None:
    """Return the verdict on losses that show no slope, `None` on those that may."""
    if not (np.abs(losses) < LARGEST).all():
        return _blind(TrainingState.DIVERGING, "a loss is no finite number")
    if len(losses) < LEAST_STEPS:
        wanted = f"insufficient steps: {len(losses)}, needs {LEAST_STEPS}"
        return _blind(TrainingState.INSUFFICIENT_DATA, wanted)
    return None


def _row(losses: ArrayLike) -> Array:
    try:
        values = np.asarray(losses, np.float64)
    except (TypeError, ValueError) as error:
        raise UsageError("losses: write one number a step") from error
    if values.ndim != 1:
        raise UsageError(f"losses: write one row of numbers, not shape {values.shape}")
    return values


def _require_positive(name: str, value: float | None) -> None:
    if value is not None and not 0 < value < math.inf:
        raise UsageError(f"{name} {value}: write a finite number above 0, or None for unknown")


def _blind(state: TrainingState, reason: str) -> TrainingVerdict:
    return TrainingVerdict(
        state=state,
        reason=reason,
        slope=Estimate(name="loss_slope", reason=reason),
        loss=Estimate(name="loss", reason=reason),
    )
