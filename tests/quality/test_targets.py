"""Targets that are known, and targets that are data sets."""

from typing import Any

import numpy as np
import pytest

from qgm_observe.errors import UsageError
from qgm_observe.quality.targets import as_target
from qgm_observe.training.targets import bars_and_stripes

KNOWN: dict[str, Any] = {
    "array": np.array([0.0, 0.25, 0.75, 0.0]),
    "list": [0.0, 0.25, 0.75, 0.0],
    "mapping": {"01": 0.25, "10": 0.75},
    "integer keys": {1: 0.25, 2: 0.75},
    "float32": np.array([0, 0.25, 0.75, 0], dtype=np.float32),
}


@pytest.mark.parametrize("form", KNOWN)
def test_every_form_gives_the_same_target(form: str) -> None:
    """Whatever the form, a known target has the same outcomes and probabilities."""
    target = as_target(KNOWN[form])

    assert target.known
    assert target.num_bits == 2
    assert target.outcomes.tolist() == [1, 2]
    assert target.probabilities.tolist() == [0.25, 0.75]


def test_a_training_target_is_taken_as_it_is() -> None:
    """A target of a training core is known by its probabilities."""
    target = as_target(bars_and_stripes(2, 2))

    assert (target.num_bits, target.outcomes.size, target.size) == (4, 6, 16)


@pytest.mark.parametrize("data", [{"01": 1, "10": 3}, ["01", "10", "10", "10"], [1, 2, 2, 2]])
def test_whole_numbers_are_a_data_set(data: Any) -> None:
    """Rows of a data set give shares, and the target remembers how many rows there are."""
    target = as_target(data)

    assert not target.known
    assert target.rows is not None
    assert target.rows.tolist() == [1, 3]
    assert target.probabilities.tolist() == [0.25, 0.75]


def test_a_certain_outcome_is_a_probability() -> None:
    """A mapping of one outcome to the whole number 1 is a distribution, not one row."""
    assert as_target({"01": 1}).known


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([0.5, float("nan")], "NaN"),
        ([0.5, float("inf")], "finite"),
        ([1.5, -0.5], "at least 0"),
        ([0.5, 0.4], "sum to 1, not 0.9"),
        ({"0": 0.5, "1": 0.6}, "sum to 1, not 1.1"),
        ([0.5, 0.25, 0.25], r"2\^n probabilities"),
        (np.array([[0.5, 0.5]]), r"2\^n probabilities"),
        ({"0": 0.5, "11": 0.5}, "different widths"),
        ({"0": "half"}, "numbers from 0 to 1"),
        (np.array([0.5, 0.5j]), "numbers from 0 to 1"),
        ({}, "no outcomes"),
    ],
)
def test_what_is_no_distribution_is_refused(data: Any, message: str) -> None:
    """A target that is no distribution gets one line that says what to write."""
    with pytest.raises(UsageError, match=message) as refusal:
        as_target(data)

    assert "\n" not in str(refusal.value)


def test_another_width_is_refused() -> None:
    """A target of two bits is not compared with counts of three."""
    with pytest.raises(UsageError, match="the target has 2 bits, the counts 3"):
        as_target([0.25] * 4, num_bits=3)
    with pytest.raises(UsageError, match="the target has 1 bit, the counts 2: compare"):
        as_target([0.5, 0.5], num_bits=2)


@pytest.mark.parametrize("target", [None, "uniform", 1, 0.5], ids=["none", "text", "one", "half"])
def test_what_is_no_target_at_all_is_refused(target: Any) -> None:
    """The line speaks of the target, not of counts, and says which forms there are."""
    with pytest.raises(UsageError, match=r"is no target: pass probabilities .* or a data set"):
        as_target(target)
