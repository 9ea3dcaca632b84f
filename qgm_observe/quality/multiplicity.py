"""Many tests at once: corrected p-values, so that twenty features do not raise one alarm a day."""

import numpy as np
from numpy.typing import ArrayLike

from qgm_observe.errors import UsageError
from qgm_observe.quality.series import Array, finite_series

HOLM, BENJAMINI_HOCHBERG = "holm", "benjamini-hochberg"


def corrected(p_values: ArrayLike, method: str = BENJAMINI_HOCHBERG) -> Array:
    """Return adjusted p-values in the order given, each in [0, 1].

    Args:
        p_values: Shape (m,), each in [0, 1].
        method: `holm` bounds the chance of any false finding; `benjamini-hochberg` bounds the
            expected share of false ones among the findings, for independent tests.

    Raises:
        UsageError: a p-value is outside [0, 1] or the method is unknown.

    Sources: Holm, Scandinavian Journal of Statistics 6, 65 (1979); Benjamini and Hochberg, Journal
    of the Royal Statistical Society B 57, 289 (1995).
    """
    values = finite_series("p_values", p_values)
    if ((values < 0) | (values > 1)).any():
        raise UsageError("p_values: write numbers from 0 to 1")
    if method not in (HOLM, BENJAMINI_HOCHBERG):
        raise UsageError(f"correction {method!r}: write {HOLM} or {BENJAMINI_HOCHBERG}")
    order = np.argsort(values, kind="stable")
    adjusted = np.empty_like(values)
    adjusted[order] = _holm(values[order]) if method == HOLM else _stepped_up(values[order])
    return np.minimum(adjusted, 1.0)


def _holm(ascending: Array) -> Array:
    tests = len(ascending)
    return np.asarray(np.maximum.accumulate(ascending * np.arange(tests, 0, -1)))


def _stepped_up(ascending: Array) -> Array:
    tests = len(ascending)
    scaled = ascending * tests / np.arange(1, tests + 1)
    return np.asarray(np.minimum.accumulate(scaled[::-1])[::-1])
