"""How far a device is from the simulator on the same circuit, so that overfitting to one shows.

A model tuned on a simulator may look perfect there and be poor on the device. The gap between the
two counts tells how different the samples are; the gap between two scores, which is worse.
"""

import math
from typing import Any

import numpy as np

from qgm_observe.errors import UsageError
from qgm_observe.quality.baseline import difference
from qgm_observe.quality.counts import Counts, as_counts
from qgm_observe.quality.intervals import normal_quantile
from qgm_observe.quality.series import Array, open_share
from qgm_observe.records import Estimate

_LEAST_SHOTS = 100
_LIKELY, _SURE = 2.0, 3.0
_MEAN = math.sqrt(2 / math.pi)  # mean size of a standard normal variable


def device_gap(
    simulated: Any, measured: Any, level: float = 0.95, *, num_bits: int | None = None
) -> Estimate:
    """Estimate the total variation distance between two samplers of one circuit, in [0, 1].

    The distance d of the frequencies is too large by between 0 and R = 1/2 sum E|noise|, to which
    only cells contribute that differ by less than three standard deviations. The interval
    [d - R - z s, d + z s] holds for every truth between, with s^2 = 1/4 (1/N + 1/M), the most that
    bounded differences allow; for the value the cells within two deviations count as noise.

    Args:
        simulated: Counts of the simulator, in any form that `as_counts` reads.
        measured: Counts of the device.
        num_bits: Width of an outcome, needed only where integers do not tell it.
        level: Confidence level.

    Returns:
        The gap; its floor is the distance that two equal samplers would show. With fewer than 100
        shots on a side, or where noise alone could fill the whole range, there is a reason and no
        value.

    Raises:
        UsageError: counts cannot be read, or their widths differ.

    Sources: bias-aware intervals after Armstrong and Kolesar, Econometrica 86, 655 (2018); bounded
    differences by McDiarmid, Surveys in Combinatorics 141, 148 (1989).
    """
    open_share("level", level)
    ours, theirs = as_counts(simulated, num_bits), as_counts(measured, num_bits)
    if ours.num_bits != theirs.num_bits:
        raise UsageError(
            f"counts of {ours.num_bits} and {theirs.num_bits} bits: write two of one circuit"
        )
    shots = min(ours.shots, theirs.shots)
    if shots < _LEAST_SHOTS:
        reason = f"insufficient shots: {shots}, needs {_LEAST_SHOTS} on each side"
        return Estimate(name="device_gap", level=level, reason=reason)
    first, second = _aligned(ours, theirs)
    return _gap(first, second, level)


def score_gap(simulated: Estimate, measured: Estimate) -> Estimate:
    """Estimate how much worse a score is on the device than on the simulator.

    Args:
        simulated: A score without bias (valid-shot ratio, linear XEB) of the simulator's samples.
        measured: The same score of the device's samples.

    Returns:
        Simulated minus measured, with an interval; positive where the simulator flatters.

    Raises:
        UsageError: the two are different scores.
    """
    if simulated.name != measured.name:
        raise UsageError(f"{simulated.name} and {measured.name}: write the same score twice")
    return difference(simulated, measured, f"{simulated.name}_device_gap")


def _gap(first: Array, second: Array, level: float) -> Estimate:
    shots, others = first.sum(), second.sum()
    p, q = first / shots, second / others
    distance = float(np.abs(p - q).sum()) / 2
    z = normal_quantile(level)
    noise = z * math.sqrt(1 / shots + 1 / others) / 2
    deviation = _deviation(p, q, shots, others)
    apart = np.abs(p - q) / deviation
    low = max(distance - float(deviation @ (apart < _SURE)) * _MEAN / 2 - noise, 0.0)
    high = min(distance + noise, 1.0)
    if high - low >= 1.0:
        reason = "insufficient shots: noise alone could show any distance"
        return Estimate(name="device_gap", level=level, reason=reason)
    likely = distance - float(deviation @ (apart < _LIKELY)) * _MEAN / 2
    return Estimate(
        name="device_gap",
        value=min(max(likely, low), high),
        low=low,
        high=high,
        level=level,
        floor=min(float(deviation.sum()) * _MEAN / 2, 1.0),
        method="bias-aware",
        n=int(min(shots, others)),
    )


def _deviation(p: Array, q: Array, shots: float, others: float) -> Array:
    """Standard deviation of each cell's difference; one count more stands for the unseen."""
    variance = (p + 1 / shots) / shots + (q + 1 / others) / others
    return np.asarray(np.sqrt(variance))


def _aligned(first: Counts, second: Counts) -> tuple[Array, Array]:
    outcomes = np.union1d(first.outcomes, second.outcomes)
    sides = []
    for side in (first, second):
        row = np.zeros(len(outcomes))
        row[np.searchsorted(outcomes, side.outcomes)] = side.numbers
        sides.append(row)
    return sides[0], sides[1]
