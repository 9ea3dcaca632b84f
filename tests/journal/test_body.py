"""Bodies of events as JSON."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgm_observe.catalog import Outcome
from qgm_observe.journal.body import decode, encode

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), PLAIN))
def test_what_json_can_say_comes_back_unchanged(body):
    """Whatever plain body is written is read back equal."""
    assert decode(encode(body)) == body


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_numbers_that_are_none_become_null(number):
    """A number that JSON has no word for is written as null, also deep inside."""
    assert decode(encode({"a": [{"b": number}], "c": 1.5})) == {"a": [{"b": None}], "c": 1.5}


def test_foreign_objects_become_their_type():
    """An object is written by the name of its type, for its own text may raise or be hostile."""

    class Hostile:
        def __str__(self):
            raise RuntimeError("no")

    assert decode(encode({"x": Hostile(), "y": {1: b"z"}})) == {
        "x": "<Hostile>",
        "y": {"<int>": "<bytes>"},
    }


def test_endless_bodies_end():
    """A body that holds itself is cut instead of recursing for ever."""
    body: dict = {}
    body["self"] = body
    assert encode(body).startswith('{"self":{"self":')


def test_enumerations_are_their_values():
    """A member of our enumerations is written as its value, so that JSON readers see text."""
    assert json.loads(encode({"outcome": Outcome.LOST})) == {"outcome": "lost"}


def test_text_that_is_no_utf8_survives():
    """A lone surrogate, which no file could hold, is escaped and comes back."""
    assert decode(encode({"x": "\ud800"})) == {"x": "\ud800"}


def test_an_integer_too_long_to_be_written_is_named():
    """Python writes no integer of more than 4300 digits: it becomes its type, the rest stays."""
    assert decode(encode({"x": 10**5000, "y": 2**100})) == {"x": "<int>", "y": 2**100}
