"""Series and tables of measured numbers, checked once at the door."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qgm_observe.errors import UsageError

Array = NDArray[np.float64]
"""Floats of any shape."""

LARGEST = 1e70
"""Fourth powers of what is smaller stay finite."""


def finite_series(name: str, values: ArrayLike, least: int = 0) -> Array:
    """Return values as floats of shape (n,).

    Args:
        name: What the caller calls them, for the message.
        values: Numbers, shape (n,).
        least: How many there have to be.

    Raises:
        UsageError: they are no finite numbers in one row, or fewer than `least`.
    """
    series = _floats(name, values)
    if series.ndim != 1:
        raise UsageError(f"{name}: write one row of numbers, not shape {series.shape}")
    if len(series) < least:
        raise UsageError(f"{name}: write {least} numbers or more, not {len(series)}")
    return series


def finite_table(name: str, values: ArrayLike) -> Array:
    """Return values as floats of shape (rows, columns); one row of numbers becomes one column.

    Raises:
        UsageError: they are no finite numbers in rows and columns, or there are none.
    """
    table = _floats(name, values)
    table = table[:, np.newaxis] if table.ndim == 1 else table
    if table.ndim != 2 or not table.size:  # noqa: PLR2004
        raise UsageError(f"{name}: write rows and columns of numbers, not shape {table.shape}")
    return table


def open_share(name: str, value: float) -> float:
    """Return a number strictly between 0 and 1.

    Raises:
        UsageError: it is none.
    """
    if not 0 < value < 1:
        raise UsageError(f"{name} {value}: write a number between 0 and 1, both excluded")
    return float(value)


def positive(name: str, value: float) -> float:
    """Return a finite number above 0.

    Raises:
        UsageError: it is none.
    """
    if not 0 < value < math.inf:
        raise UsageError(f"{name} {value}: write a finite number above 0")
    return float(value)


def _floats(name: str, values: ArrayLike) -> Array:
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise UsageError(f"{name}: write numbers in a regular shape") from error
    if not (np.isfinite(array) & (np.abs(array) < LARGEST)).all():
        raise UsageError(f"{name}: write finite numbers only; leave out what is missing")
    return array
