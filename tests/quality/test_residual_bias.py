"""The bias that the jackknife leaves."""

import numpy as np
import pytest
from scipy.stats import binom

from qgm_observe.quality.cells import align
from qgm_observe.quality.counts import Counts
from qgm_observe.quality.residual_bias import bias_range
from qgm_observe.quality.shot_noise import Form

FORMS: tuple[Form, ...] = ("jensen-shannon", "hellinger")


@pytest.mark.parametrize("form", FORMS)
def test_the_range_closes_with_shots(form: Form) -> None:
    """More shots on the same shares make the range smaller until it is shut."""
    p = np.full(16, 1 / 16)
    widths = []
    for each in (1, 4, 16, 64):
        low, high = bias_range(form, align(Counts.from_cells(np.full(16, each)), p))
        widths.append(high - low)

    assert widths == sorted(widths, reverse=True)
    assert widths[-1] == 0


@pytest.mark.parametrize("true_share", [0.002, 0.01, 0.03])
def test_the_range_holds_the_exact_bias(true_share: float) -> None:
    """For one rare cell the jackknife's exact bias lies in the average range over what is seen."""
    shots, p = 200, 0.01
    seen = np.arange(40)
    weights = binom.pmf(seen, shots, true_share)
    jackknifed = np.sqrt(p * seen / shots)
    before = np.sqrt(p * np.maximum(seen - 1, 0) / (shots - 1))
    after = np.sqrt(p * seen / (shots - 1))
    left = (seen * before + (shots - seen) * after) / shots
    exact = weights @ (shots * jackknifed - (shots - 1) * left) - np.sqrt(p * true_share)

    ends = np.zeros(2)
    for number, weight in zip(seen, weights, strict=True):
        cells = align(Counts.from_cells([shots - number, number]), [1 - p, p])
        ends += weight * np.array(bias_range("hellinger", cells))

    assert ends[0] - 1e-4 <= exact <= ends[1] + 1e-4


@pytest.mark.parametrize("form", FORMS)
def test_outcomes_the_target_lacks_add_nothing(form: Form) -> None:
    """Where the target has no probability, both divergences are linear and have no bias."""
    shots = {"00": 500, "01": 500}
    alone = bias_range(form, align(shots, {"00": 0.5, "01": 0.5}))
    beside = bias_range(form, align(shots | {"11": 1}, {"00": 0.5, "01": 0.5}))

    assert alone == beside == (0, 0)
