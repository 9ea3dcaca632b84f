"""Squared maximum mean discrepancy by U-statistics: no bias at any number of shots and outcomes.

The kernel of two outcomes at Hamming distance d is the mean of exp(-d / (2 s)) over the bandwidths
s. It is a tensor product over the bits, so a product with a vector over all 2^n outcomes costs
O(n 2^n) instead of O(4^n); where few outcomes occur, they are compared pair by pair.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

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
_BITS_AT_ONCE = 5
_MIN_SHOTS = 2
_MOST = 2.0


@dataclass(frozen=True, slots=True)
class Kernel:
    """A weighted sum of tensor products.

    Attributes:
        factors: What each product multiplies by once a flipped bit, in (0, 1).
        weights: Weight of each product; they sum to one.
    """

    factors: tuple[float, ...]
    weights: tuple[float, ...]

    @classmethod
    def from_bandwidths(cls, bandwidths: Sequence[float]) -> "Kernel":
        """Take the mean of exp(-d / (2 s)) over the bandwidths s.

        Raises:
            UsageError: There is none, or one is not above 0.
        """
        if not bandwidths or not all(0 < width < math.inf for width in bandwidths):
            raise UsageError("bandwidths are numbers above 0, for instance (0.25, 1.0)")
        share = 1 / len(bandwidths)
        return cls(tuple(math.exp(-0.5 / s) for s in bandwidths), (share,) * len(bandwidths))

    @property
    def squared(self) -> "Kernel":
        """The kernel whose values are the squares of this one's."""
        terms = list(zip(self.factors, self.weights, strict=True))
        products = [
            (a * b, v * w * (1 if i == j else 2))
            for i, (a, v) in enumerate(terms)
            for j, (b, w) in enumerate(terms[: i + 1])
        ]
        return Kernel(tuple(f for f, _ in products), tuple(w for _, w in products))

    def apply(self, vectors: Vector, outcomes: NDArray[np.int64], num_bits: int) -> Vector:
        """Multiply vectors of shape (v, m) over the given outcomes by the kernel: shape (v, m)."""
        dense_cost = len(self.factors) * len(vectors) * num_bits * 2.0**num_bits
        if num_bits <= MAX_DENSE_BITS and dense_cost < 8.0 * outcomes.size**2:
            return self._apply_dense(vectors, outcomes, num_bits)
        return self._apply_pairwise(vectors, outcomes, num_bits)

    def _apply_dense(self, vectors: Vector, outcomes: NDArray[np.int64], num_bits: int) -> Vector:
        dense = np.zeros((len(vectors), 1 << num_bits))
        dense[:, outcomes] = vectors
        total = np.zeros_like(vectors)
        for factor, weight in zip(self.factors, self.weights, strict=True):
            total += weight * _tensor_product(dense, factor, num_bits)[:, outcomes]
        return total

    def _apply_pairwise(
        self, vectors: Vector, outcomes: NDArray[np.int64], num_bits: int
    ) -> Vector:
        powers = np.power.outer(self.factors, np.arange(num_bits + 1))
        by_distance = np.asarray(self.weights) @ powers
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
        (4 (N - 2) z1 + 2 z2) / (N (N - 1)). The floor is 0, what a perfect sampler shows on
        average; the biased form would read (1 - E k) / N.

    Raises:
        UsageError: A bandwidth is not above 0.

    Source: Gretton et al., Journal of Machine Learning Research 13, 723 (2012); Liu and Wang,
    Physical Review A 98, 062324 (2018), for Born machines.
    """
    kernel = Kernel.from_bandwidths(bandwidths)
    empty = Estimate(
        name="mmd_squared", level=level, method="hoeffding", n=cells.shots, reason="pending"
    )
    if min(cells.shots, cells.total_rows or cells.shots) < _MIN_SHOTS:
        return replace(empty, reason="insufficient shots: pairs need two shots or more")
    if cells.target_p.size > MAX_PAIRWISE_CELLS and cells.counts.num_bits > MAX_DENSE_BITS:
        reason = f"{cells.target_p.size} outcomes of {cells.counts.num_bits} bits are too many"
        return replace(empty, reason=f"{reason}: compare at most {MAX_DENSE_BITS} bits")
    value, variance = _statistic(cells, kernel)
    reach = normal_quantile(level) * math.sqrt(variance)
    found = replace(empty, floor=0.0)
    high_reach = math.hypot(reach, 2 * cells.unseen_outside(level) ** 2)
    return within(found, value, (value - reach, value + high_reach), (-_MOST, _MOST))


def _statistic(cells: Cells, kernel: Kernel) -> tuple[float, float]:
    """Give the U-statistic and its variance."""
    outcomes, shares, goal = cells.outcomes, cells.frequencies, cells.target_p
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
    return value, variance


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


def _tensor_product(vectors: Vector, factor: float, num_bits: int) -> Vector:
    """Apply the matrix ((1, f), (f, 1)) to each bit of vectors over all outcomes: (v, 2^n)."""
    shape = vectors.shape
    done = 0
    while done < num_bits:  # several bits at once: one small matrix product instead of many passes
        bits = min(_BITS_AT_ONCE, num_bits - done)
        vectors = np.matmul(_few_bits(factor, bits), vectors.reshape(-1, 1 << bits, 1 << done))
        done += bits
    return vectors.reshape(shape)


@lru_cache
def _few_bits(factor: float, bits: int) -> Vector:
    places = np.arange(1 << bits)
    distances = np.bitwise_count(places[:, None] ^ places).astype(np.float64)
    return np.asarray(factor**distances, dtype=np.float64)
