"""Mode collapse: is there a part of the target that the sampler no longer visits?"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

from qgm_observe.errors import UsageError
from qgm_observe.quality.cells import Cells
from qgm_observe.quality.counts import read_outcomes
from qgm_observe.quality.scores import linear_xeb
from qgm_observe.records import Estimate

Vector = NDArray[np.float64]

DEFICIT = 0.5
"""A mode has collapsed when its share is surely below this part of what it should be."""

MIN_MASS = 0.1
"""Mass of the target that collapsed modes must hold for the verdict."""


SHARES_TOLD = 16
"""Modes of which the shares are told, by rank: what they are is data and stays where it is."""


@dataclass(frozen=True, eq=False, slots=True)
class Modes:
    """Parts of the target and the shots on each.

    Attributes:
        masses: Shape (m,): the target's probability of each mode.
        sizes: Shape (m,): outcomes in each mode.
        seen: Shape (m,): shots on each mode.
    """

    masses: Vector
    sizes: Vector
    seen: Vector


@dataclass(frozen=True, slots=True)
class ModeCollapse:
    """The verdict.

    Attributes:
        collapsed: Whether modes that hold a tenth of the target or more have surely lost half of
            their share or more; `None` where it cannot be told.
        deficit: The worst mode's loss, 1 - q / p.
        mass: Mass of the target on the modes that have collapsed.
        reason: Why there is no verdict.
        shares: Of the 16 likeliest modes, the likeliest first: the target's share and the samples'.
    """

    collapsed: bool | None
    deficit: Estimate
    mass: float = 0.0
    reason: str | None = None
    shares: tuple[tuple[float, float], ...] = ()


def mode_collapse(
    cells: Cells,
    level: float = 0.95,
    modes: Sequence[Collection[int | str]] | None = None,
) -> ModeCollapse:
    """Judge whether modes have collapsed, at a simultaneous confidence level.

    Each mode's share q has a Clopper-Pearson upper bound at the level 1 - (1 - level) / m. It has
    collapsed when the bound lies below half of what depolarizing noise would leave of it,
    (1 - l) p + l s / K with s its outcomes and 1 - l the linear cross-entropy score: noise takes
    its part of every mode and is no collapse.

    Args:
        cells: Counts and a known target side by side.
        level: Chance that none of the bounds fails.
        modes: Outcomes of each mode; without them each outcome of the target that is frequent
            enough for its loss to show is a mode.

    Returns:
        The verdict, and the worst mode's deficit with simultaneous bounds.

    Raises:
        UsageError: A mode is empty, or the target gives it no probability.
    """
    if not cells.target.known:
        reason = "the target is a data set: modes need exact probabilities"
        return ModeCollapse(None, _no_deficit(cells, level, reason), reason=reason)
    found = _given(cells, modes) if modes is not None else _frequent(cells, level)
    if found.masses.sum() < MIN_MASS:
        reason = f"insufficient shots: {cells.shots} do not show the loss of a single outcome"
        return ModeCollapse(None, _no_deficit(cells, level, reason), reason=reason)
    low, high = _bounds(found.seen, cells.shots, level)
    collapsed = high < DEFICIT * _expected(cells, found)
    mass = float(found.masses[collapsed].sum())
    deficit = _deficit(cells, found, low, high, level)
    return ModeCollapse(mass > MIN_MASS, deficit, mass, shares=_shares(cells, found))


def _shares(cells: Cells, modes: Modes) -> tuple[tuple[float, float], ...]:
    likeliest = np.argsort(-modes.masses, kind="stable")[:SHARES_TOLD]
    meant, seen = modes.masses[likeliest], modes.seen[likeliest] / cells.shots
    return tuple(zip(meant.tolist(), seen.tolist(), strict=True))


def _expected(cells: Cells, modes: Modes) -> Vector:
    """Share of each mode that depolarizing noise of the measured strength would leave."""
    score = linear_xeb(cells).value
    kept = 1.0 if score is None else min(max(score, 0.0), 1.0)
    return kept * modes.masses + (1 - kept) * modes.sizes / cells.target.size


def _deficit(cells: Cells, modes: Modes, low: Vector, high: Vector, level: float) -> Estimate:
    losses = 1 - modes.seen / cells.shots / modes.masses
    worst = int(np.argmax(1 - high / modes.masses))
    value = float(losses[worst])
    spread = np.sqrt((1 - modes.masses) / (cells.shots * modes.masses))
    return Estimate(
        name="mode_deficit",
        value=value,
        low=float(min(1 - high[worst] / modes.masses[worst], value)),
        high=float(max(1 - low[worst] / modes.masses[worst], value)),
        level=level,
        floor=float(min(spread.max() * math.sqrt(2 * math.log(modes.masses.size + 1)), 1.0)),
        method="clopper-pearson, bonferroni",
        n=cells.shots,
    )


def _no_deficit(cells: Cells, level: float, reason: str) -> Estimate:
    return Estimate(name="mode_deficit", level=level, n=cells.shots, reason=reason)


def _bounds(seen: Vector, shots: int, level: float) -> tuple[Vector, Vector]:
    """Simultaneous exact bounds of the shares."""
    tail = (1 - level) / 2 / seen.size
    low = betaincinv(np.maximum(seen, 1), shots - seen + 1, tail)
    high = betaincinv(seen + 1, np.maximum(shots - seen, 1), 1 - tail)
    return np.where(seen > 0, low, 0.0), np.where(seen < shots, high, 1.0)


def _frequent(cells: Cells, level: float) -> Modes:
    """Take outcomes whose complete loss would be seen: no shot bounds them below half."""
    size = int(np.sum(cells.target_p > 0))
    least = math.log(2 * size / (1 - level)) / DEFICIT / cells.shots
    frequent = cells.target_p >= least
    masses = cells.target_p[frequent]
    return Modes(masses, np.ones(masses.size), cells.numbers[frequent])


def _given(cells: Cells, modes: Sequence[Collection[int | str]]) -> Modes:
    if not modes or not all(len(mode) for mode in modes):
        raise UsageError("each mode needs outcomes, for instance modes=[['0011'], ['1100']]")
    members = [np.unique(read_outcomes(list(mode), cells.counts.num_bits)[1]) for mode in modes]
    inside = [np.isin(cells.outcomes, member) for member in members]
    masses = np.array([cells.target_p[mask].sum() for mask in inside])
    if masses.min() <= 0:
        raise UsageError("the target gives a mode no probability: name modes that it has")
    seen = np.array([cells.numbers[mask].sum() for mask in inside])
    return Modes(masses, np.array([float(member.size) for member in members]), seen)
