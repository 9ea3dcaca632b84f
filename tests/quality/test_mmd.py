"""The squared maximum mean discrepancy."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgm_observe.errors import UsageError
from qgm_observe.quality import mmd
from qgm_observe.quality.cells import align
from qgm_observe.quality.counts import Counts
from qgm_observe.quality.mmd import BANDWIDTHS, Kernel, mmd_squared
from qgm_observe.training.losses import mmd_squared_unbiased


def matrix(num_bits: int, bandwidths: tuple[float, ...] = BANDWIDTHS) -> np.ndarray:
    """The kernel written out."""
    places = range(2**num_bits)
    rows = [[(a ^ b).bit_count() for b in places] for a in places]
    return np.mean([np.exp(-np.array(rows) / 2 / width) for width in bandwidths], axis=0)


@pytest.mark.parametrize("num_bits", [1, 5, 7])
def test_both_ways_of_the_product_are_the_kernel(num_bits: int) -> None:
    """Bit by bit and pair by pair, the product with a vector is that of the written-out matrix."""
    vectors = np.random.default_rng(1).normal(size=(2, 2**num_bits))
    kernel, places = Kernel.from_bandwidths(BANDWIDTHS), np.arange(2**num_bits)
    expected = vectors @ matrix(num_bits)

    dense = kernel._apply_dense(vectors, places, num_bits)
    pairwise = kernel._apply_pairwise(vectors, places, num_bits)

    assert dense == pytest.approx(expected)
    assert pairwise == pytest.approx(expected)
    assert kernel.squared._apply_dense(vectors, places, num_bits) == pytest.approx(
        vectors @ matrix(num_bits) ** 2
    )


@given(st.lists(st.integers(0, 9), min_size=8, max_size=8).filter(lambda n: sum(n) > 1))
def test_the_value_is_the_mean_over_pairs(numbers: list[int]) -> None:
    """The value is the mean of the kernel over all pairs of different shots, less the rest."""
    p, kernel = np.arange(1, 9) / 36, matrix(3)
    samples = np.repeat(np.arange(8), numbers)
    pairs = [kernel[a, b] for (i, a), (j, b) in product(enumerate(samples), repeat=2) if i != j]
    expected = np.mean(pairs) - 2 * (kernel @ p)[samples].mean() + p @ kernel @ p

    value = mmd_squared(align(Counts.from_cells(numbers), p)).value

    assert value == pytest.approx(expected, abs=1e-12)


def test_it_is_the_loss_that_trainings_use() -> None:
    """Value and default bandwidths are those of the reference core's loss."""
    numbers, p = np.array([5, 0, 7, 9, 2, 2, 0, 1]), np.arange(1, 9) / 36

    value = mmd_squared(align(Counts.from_cells(numbers), p)).value

    assert value == pytest.approx(mmd_squared_unbiased(numbers, p, BANDWIDTHS))


def test_mean_and_variance_agree_with_exact_enumeration() -> None:
    """Over every possible outcome of five shots the value has no bias."""
    from scipy.stats import multinomial

    p, q, kernel = np.array([0.1, 0.2, 0.3, 0.4]), np.array([0.4, 0.3, 0.2, 0.1]), matrix(2)
    draws = [draw for draw in product(range(6), repeat=4) if sum(draw) == 5]
    weights = multinomial.pmf(draws, 5, q)
    values = [mmd_squared(align(Counts.from_cells(draw), p)).value or 0.0 for draw in draws]

    assert weights @ np.array(values) == pytest.approx((p - q) @ kernel @ (p - q))


@pytest.mark.parametrize("rows", [0, 400])
@pytest.mark.parametrize("strength", [0.0, 0.3])
def test_the_interval_covers(rows: int, strength: float) -> None:
    """Over 400 draws, also against a data set, 91 % or more hold the truth (false failure 1e-4)."""
    rng = np.random.default_rng(8)
    p = np.arange(1, 17) / 136
    q = (1 - strength) * p + strength / 16
    truth = (p - q) @ matrix(4) @ (p - q)
    covered = 0
    for _ in range(400):
        target = Counts.from_cells(rng.multinomial(rows, p)) if rows else p
        estimate = mmd_squared(align(Counts.from_cells(rng.multinomial(300, q)), target))
        assert estimate.low is not None
        assert estimate.high is not None
        covered += estimate.low <= truth <= estimate.high

    assert covered / 400 >= 0.91


def test_wide_outcomes_are_compared_pair_by_pair() -> None:
    """Outcomes of 40 bits, far beyond any dense array, give a value as well."""
    far = {"0" * 40: 500, "1" * 40: 500}

    assert mmd_squared(align(far, {"0" * 40: 0.5, "1" * 40: 0.5})).high < 0.01  # type: ignore[operator]
    assert mmd_squared(align(far, {"0" * 40: 1.0})).value == pytest.approx(0.5, abs=0.01)


def test_too_many_wide_outcomes_have_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """Too many outcomes of too many bits are not compared, and the reason says what to do."""
    monkeypatch.setattr(mmd, "MAX_PAIRWISE_CELLS", 1)

    estimate = mmd_squared(align({"0" * 40: 5, "1" * 40: 5}, {"0" * 40: 1.0}))

    assert "compare at most 22 bits" in (estimate.reason or "")


@pytest.mark.parametrize("bandwidths", [(), (0.0,), (-1.0,), (float("nan"),), (float("inf"),)])
def test_bandwidths_are_above_zero(bandwidths: tuple[float, ...]) -> None:
    """A bandwidth that is none is refused."""
    with pytest.raises(UsageError, match="above 0"):
        mmd_squared(align({"0": 5}, [0.5, 0.5]), bandwidths=bandwidths)
