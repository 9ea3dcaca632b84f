"""Critical values for a test that is looked at again and again.

A test at 5 % that is done every day for four weeks finds a difference that is not there in a
quarter of all cases. Here the 5 % are spent: each look gets the part that its time has earned, and
what earlier looks left open counts.
"""

import math
from functools import cache

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.special import ndtr

from qgm_observe.errors import UsageError
from qgm_observe.quality.series import Array, finite_series, open_share

LEAST_GAIN = 0.01
"""Share of the information that a look has to add: below it the integral is not exact."""

_POINTS = 201
_REACH = 8.0
_HIGHEST = 20.0


def critical_values(alpha: float, spent: ArrayLike, information: ArrayLike) -> Array:
    """Return one-sided critical values of a standard normal statistic, one a look.

    The chance that the statistic is above its value at any look is `alpha`, if there is nothing to
    be found.

    Args:
        alpha: To be spent in all.
        spent: Share of alpha that is spent once a look is over, shape (looks,), never falling, at
            most 1; by the calendar, so that it does not depend on what is seen.
        information: Of each look, in any unit that is inverse to the variance, shape (looks,); each
            at least 1 % above the one before.

    Returns:
        Shape (looks,); `inf` where a look gets nothing.

    Raises:
        UsageError: shares fall or are none, or information does not grow.

    Sources: Lan and DeMets, Biometrika 70, 659 (1983) and 76, 608 (1989, calendar time); the
    integral is that of Armitage, McPherson and Rowe, Journal of the Royal Statistical Society A
    132, 235 (1969).
    """
    shares, known = finite_series("spent", spent), finite_series("information", information)
    if len(shares) != len(known):
        raise UsageError("spent and information: write one of each a look")
    gains = np.diff(shares, prepend=0.0)
    if (gains < 0).any() or (len(shares) and shares[-1] > 1 + 1e-9):
        raise UsageError("spent: write shares that never fall, up to 1")
    if (np.diff(known, prepend=0.0) < LEAST_GAIN * known).any() or (known <= 0).any():
        raise UsageError("information: write numbers above 0, each 1 % above the one before")
    told = tuple(open_share("alpha", alpha) * gains)
    return np.array(_integrated(told, tuple(known / known[-1] if len(known) else known)))


@cache
def _integrated(spending: tuple[float, ...], information: tuple[float, ...]) -> tuple[float, ...]:
    """Follow what has not crossed yet, as masses at points of the score."""
    points, masses = np.zeros(1), np.ones(1)
    found: list[float] = []
    before = 0.0
    for spend, reached in zip(spending, information, strict=True):
        scale, step = math.sqrt(reached), math.sqrt(reached - before)
        found.append(_crossing(spend, points / step, masses, scale / step))
        end = scale * min(found[-1], _REACH)
        grid = np.linspace(-_REACH * scale, end, _POINTS)
        density = np.exp(-0.5 * ((grid[:, None] - points) / step) ** 2) @ masses
        masses = density * (grid[1] - grid[0]) / (step * math.sqrt(2 * math.pi))
        masses[[0, -1]] /= 2
        points, before = grid, reached
    return tuple(found)


def _crossing(spend: float, points: Array, masses: Array, scale: float) -> float:
    """The critical value that the given chance crosses."""
    if spend <= 0:
        return math.inf

    def excess(critical: float) -> float:
        return float(ndtr(points - critical * scale) @ masses) - spend

    return float(brentq(excess, -_HIGHEST, _HIGHEST, xtol=1e-10))
