"""Counts and target side by side, one cell for each outcome that either of them has."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qgm_observe.quality.counts import Counts, as_counts
from qgm_observe.quality.targets import Target, as_target

_MIN_SHOTS = 2

_RARE = 0.05
"""Expected shots below which a cell that was not seen neither biases nor scatters."""


@dataclass(frozen=True, eq=False, slots=True)
class Cells:
    """A comparison; outcomes that neither side has contribute nothing to any divergence.

    Attributes:
        counts: The counts that were compared.
        target: The target that they were compared with.
        outcomes: Shape (m,), int64, ascending: the outcome of each cell.
        numbers: Shape (m,), float64: shots on each cell.
        target_p: Shape (m,): the target's probability of each cell.
        rows: Shape (m,): a data set's rows on each cell; `None` where the target is known.
    """

    counts: Counts
    target: Target
    outcomes: NDArray[np.int64]
    numbers: NDArray[np.float64]
    target_p: NDArray[np.float64]
    rows: NDArray[np.float64] | None

    @property
    def shots(self) -> int:
        """All shots N."""
        return self.counts.shots

    @property
    def total_rows(self) -> int:
        """All rows T of a data set, 0 where the target is known."""
        return 0 if self.rows is None else int(self.rows.sum())

    @property
    def effective_shots(self) -> float:
        """Shots that would be as noisy against a known target: 1 / (1/N + 1/T)."""
        return self.shots if self.rows is None else 1 / (1 / self.shots + 1 / self.total_rows)

    @property
    def frequencies(self) -> NDArray[np.float64]:
        """Share of shots of each cell, shape (m,)."""
        return self.numbers / self.shots

    @property
    def null_p(self) -> NDArray[np.float64]:
        """Probabilities of a perfect sampler, shape (m,): the target's, or both sides pooled."""
        if self.rows is None:
            return self.target_p
        return (self.numbers + self.rows) / (self.shots + self.total_rows)

    @property
    def support(self) -> int:
        """Cells k that count: of the target, and seen or not too rare to matter."""
        return int(np.sum((self.null_p > 0) & (self._in_reach | (self.numbers > 0))))

    def unseen_outside(self, level: float) -> float:
        """Mass that the sampler may put where the target has none although no shot fell there."""
        if self.target.outcomes.size == self.target.size or np.any(
            self.numbers[self.target_p == 0]
        ):
            return 0.0
        return -math.expm1(math.log((1 - level) / 2) / self.shots)

    @property
    def _in_reach(self) -> NDArray[np.bool_]:
        return self.null_p * self.effective_shots >= _RARE


def shortage(cells: Cells) -> str | None:
    """Say why there are too few shots for a divergence on these cells; `None` if there are enough.

    One shot a cell of the support is the least at which any interval covers. A data set counts by
    the effective shots.
    """
    if min(cells.shots, cells.total_rows or cells.shots) < _MIN_SHOTS:
        return "insufficient shots: one shot tells no divergence, use two or more"
    if cells.effective_shots >= cells.support:
        return None
    return (
        f"insufficient shots: {cells.effective_shots:.0f} on {cells.support} cells, "
        "use one a cell or more"
    )


def align(counts: Any, target: Any) -> Cells:
    """Bring counts and target, each in any accepted form, onto common cells.

    Raises:
        UsageError: One of them cannot be read, or their widths differ.
    """
    read = as_counts(counts) if _tells_width(counts) else None
    goal = as_target(target, read.num_bits if read else None)
    shots = read or as_counts(counts, goal.num_bits)
    full = goal.outcomes.size == goal.size
    outcomes = goal.outcomes if full else np.union1d(shots.outcomes, goal.outcomes)
    return Cells(
        counts=shots,
        target=goal,
        outcomes=outcomes,
        numbers=_spread(outcomes, shots.outcomes, shots.numbers),
        target_p=_spread(outcomes, goal.outcomes, goal.probabilities),
        rows=None if goal.rows is None else _spread(outcomes, goal.outcomes, goal.rows),
    )


def _tells_width(counts: Any) -> bool:
    """Whether the counts know how many bits were measured: bare integers do not."""
    if hasattr(counts, "num_bits"):
        return True
    if isinstance(counts, np.ndarray):
        return counts.ndim > 1
    first = next(iter(counts), None) if hasattr(counts, "__iter__") else None
    return not isinstance(first, int | np.integer)


def _spread(
    outcomes: NDArray[np.int64], known: NDArray[np.int64], values: NDArray[Any]
) -> NDArray[np.float64]:
    spread = np.zeros(outcomes.size)
    spread[np.searchsorted(outcomes, known)] = values
    return spread
