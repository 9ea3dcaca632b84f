"""A difference between two arms within strata, such as days and devices.

What a day or a device does to both arms cancels, also when one arm's share of the traffic grows.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtr, stdtrit

from qgm_observe.quality.series import Array

Flags = NDArray[np.bool_]
Numbers = NDArray[np.int64]
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class Fit:
    """A difference, second arm minus first.

    Attributes:
        value: Mean over strata, weighted by n1 n2 / (n1 + n2).
        error: Its standard error.
        freedom: Degrees of freedom of that error.
        second: The part of the error's square that is the second arm's, in [0, 1].
    """

    value: float
    error: float
    freedom: float
    second: float = 1.0

    def score(self, shift: float = 0.0) -> float:
        """Return the standard normal score of the difference beyond a shift."""
        beyond = self.value - shift
        if self.error <= 0:
            return math.copysign(math.inf, beyond) if beyond else 0.0
        tail = float(stdtr(self.freedom, -abs(beyond) / self.error))
        return math.copysign(-float(ndtri(tail)) if tail > 0 else math.inf, beyond)

    def reach(self, score: float) -> float:
        """Return how far a bound at a standard normal score is from the value."""
        if math.isinf(score):
            return math.inf
        below = float(0.5 * math.erfc(score / math.sqrt(2)))
        return -float(stdtrit(self.freedom, below)) * self.error


def weights(second: Flags, stratum: Numbers) -> Array:
    """Return n1 n2 / (n1 + n2) of each stratum, shape (strata,)."""
    every = np.bincount(stratum)
    mine = np.bincount(stratum, second)
    return np.asarray(mine * (every - mine) / np.maximum(every, 1))


def fitted(values: Array, second: Flags, stratum: Numbers, *, is_share: bool = False) -> Fit | None:
    """Return the difference within strata, `None` where no stratum has both arms.

    It is the least-squares effect beside one constant a stratum; each arm has a variance of its
    own. With one stratum it is Welch's test.

    Args:
        values: One a cluster, shape (n,).
        second: Which are of the second arm, shape (n,).
        stratum: Of each, from 0, shape (n,).
        is_share: Values are in [0, 1], where few observations may all be equal: one good and one
            bad is added to each arm.

    Sources: Welch, Biometrika 34, 28 (1947); Satterthwaite, Biometrics Bulletin 2, 110 (1946); the
    added observations are those of Agresti and Caffo, American Statistician 54, 280 (2000).
    """
    if is_share:
        values = np.concatenate([values, (0.0, 1.0, 0.0, 1.0)])
        second = np.concatenate([second, (False, False, True, True)])
        own = int(stratum.max(initial=-1)) + 1
        stratum = np.concatenate([stratum, (own,) * 4])
    every = np.maximum(np.bincount(stratum), 1)
    lean = second - (np.bincount(stratum, second) / every)[stratum]
    weight = float(lean @ lean)
    if weight <= 0:
        return None
    value = float(lean @ values) / weight
    rest = values - (np.bincount(stratum, values) / every)[stratum] - value * lean
    free = 1 - 1 / every[stratum] - lean**2 / weight
    parts = [_part(lean[arm], rest[arm], free[arm], weight) for arm in (~second, second)]
    variance = sum(each for each, _ in parts)
    rounding = _ROUNDING * float(np.abs(values).max())
    if math.sqrt(variance) <= rounding:
        return Fit(value if abs(value) > rounding else 0.0, 0.0, 1.0)
    freedom = variance**2 / sum(each**2 / left for each, left in parts)
    return Fit(value, math.sqrt(variance), freedom, parts[1][0] / variance)


def _part(lean: Array, rest: Array, free: Array, weight: float) -> tuple[float, float]:
    """What one arm adds to the variance, and with how many degrees of freedom."""
    left = max(float(free.sum()), 1e-9)
    return float(lean @ lean) * float(rest @ rest) / left / weight**2, left
