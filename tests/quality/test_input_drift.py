"""Drift of the input: tests of single features and of many at once."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency

from qgm_observe.errors import UsageError
from qgm_observe.quality.input_drift import (
    CHI_SQUARE,
    MMD,
    alpha_for,
    chi_square,
    input_drift,
    mmd_permutation,
)


@given(st.lists(st.tuples(st.integers(20, 200), st.integers(20, 200)), min_size=2, max_size=12))
def test_chi_square_is_that_of_scipy_where_nothing_is_pooled(pairs):
    """Statistic, freedom and p equal those of an independent implementation."""
    table = np.array(pairs).T
    oracle = chi2_contingency(table, correction=False)

    assume(oracle.expected_freq.min() >= 10)  # so that no cell counts as rare
    assert chi_square(*table) == pytest.approx((oracle.statistic, oracle.dof, oracle.pvalue))


def test_rare_cells_are_pooled():
    """Cells that expect too little are merged, so that freedom counts what is left."""
    first = [100, 100, 2, 1, 1, 1]
    second = [100, 100, 1, 1, 2, 1]
    statistic, freedom, p = chi_square(first, second)
    oracle = chi2_contingency([[100, 100, 5], [100, 100, 5]], correction=False)

    assert (statistic, freedom, p) == pytest.approx((oracle.statistic, 2, 1.0))


@pytest.mark.parametrize("pair", [([0], [0]), ([5], [7]), ([0, 0], [3, 4]), ([1, 0], [0, 1])])
def test_tables_without_a_second_cell_show_nothing(pair):
    """With one cell left, or an empty side, p is 1 and no warning is raised."""
    assert chi_square(*pair) == (0.0, 0, 1.0)


def test_chi_square_keeps_its_level():
    """Of 400 windows without drift over 30 uneven cells about 5 % fall below p = 0.05."""
    random = np.random.default_rng(1)
    p = np.geomspace(1, 100, 30)
    tables = random.multinomial(300, p / p.sum(), size=(400, 2))
    rejected = np.mean([chi_square(*pair)[2] < 0.05 for pair in tables])

    assert 0.015 <= rejected <= 0.09  # 4 binomial deviations of 5 %


def test_mmd_is_the_unbiased_statistic_of_its_definition():
    """MMD^2 equals the double sums over pairs with the Gaussian kernel at the median distance."""
    random = np.random.default_rng(2)
    first, second = random.uniform(size=(15, 2)), random.uniform(size=(12, 2))
    rows = np.concatenate([first, second])
    scaled = (rows - rows.min(axis=0)) / np.ptp(rows, axis=0)
    squares = ((scaled[:, None] - scaled[None]) ** 2).sum(axis=-1)
    kernel = np.exp(-squares / np.median(squares[squares > 0]))
    np.fill_diagonal(kernel, 0)
    expected = (
        kernel[:15, :15].sum() / (15 * 14)
        + kernel[15:, 15:].sum() / (12 * 11)
        - 2 * kernel[:15, 15:].mean()
    )

    assert mmd_permutation(first, second, 10, random)[0] == pytest.approx(expected)


def test_the_permutation_test_keeps_its_level():
    """Of 200 windows without drift at most 10 % fall below p = 0.05."""
    random = np.random.default_rng(3)
    bits = random.integers(0, 2, size=(200, 60, 10)).astype(float)
    p = [mmd_permutation(each[:30], each[30:], 99, random)[1] for each in bits]

    assert np.mean(np.array(p) <= 0.05) <= 0.10  # 3 binomial deviations


def test_drift_in_one_feature_of_many_is_named():
    """A shifted number and a shifted bitstring are found, by the method that suits each."""
    random = np.random.default_rng(4)
    reference = {f"f{i}": random.integers(0, 4, 500) for i in range(8)}
    window = {f"f{i}": random.integers(0, 4, 500) for i in range(8)}
    reference |= {"price": random.normal(size=500), "bits": random.integers(0, 2, (500, 10))}
    window |= {"price": random.normal(0.6, size=500), "bits": random.random((500, 10)) < 0.6}
    told = {each.feature: each for each in input_drift(reference, window)}

    assert {name for name, each in told.items() if each.drifted} == {"price", "bits"}
    assert (told["f0"].method, told["price"].method) == (CHI_SQUARE, MMD)
    assert all(each.adjusted_p >= each.p for each in told.values())


def test_categories_may_be_text():
    """A category that takes over is found by its name, and equal shares are no drift."""
    before = {"color": ["red", "blue"] * 100}
    (same,) = input_drift(before, {"color": ["blue", "red"] * 50})
    (other,) = input_drift(before, {"color": ["blue"] * 90 + ["green"] * 10})

    assert (same.drifted, other.drifted) == (False, True)


def test_permutations_suffice_for_the_level():
    """At one false alarm a year over 5 features one that drifts far is still found."""
    random = np.random.default_rng(5)
    reference = {str(i): random.normal(size=200) for i in range(5)}
    window = reference | {"3": random.normal(3, size=200)}
    told = input_drift(reference, window, alpha=alpha_for(1, 1))

    assert [each.feature for each in told if each.drifted] == ["3"]
    with pytest.raises(UsageError, match="permutations 0"):
        input_drift(reference, window, permutations=0)


def test_few_rows_are_a_reason():
    """Below 20 rows a feature has no p and does not drift, whatever it shows."""
    (told,) = input_drift({"x": [0.0] * 50}, {"x": [1.0] * 19})

    assert (told.p, told.drifted) == (None, False)
    assert told.reason == "insufficient rows: 19, needs 20 on each side"


def test_the_level_follows_from_a_yearly_rate():
    """One false alarm a year at one window a day is a level of 1/365."""
    assert alpha_for(1, 1) == pytest.approx(1 / 365)
    assert alpha_for(1e9, 1) == 0.5


@pytest.mark.parametrize("pair", [([1], [1, 2]), ([-1, 2], [1, 2]), (["x"], [1])])
def test_rows_that_are_no_counts_are_refused(pair):
    """Other lengths, negative counts and text are one line."""
    with pytest.raises(UsageError, match="write"):
        chi_square(*pair)


@pytest.mark.parametrize(
    ("reference", "window", "words"),
    [
        ({"a": [1.0]}, {"b": [1.0]}, r"\(a, b\)"),
        ({}, {}, "none at all"),
        ({"a": [float("nan")] * 30}, {"a": [1.0] * 30}, "a: "),
        ({"a": [[1.0, 2.0]] * 30}, {"a": [1.0] * 30}, "as many columns"),
    ],
)
def test_bad_input_is_one_line(reference, window, words):
    """Other features, none, missing values and other widths are refused."""
    with pytest.raises(UsageError, match=words):
        input_drift(reference, window)
