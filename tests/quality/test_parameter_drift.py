"""Moves of parameters and of calibration values."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgm_observe.errors import UsageError
from qgm_observe.quality.parameter_drift import calibration_drift, parameter_drift

angles = st.floats(-100, 100)


@pytest.mark.parametrize(
    ("before", "now", "moved"),
    [
        (0.001, 0.002, False),  # doubled, but tiny
        (10.0, 10.2, False),  # beyond the absolute threshold, but 2 %
        (1.0, 1.2, True),
        (0.0, 0.2, True),  # no relative size: the absolute one decides
    ],
)
def test_a_move_has_to_exceed_both_thresholds(before, now, moved):
    """Relative 10 % and absolute 0.05 both have to be exceeded."""
    (told,) = parameter_drift({"theta": before}, {"theta": now}, period=None)

    assert told.moved is moved


@given(angles, st.integers(-5, 5))
def test_full_turns_are_no_move(angle, turns):
    """An angle that went around a whole number of times did not move."""
    (told,) = parameter_drift({"a": angle}, {"a": angle + turns * 2 * math.pi})

    assert told.absolute == pytest.approx(0, abs=1e-9)
    assert not told.moved


@given(angles, angles)
def test_a_move_of_an_angle_is_at_most_half_a_turn(before, now):
    """The shorter way around counts."""
    (told,) = parameter_drift({"a": before}, {"a": now})

    assert 0 <= told.absolute <= math.pi + 1e-9


def test_a_gate_that_is_switched_off_is_noted():
    """Error 1 is a switch, no measurement: off counts as moved, back on does not."""
    told = calibration_drift(
        {"cz_0_1.error": 0.004, "cz_1_2.error": 1.0, "t1": 1.0},
        {"cz_0_1.error": 1.0, "cz_1_2.error": 0.004, "t1": 1.4},
    )

    assert [(each.moved, each.note, each.absolute) for each in told[:2]] == [
        (True, "disabled", None),
        (False, "enabled", None),
    ]
    assert (told[2].note, told[2].relative) == ("", pytest.approx(0.4))


def test_what_is_unknown_has_not_moved():
    """Values that appeared, are gone or were never known are named and not judged."""
    told = calibration_drift({"a": None, "b": 0.1, "d": None}, {"a": 0.1, "c": 0.2, "d": None})

    assert {each.name: each.note for each in told} == {
        "a": "appeared",
        "b": "gone",
        "c": "appeared",
        "d": "unknown",
    }
    assert not any(each.moved for each in told)


def test_a_doubled_error_rate_has_moved():
    """Twice a common two-qubit error exceeds both default thresholds."""
    (told,) = calibration_drift({"cz.error": 0.004}, {"cz.error": 0.008})

    assert told.moved
    assert told.relative == pytest.approx(1.0)


def test_bad_numbers_are_refused():
    """Values that are no numbers and negative thresholds are one line."""
    with pytest.raises(UsageError, match="theta nan: write a finite number"):
        parameter_drift({"theta": float("nan")}, {"theta": 1.0})
    with pytest.raises(UsageError, match="thresholds"):
        parameter_drift({}, {}, relative=-1)
