"""Means of bounded scores of single shots: no bias at any number of shots."""

from scipy.special import betaincinv

from qgm_observe.errors import UsageError
from qgm_observe.records import Estimate


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
        return Estimate(name="valid_shot_ratio", level=level, reason="no shots")
    tail = (1 - level) / 2
    return Estimate(
        name="valid_shot_ratio",
        value=valid / shots,
        low=float(betaincinv(valid, shots - valid + 1, tail)) if valid else 0.0,
        high=float(betaincinv(valid + 1, shots - valid, 1 - tail)) if valid < shots else 1.0,
        level=level,
        floor=1.0,
        method="clopper-pearson",
        n=shots,
    )
