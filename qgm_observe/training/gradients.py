"""Gradients of a loss from batches of circuits: parameter shift and SPSA.

An estimator first lists the points at which circuits must run, the unshifted one first, and then
turns the counts measured there into a gradient. All points of a step fit one submission.
"""

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from qgm_observe.training.losses import Counts, Loss, Vector
from qgm_observe.training.validation import require_choice

Matrix = NDArray[np.float64]

GRADIENTS = ("parameter-shift", "spsa")
"""The gradient estimators by name."""

_GAIN_DECAY = 0.101


class GradientEstimator(Protocol):
    """How a gradient is had from circuits."""

    def points(self, center: Vector, index: int, random: np.random.Generator) -> Matrix:
        """List the parameters of each circuit: shape (circuits, P), the center first."""
        ...

    def gradient(self, points: Matrix, counts: Counts, loss: Loss) -> Vector:
        """Turn counts of shape (circuits, 2^n) into a gradient of shape (P,)."""
        ...


class ParameterShift:
    """Exact derivatives, up to shot noise, from two shifted circuits a parameter.

    A probability depends on the angle of one Pauli rotation as a sinusoid, so its derivative is
    half the difference at angles shifted by plus and minus a quarter turn; the loss's slope at the
    center weighs them (Liu and Wang, Physical Review A 98, 062324 (2018)). Each parameter must be
    the angle of one single rotation. Needs 2P + 1 circuits a step.
    """

    def points(self, center: Vector, index: int, random: np.random.Generator) -> Matrix:
        """List the center, then P points shifted forwards and P shifted backwards."""
        del index, random
        shifts = np.eye(len(center)) * (math.pi / 2)
        return np.vstack([center, center + shifts, center - shifts])

    def gradient(self, points: Matrix, counts: Counts, loss: Loss) -> Vector:
        """Weigh the shifted frequencies with the slope of the loss at the center."""
        parameters = points.shape[1]
        frequencies = counts[1:] / counts[1:].sum(axis=1, keepdims=True)
        change = (frequencies[:parameters] - frequencies[parameters:]) / 2
        return np.asarray(change @ loss.slope(counts[0]), dtype=np.float64)


@dataclass(frozen=True)
class Spsa:
    """Simultaneous perturbation: all parameters move at once along random signs.

    Unbiased up to the square of the perturbation, at two circuits a direction and one for the
    center (Spall, IEEE Transactions on Automatic Control 37, 332 (1992); the decay of the
    perturbation follows his 1998 guidelines).

    Attributes:
        perturbation: How far each angle moves at first, in radians.
        directions: Over how many random directions the estimate is averaged.
    """

    perturbation: float
    directions: int

    def points(self, center: Vector, index: int, random: np.random.Generator) -> Matrix:
        """List the center, then each direction's forward and backward point."""
        reach = self.perturbation / (index + 1) ** _GAIN_DECAY
        signs = random.choice((-1.0, 1.0), size=(self.directions, len(center)))
        shifted = np.stack([center + reach * signs, center - reach * signs], axis=1)
        return np.vstack([center[np.newaxis], shifted.reshape(-1, len(center))])

    def gradient(self, points: Matrix, counts: Counts, loss: Loss) -> Vector:
        """Divide differences of the loss by the moves that made them, and average."""
        values = np.array([loss.value(row) for row in counts[1:]])
        moves = points[1::2] - points[2::2]
        differences = values[0::2] - values[1::2]
        return np.asarray((differences[:, np.newaxis] / moves).mean(axis=0), dtype=np.float64)


def make_gradient(name: str, *, perturbation: float, directions: int) -> GradientEstimator:
    """Build a gradient estimator by name.

    Raises:
        ValueError: If the name is unknown.
    """
    require_choice("gradient", name, GRADIENTS)
    return Spsa(perturbation, directions) if name == "spsa" else ParameterShift()
