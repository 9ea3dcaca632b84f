"""Indicators over time: exact counts in windows that end at every minute, by group.

A count in a window is the difference of two cumulated counts, as `x - x offset w` is in PromQL,
so a window costs one subtraction a minute whatever its length. The door to pandas.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qgm_observe.errors import MissingExtra, UsageError

try:
    import pandas as pd
except ImportError as error:
    raise MissingExtra("histories of objectives", "slo") from error

MINUTE = 60.0
Counts = NDArray[np.float64]


class History:
    """Cumulated counts of groups on a grid of minutes.

    An event counts from the first minute of the grid that is not before it.

    Args:
        groups: Names of the rows.
        start: First minute of the grid, epoch seconds.
        minutes: How many minutes the grid has.
        lead: Seconds before the grid that windows reach back to; what is older is left out.
        room: Further minutes that `advance` can append.
    """

    def __init__(
        self, groups: Sequence[str], start: float, minutes: int, lead: float, room: int = 0
    ) -> None:
        self.groups, self.start, self.minutes = list(groups), start, minutes
        self._lead = int(lead // MINUTE)
        shape = (len(self.groups), self._lead + minutes + room)
        self._total, self._bad = np.zeros(shape), np.zeros(shape)
        self._shown: tuple[pd.DatetimeIndex, pd.MultiIndex] | None = None

    def add(self, times: ArrayLike, group: ArrayLike, total: ArrayLike, bad: ArrayLike) -> None:
        """Add events, in any order, to a grid that was not advanced yet.

        Args:
            times: Epoch seconds, recorded or own, shape (n,).
            group: Place in `groups`, shape (n,).
            total: What counts, shape (n,).
            bad: What of it is bad, shape (n,).
        """
        width = self._lead + self.minutes
        place = np.ceil((np.asarray(times, np.float64) - self.start) / MINUTE).astype(np.int64)
        place += self._lead
        flat = np.asarray(group, np.int64) * width + place
        outside = (place < 0) | (place >= width)
        cells = len(self.groups) * width
        flat[outside] = cells
        for sums, amounts in ((self._total, total), (self._bad, bad)):
            counted = _counted(flat, np.asarray(amounts, np.float64), cells + 1)[:cells]
            sums[:, :width] += np.cumsum(counted.reshape(len(self.groups), width), axis=1)

    def advance(self, group: ArrayLike, total: ArrayLike, bad: ArrayLike) -> None:
        """Append one minute with its events.

        Raises:
            UsageError: there is no room left.
        """
        place = self._lead + self.minutes
        if place == self._total.shape[1]:
            raise UsageError("the grid is full: make it with more room")
        for sums, amounts in ((self._total, total), (self._bad, bad)):
            sums[:, place] = sums[:, place - 1]
            np.add.at(sums[:, place], np.asarray(group, np.int64), np.asarray(amounts, np.float64))
        self.minutes += 1

    def counts(self, window: float) -> tuple[Counts, Counts]:
        """Return bad and all counts in a window (s), shape (groups, minutes)."""
        width = self._width(window)
        first, last = self._lead, self._lead + self.minutes
        bad, total = (
            sums[:, first:last] - sums[:, first - width : last - width]
            for sums in (self._bad, self._total)
        )
        return bad, total

    def newest(self, window: float) -> tuple[Counts, Counts]:
        """Return bad and all counts in a window (s) that ends at the last minute, by group."""
        width, last = self._width(window), self._lead + self.minutes - 1
        bad, total = (sums[:, last] - sums[:, last - width] for sums in (self._bad, self._total))
        return bad, total

    def frame(self, window: float) -> "pd.DataFrame":
        """Return counts in a window (s) by time, columns (`bad` or `total`, group)."""
        bad, total = self.counts(window)
        index, columns = self._axes(self.minutes)
        return pd.DataFrame(
            np.concatenate([bad, total]).T, index=index, columns=columns, copy=False
        )

    def _axes(self, minutes: int) -> tuple["pd.DatetimeIndex", "pd.MultiIndex"]:
        if self._shown is None or len(self._shown[0]) != minutes:
            begun = datetime.fromtimestamp(self.start, UTC)
            self._shown = (
                pd.date_range(begun, periods=minutes, freq="min", name="time"),
                pd.MultiIndex.from_product([["bad", "total"], self.groups]),
            )
        return self._shown

    def _width(self, window: float) -> int:
        width = int(window // MINUTE)
        if width > self._lead:
            raise UsageError(f"window of {window:g} s: the grid leads by {self._lead * 60} s only")
        return width


def _counted(flat: NDArray[np.int64], amounts: Counts, cells: int) -> Counts:
    """Return the amount in each cell; few amounts that are not 0 are cheap to find."""
    if not amounts.ndim:
        return np.asarray(np.bincount(flat, minlength=cells) * float(amounts), np.float64)
    filled = np.flatnonzero(amounts)
    return np.asarray(np.bincount(flat[filled], amounts[filled], cells), np.float64)


def spent_by(
    kinds: Sequence[str], spenders: Sequence[Sequence[str]], number: ArrayLike, bad: ArrayLike
) -> Mapping[str, Mapping[str, float]]:
    """Return bad counts by kind of spender, the largest first.

    Args:
        kinds: What is told of a spender, for instance `cause`.
        spenders: That of each.
        number: Place in `spenders` of each entry.
        bad: What was bad of each entry.
    """
    table = pd.DataFrame(
        [spenders[each] for each in np.asarray(number, np.int64)],
        columns=list(kinds),
    ).assign(bad=np.asarray(bad, np.float64))
    table = table[table["bad"] > 0]
    found: dict[str, Mapping[str, float]] = {}
    for column in kinds:
        sums = table.groupby(column)["bad"].sum().sort_values(ascending=False, kind="stable")
        found[column] = {str(name) or "unknown": float(count) for name, count in sums.items()}
    return found
