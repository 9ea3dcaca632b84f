import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgm_observe.training.losses import (
    EntropyRegularized,
    MmdLoss,
    NllLoss,
    entropy,
    make_loss,
    mmd_squared,
    mmd_squared_unbiased,
    smooth,
)

BANDWIDTHS = st.lists(st.floats(0.1, 10), min_size=1, max_size=3)


@st.composite
def distributions(draw, num_qubits=None):
    n = draw(st.integers(1, 5)) if num_qubits is None else num_qubits
    weights = np.array(draw(st.lists(st.integers(0, 100), min_size=2**n, max_size=2**n)))
    weights[0] += 1
    return weights / weights.sum()


def kernel(left, right, bandwidths):
    distance = (left ^ right).bit_count()
    return np.mean([math.exp(-distance / (2 * bandwidth)) for bandwidth in bandwidths])


def kernel_matrix(size, bandwidths):
    return np.array([[kernel(x, y, bandwidths) for y in range(size)] for x in range(size)])


@given(distributions(), BANDWIDTHS)
def test_smoothing_is_the_kernel_matrix(vector, bandwidths):
    """The tensor-product pass equals multiplication by the full kernel matrix."""
    brute_force = kernel_matrix(len(vector), bandwidths) @ vector

    assert np.allclose(smooth(vector, bandwidths), brute_force, rtol=1e-10)


@given(st.data(), BANDWIDTHS)
def test_the_discrepancy_is_a_distance(data, bandwidths):
    """It is symmetric, zero for equal distributions, and never negative beyond rounding."""
    left, right = data.draw(distributions(3)), data.draw(distributions(3))

    assert mmd_squared(left, left, bandwidths) == 0
    assert mmd_squared(left, right, bandwidths) >= -1e-15
    assert mmd_squared(left, right, bandwidths) == pytest.approx(
        mmd_squared(right, left, bandwidths), abs=1e-15
    )


@given(st.lists(st.integers(0, 7), min_size=2, max_size=12), distributions(3), BANDWIDTHS)
def test_the_unbiased_estimate_averages_over_pairs_of_different_shots(samples, target, bandwidths):
    """The U-statistic equals the sum over all ordered pairs of different shots, done by hand."""
    shots = len(samples)
    pairs = sum(kernel(x, y, bandwidths) for x, y in itertools.permutations(samples, 2))
    reach = kernel_matrix(8, bandwidths) @ target
    expected = pairs / (shots * (shots - 1)) - 2 * reach[samples].mean() + target @ reach

    estimate = mmd_squared_unbiased(np.bincount(samples, minlength=8), target, bandwidths)

    assert estimate == pytest.approx(expected, abs=1e-12)


def expectation(statistic, model, shots):
    total = 0.0
    for samples in itertools.product(range(len(model)), repeat=shots):
        chance = math.prod(model[sample] for sample in samples)
        total += chance * statistic(np.bincount(samples, minlength=len(model)))
    return total


@given(distributions(2), distributions(2), st.integers(2, 4))
def test_the_u_statistic_is_unbiased_and_the_v_statistic_too_large(model, target, shots):
    """Over every possible outcome U averages to the truth, and V to (1 - E k) / N more."""
    widths = (0.5, 2.0)
    truth = mmd_squared(model, target, widths)
    excess = (1 - model @ kernel_matrix(4, widths) @ model) / shots

    unbiased = expectation(lambda c: mmd_squared_unbiased(c, target, widths), model, shots)
    plain = expectation(lambda c: mmd_squared(c / c.sum(), target, widths), model, shots)

    assert unbiased == pytest.approx(truth, abs=1e-12)
    assert plain == pytest.approx(truth + excess, abs=1e-12)


def test_the_likelihood_is_smallest_at_the_target_where_it_is_the_entropy():
    """The negative log-likelihood of a perfect model is the target's entropy, here ln 2."""
    target = np.array([0.5, 0.0, 0.0, 0.5])
    loss = NllLoss(target, clip=1e-6)

    assert loss.value(target) == pytest.approx(math.log(2))
    assert loss.value(np.array([0.4, 0.1, 0.1, 0.4])) > math.log(2)


def test_a_clipped_likelihood_stays_finite():
    """What the model never produced costs minus the log of the clip, not infinity."""
    loss = NllLoss(np.array([0.0, 1.0]), clip=0.01)

    assert loss.value(np.array([100, 0])) == pytest.approx(-math.log(0.01))
    assert loss.slope(np.array([100, 0])).tolist() == pytest.approx([0, -100])


def test_entropy_is_largest_for_the_uniform_distribution():
    """Entropy is ln K for K equal cells and 0 for a single one."""
    assert entropy(np.full(8, 1 / 8)) == pytest.approx(math.log(8))
    assert entropy(np.array([0.0, 1.0])) == 0


def test_the_entropy_reward_prefers_spread():
    """The reward is the weight times the entropy relative to uniform: collapse earns none."""
    target = np.array([0.25, 0.25, 0.25, 0.25])
    plain = MmdLoss(target, (1.0,))
    rewarded = EntropyRegularized(plain, weight=0.3, clip=1e-6)
    spread, collapsed = np.array([5, 5, 5, 5]), np.array([20, 0, 0, 0])

    assert rewarded.value(spread) == pytest.approx(plain.value(spread) - 0.3)
    assert rewarded.value(collapsed) == pytest.approx(plain.value(collapsed))


def mmd_of_probabilities(target):
    return MmdLoss(target, (0.3, 2.0)).slope, lambda q: mmd_squared(q, target, (0.3, 2.0))


def nll_of_probabilities(target):
    loss = NllLoss(target, clip=1e-6)
    return loss.slope, loss.value


def entropy_of_probabilities(target):
    regularized = EntropyRegularized(NllLoss(target, 1e-6), weight=0.5, clip=1e-6)
    return regularized.slope, regularized.value


@pytest.mark.parametrize(
    "pair", [mmd_of_probabilities, nll_of_probabilities, entropy_of_probabilities]
)
@given(st.data())
def test_the_slope_is_the_derivative_of_the_value(pair, data):
    """Probability moved between two bitstrings changes the value by the slopes' difference."""
    target = data.draw(distributions(3))
    model = (data.draw(distributions(3)) + 0.1) / 1.8
    giver, taker = data.draw(st.permutations(range(8)))[:2]
    slope, value = pair(target)
    move = np.zeros(8)
    move[taker], move[giver] = 1e-6, -1e-6

    change = (value(model + move) - value(model - move)) / 2e-6

    expected = slope(model)[taker] - slope(model)[giver]
    assert change == pytest.approx(expected, rel=1e-5, abs=1e-6)


def test_an_unknown_loss_is_refused():
    """The refusal names the losses that there are."""
    with pytest.raises(ValueError, match="loss='wasserstein' is unknown: choose mmd or nll"):
        make_loss("wasserstein", np.ones(2) / 2, bandwidths=(1.0,), clip=0.1, entropy_weight=0)


def test_weightless_entropy_leaves_the_loss_alone():
    """An entropy weight of 0 gives the plain loss, any other the regularized one."""
    target = np.ones(2) / 2

    plain = make_loss("mmd", target, bandwidths=(1.0,), clip=0.1, entropy_weight=0)
    rewarded = make_loss("mmd", target, bandwidths=(1.0,), clip=0.1, entropy_weight=0.1)

    assert isinstance(plain, MmdLoss)
    assert isinstance(rewarded, EntropyRegularized)
