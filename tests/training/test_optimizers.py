import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgm_observe.training.optimizers import OPTIMIZERS, Adam, Sgd, make_optimizer

GRADIENTS = st.lists(
    st.lists(st.floats(-5, 5), min_size=3, max_size=3), min_size=2, max_size=6
).map(np.array)


@given(st.lists(st.floats(-9, 9).filter(lambda g: abs(g) > 1e-3), min_size=1, max_size=5))
def test_adam_moves_by_the_learning_rate_against_a_steady_gradient(gradient):
    """Whatever its size, every component moves by the learning rate in each of the first steps."""
    optimizer, position = Adam(0.1), np.zeros(len(gradient))
    for step in (1, 2, 3):
        position = optimizer.step(position, np.array(gradient))

        assert np.allclose(position, -0.1 * step * np.sign(gradient), rtol=1e-4)


def test_gains_of_sgd_decay_as_spall_recommends():
    """With A = 10 the gain of step k is ((1 + A) / (k + 1 + A))^0.602 of the learning rate."""
    optimizer, position = Sgd(0.5), np.zeros(1)
    gains = []
    for _ in range(3):
        moved = optimizer.step(position, np.array([-2.0]))
        gains.append(float(moved[0] - position[0]) / 2)
        position = moved

    assert gains == pytest.approx([0.5, 0.5 * (11 / 12) ** 0.602, 0.5 * (11 / 13) ** 0.602])


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_descends_a_bowl(name):
    """A hundred steps on a quadratic bowl end nearer to its bottom than a tenth of the start."""
    optimizer, position = make_optimizer(name, 0.1), np.array([1.0, -2.0])
    for _ in range(100):
        position = optimizer.step(position, 2 * position)

    assert np.linalg.norm(position) < 0.1 * np.linalg.norm([1.0, -2.0])


@pytest.mark.parametrize("name", OPTIMIZERS)
@given(gradients=GRADIENTS)
def test_a_saved_state_goes_on_to_the_last_bit(name, gradients):
    """A fresh optimizer with a state that went through JSON moves exactly as the first one."""
    first, second = make_optimizer(name, 0.1), make_optimizer(name, 0.1)
    position = np.zeros(3)
    for gradient in gradients[:-1]:
        position = first.step(position, gradient)

    second.restore(json.loads(json.dumps(first.state())))

    expected = first.step(position, gradients[-1])
    assert expected.tobytes() == second.step(position, gradients[-1]).tobytes()


def test_an_unknown_optimizer_is_refused():
    """The refusal lists the optimizers that there are."""
    with pytest.raises(ValueError, match="optimizer='newton' is unknown: choose adam or sgd"):
        make_optimizer("newton", 0.1)
