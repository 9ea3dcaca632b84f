"""What passes the door and what does not."""

import numpy as np
import pytest

from qgm_observe.errors import UsageError
from qgm_observe.quality.series import (
    finite_series,
    finite_table,
    open_share,
    positive,
)


def test_numbers_pass_as_floats():
    """Lists, integers and arrays become floats of the wanted shape."""
    assert finite_series("x", [1, 2]).tolist() == [1.0, 2.0]
    assert finite_table("x", [1, 2]).shape == (2, 1)
    assert finite_table("x", np.ones((3, 2), int)).dtype == np.float64
    assert (open_share("a", 0.5), positive("b", 3)) == (0.5, 3.0)


@pytest.mark.parametrize(
    "wrong", [[[1.0]], ["x"], [None], [float("inf")], [float("nan")], [1e200], [[1], [1, 2]]]
)
def test_what_is_no_row_of_numbers_is_refused(wrong):
    """Each kind of bad row is one line that begins with its name."""
    with pytest.raises(UsageError, match=r"^losses: [^\n]+$"):
        finite_series("losses", wrong)


@pytest.mark.parametrize("wrong", [[], [[]], [[[1.0]]], [[float("nan")]]])
def test_what_is_no_table_is_refused(wrong):
    """Empty tables, cubes and missing values are refused."""
    with pytest.raises(UsageError, match="rows: "):
        finite_table("rows", wrong)


def test_numbers_out_of_range_are_refused():
    """Shares are strictly between 0 and 1, sizes finite and above 0."""
    for share in (0, 1, float("nan")):
        with pytest.raises(UsageError):
            open_share("alpha", share)
    for size in (0, -1, float("inf"), float("nan")):
        with pytest.raises(UsageError):
            positive("rate", size)
