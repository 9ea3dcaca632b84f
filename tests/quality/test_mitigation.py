"""Mitigation: scores of quasi-distributions, and whether it helps."""

import numpy as np
import pytest

from qgm_observe.errors import UsageError
from qgm_observe.quality.evaluation import evaluate
from qgm_observe.quality.mitigation import (
    Mitigation,
    evaluate_quasi,
    is_quasi,
    mitigation_benefit,
    mitigation_verdict,
    pooled_benefit,
)
from qgm_observe.records import Estimate

TARGET = np.array([0.4, 0.1, 0.1, 0.4])
ERROR = 0.05
M3 = Mitigation(kind="readout", method="m3", shots=2000, variance_factor=1 / (1 - 2 * ERROR) ** 4)


def confusion() -> np.ndarray:
    one = np.array([[1 - ERROR, ERROR], [ERROR, 1 - ERROR]])
    return np.kron(one, one)


def corrected(random: np.random.Generator, shots: int) -> dict[str, float]:
    """Counts of a perfect sampler behind a bad readout, with the readout inverted."""
    counts = random.multinomial(shots, confusion() @ TARGET)
    shares = np.linalg.solve(confusion(), counts / shots)
    return {f"{place:02b}": float(share) for place, share in enumerate(shares)}


def told(value: float, low: float, high: float) -> Estimate:
    return Estimate(name="mitigation_benefit", value=value, low=low, high=high)


def test_corrected_shares_cover_the_true_scores():
    """Over 300 inverted readouts of a perfect sampler XEB and validity cover 1 in 95 % or more."""
    # false failure below 1e-6: the bound covers 99 % or more
    random = np.random.default_rng(1)
    found = [evaluate_quasi(corrected(random, 2000), TARGET, M3) for _ in range(300)]

    assert np.mean([each.xeb.low <= 1 <= each.xeb.high for each in found]) >= 0.95
    assert all(each.valid.value == pytest.approx(1) for each in found)


def test_a_score_is_the_weighted_sum_of_the_shares():
    """Linear XEB of shares, one of them negative, is what its formula gives by hand."""
    shares = {"00": 0.5, "01": -0.05, "10": 0.1, "11": 0.45}
    found = evaluate_quasi(shares, TARGET, M3, valid=["00", "11"])
    mean = 0.4 * 0.5 - 0.05 * 0.1 + 0.1 * 0.1 + 0.4 * 0.45

    assert found.xeb.value == pytest.approx((mean - 0.25) / (0.34 - 0.25))
    assert found.valid.value == pytest.approx(0.95)
    assert found.valid.high - found.valid.low == pytest.approx(
        1.959964 * np.sqrt(M3.variance_factor / 2000)
    )


def test_shares_tell_no_divergence():
    """Whatever needs counts has a reason and no value."""
    found = evaluate_quasi({"00": 1.1, "11": -0.1}, TARGET, M3)

    rest = [each for each in found if each.name not in ("linear_xeb", "valid_shot_ratio")]
    assert {each.value for each in rest} == {None}
    assert found.collapse.collapsed is None
    assert len(rest) == 12


def test_counts_are_no_quasi_distribution():
    """Whole numbers are counts; fractions and negative numbers are shares."""
    assert not is_quasi({"0": 3, "1": 5})
    assert not is_quasi(["0", "1"])
    assert is_quasi({"0": 0.25, "1": 0.75})
    assert is_quasi({"0": -1, "1": 2})


def test_mitigation_that_worsens_is_harmful():
    """A score that mitigation lowers beyond doubt is harmful, one it raises helpful."""
    good, bad = (
        {"00": 4000, "01": 1000, "10": 1000, "11": 4000},
        dict.fromkeys(("00", "01", "10", "11"), 2500),
    )
    before, after = evaluate(good, TARGET), evaluate(bad, TARGET)

    assert mitigation_verdict(mitigation_benefit(before, after)).answer == "harmful"
    assert mitigation_verdict(mitigation_benefit(after, before)).answer == "helpful"
    assert mitigation_verdict(mitigation_benefit(before, before)).answer == "undecided"
    assert mitigation_benefit(before, after).value == pytest.approx(-1)


def test_jobs_are_pooled_by_their_differences():
    """From three jobs on the interval is Student's over jobs; before, the newest job's own."""
    newest = told(0.02, -0.5, 0.5)
    pooled = pooled_benefit(newest, [0.01, 0.02, 0.03])

    assert pooled_benefit(newest, [0.01, 0.02]) is newest
    assert pooled.value == pytest.approx(0.02)
    assert pooled.high - pooled.value == pytest.approx(4.302653 * 0.01 / np.sqrt(3), rel=1e-5)


@pytest.mark.parametrize(
    ("given", "say"),
    [
        ({"kind": "magic", "method": "m"}, "readout"),
        ({"kind": "none", "method": "m"}, "readout"),
        ({"kind": "zne", "method": "m", "variance_factor": 0.5}, "1 or more"),
        ({"kind": "zne", "method": "m", "shot_overhead": float("inf")}, "1 or more"),
        ({"kind": "zne", "method": "m", "shots": 0}, "1 or more"),
    ],
)
def test_what_no_mitigation_can_be_is_refused(given, say):
    """An unknown kind and impossible factors are refused with what to write."""
    with pytest.raises(UsageError, match=say):
        Mitigation(**given)


@pytest.mark.parametrize(
    ("shares", "mitigation", "say"),
    [
        ({"00": 0.5}, M3, "sum to 0.5"),
        ({"00": 1.0}, Mitigation(kind="readout", method="m3"), "shots"),
        ({"00": float("nan")}, M3, "finite"),
    ],
)
def test_shares_that_cannot_be_read_are_refused(shares, mitigation, say):
    """Shares that do not sum to 1, are no numbers, or come without shots are one clear error."""
    with pytest.raises(UsageError, match=say):
        evaluate_quasi(shares, TARGET, mitigation)
