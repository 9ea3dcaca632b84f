import itertools
from types import SimpleNamespace

import numpy as np
import pytest
from qiskit.quantum_info import Statevector

from qgm_observe.training.ansatz import born_circuit
from qgm_observe.training.gradients import ParameterShift, Spsa, make_gradient
from qgm_observe.training.losses import MmdLoss, NllLoss, mmd_squared
from qgm_observe.training.targets import bars_and_stripes

TARGET = bars_and_stripes(1, 3).probabilities
WIDTHS = (0.25, 1.0)


def probabilities(points):
    circuit = born_circuit(3, ("ry", "rz"), "linear", 1).remove_final_measurements(inplace=False)
    rows = [Statevector(circuit.assign_parameters(list(point))).probabilities() for point in points]
    return np.array(rows)


def value_of_mmd(point):
    return mmd_squared(probabilities([point])[0], TARGET, WIDTHS)


def value_of_nll(point):
    return NllLoss(TARGET, 1e-9).value(probabilities([point])[0])


@pytest.mark.parametrize(
    ("loss", "value"),
    [(MmdLoss(TARGET, WIDTHS), value_of_mmd), (NllLoss(TARGET, 1e-9), value_of_nll)],
    ids=["mmd", "nll"],
)
def test_parameter_shift_is_the_derivative_on_exact_probabilities(loss, value):
    """Shifted probabilities weighed by the loss's slope equal central finite differences."""
    center = np.random.default_rng(5).normal(0, 0.7, 12)
    moves = np.eye(12) * 1e-5
    numerical = [(value(center + move) - value(center - move)) / 2e-5 for move in moves]

    points = ParameterShift().points(center, 0, np.random.default_rng(0))
    gradient = ParameterShift().gradient(points, probabilities(points), loss)

    assert points.shape == (25, 12)
    assert np.allclose(gradient, numerical, rtol=1e-5, atol=1e-8)


def test_parameter_shift_needs_only_relative_frequencies():
    """Counts of any number of shots give the same gradient as their frequencies."""
    points = ParameterShift().points(np.full(12, 0.4), 0, np.random.default_rng(0))
    counts = np.random.default_rng(1).multinomial(512, np.full(8, 1 / 8), size=len(points))
    loss = NllLoss(TARGET, 1e-3)

    gradient = ParameterShift().gradient(points, counts, loss)

    assert np.allclose(gradient, ParameterShift().gradient(points, counts / 512, loss))


def test_spsa_over_every_direction_is_exact_for_a_plane():
    """Averaged over all sign vectors, the estimate is the gradient of a linear loss."""
    slopes = np.array([0.5, -2.0, 3.0])
    plane = SimpleNamespace(value=lambda point: float(point @ slopes))
    center = np.array([0.1, 0.2, 0.3])
    shifts = [0.2 * np.array(signs) for signs in itertools.product((-1, 1), repeat=3)]
    points = np.vstack([center, *((center + shift, center - shift) for shift in shifts)])

    gradient = Spsa(0.2, directions=len(shifts)).gradient(points, points, plane)

    assert np.allclose(gradient, slopes)


def test_spsa_moves_every_angle_by_the_perturbation_both_ways():
    """The first point is the center; each direction adds a forward and a backward point."""
    center = np.linspace(0, 1, 6)

    points = Spsa(0.25, directions=4).points(center, 0, np.random.default_rng(3))

    assert points.shape == (9, 6)
    assert np.array_equal(points[0], center)
    assert np.allclose(np.abs(points[1:] - center), 0.25)
    assert np.allclose(points[1::2] + points[2::2], 2 * center)


def test_the_perturbation_of_spsa_decays():
    """Step k moves the angles by (k + 1)^-0.101 of the first perturbation."""
    points = Spsa(0.3, directions=1).points(np.zeros(2), 99, np.random.default_rng(0))

    assert np.allclose(np.abs(points[1]), 0.3 * 100**-0.101)


def test_an_unknown_gradient_is_refused():
    """The refusal lists the gradients that there are."""
    with pytest.raises(
        ValueError, match="gradient='spa' is unknown: choose parameter-shift or spsa"
    ):
        make_gradient("spa", perturbation=0.1, directions=1)
