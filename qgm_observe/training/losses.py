"""Losses of a generative model, computed from counts of bitstrings.

Every loss has a value and a slope. The slope is the derivative with respect to the model's
probability of each bitstring, from which the parameter-shift rule builds gradients with respect to
circuit parameters.

Counts are arrays of shape (2^n,); exact probabilities are accepted wherever only relative
frequencies matter.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from qgm_observe.training.validation import require_choice

Vector = NDArray[np.float64]
Counts = NDArray[np.int64] | Vector

LOSSES = ("mmd", "nll")
"""The losses by name: squared maximum mean discrepancy, clipped negative log-likelihood."""


class Loss(Protocol):
    """What a training minimizes."""

    def value(self, counts: Counts) -> float:
        """Estimate the loss from counts of shape (2^n,)."""
        ...

    def slope(self, counts: Counts) -> Vector:
        """Estimate the derivative with respect to each model probability: shape (2^n,)."""
        ...


def smooth(vector: Counts, bandwidths: Sequence[float]) -> Vector:
    """Multiply by the Gaussian kernel on Hamming distance, in O(n 2^n) per bandwidth.

    The kernel of two bitstrings at Hamming distance d is the mean of exp(-d / (2 s)) over the
    bandwidths s. As d adds up over the bits, each term is a tensor product of 2 x 2 matrices.

    Args:
        vector: Shape (2^n,).
        bandwidths: Variances s, in units of flipped bits, each above zero.

    Returns:
        The product, of shape (2^n,).
    """
    total = np.zeros(len(vector))
    for bandwidth in bandwidths:
        total += _smooth_once(np.asarray(vector, dtype=np.float64), math.exp(-0.5 / bandwidth))
    return total / len(bandwidths)


def mmd_squared(model: Counts, target: Vector, bandwidths: Sequence[float]) -> float:
    """Give the squared maximum mean discrepancy of two distributions, at least zero.

    With relative frequencies in place of the model's probabilities this is the V-statistic, which
    is too large by (1 - E k) / N for N shots; `mmd_squared_unbiased` is not
    (Gretton et al., Journal of Machine Learning Research 13 (2012), section 2).

    Args:
        model: Probabilities or frequencies of shape (2^n,), summing to one.
        target: Probabilities of shape (2^n,).
        bandwidths: Variances of the kernel, see `smooth`.
    """
    difference = np.asarray(model, dtype=np.float64) - target
    return float(difference @ smooth(difference, bandwidths))


def mmd_squared_unbiased(counts: Counts, target: Vector, bandwidths: Sequence[float]) -> float:
    """Estimate the squared maximum mean discrepancy without bias, from at least two shots.

    The U-statistic leaves out the pairs of a shot with itself, whose kernel is one. It scatters
    around zero for a perfect model, so single values may be negative.

    Args:
        counts: Measured counts of shape (2^n,), N >= 2 in all.
        target: Known probabilities of shape (2^n,).
        bandwidths: Variances of the kernel, see `smooth`.
    """
    shots = counts.sum()
    frequencies = np.asarray(counts, dtype=np.float64) / shots
    reach = smooth(frequencies, bandwidths)
    pairs = (shots * (frequencies @ reach) - 1) / (shots - 1)
    return float(pairs - 2 * (reach @ target) + target @ smooth(target, bandwidths))


def entropy(frequencies: Vector) -> float:
    """Give the Shannon entropy of a distribution in nats, from the frequencies as they are."""
    seen = frequencies[frequencies > 0]
    return float(-(seen @ np.log(seen)))


@dataclass(frozen=True, eq=False)
class MmdLoss:
    """Squared maximum mean discrepancy with a mixture of Gaussian kernels on Hamming distance.

    The training of a circuit Born machine with it is due to Liu and Wang, Physical Review A 98,
    062324 (2018).

    Attributes:
        target: Probabilities of shape (2^n,).
        bandwidths: Variances of the kernel, in units of flipped bits.
    """

    target: Vector
    bandwidths: tuple[float, ...]

    def value(self, counts: Counts) -> float:
        """Estimate the loss without bias; see `mmd_squared_unbiased`."""
        return mmd_squared_unbiased(counts, self.target, self.bandwidths)

    def slope(self, counts: Counts) -> Vector:
        """Give twice the kernel applied to model minus target; linear, hence unbiased."""
        return 2 * smooth(_frequencies(counts) - self.target, self.bandwidths)


@dataclass(frozen=True, eq=False)
class NllLoss:
    """Negative log-likelihood of the target under the model, in nats, clipped.

    Bitstrings that were not seen count with the probability `clip`, so the value is finite: at
    least the target's entropy for exact probabilities, and biased by clipping at few shots.

    Attributes:
        target: Probabilities of shape (2^n,).
        clip: Smallest probability that enters the logarithm.
    """

    target: Vector
    clip: float

    def value(self, counts: Counts) -> float:
        """Estimate the cross-entropy of target and clipped frequencies."""
        return float(-(self.target @ np.log(np.maximum(_frequencies(counts), self.clip))))

    def slope(self, counts: Counts) -> Vector:
        """Give minus target over clipped frequencies.

        Below the clip the slope is that at the clip, not zero: a bitstring that was never seen
        still pulls.
        """
        return -self.target / np.maximum(_frequencies(counts), self.clip)


@dataclass(frozen=True, eq=False)
class EntropyRegularized:
    """A loss that rewards spread: it subtracts the model's entropy relative to n qubits.

    Mode collapse lowers entropy, so the term resists it. Entropy is taken from frequencies as they
    are and is too low at few shots.

    Attributes:
        loss: The loss that is regularized.
        weight: Reward for the entropy of the uniform distribution, in units of the loss.
        clip: Smallest probability that enters the logarithm of the slope.
    """

    loss: Loss
    weight: float
    clip: float

    def value(self, counts: Counts) -> float:
        """Give the loss less the weighted relative entropy."""
        spread = entropy(_frequencies(counts)) / math.log(len(counts))
        return self.loss.value(counts) - self.weight * spread

    def slope(self, counts: Counts) -> Vector:
        """Give the slope of the loss plus that of the weighted negative entropy."""
        logarithms = np.log(np.maximum(_frequencies(counts), self.clip))
        return self.loss.slope(counts) + self.weight * (logarithms + 1) / math.log(len(counts))


def make_loss(
    name: str,
    target: Vector,
    *,
    bandwidths: tuple[float, ...],
    clip: float,
    entropy_weight: float,
) -> Loss:
    """Build a loss by name, regularized when the entropy weighs more than nothing.

    Raises:
        ValueError: If the name is unknown.
    """
    require_choice("loss", name, LOSSES)
    plain: Loss = MmdLoss(target, bandwidths) if name == "mmd" else NllLoss(target, clip)
    return EntropyRegularized(plain, entropy_weight, clip) if entropy_weight else plain


def _frequencies(counts: Counts) -> Vector:
    return np.asarray(counts / counts.sum(), dtype=np.float64)


def _smooth_once(vector: Vector, flip: float) -> Vector:
    size = 1
    while size < len(vector):
        pairs = vector.reshape(-1, 2, size)
        vector = (pairs + flip * pairs[:, ::-1]).reshape(-1)
        size *= 2
    return vector
