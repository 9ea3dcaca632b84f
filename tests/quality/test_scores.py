"""Scores of single shots and their intervals."""

import numpy as np
import pytest
from scipy.stats import binom, binomtest

from qgm_observe.errors import UsageError
from qgm_observe.quality.cells import align
from qgm_observe.quality.counts import Counts
from qgm_observe.quality.scores import (
    linear_xeb,
    shots_per_usable_sample,
    valid_shot_ratio,
    valid_shots,
    xeb_counters,
)

P = np.array([0.1, 0.2, 0.3, 0.4, 0, 0, 0, 0])


@pytest.mark.parametrize(("valid", "shots"), [(0, 10), (10, 10), (3, 8), (700, 1024)])
def test_the_interval_is_the_exact_binomial_one(valid: int, shots: int) -> None:
    """The interval equals that of an independent implementation of the exact binomial test."""
    estimate = valid_shot_ratio(valid, shots)
    exact = binomtest(valid, shots).proportion_ci(0.95, method="exact")

    assert (exact.low, exact.high) == pytest.approx((estimate.low, estimate.high), abs=1e-9)


@pytest.mark.parametrize("truth", [0.02, 0.375, 0.9])
def test_the_interval_covers_what_it_says(truth: float) -> None:
    """Weighted by exact probability, the interval covers the truth 95 % of the time or more."""
    shots = 200
    outcomes = np.arange(shots + 1)
    estimates = [valid_shot_ratio(int(k), shots) for k in outcomes]
    covers = [
        e.low <= truth <= e.high for e in estimates if e.low is not None and e.high is not None
    ]

    assert binom.pmf(outcomes, shots, truth) @ np.array(covers) >= 0.95


def test_without_shots_there_is_a_reason_and_no_number() -> None:
    """No shots give no value, and the reason says so."""
    estimate = valid_shot_ratio(0, 0)

    assert estimate.value is None
    assert estimate.reason == "no shots"


def test_impossible_counts_are_refused() -> None:
    """More valid shots than shots are refused with what to write."""
    with pytest.raises(UsageError, match="0 <= valid <= shots"):
        valid_shot_ratio(5, 4)


def test_valid_shots_are_those_on_the_targets_support() -> None:
    """Without a list of valid outcomes, what the target can produce is valid."""
    cells = align({"000": 5, "011": 3, "111": 2}, P)

    assert valid_shots(cells) == 8
    assert valid_shots(cells, valid=["111", 0]) == 7


def test_a_data_set_does_not_tell_what_is_valid() -> None:
    """Against a data set the valid outcomes have to be named."""
    cells = align({"0": 5, "1": 3}, {"0": 4, "1": 4})

    assert valid_shots(cells) is None
    assert valid_shots(cells, valid=["0"]) == 5


def test_shots_per_usable_sample_is_the_inverse_ratio() -> None:
    """Value and interval are the inverse of the valid shot ratio's."""
    ratio, inverse = valid_shot_ratio(80, 100), shots_per_usable_sample(80, 100)

    assert (ratio.low, ratio.value, ratio.high) == pytest.approx(
        (1 / (inverse.high or 1), 1 / (inverse.value or 1), 1 / (inverse.low or 1))
    )


@pytest.mark.parametrize(("shots", "reason"), [(0, "no shots"), (9, "no usable shot")])
def test_without_usable_shots_there_is_a_reason(shots: int, reason: str) -> None:
    """Nothing usable gives no number of shots a sample."""
    assert shots_per_usable_sample(0, shots).reason == reason


@pytest.mark.parametrize("strength", [0.0, 0.25, 1.0])
def test_xeb_of_a_depolarized_sampler_is_what_is_left(strength: float) -> None:
    """On the exact shares of a depolarized target the score is one less the noise."""
    q = (1 - strength) * P + strength / 8
    estimate = linear_xeb(align(Counts.from_cells(np.rint(q * 80_000_000).astype(int)), P))

    assert estimate.value == pytest.approx(1 - strength, abs=1e-6)
    assert estimate.method == "central-limit"


@pytest.mark.parametrize(
    ("shots", "method"), [(30, "empirical-bernstein"), (2000, "central-limit")]
)
def test_the_interval_of_xeb_covers(shots: int, method: str) -> None:
    """Over 500 draws 91 % or more of the intervals hold the truth (false failure below 1e-4)."""
    q = 0.8 * P + 0.2 / 8
    covered = 0
    for draw in np.random.default_rng(shots).multinomial(shots, q, 500):
        estimate = linear_xeb(align(Counts.from_cells(draw), P))
        assert estimate.method == method
        assert estimate.low is not None
        assert estimate.high is not None
        covered += estimate.low <= 0.8 <= estimate.high

    assert covered / 500 >= 0.91


def test_a_score_of_two_values_has_the_exact_interval() -> None:
    """For a target that is even on its support the score is a ratio, with a ratio's interval."""
    ratio = binomtest(90, 100).proportion_ci(0.95, method="exact")
    estimate = linear_xeb(align({"00": 40, "01": 50, "11": 10}, [0.5, 0.5, 0, 0]))

    assert estimate.method == "clopper-pearson"
    assert (estimate.low, estimate.high) == pytest.approx((2 * ratio.low - 1, 2 * ratio.high - 1))


def test_shots_without_scatter_keep_a_width() -> None:
    """When all shots score alike the interval does not shrink to a point."""
    estimate = linear_xeb(align({"00": 1000}, [0.4, 0.3, 0.2, 0.1]))

    assert estimate.method == "empirical-bernstein"
    assert estimate.low is not None
    assert estimate.value is not None
    assert estimate.low < estimate.value - 0.01


def test_xeb_needs_a_known_target() -> None:
    """Against a data set there is a reason and no score."""
    assert "data set" in (linear_xeb(align({"0": 5}, {"0": 4, "1": 4})).reason or "")


def test_xeb_of_a_uniform_target_is_undefined() -> None:
    """A uniform target scores every sampler alike, and the reason says so."""
    assert "uniform" in (linear_xeb(align({"0": 5}, [0.5, 0.5])).reason or "")


def test_counters_of_jobs_add_up_to_the_score_of_all_shots() -> None:
    """Summed over jobs, total / shots - offset is the score of the pooled counts."""
    jobs = np.array([[5, 3, 2, 7, 1, 0, 2, 0], [40, 30, 20, 10, 1, 2, 3, 4]])
    counters = [xeb_counters(align(Counts.from_cells(job), P)) for job in jobs]
    pooled = linear_xeb(align(Counts.from_cells(jobs.sum(axis=0)), P))

    total = sum(c.total for c in counters if c)
    shots = sum(c.shots for c in counters if c)

    assert counters[0] is not None
    assert total / shots - counters[0].offset == pytest.approx(pooled.value)


def test_there_are_no_counters_without_a_score() -> None:
    """A data set and a uniform target have no score, hence no counters."""
    assert xeb_counters(align({"0": 5}, {"0": 4, "1": 4})) is None
    assert xeb_counters(align({"0": 5}, [0.5, 0.5])) is None
