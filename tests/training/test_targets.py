import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_iris

from qgm_observe.training.targets import (
    TARGETS,
    Target,
    as_target,
    bars_and_stripes,
    gaussian_mixture,
    iris,
    load_target,
    valid_mask,
)


def is_bars_or_stripes(image):
    rows_whole = all(len(set(row)) == 1 for row in image)
    columns_whole = all(len(set(column)) == 1 for column in zip(*image, strict=True))
    return rows_whole or columns_whole


@pytest.mark.parametrize(("rows", "columns", "patterns"), [(2, 2, 6), (3, 3, 14), (2, 3, 10)])
def test_bars_and_stripes_counts_each_valid_image_once(rows, columns, patterns):
    """A 2 x 2 image has 6 valid patterns, 3 x 3 has 14 and 2 x 3 has 10, all equally probable."""
    target = bars_and_stripes(rows, columns)

    assert target.support.sum() == patterns
    assert np.allclose(target.probabilities[target.support], 1 / patterns, rtol=1e-12)


@given(rows=st.integers(1, 3), columns=st.integers(1, 3), data=st.data())
def test_bars_and_stripes_support_is_exactly_the_whole_bars_and_stripes(rows, columns, data):
    """A bitstring is valid exactly when, read row by row, every row or every column is whole."""
    target = bars_and_stripes(rows, columns)
    index = data.draw(st.integers(0, 2 ** (rows * columns) - 1))
    pixels = f"{index:0{rows * columns}b}"
    image = [pixels[row * columns : (row + 1) * columns] for row in range(rows)]

    assert valid_mask(target)[index] == is_bars_or_stripes(image)


@given(
    num_qubits=st.integers(1, 8),
    modes=st.lists(
        st.tuples(st.floats(0.1, 1), st.floats(0, 1), st.floats(0.02, 1)), min_size=1, max_size=3
    ),
)
def test_a_gaussian_mixture_is_normalized(num_qubits, modes):
    """Whatever part of the mass lies outside the interval, the bins sum to one."""
    target = gaussian_mixture(num_qubits, modes)

    assert target.num_qubits == num_qubits
    assert math.isclose(target.probabilities.sum(), 1, abs_tol=1e-9)


def test_a_gaussian_bin_holds_the_mass_of_its_interval():
    """The two middle of four bins hold what a normal distribution has within half a deviation."""
    target = gaussian_mixture(2, [(1.0, 0.5, 0.5)])
    half, whole = math.erf(0.5 / math.sqrt(2)), math.erf(1 / math.sqrt(2))

    assert np.allclose(target.probabilities[1:3].sum(), half / whole)
    assert np.allclose(target.probabilities, target.probabilities[::-1])


def test_iris_counts_every_flower_of_the_real_data():
    """Each of the 150 flowers falls into the one bin that its petal length and width spell."""
    petals = load_iris().data[:, 2:4]
    low, high = petals.min(axis=0), petals.max(axis=0)
    expected = np.zeros((8, 8))
    for petal in petals:
        row, column = np.minimum(np.floor((petal - low) / (high - low) * 8), 7).astype(int)
        expected[row, column] += 1

    target = iris()

    assert target.num_qubits == 6
    assert np.allclose(target.probabilities * 150, expected.ravel())


def test_iris_setosa_has_the_smallest_petals():
    """A third of the flowers, the setosas, have petals in the lowest two bins of both measures."""
    grid = iris().probabilities.reshape(8, 8)

    assert grid[:2, :2].sum() == pytest.approx(50 / 150)


@pytest.mark.parametrize("name", TARGETS)
def test_every_named_target_is_a_distribution(name):
    """Each target that can be loaded by name sums to one over whole bitstrings."""
    target = load_target(name)

    assert target.probabilities.shape == (2**target.num_qubits,)
    assert target.probabilities.sum() == pytest.approx(1)


def test_probabilities_of_a_target_cannot_be_changed():
    """A target is frozen: neither its own array nor the array it came from can alter it."""
    source = np.array([0.5, 0.5])
    target = Target("coin", source)
    source[0] = 0.9

    assert target.probabilities[0] == 0.5
    with pytest.raises(ValueError, match="read-only"):
        target.probabilities[0] = 0.9


def test_counts_become_a_target():
    """Weights by bitstring are normalized and arranged by the integer that the bitstring spells."""
    target = as_target({"10": 3, "01": 1})

    assert target.probabilities.tolist() == [0, 0.25, 0.75, 0]


REFUSALS = {
    "too few": (lambda: Target("x", np.array([1.0])), r"2\^n probabilities"),
    "no power of two": (lambda: Target("x", np.array([0.5, 0.25, 0.25])), r"2\^n probabilities"),
    "wrong sum": (lambda: Target("x", np.array([0.5, 0.2])), "sum to 1"),
    "negative": (lambda: Target("x", np.array([1.5, -0.5])), "at least 0"),
    "not finite": (lambda: Target("x", np.array([np.nan, 1.0])), "finite"),
    "no rows": (lambda: bars_and_stripes(0, 2), "rows=0 is refused"),
    "too wide": (lambda: bars_and_stripes(5, 4), "needs 20 qubits: use 1 to 16"),
    "no width": (lambda: gaussian_mixture(3, [(1.0, 0.5, 0.0)]), "deviation=0.0 is refused"),
    "outside": (lambda: gaussian_mixture(3, [(1.0, 90.0, 0.01)]), "no mass"),
    "no bits": (lambda: iris(0, 3), "length_bits=0 is refused"),
    "typo": (lambda: load_target("bars"), "choose bars-and-stripes or gaussian-mixture or iris"),
    "two lengths": (lambda: as_target({"0": 1, "11": 2}), "one length"),
    "no weight": (lambda: as_target({"0": 0}), "sum above 0"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_bad_targets_are_refused_in_one_line(case):
    """Data that are no distribution over bitstrings give one line that says what is wanted."""
    make, line = REFUSALS[case]

    with pytest.raises(ValueError, match=line) as refusal:
        make()

    assert "\n" not in str(refusal.value)
