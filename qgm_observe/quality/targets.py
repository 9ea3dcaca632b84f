"""What samples are compared with: a distribution that is known exactly, or a data set.

A data set is itself a sample, so its own shot noise is part of every comparison with it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qgm_observe.errors import UsageError
from qgm_observe.quality.counts import Counts, as_counts, read_outcomes, require_width

_TOLERANCE = 1e-6
_MIN_CELLS = 2


@dataclass(frozen=True, eq=False, slots=True)
class Target:
    """A distribution over the outcomes of n bits, sparse: what is left out has probability 0.

    Attributes:
        num_bits: Width n of an outcome.
        outcomes: Shape (k,), int64, ascending: what the target can produce.
        probabilities: Shape (k,), each above 0, summing to one.
        rows: Shape (k,) with the rows of a data set on each outcome; `None` where the target is
            known exactly.
    """

    num_bits: int
    outcomes: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    rows: NDArray[np.int64] | None = None

    @property
    def size(self) -> int:
        """All 2^n outcomes of n bits."""
        return 1 << self.num_bits

    @property
    def known(self) -> bool:
        """Whether the probabilities are exact, not those of a data set."""
        return self.rows is None


def as_target(data: Any, num_bits: int | None = None) -> Target:
    """Accept a target in any of its forms.

    Args:
        data: A `Target`; an object with `probabilities`; an array of 2^n probabilities; a mapping
            of outcomes to probabilities; or a data set in any form that `as_counts` takes, that
            is, integers: whole numbers that add up to more than one are rows of a data set.
        num_bits: Width n, where integer outcomes do not tell it.

    Raises:
        UsageError: A probability is negative or not finite, they do not sum to one, or the width
            differs from `num_bits`.
    """
    found = _read(data, num_bits)
    if num_bits is not None and found.num_bits != num_bits:
        width = "1 bit" if found.num_bits == 1 else f"{found.num_bits} bits"
        raise UsageError(f"the target has {width}, the counts {num_bits}: compare the same bits")
    return found


def _read(data: Any, num_bits: int | None) -> Target:
    if isinstance(data, Target):
        return data
    if data is None or isinstance(data, str | bytes | int | float):
        raise UsageError(
            f"{type(data).__name__} is no target: pass probabilities by outcome, an array of 2^n "
            "of them, or a data set"
        )
    if hasattr(data, "probabilities") and not isinstance(data, Mapping):
        return _from_array(np.asarray(data.probabilities))
    if isinstance(data, Mapping) and not _whole(data):
        width, outcomes = read_outcomes(list(data), num_bits)
        return _exact(width, outcomes, np.array(list(data.values())))
    if isinstance(data, np.ndarray | list | tuple) and _is_real(data):
        return _from_array(np.asarray(data))
    return _from_rows(as_counts(data, num_bits))


def _whole(data: Mapping[Any, Any]) -> bool:
    values = list(data.values())
    whole = all(isinstance(v, int | np.integer) and not isinstance(v, bool) for v in values)
    return whole and sum(values) != 1


def _is_real(data: Any) -> bool:
    if isinstance(data, np.ndarray):
        return data.dtype.kind in "fc"
    return any(isinstance(value, float | np.floating) for value in data)


def _from_array(values: NDArray[Any]) -> Target:
    size = values.size
    if values.ndim != 1 or size < _MIN_CELLS or size & (size - 1):
        raise UsageError(f"a target needs 2^n probabilities: got the shape {values.shape}")
    return _exact(size.bit_length() - 1, np.arange(size, dtype=np.int64), values)


def _exact(width: int, outcomes: NDArray[np.int64], given: NDArray[Any]) -> Target:
    require_width(width)
    if given.dtype.kind not in "iuf":
        raise UsageError("a target's probabilities are numbers from 0 to 1")
    values = given.astype(np.float64)
    if not np.isfinite(values).all() or values.min() < 0:
        raise UsageError("a target's probabilities are finite and at least 0: got NaN or less")
    total = float(values.sum())
    if abs(total - 1) > _TOLERANCE:
        raise UsageError(f"a target's probabilities sum to 1, not {total:.6g}: divide by their sum")
    unique, places = np.unique(outcomes, return_inverse=True)
    merged = np.bincount(places, weights=values)
    kept = merged > 0
    return Target(width, unique[kept], merged[kept] / total)


def _from_rows(counts: Counts) -> Target:
    shares = counts.numbers / counts.shots
    return Target(counts.num_bits, counts.outcomes, shares, counts.numbers)
