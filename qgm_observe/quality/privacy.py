"""Does the model give away its training data? Excess over what an innocent sampler would show.

A perfect sampler meets training rows by chance: with 8 bits and 1,000 rows in 97 % of samples. So
a raw match rate, a raw distance and the share of duplicates say nothing by themselves.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qgm_observe.errors import UsageError
from qgm_observe.quality.intervals import normal_quantile
from qgm_observe.quality.series import Array, open_share
from qgm_observe.records import Estimate

VACUOUS = 0.8
"""Above such an innocent match rate, or such a share of ties, a test has nothing left to show."""

LEAST_SAMPLES = 100
_CHUNK = 4_000_000  # distances at a time
Outcomes = NDArray[np.int64]


def train_match_excess(
    samples: ArrayLike,
    train: ArrayLike,
    *,
    target: Mapping[int, float] | None = None,
    holdout: ArrayLike | None = None,
    level: float = 0.95,
) -> Estimate:
    """Estimate by how much samples match training rows more often than chance, in [-1, 1].

    Each sample x scores [x in train] minus its innocent chance: 1 - (1 - p(x))^T where the target
    p is known and the T rows were drawn from it, else [x in holdout] with a holdout of T rows. The
    mean is 0 for every sampler that has not seen the rows. The standard error counts the samples'
    own noise and that of the rows, which all samples of one outcome share.

    Args:
        samples: Outcomes as integers, shape (N,).
        train: Outcomes of the training rows, shape (T,).
        target: Outcome to probability; what is left out has none.
        holdout: Outcomes of as many rows from the same source that the model never saw.
        level: Confidence level.

    Returns:
        The excess; its floor is 0. Where chance alone matches 80 % of samples, with fewer than 100
        samples, or without target and holdout, it is not assessable and the reason says why.

    Raises:
        UsageError: outcomes are no integers of 0 or more, or a probability is outside [0, 1].
    """
    open_share("level", level)
    seen, rows = _outcomes("samples", samples), _outcomes("train", train)
    name = "train_match_excess"
    innocent = _innocent(seen, rows, target, holdout)
    if isinstance(innocent, str):
        return _not_assessable(name, level, innocent)
    if len(seen) < LEAST_SAMPLES:
        return _not_assessable(name, level, f"{len(seen)} samples, needs {LEAST_SAMPLES}")
    chance, row_noise = innocent
    if chance.mean() > VACUOUS:
        rate = f"an innocent sampler matches {chance.mean():.0%}"
        return _not_assessable(name, level, f"{rate}, so that no excess could show")
    score = np.isin(seen, rows) - chance
    error = _shared_error(score, seen, score**2 if row_noise is None else row_noise)
    return _centered(name, float(score.mean()), error, level, floor=0.0, least=-1.0, n=len(seen))


def dcr_share(
    samples: ArrayLike, train: ArrayLike, holdout: ArrayLike, level: float = 0.95
) -> Estimate:
    """Estimate the share of samples closer to training rows than to a holdout, in [0, 1].

    Distance to the closest record in bits that differ; ties count a half, so that an innocent
    sampler shows 0.5. To see that 5 % of samples are memorized takes some 3,000 samples.

    Args:
        samples: Outcomes as integers, shape (N,).
        train: Outcomes of the training rows, shape (T,).
        holdout: As many rows from the same source that the model never saw, shape (T,).
        level: Confidence level.

    Returns:
        The share; its floor is 0.5. With unequal sets, fewer than 100 samples, or ties in more
        than 80 % of samples it is not assessable and the reason says why.

    Raises:
        UsageError: outcomes are no integers of 0 or more.
    """
    open_share("level", level)
    seen, rows = _outcomes("samples", samples), _outcomes("train", train)
    others, name = _outcomes("holdout", holdout), "dcr_share"
    if reason := _unequal(rows, others):
        return _not_assessable(name, level, reason)
    if len(seen) < LEAST_SAMPLES:
        return _not_assessable(name, level, f"{len(seen)} samples, needs {LEAST_SAMPLES}")
    outcomes, place = np.unique(seen, return_inverse=True)
    gap = np.sign(_closest(outcomes, others) - _closest(outcomes, rows))[place]
    ties = float(np.mean(gap == 0))
    if ties > VACUOUS:
        return _not_assessable(name, level, f"{ties:.0%} of samples are as close to the holdout")
    error = _shared_error(gap / 2, seen, (gap / 2) ** 2)
    return _centered(
        name, 0.5 + float(gap.mean()) / 2, error, level, floor=0.5, least=0.0, n=len(seen)
    )


def _innocent(
    seen: Outcomes,
    rows: Outcomes,
    target: Mapping[int, float] | None,
    holdout: ArrayLike | None,
) -> tuple[Array, Array | None] | str:
    """Chance of each sample to match, and the variance that the rows give it, or a reason."""
    if not len(rows):
        return "no training rows"
    if target is not None:
        chance = 1 - (1 - _probabilities(seen, target)) ** len(rows)
        return np.asarray(chance), np.asarray(chance * (1 - chance))
    if holdout is None:
        return "give the target or a holdout: without them chance is unknown"
    others = _outcomes("holdout", holdout)
    if reason := _unequal(rows, others):
        return reason
    return np.isin(seen, others).astype(np.float64), None


def _probabilities(seen: Outcomes, target: Mapping[int, float]) -> Array:
    if not all(0 <= p <= 1 for p in target.values()):
        raise UsageError("target: write probabilities from 0 to 1")
    outcomes, place = np.unique(seen, return_inverse=True)
    return np.array([target.get(int(x), 0.0) for x in outcomes], np.float64)[place]


def _unequal(rows: Outcomes, others: Outcomes) -> str:
    if len(rows) != len(others) or not len(rows):
        return f"{len(others)} holdout rows for {len(rows)} training rows: give equal sets"
    return ""


def _closest(outcomes: Outcomes, rows: Outcomes) -> NDArray[np.int64]:
    """Fewest bits by which each outcome differs from a row, in bounded memory."""
    distinct = np.unique(rows)
    rows_at_once = max(1, _CHUNK // len(distinct))
    parts = [
        np.bitwise_count(outcomes[start : start + rows_at_once, np.newaxis] ^ distinct).min(axis=1)
        for start in range(0, len(outcomes), rows_at_once)
    ]
    return np.concatenate(parts).astype(np.int64)


def _shared_error(score: Array, seen: Outcomes, row_noise: Array) -> float:
    """Standard error of a mean whose samples of one outcome share the luck of the rows.

    One sample more that scores otherwise is added, so that scores without scatter have an error.
    """
    samples = len(score)
    _, first, counts = np.unique(seen, return_index=True, return_counts=True)
    shared = float((counts * (counts - 1.0)) @ row_noise[first]) / (samples * (samples - 1))
    return float(np.sqrt(score.var(ddof=1) / samples + shared + 1 / samples**2))


def _centered(
    name: str, value: float, error: float, level: float, *, floor: float, least: float, n: int
) -> Estimate:
    reach = normal_quantile(level) * error
    return Estimate(
        name=name,
        value=value,
        low=max(value - reach, least),
        high=min(value + reach, 1.0),
        level=level,
        floor=floor,
        method="normal, shared rows",
        n=n,
    )


def _not_assessable(name: str, level: float, why: str) -> Estimate:
    return Estimate(name=name, level=level, reason=f"not assessable: {why}")


def _outcomes(name: str, values: ArrayLike) -> Outcomes:
    array = np.asarray(values)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise UsageError(f"{name}: write one row of outcomes as integers")
    if array.size and (array.min() < 0 or array.max() > np.iinfo(np.int64).max):
        raise UsageError(f"{name}: write outcomes from 0 to 2^63 - 1")
    return array.astype(np.int64)
