"""What the encoding does to the data."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgm_observe.errors import UsageError
from qgm_observe.quality.encoding import (
    Encoding,
    code_mismatch,
    encoding_mismatch,
    failure_share,
    round_trip_error,
    transform_coverage,
)

ENCODING = Encoding(
    name="basis", version="2", features=("a", "b"), low=(0.0, 0.0), high=(1.0, 10.0), bits=(3, 3)
)


def codes(raw: np.ndarray) -> np.ndarray:
    """Basis encoding of the ranges above, three bits a feature."""
    inside = (np.clip(raw, ENCODING.low, ENCODING.high) - ENCODING.low) / np.subtract(
        ENCODING.high, ENCODING.low
    )
    return np.minimum(np.floor(np.nan_to_num(inside) * 8), 7)


def test_each_loss_is_counted():
    """A missing row, two clipped values and one collision are counted out of what they can be."""
    raw = np.array([[0.5, 5.0], [np.nan, 1.0], [1.5, -2.0], [0.51, 5.1], [0.9, 9.0]])
    told = transform_coverage(raw, codes(raw), ENCODING)

    assert told.rows.value == 4 / 5
    assert told.clipped.value == 2 / 8
    assert told.collisions.value == 2 / 4
    assert told.features.value == 1.0


def test_a_feature_that_the_encoding_flattens_is_lost():
    """A feature whose values all lie above its range does not survive."""
    raw = np.column_stack([np.linspace(2, 3, 20), np.linspace(0, 10, 20)])
    told = transform_coverage(raw, codes(raw), ENCODING)

    assert told.features.value == 0.5


def test_equal_rows_are_no_collision():
    """Rows that were equal before may have one code."""
    raw = np.array([[0.5, 5.0]] * 10)
    told = transform_coverage(raw, codes(raw), ENCODING)

    assert told.collisions.value == 0.0
    assert told.features.reason == "nothing to count"


def test_no_rows_are_reasons():
    """An empty table and one without a whole row have reasons and no numbers."""
    empty = transform_coverage(np.empty((0, 2)), np.empty((0, 2)), ENCODING)
    missing = transform_coverage(np.full((3, 2), np.nan), np.zeros((3, 2)), ENCODING)

    assert {empty.rows.reason, missing.clipped.reason} == {"nothing to count"}
    assert missing.rows.value == 0.0


@given(st.lists(st.tuples(st.floats(-5, 5), st.floats(-20, 20)), min_size=1, max_size=30))
def test_shares_stay_shares(rows):
    """Whatever comes in, each share lies in its interval and in [0, 1]."""
    raw = np.array(rows)
    told = transform_coverage(raw, codes(raw), ENCODING)
    for share in (told.rows, told.features, told.clipped, told.collisions):
        assert share.value is None or 0 <= share.low <= share.value <= share.high <= 1


@pytest.mark.parametrize(
    ("field", "value"),
    [("version", "3"), ("features", ("b", "a")), ("high", (1.0, 11.0)), ("bits", (3, 4))],
)
def test_every_part_of_an_encoding_is_compared(field, value):
    """A change of version, order, range or bits is named and changes the fingerprint."""
    other = replace(ENCODING, **{field: value})

    (line,) = encoding_mismatch(ENCODING, other)
    assert line.startswith(f"{field}: ")
    assert other.fingerprint != ENCODING.fingerprint
    assert encoding_mismatch(ENCODING, replace(ENCODING)) == ()


def test_a_silent_change_shows_on_probe_rows():
    """Rows that get another code than in training are counted."""
    before = np.arange(20).reshape(10, 2)
    now = before.copy()
    now[:3, 1] += 1

    assert code_mismatch(before, now).value == 0.3
    assert code_mismatch(before, before).high < 0.31
    with pytest.raises(UsageError, match="as many rows"):
        code_mismatch(before, now[:5])


def test_rounding_costs_its_floor():
    """Rounding to steps of 0.1 loses 0.1^2 / 12, which the interval covers."""
    raw = np.random.default_rng(1).uniform(size=5000)
    told = round_trip_error(raw, np.round(raw, 1), 0.1)

    assert told.floor == pytest.approx(0.01 / 12)
    assert told.low <= told.floor <= told.high
    assert round_trip_error([1.0], [1.0], 0.1).reason == "insufficient rows: 1, needs 2"


def test_failures_are_a_share_of_rows():
    """Encoding errors of all kinds are counted together."""
    assert failure_share({"overflow": 2, "unknown category": 1}, 12).value == 0.25
    assert failure_share({}, 0).reason == "nothing to count"
    for failures in ({"overflow": 13}, {"overflow": -1}):
        with pytest.raises(UsageError):
            failure_share(failures, 12)


@pytest.mark.parametrize(
    "wrong",
    [{"low": (0.0,)}, {"low": (1.0, 0.0)}, {"high": (1.0, float("inf"))}, {"bits": (3, 99)}],
)
def test_impossible_encodings_are_refused(wrong):
    """Ranges that are none or fit no feature are one line."""
    with pytest.raises(UsageError, match="encoding basis: write"):
        replace(ENCODING, **wrong)


def test_tables_that_do_not_fit_are_refused():
    """Other widths, other lengths, text and cubes are one line."""
    for raw, encoded in (
        (np.ones((2, 3)), np.ones((2, 1))),
        (np.ones((2, 2)), np.ones((3, 1))),
        ([["x", "y"]], [[1]]),
        (np.ones((2, 2, 2)), np.ones((2, 1))),
    ):
        with pytest.raises(UsageError, match="write"):
            transform_coverage(raw, encoded, ENCODING)
    with pytest.raises(UsageError, match="round trip"):
        round_trip_error([1.0, 2.0], [1.0], 0.1)
