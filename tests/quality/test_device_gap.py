"""The gap between simulator and device."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgm_observe.errors import UsageError
from qgm_observe.quality.device_gap import device_gap, score_gap
from qgm_observe.quality.scores import valid_shot_ratio


def counted(p: np.ndarray, shots: int, random: np.random.Generator) -> dict[int, int]:
    """Counts by outcome."""
    return {x: int(c) for x, c in enumerate(random.multinomial(shots, p)) if c}


def peaked(bits: int) -> np.ndarray:
    """A distribution with a long tail."""
    weights = 0.8 ** np.arange(2**bits)
    return (weights + 1e-4) / (weights + 1e-4).sum()


@pytest.mark.parametrize("bits", [3, 6])
@pytest.mark.parametrize("shots", [200, 2000, 20_000])
@pytest.mark.parametrize("mix", [0.0, 0.1, 0.5])
def test_the_interval_covers(bits, shots, mix):
    """In each cell of the grid the 95 % interval covers the true distance in 93 % of 150 pairs."""
    random, p = np.random.default_rng([bits, shots, int(10 * mix)]), peaked(bits)
    q = (1 - mix) * p + mix / len(p)
    truth = np.abs(p - q).sum() / 2
    told = [
        device_gap(counted(p, shots, random), counted(q, shots, random), num_bits=bits)
        for _ in range(150)
    ]

    assert np.mean([each.low <= truth <= each.high for each in told]) >= 0.93


def test_equal_samplers_show_no_gap():
    """The lower end is 0 in at least 95 % of 200 pairs of equal samplers."""
    random, p = np.random.default_rng(1), peaked(5)
    told = [
        device_gap(counted(p, 1000, random), counted(p, 3000, random), num_bits=5)
        for _ in range(200)
    ]

    assert np.mean([each.low == 0 for each in told]) >= 0.95
    assert np.mean([each.value for each in told]) < 0.02


def test_a_real_gap_is_proven():
    """A device that mixes in 30 % noise is told apart at 4,000 shots."""
    random, p = np.random.default_rng(2), peaked(4)
    noisy = 0.7 * p + 0.3 / 16
    told = device_gap(counted(p, 4000, random), counted(noisy, 4000, random), num_bits=4)

    assert told.low > 0.05
    assert told.floor < told.low


def test_more_shots_do_not_move_the_value_beyond_its_interval():
    """At 16 times the shots the new value lies within the old interval."""
    random, p = np.random.default_rng(3), peaked(6)
    q = 0.8 * p + 0.2 / 64
    few, many = (
        device_gap(counted(p, n, random), counted(q, n, random), num_bits=6) for n in (1000, 16_000)
    )

    assert few.low <= many.value <= few.high


@given(
    st.dictionaries(st.integers(0, 7), st.integers(1, 300), min_size=1),
    st.dictionaries(st.integers(0, 7), st.integers(1, 300), min_size=1),
)
def test_the_order_of_the_two_does_not_matter(first, second):
    """The gap is symmetric, in [0, 1], and has either a value or a reason."""
    ours, theirs = device_gap(first, second, num_bits=3), device_gap(second, first, num_bits=3)

    assert (ours.value is None) == bool(ours.reason)
    if ours.value is not None:
        assert 0 <= ours.low <= ours.value <= ours.high <= 1
        assert theirs.value == pytest.approx(ours.value)


def test_too_few_shots_are_a_reason():
    """Below 100 shots, and where noise fills the range, there is no number."""
    random, uniform = np.random.default_rng(4), np.full(2**12, 2.0**-12)
    sparse = [counted(uniform, 150, random) for _ in range(2)]

    assert device_gap({0: 99}, {0: 500}, num_bits=1).reason.startswith("insufficient shots: 99")
    assert device_gap(*sparse, num_bits=12).reason == (
        "insufficient shots: noise alone could show any distance"
    )


def test_other_widths_are_refused():
    """Counts of two circuits are not compared."""
    with pytest.raises(UsageError, match="write two of one circuit"):
        device_gap({"00": 500}, {"000": 500})


def test_a_score_gap_is_the_loss_on_the_device():
    """0.95 valid on the simulator and 0.80 on the device are a gap of 0.15, proven."""
    told = score_gap(valid_shot_ratio(950, 1000), valid_shot_ratio(800, 1000))

    assert told.value == pytest.approx(0.15)
    assert 0 < told.low < 0.15 < told.high
    assert told.name == "valid_shot_ratio_device_gap"


def test_a_score_gap_needs_one_score_twice():
    """Different scores are refused, missing ones are a reason."""
    from dataclasses import replace

    ratio = valid_shot_ratio(1, 2)
    with pytest.raises(UsageError, match="the same score twice"):
        score_gap(ratio, replace(ratio, name="xeb_score"))
    assert score_gap(ratio, valid_shot_ratio(0, 0)).reason == "valid_shot_ratio: no shots"
