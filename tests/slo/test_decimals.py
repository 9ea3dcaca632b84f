"""Numbers as people write them."""

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgm_observe.slo.decimals import percent, plain


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1 - 0.95, "0.05"),
        (5.6000000000000005, "5.6"),
        (14.4, "14.4"),
        (1e-9, "0"),
        (1e6, "1000000"),
    ],
)
def test_no_float_is_ugly(number, text):
    """Six decimals at most, no exponent, no zeros at the end."""
    assert plain(number) == text


@given(st.floats(-1e5, 1e5))
def test_a_number_is_read_back_within_half_a_millionth(number):
    """What is written has no exponent and is the number to six decimals."""
    assert re.fullmatch(r"-?[0-9]+(\.[0-9]{1,6})?", plain(number))
    assert abs(float(plain(number)) - number) <= 5.1e-7


def test_a_share_is_told_in_percent():
    """A target is told as it was meant."""
    assert percent(Decimal("0.999")) == "99.9 %"
