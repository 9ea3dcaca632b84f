"""Tests of whether the sampler is the target."""

import numpy as np
import pytest
from scipy.stats import chi2_contingency, power_divergence

from qgm_observe.quality.cells import align
from qgm_observe.quality.counts import Counts
from qgm_observe.quality.goodness import goodness_of_fit

P = np.array([0.1, 0.2, 0.3, 0.4])
SEEN = np.array([120, 190, 310, 380])


def test_chi_square_is_scipys() -> None:
    """With cells full enough, Pearson's p-value is SciPy's."""
    estimate = goodness_of_fit(align(Counts.from_cells(SEEN), P))

    assert estimate.value == pytest.approx(power_divergence(SEEN, P * 1000).pvalue)


def test_g_is_scipys_with_williams_correction() -> None:
    """With many shots the corrected G test's p-value is SciPy's to the correction's order."""
    estimate = goodness_of_fit(align(Counts.from_cells(SEEN), P), "g_test")
    scipys = power_divergence(SEEN, P * 1000, lambda_="log-likelihood").pvalue

    assert estimate.value == pytest.approx(scipys, rel=0.01)


def test_a_data_set_makes_a_table_of_two_rows() -> None:
    """Against a data set the p-value is SciPy's for the two-row table."""
    rows = np.array([40, 70, 95, 95])
    estimate = goodness_of_fit(align(Counts.from_cells(SEEN), Counts.from_cells(rows)))
    oracle = chi2_contingency(np.stack([SEEN, rows]), correction=False).pvalue

    assert estimate.value == pytest.approx(oracle)


@pytest.mark.parametrize("test", ["chi_square", "g_test"])
@pytest.mark.parametrize("shots", [60, 500])
def test_a_perfect_sampler_is_rejected_as_often_as_stated(test: str, shots: int) -> None:
    """At 5 % between 2 % and 8 % of 600 perfect samples are rejected, also with pooled cells."""
    rng = np.random.default_rng(shots)
    p = rng.exponential(size=64)
    p /= p.sum()
    values = [
        goodness_of_fit(align(Counts.from_cells(draw), p), test).value or 0.0  # type: ignore[arg-type]
        for draw in rng.multinomial(shots, p, 600)
    ]

    assert 0.02 <= np.mean(np.array(values) < 0.05) <= 0.08


def test_an_impossible_outcome_decides() -> None:
    """One shot where the target has no probability gives the p-value zero."""
    estimate = goodness_of_fit(align({"00": 999, "11": 1}, {"00": 0.5, "01": 0.5}))

    assert estimate.value == 0
    assert estimate.method == "impossible-outcomes"


def test_one_pooled_cell_tells_nothing() -> None:
    """With fewer than two cells of five expected shots there is a reason and no value."""
    estimate = goodness_of_fit(align({"00": 2, "01": 1}, [0.25] * 4))

    assert estimate.value is None
    assert "insufficient shots" in (estimate.reason or "")
