"""How work ends: closed sets, and shots by the decade."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgm_observe.catalog import ErrorClass, ExecutionMode, Outcome, Purpose, shot_class
from qgm_observe.catalog.outcomes import SHOT_CLASSES


@pytest.mark.parametrize(
    ("shots", "expected"),
    [
        (None, "none"),
        (0, "none"),
        (-5, "none"),
        (1, "1"),
        (9, "1"),
        (10, "10"),
        (999, "100"),
        (1000, "1k"),
        (4096, "1k"),
        (99_999, "10k"),
        (100_000, "100k"),
        (1_000_000, "1M"),
        (10**9, "1M"),
    ],
)
def test_shots_are_told_by_the_decade(shots, expected):
    """An exact shot count becomes its decade, from one shot to a million and more."""
    assert shot_class(shots) == expected


@given(st.none() | st.integers())
def test_a_shot_class_is_always_of_the_closed_set(shots):
    """No number of shots leads out of the label's values."""
    assert shot_class(shots) in SHOT_CLASSES


@given(st.integers(1, 10**9), st.integers(1, 10**9))
def test_more_shots_are_never_a_lower_class(fewer, more):
    """The class grows with the shots."""
    fewer, more = sorted((fewer, more))

    assert SHOT_CLASSES.index(shot_class(fewer)) <= SHOT_CLASSES.index(shot_class(more))


@pytest.mark.parametrize("closed", [Outcome, ErrorClass, ExecutionMode, Purpose])
def test_values_are_their_own_text(closed):
    """A value is written to JSON and into labels as its lower-case text."""
    for value in closed:
        assert json.loads(json.dumps(value)) == str(value) == value.value == value.lower()
