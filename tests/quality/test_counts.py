"""Counts in every form that samplers return."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit.primitives.containers import BitArray

from qgm_observe.errors import UsageError
from qgm_observe.quality.counts import Counts, as_counts

SHOTS = ["0110", "0110", "0001", "1111"]
EXPECTED = {6: 2, 1: 1, 15: 1}
FORMS: dict[str, Any] = {
    "counts": {"0110": 2, "0001": 1, "1111": 1},
    "registers": {"01 10": 2, "00 01": 1, "11 11": 1},
    "bit array": BitArray.from_samples(SHOTS),
    "shots": SHOTS,
    "counter": Counter(SHOTS),
    "tuples": {(0, 1, 1, 0): 2, (0, 0, 0, 1): 1, (1, 1, 1, 1): 1},
    "integers": {6: 2, 1: 1, 15: 1},
    "hexadecimal": {"0x6": 2, "0x1": 1, "0xf": 1},
    "samples": np.array([6, 6, 1, 15], dtype=np.uint8),
    "list of samples": [6, 6, 1, 15],
    "bits": [[0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 1], [1, 1, 1, 1]],
    "floats that are whole": {"0110": 2.0, "0001": 1.0, "1111": 1.0, "1010": 0.0},
    "cells": Counts.from_cells(np.bincount([6, 6, 1, 15], minlength=16)),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_counts(form: str) -> None:
    """Whatever the form, the same shots give the same outcomes, numbers and width."""
    counts = as_counts(FORMS[form])

    assert dict(zip(counts.outcomes.tolist(), counts.numbers.tolist(), strict=True)) == EXPECTED
    assert (counts.num_bits, counts.shots) == (4, 4)


def test_circuits_of_a_register_are_pooled() -> None:
    """A register of several circuits and of more than eight bits is counted as one."""
    register = BitArray.from_bool_array(
        np.random.default_rng(1).integers(0, 2, size=(3, 50, 11)).astype(bool)
    )
    expected = Counter[int]()
    for part in range(3):
        expected.update(register[part].get_int_counts())

    counts = as_counts(register)

    assert dict(zip(counts.outcomes.tolist(), counts.numbers.tolist(), strict=True)) == expected


@given(st.lists(st.integers(0, 2**20 - 1), min_size=1, max_size=60))
def test_no_shot_is_lost(samples: list[int]) -> None:
    """Counts of samples hold each sample as often as it came."""
    counts = as_counts(samples, num_bits=20)

    assert Counter(samples) == Counter(
        dict(zip(counts.outcomes.tolist(), counts.numbers.tolist(), strict=True))
    )


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "no outcomes"),
        ([], "no shots"),
        ({"01": 0}, "no shots"),
        (np.empty(0, dtype=int), "no shots"),
        ({"01": 1, "011": 2}, r"different widths \[2, 3\]"),
        ({"01": -1}, "at least 0"),
        ({"01": 0.25, "10": 0.75}, "not probabilities"),
        ({"01": float("nan")}, "finite"),
        ({"01": "many"}, "whole numbers"),
        ({"0a": 1}, "'0a' is no outcome"),
        ({-1: 1}, "at least 0"),
        ([0.5, 0.5], "probabilities are a target"),
        ([-1, 2], r"2\^62"),
        ([[0, 2]], "holds 0 and 1"),
        ([["0", "1"], ["1"]], "different widths"),
        ("0110", "pass a mapping, samples or BitArray"),
        (7, "pass a mapping, samples or BitArray"),
        ({"0" * 63: 1}, "use 1 to 62"),
    ],
)
def test_what_is_no_counts_is_refused(data: Any, message: str) -> None:
    """Input without shots, of mixed widths or of no shots at all gets one line."""
    with pytest.raises(UsageError, match=message) as refusal:
        as_counts(data)

    assert "\n" not in str(refusal.value)


def test_another_width_is_refused() -> None:
    """Counts of two bits are not taken for three."""
    with pytest.raises(UsageError, match="have 2 bits, not 3"):
        as_counts({"01": 5}, num_bits=3)


def test_an_integer_beyond_the_width_is_refused() -> None:
    """An integer outcome that needs more bits than the width is refused."""
    with pytest.raises(UsageError, match="outcome 8 needs more than 3 bits"):
        as_counts({8: 5}, num_bits=3)


@pytest.mark.parametrize(
    ("outcomes", "numbers", "message"),
    [([2, 1], [1, 1], "ascending"), ([0], [0], "above 0"), ([4], [1], "lie in 0"), ([0], [], "as")],
)
def test_counts_hold_only_what_they_say(
    outcomes: list[int], numbers: list[int], message: str
) -> None:
    """Counts that were put together wrongly are refused."""
    with pytest.raises(UsageError, match=message):
        Counts(2, np.array(outcomes, dtype=np.int64), np.array(numbers, dtype=np.int64))


def test_cells_need_a_power_of_two() -> None:
    """An array of cells of another length than 2^n is refused."""
    with pytest.raises(UsageError, match=r"shape \(2\^n,\)"):
        Counts.from_cells([1, 2, 3])
