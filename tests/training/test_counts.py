import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit.primitives import BitArray

from qgm_observe.training.counts import (
    by_bitstring,
    count_register,
    distribution,
    tally,
    valid_shot_ratio,
)

COUNTS = st.dictionaries(
    st.text("01", min_size=3, max_size=3), st.integers(1, 1000), min_size=1, max_size=8
)


@given(COUNTS)
def test_tally_and_names_are_inverse(counts):
    """Counts arranged by index and named again are the same counts."""
    assert by_bitstring(tally(counts, 3)) == counts


@given(COUNTS)
def test_a_distribution_keeps_the_proportions(counts):
    """Every bitstring's relative frequency is its count over the number of shots."""
    shares = distribution(counts, 3)

    assert shares.sum() == pytest.approx(1)
    for bitstring, count in counts.items():
        assert shares[int(bitstring, 2)] == count / sum(counts.values())


@given(st.lists(st.lists(st.integers(0, 2**11 - 1), min_size=5, max_size=5), min_size=1))
def test_a_register_is_counted_as_qiskit_counts_it(samples):
    """Each circuit's row agrees with Qiskit's own counts, also beyond one byte of bits."""
    packed = np.array(samples, dtype=">u2").view(np.uint8).reshape(len(samples), 5, 2)
    register = BitArray(packed, 11)

    counted = count_register(register)

    for row, expected in enumerate(register.get_int_counts(place) for place in range(len(samples))):
        assert dict(enumerate(counted[row])) == {**dict.fromkeys(range(2**11), 0), **expected}


def test_the_valid_ratio_is_the_share_of_shots_in_the_support(bars):
    """Three of four shots on bars or stripes are a ratio of 0.75; uniform counts give 6/16."""
    uniform = {f"{index:04b}": 1 for index in range(16)}

    assert valid_shot_ratio({"1100": 2, "0101": 1, "1000": 1}, bars) == 0.75
    assert valid_shot_ratio(uniform, bars) == 6 / 16


@pytest.mark.parametrize("bitstring", ["01", "01a", "0 1", "0b1"])
def test_a_key_that_is_no_bitstring_is_refused(bitstring):
    """A key of another length or with other characters is named in one line."""
    with pytest.raises(ValueError, match="is no bitstring of 3 qubits"):
        tally({bitstring: 1}, 3)


def test_no_counts_are_no_distribution():
    """Nothing measured is an error, never a distribution of zeros or NaN."""
    with pytest.raises(ValueError, match="at least one shot"):
        distribution({}, 2)
