"""How a healthy series wanders: what its own history says about its autocorrelation.

A series of scores is a slow wander (calibration, temperature) plus independent noise (shots). A
chart with textbook limits takes the wander for a change: at a day-to-day correlation of 0.7 it
raises fourteen false alarms a year instead of one. So limits are set on futures that the history
makes plausible. Model: value = center + x + noise, x an AR(1) process.

Source: the likelihood by the Kalman filter (Durbin and Koopman, Time Series Analysis by State Space
Methods, 2012, chapter 7), the center integrated out under a flat prior, the variance under
Jeffreys', persistence and noise share under flat priors on a grid, with odds of 1 to 2 for no
wander at all.
"""

from dataclasses import dataclass

import numpy as np

from qgm_observe.errors import UsageError
from qgm_observe.quality.series import Array, finite_series

LEAST_HISTORY = 30
"""Below so many points a history says too little about its own wander."""

WHITE = 0.5
"""Odds given beforehand to a series that does not wander at all."""

_PHI = np.linspace(0.0, 0.95, 20)
_SHARE = np.array([0.2, 0.4, 0.6, 0.8, 1.0])


@dataclass(frozen=True, slots=True, eq=False)
class Persistence:
    """What a history leaves plausible, on a grid of G models.

    Attributes:
        phi: Correlation of the wander from point to point, shape (G,).
        share: Share of the variance that is wander and not noise, shape (G,).
        weight: Posterior probability, shape (G,), summing to 1.
        center: Posterior mean of the center, in the units of the history, shape (G,).
        precision: Weight of the history on the center, in points, shape (G,).
        squares: Whitened sum of squares about the center, shape (G,).
        n: Points of the history.
    """

    phi: Array
    share: Array
    weight: Array
    center: Array
    precision: Array
    squares: Array
    n: int

    @property
    def autocorrelation(self) -> float:
        """Expected correlation of neighboring points, in [0, 1)."""
        return float(self.weight @ (self.phi * self.share))


def persistence_of(history: Array) -> Persistence:
    """Weigh models of wander by how well they explain a history.

    Args:
        history: Equally spaced values of a healthy time, shape (n,).

    Raises:
        UsageError: there are fewer than 30 values, or all are equal.
    """
    values = finite_series("history", history, LEAST_HISTORY)
    if float(np.ptp(values)) <= 1e-12 * float(np.abs(values).max()):
        raise UsageError("history: all values are equal, so write the measured series itself")
    phi, share = _grid()
    squares, cross, precision, log_determinant = _filtered(values - values.mean(), phi, share)
    rest = squares - cross**2 / precision
    score = -0.5 * (log_determinant + np.log(precision) + (len(values) - 1) * np.log(rest))
    weight = np.exp(score - score.max()) * np.where(phi > 0, 1.0, WHITE * (len(phi) - 1))
    return Persistence(
        phi=phi,
        share=share,
        weight=weight / weight.sum(),
        center=values.mean() + cross / precision,
        precision=precision,
        squares=rest,
        n=len(values),
    )


def plausible_futures(
    persistence: Persistence, paths: int, steps: int, random: np.random.Generator
) -> Array:
    """Draw futures without any change, each from a model that the history leaves plausible.

    Returns:
        Values in the units of the history, shape (steps, paths).
    """
    chosen = random.choice(len(persistence.weight), size=paths, p=persistence.weight)
    phi, share = persistence.phi[chosen], persistence.share[chosen]
    variance = persistence.squares[chosen] / random.chisquare(persistence.n - 1, paths)
    spread = np.sqrt(variance / persistence.precision[chosen])
    center = persistence.center[chosen] + spread * random.standard_normal(paths)
    return center + np.sqrt(variance) * _unit_paths(phi, share, steps, random)


def _unit_paths(phi: Array, share: Array, steps: int, random: np.random.Generator) -> Array:
    noise = random.standard_normal((2, steps, len(phi)))
    wander = np.empty((steps, len(phi)))
    wander[0] = noise[0, 0]
    push = np.sqrt(1 - phi**2)
    for step in range(1, steps):
        wander[step] = phi * wander[step - 1] + push * noise[0, step]
    return np.asarray(np.sqrt(share) * wander + np.sqrt(1 - share) * noise[1])


def _grid() -> tuple[Array, Array]:
    phi, share = (axis.ravel() for axis in np.meshgrid(_PHI, _SHARE, indexing="ij"))
    distinct = (phi > 0) | (share == 1)  # without persistence, wander is noise
    return phi[distinct], share[distinct]


def _filtered(values: Array, phi: Array, share: Array) -> tuple[Array, Array, Array, Array]:
    """Whiten the values and a row of ones by each model, and sum up squares and products."""
    size = len(phi)
    squares, cross, precision, log_determinant = (np.zeros(size) for _ in range(4))
    expected, expected_one, uncertainty = np.zeros(size), np.zeros(size), share.copy()
    for value in values:
        total = uncertainty + (1 - share)
        miss, miss_one = value - expected, 1 - expected_one
        squares += miss**2 / total
        cross += miss * miss_one / total
        precision += miss_one**2 / total
        log_determinant += np.log(total)
        gain = uncertainty / total
        expected = phi * (expected + gain * miss)
        expected_one = phi * (expected_one + gain * miss_one)
        uncertainty = phi**2 * uncertainty * (1 - gain) + share * (1 - phi**2)
    return squares, cross, precision, log_determinant
