"""Training states."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgm_observe.errors import UsageError
from qgm_observe.quality.training import TrainingState, training_state

S = TrainingState
STEPS = 50


def noisy(losses: np.ndarray, seed: int, sd: float = 0.02) -> np.ndarray:
    """Losses with shot noise."""
    return losses + sd * np.random.default_rng(seed).standard_normal(len(losses))


def flat(seed: int = 1) -> np.ndarray:
    """A loss of 0.5 that goes nowhere."""
    return noisy(np.full(STEPS, 0.5), seed)


def gradients(strength: float, seed: int = 1) -> np.ndarray:
    """Gradients of 10 components with a standard error of 0.02."""
    return strength + 0.02 * np.random.default_rng(seed).standard_normal((STEPS, 10))


def judge(losses: np.ndarray, **more):
    """Judge with the true noise told."""
    return training_state(losses, loss_standard_error=0.02, **more)


def with_gradients(strength: float) -> dict:
    """The arguments for gradients of a strength."""
    return {"gradients": gradients(strength), "gradient_standard_errors": 0.02}


def test_a_falling_loss_is_improving_and_a_rising_one_diverging():
    """A slope of 0.002 a step shows in 50 steps, either way."""
    falling = noisy(0.6 - 0.002 * np.arange(STEPS), 2)

    assert judge(falling).state == S.IMPROVING
    assert judge(falling[::-1]).state == S.DIVERGING


def test_a_loss_that_is_no_number_is_diverging():
    """A training whose loss left the numbers is not called insufficient."""
    for wild in (float("nan"), float("inf"), 1e200):
        told = judge(np.append(flat(), wild))
        assert (told.state, told.slope.value) == (S.DIVERGING, None)


def test_a_flat_loss_with_a_gradient_is_flat_with_signal():
    """A gradient that is proven real while the loss stands still is named."""
    assert judge(flat(), loss_floor=0.0, **with_gradients(0.05)).state == S.FLAT_WITH_SIGNAL


def test_the_floor_tells_a_plateau_from_convergence():
    """The same flat loss without a gradient is a plateau high up and convergence at its floor."""
    silent = with_gradients(0.0)

    assert judge(flat(), loss_floor=0.0, **silent).state == S.BARREN_PLATEAU
    assert judge(flat(), loss_floor=0.495, **silent).state == S.CONVERGED


def test_without_a_floor_it_asks_for_one():
    """Flat without a floor is one of two, and the reason says what would tell."""
    told = judge(flat(), **with_gradients(0.0))

    assert told.state == S.PLATEAU_OR_CONVERGED
    assert told.reason.startswith("the loss is flat at 0.499, gradient like zero, p ")
    assert told.reason.endswith(": `run --loss-floor 0`, or step.loss(value, floor=0)")


def test_without_gradients_a_plateau_is_not_claimed():
    """High and flat may be a learning rate too small, and the reason asks for gradients."""
    told = judge(flat(), loss_floor=0.0)

    assert told.state == S.PLATEAU_OR_CONVERGED
    assert "gradients would tell" in told.reason


def test_parameters_that_rest_are_stuck_unless_at_the_floor():
    """An optimizer that moves nothing is named, except where there is nothing left to gain."""
    still, moving = np.ones((STEPS, 3)), np.arange(3.0 * STEPS).reshape(STEPS, 3)

    assert judge(flat(), parameters=still, loss_floor=0.0).state == S.STUCK
    assert judge(flat(), parameters=still).state == S.STUCK
    assert judge(flat(), parameters=still, loss_floor=0.495).state == S.CONVERGED
    assert judge(flat(), parameters=moving).state == S.PLATEAU_OR_CONVERGED


@pytest.mark.parametrize("steps", [0, 1, 9])
def test_few_steps_are_insufficient(steps):
    """Below ten steps there is no state and the reason counts them."""
    told = judge(flat()[:steps])

    assert told.state == S.INSUFFICIENT_DATA
    assert told.reason == f"insufficient steps: {steps}, needs 10"


def test_a_zero_gradient_at_a_thousand_shots_is_never_called_healthy():
    """Of 400 windows with sampled losses and gradients none is improving, converged or signaled."""
    # false failure: 400 windows, two claims of 1e-5 each, and the floor far away: below 1 %
    random, shots = np.random.default_rng(6), 1000
    states: Counter[TrainingState] = Counter()
    for _ in range(400):
        losses = 2 * random.binomial(shots, 0.75, STEPS) / shots - 1
        shifted = 2 * random.binomial(shots, 0.5, (2, STEPS, 40)) / shots - 1
        told = training_state(
            losses,
            gradients=(shifted[0] - shifted[1]) / 2,
            gradient_standard_errors=math.sqrt(1 / (2 * shots)),
            loss_floor=-1.0,
        )
        states[told.state] += 1

    assert states == {S.BARREN_PLATEAU: 400}


def test_training_that_improves_is_seen_in_most_windows():
    """A slope of -0.002 at 2,000 shots is improving in at least 85 % of 100 windows."""
    # false failure below 1e-6: the power of one window is above 0.99
    line = 0.6 - 0.002 * np.arange(STEPS)
    told = [training_state(noisy(line, seed, sd=0.018)).state for seed in range(100)]

    assert told.count(S.IMPROVING) >= 85


def test_a_real_gradient_lets_a_smaller_fall_count():
    """A fall too small on its own counts where the gradient is proven real."""
    slight = noisy(0.6 - 0.0007 * np.arange(STEPS), 3)

    assert judge(slight).state == S.PLATEAU_OR_CONVERGED
    assert judge(slight, **with_gradients(0.05)).state == S.IMPROVING


def test_the_verdict_says_how_far_it_could_see():
    """The detectable slope is (z + z_power) standard errors, 4.417 and 0.842 of them."""
    told = judge(flat())

    assert told.detectable_slope == pytest.approx((4.417 + 0.842) * 0.02 / math.sqrt(10412.5), 1e-3)


@given(
    st.lists(st.floats(), max_size=30),
    st.none() | st.floats(1e-6, 1e6),
    st.none() | st.floats(-1e6, 1e6),
)
def test_every_window_gets_a_state_and_never_nan(losses, error, floor):
    """Whatever the losses are, there is a state with a reason, and no number is NaN."""
    told = training_state(losses, loss_standard_error=error, loss_floor=floor)

    assert told.reason
    for estimate in (told.slope, told.loss):
        numbers = (estimate.value, estimate.low, estimate.high)
        assert not any(number is not None and math.isnan(number) for number in numbers)


@pytest.mark.parametrize(
    "wrong",
    [
        {"gradients": [[0.1]]},
        {"loss_standard_error": 0.0},
        {"loss_floor": float("nan")},
        {"tolerance": -1.0},
        {"false_claim": 0.0},
        {"parameters": [[float("nan")]]},
    ],
)
def test_bad_arguments_are_one_line(wrong):
    """Each is refused with what to write instead."""
    with pytest.raises(UsageError, match="write"):
        training_state(flat(), **wrong)


@pytest.mark.parametrize("losses", [[[1.0, 2.0]], ["x"], [[1.0], [1.0, 2.0]]])
def test_losses_are_one_row_of_numbers(losses):
    """Tables and text are refused."""
    with pytest.raises(UsageError, match="losses"):
        training_state(losses)


def test_a_descent_too_weak_for_the_losses_shows_along_the_path():
    """A fall of a third of one loss's deviation is improving by gradients and parameters."""
    # the descent's z is about -12: false failure below 1e-9
    random = np.random.default_rng(3)
    true = np.full((50, 20), 0.01)
    measured = true + 0.004 * random.standard_normal(true.shape)
    moves = -0.05 * measured
    parameters = np.vstack([np.zeros(20), np.cumsum(moves, axis=0)[:-1]])
    exact = 0.5 + (true * (parameters - parameters[0])).sum(axis=1)
    losses = exact + 0.015 * random.standard_normal(50)
    told = training_state(
        losses,
        loss_standard_error=0.015,
        gradients=measured,
        gradient_standard_errors=0.004,
        parameters=parameters,
    )
    alone = training_state(losses, loss_standard_error=0.015)

    assert alone.state == TrainingState.PLATEAU_OR_CONVERGED
    assert told.state == TrainingState.IMPROVING
    assert told.descent.low < exact[-1] - exact[0] < told.descent.high


def test_the_descent_of_noise_is_a_normal_zero():
    """Without a gradient the path of noisy steps shows a descent of z mean 0 and deviation 1."""
    # false failure below 1e-4: 400 windows give the mean to 0.05 and the deviation to 0.036
    random = np.random.default_rng(5)
    scores = []
    for _ in range(400):
        noise = 0.02 * random.standard_normal((50, 12))
        parameters = np.vstack([np.zeros(12), -0.1 * np.cumsum(noise, axis=0)[:-1]])
        descent = training_state(
            0.5 + 0.02 * random.standard_normal(50),
            gradients=noise,
            gradient_standard_errors=0.02,
            parameters=parameters,
        ).descent
        scores.append(descent.value / (descent.high - descent.low) * 2 * 1.959964)

    assert abs(np.mean(scores)) < 0.2
    assert np.std(scores) == pytest.approx(1, abs=0.15)


def test_losses_that_rise_contradict_the_path():
    """A descent that the losses deny is not called improving."""
    parameters = np.linspace(0, -5, 50)[:, np.newaxis]
    told = training_state(
        np.linspace(0.5, 0.6, 50) + 0.0001 * np.cos(np.arange(50) * 3),
        loss_standard_error=0.05,
        gradients=np.full((50, 1), 0.1),
        gradient_standard_errors=0.001,
        parameters=parameters,
    )

    assert told.descent.high < 0
    assert told.state == TrainingState.FLAT_WITH_SIGNAL
