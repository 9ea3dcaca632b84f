"""Label values: harmless ones only, and no more of them than promised."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgm_observe.catalog import Kind, Label, Signal
from qgm_observe.telemetry.label_values import OTHER, CardinalityGuard, sanitized

ANY_TEXT = st.text(st.characters(), max_size=300)  # surrogates included
MODEL = Label("model", "The model's name.", bound=3)
KIND = Label("kind", "The kind.", ("training", "inference"))
SIGNAL = Signal("qgm.things", Kind.COUNTER, "{thing}", "Things.", (MODEL, KIND))


@given(ANY_TEXT)
def test_a_sanitized_value_is_short_valid_and_shows_all_it_has(value):
    """Whatever comes in, what goes out encodes, is at most 128 long and hides nothing."""
    clean = sanitized(value)

    clean.encode()
    assert len(clean) <= 128
    assert not {unicodedata.category(c) for c in clean} & {"Cc", "Cf", "Cs", "Zl", "Zp"}


@given(ANY_TEXT)
def test_sanitizing_twice_changes_nothing_more(value):
    """A clean value stays as it is."""
    assert sanitized(sanitized(value)) == sanitized(value)


@given(st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=128))
def test_an_honest_value_is_left_alone(value):
    """Letters, digits, punctuation and blanks of any script are kept."""
    assert sanitized(value) == value


@pytest.mark.parametrize(
    ("value", "clean"),
    [
        ("a\ud800b", "a\ufffdb"),
        ("a\u202eb", "a\ufffdb"),
        ("a\x00b\nc", "a\ufffdb\ufffdc"),
        ("\u2028", "\ufffd"),
        ("x" * 200, "x" * 128),
        ("ibm_fez", "ibm_fez"),
    ],
)
def test_what_hides_is_replaced_and_what_is_long_is_cut(value, clean):
    """Surrogates, direction marks and control characters become U+FFFD."""
    assert sanitized(value) == clean


def full_guard(room=None) -> CardinalityGuard:
    guard = CardinalityGuard(lambda: room)
    for name in "abc":
        guard.admit(SIGNAL, (name, "training"))
    return guard


def test_values_within_the_bound_are_kept_apart():
    """As many values as the bound says are published under their own name."""
    guard = CardinalityGuard(lambda: None)

    assert [guard.admit(SIGNAL, (name, "training"))[0] for name in "abca"] == ["a", "b", "c", "a"]
    assert guard.folded == 0


def test_the_surplus_becomes_other_and_is_counted_once():
    """One value too many is published as `other`; seeing it again counts no more."""
    guard = full_guard()

    assert guard.admit(SIGNAL, ("d", "training")) == (OTHER, "training")
    assert guard.admit(SIGNAL, ("d", "inference")) == (OTHER, "inference")
    assert guard.admit(SIGNAL, ("e", "training")) == (OTHER, "training")
    assert guard.admit(SIGNAL, ("a", "training")) == ("a", "training")
    assert guard.folded == 2


def test_idle_values_make_room_before_anything_is_folded():
    """A full label first drops what its owner says is idle."""
    guard = full_guard(room={"model": {"a"}, "kind": {"training"}})

    assert guard.admit(SIGNAL, ("d", "training")) == ("d", "training")
    assert guard.folded == 0


def test_a_value_outside_a_closed_set_is_other():
    """A label with closed values takes no further one."""
    guard = CardinalityGuard(lambda: None)

    assert guard.admit(SIGNAL, ("a", "warfare")) == ("a", OTHER)
    assert guard.folded == 1


def test_empty_and_other_need_no_room():
    """An empty value and `other` itself fit even a full label."""
    guard = full_guard()

    assert guard.admit(SIGNAL, ("", "training")) == ("", "training")
    assert guard.admit(SIGNAL, (OTHER, "training")) == (OTHER, "training")
    assert guard.folded == 0


@given(st.lists(ANY_TEXT, max_size=30))
def test_no_label_ever_exceeds_its_bound(values):
    """However many values are offered, a label has at most its bound, empty and `other`."""
    guard = CardinalityGuard(lambda: None)
    admitted = {guard.admit(SIGNAL, (value, "training"))[0] for value in values}

    assert len(admitted - {"", OTHER}) <= MODEL.bound
