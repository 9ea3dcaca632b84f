"""Means of bounded scores of single shots: no bias at any number of shots."""

import math
from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np

from qgm_observe.errors import UsageError
from qgm_observe.quality.cells import Cells
from qgm_observe.quality.counts import read_outcomes
from qgm_observe.quality.intervals import clopper_pearson, normal_quantile, within
from qgm_observe.records import VALID_SHOT_RATIO, Estimate

FEW_SHOTS = 50
"""Shots below which the normal interval of a mean is not trusted."""

_UNIFORM = 1e-9


def valid_shot_ratio(valid: int, shots: int, level: float = 0.95) -> Estimate:
    """Estimate the share of shots that are valid samples, in [0, 1].

    Args:
        valid: Shots on bitstrings that the target can produce.
        shots: All shots.
        level: Confidence level of the interval.

    Returns:
        The ratio with its Clopper-Pearson interval, whose coverage is never below the level; the
        floor is what a perfect sampler would show. Without shots there is a reason and no value.

    Raises:
        UsageError: the counts contradict each other.

    Source: Clopper and Pearson, Biometrika 26, 404 (1934).
    """
    if not 0 <= valid <= shots:
        raise UsageError(f"valid {valid} of {shots} shots: write 0 <= valid <= shots")
    if shots == 0:
        return Estimate(name=VALID_SHOT_RATIO, level=level, reason="no shots")
    low, high = clopper_pearson(valid, shots, level)
    return Estimate(
        name=VALID_SHOT_RATIO,
        value=valid / shots,
        low=low,
        high=high,
        level=level,
        floor=1.0,
        method="clopper-pearson",
        n=shots,
    )


def valid_shots(cells: Cells, valid: Collection[int | str] | None = None) -> int | None:
    """Count the shots on valid outcomes.

    Args:
        cells: Counts and target side by side.
        valid: The valid outcomes; without them those that a known target can produce.

    Returns:
        The shots, or `None` where the target is a data set, which does not tell what is valid.

    Raises:
        UsageError: A valid outcome is none of these bits.
    """
    if valid is not None:
        _, outcomes = read_outcomes(list(valid), cells.counts.num_bits)
        return int(cells.counts.numbers[np.isin(cells.counts.outcomes, outcomes)].sum())
    return int(cells.numbers[cells.target_p > 0].sum()) if cells.target.known else None


def shots_per_usable_sample(usable: int, shots: int, level: float = 0.95) -> Estimate:
    """Estimate how many shots one usable sample takes, at least 1.

    Args:
        usable: Shots that are valid after decoding and post-selection.
        shots: All shots.
        level: Confidence level of the interval.

    Returns:
        shots / usable with the inverted Clopper-Pearson interval of usable / shots. Without usable
        shots there is a reason and no value.

    Raises:
        UsageError: the counts contradict each other.
    """
    share = valid_shot_ratio(usable, shots, level)
    name = "shots_per_usable_sample"
    if not share.value or not share.low or not share.high:
        reason = "no shots" if shots == 0 else "no usable shot"
        return Estimate(name=name, level=level, n=shots, reason=reason)
    return replace(share, name=name, value=1 / share.value, low=1 / share.high, high=1 / share.low)


def linear_xeb(cells: Cells, level: float = 0.95) -> Estimate:
    """Estimate the linear cross-entropy score: 1 for the target itself, 0 for uniform noise.

    (mean p(x) - 1/K) / (sum p^2 - 1/K) over the shots x, with K = 2^n. Samples of (1 - l) p + l/K
    score 1 - l. A sampler more peaked than the target scores above 1: read it beside diversity.

    Args:
        cells: Counts and a known target side by side.
        level: Confidence level of the interval.

    Returns:
        The score, unbiased at any number of shots. Its interval is normal; where the score takes
        two values only, exact; below 50 shots or without any scatter, by the empirical Bernstein
        bound. The floor is 1. A data set or a uniform target has a reason and no value.

    Source: Arute et al., Nature 574, 505 (2019); Maurer and Pontil, COLT 2009, theorem 4.
    """
    empty = Estimate(name="linear_xeb", level=level, floor=1.0, n=cells.shots, reason="pending")
    if not cells.target.known:
        return replace(
            empty, reason="the target is a data set: the score needs exact probabilities"
        )
    uniform = 1 / cells.target.size
    span = float(cells.target.probabilities @ cells.target.probabilities) - uniform
    if span < _UNIFORM * uniform:
        return replace(empty, reason="the target is uniform: every sampler scores the same")
    least, most = _score_range(cells)
    method, (low, high) = _mean_interval(cells, least, most, level)
    mean = float(cells.frequencies @ cells.target_p)
    value, low, high = ((end - uniform) / span for end in (mean, low, high))
    bounds = ((least - uniform) / span, (most - uniform) / span)
    return within(replace(empty, method=method), value, (low, high), bounds)


@dataclass(frozen=True, slots=True)
class ScoreCounters:
    """The linear cross-entropy score as a pair of counters, for ratios over any window.

    Attributes:
        total: Sum over the shots of p(x) / (sum p^2 - 1/K), at least 0.
        shots: All shots.
        offset: What to subtract from total / shots to get the score; the target's alone.
    """

    total: float
    shots: int
    offset: float


def xeb_counters(cells: Cells) -> ScoreCounters | None:
    """Give the score as counters that only grow and add up over jobs with the same target.

    Returns:
        The counters; `None` where `linear_xeb` gives a reason.
    """
    uniform = 1 / cells.target.size
    span = float(cells.target.probabilities @ cells.target.probabilities) - uniform
    if not cells.target.known or span < _UNIFORM * uniform:
        return None
    total = float(cells.numbers @ cells.target_p) / span
    return ScoreCounters(total, cells.shots, uniform / span)


def _score_range(cells: Cells) -> tuple[float, float]:
    """Least and greatest probability that a shot can score."""
    probabilities = cells.target.probabilities
    full = probabilities.size == cells.target.size
    return float(probabilities.min()) if full else 0.0, float(probabilities.max())


def _mean_interval(
    cells: Cells, least: float, most: float, level: float
) -> tuple[str, tuple[float, float]]:
    """Interval of the mean of p(x)."""
    scores, shares, shots = cells.target_p, cells.frequencies, cells.shots
    mean = float(shares @ scores)
    if np.isin(cells.target.probabilities, (least, most)).all():
        low, high = clopper_pearson(int(cells.numbers[scores == most].sum()), shots, level)
        return "clopper-pearson", (least + (most - least) * low, least + (most - least) * high)
    variance = float(shares @ (scores - mean) ** 2) * shots / max(shots - 1, 1)
    if shots >= FEW_SHOTS and variance > 0:
        reach = normal_quantile(level) * math.sqrt(variance / shots)
        return "central-limit", (mean - reach, mean + reach)
    logarithm = math.log(4 / (1 - level))
    reach = math.sqrt(2 * variance * logarithm / shots)
    reach += 7 * (most - least) * logarithm / (3 * max(shots - 1, 1))
    return "empirical-bernstein", (mean - reach, mean + reach)
