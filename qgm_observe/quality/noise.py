"""Is it the device or is it the model? What calibration predicts, and what it leaves unexplained.

The prediction takes the gates as depolarizing and then confuses each bit as the readout does. It
is a level of reference, not the truth: errors that do not scramble a circuit make it too low by up
to 0.04. So what counts is the change of the residual against a reference of the same circuit.
"""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qgm_observe.errors import UsageError
from qgm_observe.quality.cells import Cells
from qgm_observe.quality.counts import MAX_DENSE_BITS
from qgm_observe.quality.intervals import normal_quantile
from qgm_observe.quality.scores import linear_xeb
from qgm_observe.quality.targets import Target, as_target
from qgm_observe.records import Estimate

Vector = NDArray[np.float64]
Cause = Literal["none", "device", "unexplained", "both", "undecided"]

CALIBRATION_ERROR = 0.1
"""Relative deviation of reported error rates from true ones, where the caller knows none."""

_READOUT_COLUMNS = 2


def disabled_gates(
    gate_errors: Mapping[Hashable, float | None], uses: Mapping[Hashable, int]
) -> tuple[Hashable, ...]:
    """List the gates that a circuit uses although their error of 1 or more marks them disabled."""
    return tuple(
        gate for gate, times in uses.items() if times and (gate_errors.get(gate) or 0.0) >= 1
    )


def expected_success(
    gate_errors: Mapping[Hashable, float | None],
    uses: Mapping[Hashable, int],
    readout_errors: Sequence[float | None] = (),
    *,
    level: float = 0.95,
    calibration_error: float = CALIBRATION_ERROR,
) -> Estimate:
    """Predict the probability that no gate and no readout of a compiled circuit fails.

    The product of (1 - error) over all gates in use and all measured qubits.

    Args:
        gate_errors: Error of each gate on its qubits, for instance ("cz", (0, 1)): 0.004.
        uses: How often the circuit applies each gate, under the same keys.
        readout_errors: Assignment error of each measured qubit.
        level: Confidence level of the interval.
        calibration_error: Relative deviation of reported error rates from true ones, all in the
            same direction at worst.

    Returns:
        The probability in [0, 1]. With a disabled gate (error of 1 or more) in use, or one without
        a calibration, there is a reason and no value: the product 0 would be no prediction.

    Raises:
        UsageError: An error is negative or not finite.
    """
    reach = normal_quantile(level) * calibration_error
    uses = {gate: times for gate, times in uses.items() if times}
    empty = Estimate(name="expected_success", level=level, reason="pending", n=sum(uses.values()))
    if disabled := disabled_gates(gate_errors, uses):
        return replace(empty, reason=f"the circuit uses disabled gates: {_listed(disabled)}")
    unknown = [gate for gate in uses if gate_errors.get(gate) is None]
    if unknown or None in readout_errors:
        reason = _listed(unknown) if unknown else "a measured qubit"
        return replace(empty, reason=f"no calibration for {reason}")
    errors = np.array([gate_errors[gate] for gate in uses] + list(readout_errors), dtype=np.float64)
    if errors.size and (not np.isfinite(errors).all() or errors.min() < 0 or errors.max() >= 1):
        raise UsageError("errors of gates and readout lie in 0 to 1: pass calibrated ones")
    times = np.array([*uses.values(), *(1 for _ in readout_errors)], dtype=np.float64)
    low, value, high = (
        math.exp(float(times @ np.log1p(-np.clip(errors * scale, 0, 1 - 1e-12))))
        for scale in (1 + reach, 1.0, max(1 - reach, 0.0))
    )
    found = replace(empty, value=value, low=low, high=high, reason=None, floor=1.0)
    return replace(found, method=f"calibration +- {calibration_error:.0%}")


def noisy_shares(target: Any, gate_success: float, readout: ArrayLike | None = None) -> Vector:
    """Predict the sampler's distribution: depolarized by the gates, then confused by the readout.

    Args:
        target: A known target, or the circuit's own ideal distribution, of at most 22 bits.
        gate_success: Probability that no gate fails, in [0, 1].
        readout: Shape (n, 2), most significant bit first: probabilities of reading 1 for 0, and 0
            for 1; without it the readout is perfect.

    Returns:
        Probabilities of shape (2^n,).

    Raises:
        UsageError: The target is a data set or too wide, or a probability is none.
    """
    goal = as_target(target)
    if not goal.known or goal.num_bits > MAX_DENSE_BITS:
        raise UsageError(f"a prediction needs a known target of at most {MAX_DENSE_BITS} bits")
    if not 0 <= gate_success <= 1:
        raise UsageError(f"gate success {gate_success}: write a probability")
    ideal = np.zeros(goal.size)
    ideal[goal.outcomes] = goal.probabilities
    shares = gate_success * ideal + (1 - gate_success) / goal.size
    return shares if readout is None else _confused(shares, _confusions(readout, goal.num_bits))


@dataclass(frozen=True, slots=True)
class Prediction:
    """What calibration lets expect of a circuit.

    Attributes:
        xeb: Linear cross-entropy score.
        hellinger: Hellinger fidelity.
    """

    xeb: Estimate
    hellinger: Estimate


def predict(
    target: Any,
    gate_success: Estimate,
    readout: ArrayLike | None = None,
    ideal: Any = None,
) -> Prediction:
    """Predict the scores of a circuit against a target.

    Args:
        target: A known target of at most 22 bits.
        gate_success: From `expected_success` of the gates alone; its interval is carried on.
        readout: As for `noisy_shares`.
        ideal: The circuit's own exact distribution; without it the target, as if it were learned.

    Returns:
        The scores with the intervals that the calibration's leaves; a reason and no value where
        the success has none, or the target is uniform.
    """
    goal = as_target(target)
    source = goal if ideal is None else as_target(ideal, goal.num_bits)
    ends = (gate_success.low, gate_success.value, gate_success.high)
    shares = [noisy_shares(source, end, readout) for end in ends if end is not None]
    reason = gate_success.reason or "the success of the gates has no interval"
    if len(shares) < len(ends):
        return Prediction(
            *(Estimate(name=name, level=gate_success.level, reason=reason) for name in _SCORES)
        )
    return Prediction(
        _predicted("linear_xeb", [_score(goal, each) for each in shares], gate_success),
        _predicted("hellinger_fidelity", [_fidelity(goal, each) for each in shares], gate_success),
    )


@dataclass(frozen=True, slots=True)
class Attribution:
    """The answer to "is it the device or is it the model?".

    Attributes:
        cause: "none" (no drop that these shots show), "device" (calibration explains it),
            "unexplained" (it does not: the model, or a fault that calibration does not show),
            "both", or "undecided".
        change: Measured now minus measured in the reference.
        explained: Predicted now minus predicted in the reference.
        residual: What of the change is not explained.
    """

    cause: Cause
    change: Estimate
    explained: Estimate
    residual: Estimate


def residual(measured: Estimate, predicted: Estimate, reference: Estimate | None) -> Estimate:
    """Give measured minus predicted, less the same of a reference of this circuit.

    Args:
        measured: A score.
        predicted: The same score as calibration predicts it.
        reference: The residual of the reference window, `residual(..., None)` of its scores.

    Returns:
        The residual with the intervals combined as independent. The method says where no reference
        exists; then its level includes the prediction's own bias, and only its change counts.
    """
    level = _difference("residual", measured, predicted, "no reference")
    return level if reference is None else _difference("residual", level, reference, "to reference")


def attribute(
    measured: Estimate,
    predicted: Estimate,
    reference_measured: Estimate,
    reference_predicted: Estimate,
) -> Attribution:
    """Say whether a drop of a score comes from the device, as far as calibration shows it.

    Args:
        measured: The score now.
        predicted: The same score as today's calibration predicts it.
        reference_measured: The score in the reference window of the same circuit.
        reference_predicted: The prediction from the reference window's calibration.

    Returns:
        The cause with the three differences and their intervals.
    """
    change = _difference("change", measured, reference_measured, "to reference")
    explained = _difference("explained", predicted, reference_predicted, "to reference")
    left = _difference("residual", change, explained, "to reference")
    return Attribution(_cause(change, explained, left), change, explained, left)


def split_loss(cells: Cells, ideal: Any, level: float = 0.95) -> tuple[Estimate, Estimate]:
    """Split what the linear cross-entropy score lacks of 1 into the model's part and the device's.

    Args:
        cells: Counts of the device beside a known target.
        ideal: The trained circuit's own exact distribution, for instance from a simulator.
        level: Confidence level of the intervals.

    Returns:
        Loss of the model, 1 - score of the ideal distribution, which is exact; and loss of the
        device, the ideal's score minus the counts', with the interval of the latter. They add up.
    """
    score = linear_xeb(cells, level)
    if score.value is None or score.low is None or score.high is None:
        parts = ("model_loss", "device_loss")
        model, device = (replace(score, name=name, floor=None) for name in parts)
        return model, device
    exact = as_target(ideal, cells.counts.num_bits)
    places = np.searchsorted(exact.outcomes, cells.target.outcomes)
    inside = np.minimum(places, exact.outcomes.size - 1)
    hit = exact.outcomes[inside] == cells.target.outcomes
    shares = np.where(hit, exact.probabilities[inside], 0.0)
    best = _linear(cells.target, float(shares @ cells.target.probabilities))
    model = replace(score, name="model_loss", value=1 - best, low=1 - best, high=1 - best)
    device = replace(
        score,
        name="device_loss",
        value=best - score.value,
        low=best - score.high,
        high=best - score.low,
    )
    return replace(model, floor=0.0, method="exact"), replace(device, floor=0.0)


_SCORES = ("linear_xeb", "hellinger_fidelity")


def _listed(gates: Sequence[Hashable]) -> str:
    return ", ".join(str(gate) for gate in gates[:3]) + (", ..." if len(gates) > 3 else "")  # noqa: PLR2004


def _confusions(readout: ArrayLike, num_bits: int) -> Vector:
    flips = np.asarray(readout, dtype=np.float64)
    if flips.shape != (num_bits, _READOUT_COLUMNS):
        raise UsageError(f"readout needs the shape ({num_bits}, 2): got {flips.shape}")
    if not np.isfinite(flips).all() or flips.min() < 0 or flips.max() > 1:
        raise UsageError("readout holds probabilities of reading 1 for 0 and 0 for 1")
    return flips


def _confused(shares: Vector, flips: Vector) -> Vector:
    for bit, (up, down) in enumerate(flips[::-1]):
        pairs = shares.reshape(-1, 2, 1 << bit)
        zero, one = pairs[:, 0], pairs[:, 1]
        read = np.stack([zero * (1 - up) + one * down, zero * up + one * (1 - down)], axis=1)
        shares = read.reshape(-1)
    return shares


def _linear(goal: Target, overlap: float) -> float:
    span = float(goal.probabilities @ goal.probabilities) - 1 / goal.size
    return (overlap - 1 / goal.size) / span


def _score(goal: Target, shares: Vector) -> float | None:
    uniform = goal.probabilities @ goal.probabilities * goal.size - 1
    if uniform < 1e-9:  # noqa: PLR2004
        return None
    return _linear(goal, float(shares[goal.outcomes] @ goal.probabilities))


def _fidelity(goal: Target, shares: Vector) -> float:
    return float(np.sqrt(shares[goal.outcomes] * goal.probabilities).sum() ** 2)


def _predicted(name: str, ends: Sequence[float | None], source: Estimate) -> Estimate:
    low, value, high = ends
    if low is None or value is None or high is None:
        return Estimate(name=name, level=source.level, reason="the target is uniform")
    return Estimate(
        name=name,
        value=value,
        low=min(low, value),
        high=max(high, value),
        level=source.level,
        method="depolarized, confused",
        n=source.n,
    )


def _difference(name: str, first: Estimate, second: Estimate, method: str) -> Estimate:
    """Subtract two independent estimates; their half-widths add up in squares."""
    empty = Estimate(name=name, level=first.level, n=first.n, reason="pending", method=method)
    known = []
    for each in (first, second):
        if each.value is None or each.low is None or each.high is None:
            return replace(empty, reason=each.reason or f"{each.name} has no interval")
        known.append((each.value, each.low, each.high))
    (value, low, high), (other, other_low, other_high) = known
    return replace(
        empty,
        value=value - other,
        low=value - other - math.hypot(value - low, other_high - other),
        high=value - other + math.hypot(high - value, other - other_low),
        reason=None,
        floor=0.0,
    )


def _cause(change: Estimate, explained: Estimate, left: Estimate) -> Cause:
    ends = (change.high, explained.high, left.high)
    if any(end is None for end in ends):
        return "undecided"
    dropped, by_device, beyond = (end is not None and end < 0 for end in ends)
    if not dropped:
        return "none"
    if by_device and beyond:
        return "both"
    if beyond:
        return "unexplained"
    return "device" if by_device else "undecided"
