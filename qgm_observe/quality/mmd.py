"""Squared maximum mean discrepancy by U-statistics: no bias at any number of shots and outcomes.

The kernel of two outcomes at Hamming distance d is the mean of exp(-d / (2 s)) over the bandwidths
s. It is a tensor product over the bits, so a product with a vector over all 2^n outcomes costs
O(n 2^n) instead of O(4^n); where few outcomes occur, they are compared pair by pair.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qgm_observe.errors import UsageError
from qgm_observe.quality.cells import Cells
from qgm_observe.quality.counts import MAX_DENSE_BITS
from qgm_observe.quality.intervals import normal_quantile, within
from qgm_observe.records import Estimate

Vector = NDArray[np.float64]

BANDWIDTHS = (0.25, 1.0)
"""Variances of the kernel, in units of flipped bits."""

MAX_PAIRWISE_CELLS = 16_384
"""Outcomes beyond which comparing each with each takes too long."""

_BLOCK = 2**22
_MIN_SHOTS = 2
_MOST = 2.0


@dataclass(frozen=True, slots=True)
class Kernel:
    """A mean of tensor products: each multiplies by `factors` once a flipped bit."""

    factors: tuple[float, ...]

    @property
    def squared(self) -> "Kernel":
        """The kernel whose values are the squares of this one's."""
        return Kernel(tuple(a * b for a in self.factors for b in self.factors))

    def apply(self, vectors: Vector, outcomes: NDArray[np.int64], num_bits: int) -> Vector:
        """Multiply vectors of shape (v, m) over the given outcomes by the kernel: shape (v, m)."""
        dense_cost = len(self.factors) * len(vectors) * num_bits * 2.0**num_bits
        if num_bits <= MAX_DENSE_BITS and dense_cost < 8.0 * outcomes.size**2:
            return self._apply_dense(vectors, outcomes, num_bits)
        return self._apply_pairwise(vectors, outcomes, num_bits)

    def _apply_dense(self, vectors: Vector, outcomes: NDArray[np.int64], num_bits: int) -> Vector:
        total = np.zeros_like(vectors)
        for row, vector in enumerate(vectors):
            dense = np.zeros(2**num_bits)
            dense[outcomes] = vector
            for factor in self.factors:
                total[row] += _tensor_product(dense, factor)[outcomes]
        return total / len(self.factors)

    def _apply_pairwise(
        self, vectors: Vector, outcomes: NDArray[np.int64], num_bits: int
    ) -> Vector:
        by_distance = np.mean(
            [np.power(factor, np.arange(num_bits + 1)) for factor in self.factors], axis=0
        )
        product = np.empty_like(vectors)
        rows = max(_BLOCK // outcomes.size, 1)
        for start in range(0, outcomes.size, rows):
            part = outcomes[start : start + rows, None] ^ outcomes[None, :]
            product[:, start : start + rows] = vectors @ by_distance[np.bitwise_count(part)].T
        return product


def mmd_squared(
    cells: Cells, level: float = 0.95, bandwidths: Sequence[float] = BANDWIDTHS
) -> Estimate:
    """Estimate the squared maximum mean discrepancy, in [0, 2]; 0 where they agree.

    Args:
        cells: Counts and target side by side.
        level: Confidence level of the interval.
        bandwidths: Variances s of the kernel, in units of flipped bits, each above 0.

    Returns:
        The U-statistic E k(x, x') - 2 E k(x, y) + E k(y, y'), unbiased and hence below 0 at times,
        with a normal interval whose Hoeffding variance has both terms,
        (4 (N - 2) z1 + 2 z2) / (N (N - 1)). The floor is the reading (1 - E k) / N that a perfect
        sampler has in the biased form.

    Raises:
        UsageError: A bandwidth is not above 0.

    Source: Gretton et al., Journal of Machine Learning Research 13, 723 (2012); Liu and Wang,
    Physical Review A 98, 062324 (2018), for Born machines.
    """
    if not bandwidths or not all(0 < width < math.inf for width in bandwidths):
        raise UsageError("bandwidths are numbers above 0, for instance (0.25, 1.0)")
    kernel = Kernel(tuple(math.exp(-0.5 / width) for width in bandwidths))
    empty = Estimate(
        name="mmd_squared", level=level, method="hoeffding", n=cells.shots, reason="pending"
    )
    if min(cells.shots, cells.total_rows or cells.shots) < _MIN_SHOTS:
        return replace(empty, reason="insufficient shots: pairs need two shots or more")
    if cells.target_p.size > MAX_PAIRWISE_CELLS and cells.counts.num_bits > MAX_DENSE_BITS:
        reason = f"{cells.target_p.size} outcomes of {cells.counts.num_bits} bits are too many"
        return replace(empty, reason=f"{reason}: compare at most {MAX_DENSE_BITS} bits")
    value, variance, floor = _statistic(cells, kernel)
    reach = normal_quantile(level) * math.sqrt(variance)
    found = replace(empty, floor=floor)
    return within(found, value, (value - reach, value + reach), (-_MOST, _MOST))


def _statistic(cells: Cells, kernel: Kernel) -> tuple[float, float, float]:
    """Give the U-statistic, its variance and the floor."""
    outcomes = np.union1d(cells.counts.outcomes, cells.target.outcomes)
    shares, goal = cells.frequencies, cells.target_p
    bits = cells.counts.num_bits
    reached, goal_reached = kernel.apply(np.stack([shares, goal]), outcomes, bits)
    (squares,) = kernel.squared.apply(shares[None, :], outcomes, bits)
    shots, rows = cells.shots, cells.total_rows
    pairs = (shots * (shares @ reached) - 1) / (shots - 1)
    goal_pairs = float(goal @ goal_reached)
    if rows:
        goal_pairs = (rows * goal_pairs - 1) / (rows - 1)
    value = float(pairs - 2 * (reached @ goal) + goal_pairs)
    witness = reached - goal_reached
    second = _second_order(shares, reached, squares, goal_reached)
    variance = _hoeffding(_spread(witness, shares), second, shots)
    if rows:
        crossed = 4 * second / (shots * rows)
        variance += _hoeffding(_spread(witness, goal), second, rows) + crossed
    return value, variance, max(1 - goal_pairs, 0.0) / cells.effective_shots


def _second_order(shares: Vector, reached: Vector, squares: Vector, goal_reached: Vector) -> float:
    """Variance of k(x, x') - f(x) - f(x') over pairs of shots, f the reach of the target."""
    mean = shares @ reached - 2 * (shares @ goal_reached)
    second = shares @ squares + 2 * (shares @ goal_reached**2) + 2 * (shares @ goal_reached) ** 2
    return max(float(second - 4 * (shares @ (goal_reached * reached)) - mean**2), 0.0)


def _spread(scores: Vector, shares: Vector) -> float:
    mean = float(shares @ scores)
    return float(shares @ (scores - mean) ** 2)


def _hoeffding(first: float, second: float, shots: int) -> float:
    return (4 * max(shots - 2, 0) * first + 2 * second) / (shots * (shots - 1))


def _tensor_product(vector: Vector, factor: float) -> Vector:
    """Apply the matrix ((1, f), (f, 1)) to each bit of a vector over all outcomes."""
    for bit in range(vector.size.bit_length() - 1):
        pairs = vector.reshape(-1, 2, 1 << bit)
        vector = (pairs + factor * pairs[:, ::-1]).reshape(-1)
    return vector
