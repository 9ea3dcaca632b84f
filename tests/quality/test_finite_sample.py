"""Bounds of chance that hold at every number of shots."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, fisher_exact, hypergeom, multinomial

from qgm_observe.errors import UsageError
from qgm_observe.quality.finite_sample import (
    binomial_p,
    bounded_mean_p,
    multinomial_p,
    two_sample_p,
)


@pytest.mark.parametrize("p", [[0.5, 0.3, 0.2], [0.9, 0.09, 0.01], [1 / 3] * 3])
@pytest.mark.parametrize("shots", [1, 7, 25])
def test_small_chances_are_never_understated(p, shots):
    """Enumerating all outcomes, p falls below any level with at most that probability."""
    cells = [
        (a, b, shots - a - b)
        for a, b in itertools.product(range(shots + 1), repeat=2)
        if a + b <= shots
    ]
    chances = multinomial.pmf(cells, shots, p)
    told = np.array([multinomial_p(cell, p) for cell in cells])
    for level in (0.2, 0.05, 0.01, 1e-3, 1e-6):
        assert chances[told < level].sum() <= level


@pytest.mark.parametrize(("shots", "others"), [(4, 9), (12, 12), (20, 5)])
def test_small_differences_are_never_overstated(shots, others):
    """Enumerating two binomials of one sampler, p falls below a level with at most its chance."""
    for ratio in (0.1, 0.5):
        chance = {
            (a, b): binom.pmf(a, shots, ratio) * binom.pmf(b, others, ratio)
            for a in range(shots + 1)
            for b in range(others + 1)
        }
        told = {(a, b): two_sample_p([a, shots - a], [b, others - b]) for a, b in chance}
        for level in (0.2, 0.05, 1e-3):
            assert sum(chance[pair] for pair in chance if told[pair] < level) <= level


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 40), st.integers(0, 40))
def test_two_cells_are_at_most_four_one_sided_fisher_tests(a, b, c, d):
    """With two cells p is 4 times the smaller exact tail, at most 1."""
    if a + c == 0 or b + d == 0 or a + b == 0 or c + d == 0:
        assert two_sample_p([a, b], [c, d]) == 1.0
    else:
        tails = [fisher_exact([[a, b], [c, d]], side).pvalue for side in ("less", "greater")]
        assert two_sample_p([a, b], [c, d]) == pytest.approx(min(1.0, 4 * min(tails)), rel=1e-6)


def test_the_fisher_tail_holds_far_out():
    """A cell that is 30 deviations off has the tail of an independent implementation."""
    told = two_sample_p([900, 100], [100, 900])

    assert told == pytest.approx(4 * hypergeom.sf(899, 2000, 1000, 1000), rel=1e-3)


@given(st.integers(1, 200), st.floats(0, 1), st.data())
def test_the_binomial_tail_is_that_of_scipy(shots, ratio, data):
    """So few successes or fewer have the chance of an independent implementation."""
    successes = data.draw(st.integers(0, shots))

    assert binomial_p(successes, shots, ratio) == pytest.approx(
        binom.cdf(successes, shots, ratio), abs=1e-12
    )


@given(st.integers(1, 200), st.floats(0, 1), st.data())
def test_the_bound_of_a_mean_is_above_the_binomial_tail(shots, ratio, data):
    """Hoeffding's bound is no smaller than the exact tail of its worst case."""
    successes = data.draw(st.integers(0, shots))
    told = bounded_mean_p(successes / shots, shots, ratio)

    assert told >= binom.cdf(successes, shots, ratio) * (1 - 1e-9) or told == 1.0


def test_diffuse_differences_are_seen_too():
    """Depolarizing by a half shows in 1e5 shots of 64 cells although no single cell is odd."""
    p = np.exp(-((np.arange(64) - 31.5) ** 2) / 300)
    p /= p.sum()
    counts = np.random.default_rng(1).multinomial(20_000, 0.8 * p + 0.2 / 64)

    assert multinomial_p(counts, p) < 1e-9


def test_the_impossible_has_no_chance():
    """A cell of probability 0 that was seen is a p of 0; without shots p is 1."""
    assert multinomial_p([5, 1], [1.0, 0.0]) == 0.0
    assert multinomial_p([0, 0], [0.5, 0.5]) == 1.0
    assert multinomial_p([7, 0], [1.0, 0.0]) == 1.0
    assert two_sample_p([0, 0], [3, 4]) == 1.0
    assert (bounded_mean_p(0.9, 5, 1.0), bounded_mean_p(1.0, 5, 1.0)) == (0.0, 1.0)
    assert bounded_mean_p(0.0, 3, 0.5) == pytest.approx(math.exp(-3 * math.log(2)))


@pytest.mark.parametrize(
    "call",
    [
        lambda: multinomial_p([1, 2], [0.5]),
        lambda: multinomial_p([1], [0.5]),
        lambda: multinomial_p([1, 1], [1.5, -0.5]),
        lambda: multinomial_p([0.5, 1], [0.5, 0.5]),
        lambda: two_sample_p([1], [1, 2]),
        lambda: two_sample_p([-1], [1]),
        lambda: binomial_p(3, 2, 0.5),
        lambda: binomial_p(1, 2, float("nan")),
        lambda: bounded_mean_p(0.5, 0, 0.5),
        lambda: bounded_mean_p(1.5, 3, 0.5),
    ],
    ids=map(str, range(10)),
)
def test_numbers_that_contradict_are_one_line(call):
    """Shapes, counts, shares and means that cannot be are refused."""
    with pytest.raises(UsageError, match="write"):
        call()
