"""What calibration predicts, and what it leaves unexplained."""

from typing import Any

import numpy as np
import pytest

from qgm_observe.errors import UsageError
from qgm_observe.quality.cells import align
from qgm_observe.quality.counts import Counts
from qgm_observe.quality.noise import (
    attribute,
    disabled_gates,
    expected_success,
    noisy_shares,
    predict,
    residual,
    split_loss,
)
from qgm_observe.records import Estimate

ERRORS = {("cz", (0, 1)): 0.01, ("sx", (0,)): 0.001, ("cz", (1, 2)): 1.0, ("sx", (2,)): None}
P = np.array([0.1, 0.2, 0.3, 0.4])


def score(value: float, half: float = 0.01) -> Estimate:
    return Estimate(name="linear_xeb", value=value, low=value - half, high=value + half)


def test_success_is_the_product_over_gates_and_readouts() -> None:
    """Each use of a gate and each readout multiplies by one less its error."""
    estimate = expected_success(ERRORS, {("cz", (0, 1)): 3, ("sx", (0,)): 10}, [0.02, 0.03])

    assert estimate.value == pytest.approx(0.99**3 * 0.999**10 * 0.98 * 0.97)
    assert estimate.low is not None
    assert estimate.high is not None
    assert estimate.low < estimate.value < estimate.high


def test_a_disabled_gate_is_no_prediction_of_zero() -> None:
    """A gate whose error of 1 marks it disabled is named, and there is no value."""
    uses = {("cz", (1, 2)): 1, ("cz", (0, 1)): 1}

    assert disabled_gates(ERRORS, uses) == (("cz", (1, 2)),)
    estimate = expected_success(ERRORS, uses)
    assert estimate.value is None
    assert "disabled gates: ('cz', (1, 2))" in (estimate.reason or "")


def test_a_disabled_gate_that_is_not_used_does_not_matter() -> None:
    """A gate that the circuit applies zero times is not looked at."""
    assert expected_success(ERRORS, {("cz", (1, 2)): 0, ("cz", (0, 1)): 1}).value is not None


@pytest.mark.parametrize(
    ("uses", "readout"),
    [({("sx", (2,)): 1}, []), ({("h", (9,)): 1}, []), ({("sx", (0,)): 1}, [None])],
)
def test_an_unknown_error_is_a_reason(uses: dict[Any, int], readout: list[float | None]) -> None:
    """A gate or readout without calibration gives a reason and no value."""
    assert "no calibration for" in (expected_success(ERRORS, uses, readout).reason or "")


@pytest.mark.parametrize("error", [-0.1, float("nan"), float("inf")])
def test_an_impossible_readout_error_is_refused(error: float) -> None:
    """An error that is no probability is refused."""
    with pytest.raises(UsageError, match="0 to 1"):
        expected_success({}, {}, [error])


def test_a_circuit_without_gates_succeeds() -> None:
    """Nothing to fail gives certainty."""
    assert expected_success({}, {}).value == 1


def test_the_predicted_shares_are_those_of_the_written_out_matrix() -> None:
    """Mixture and confusion equal the product with the full confusion matrix of all bits."""
    flips = np.array([[0.01, 0.05], [0.02, 0.08]])
    each = [np.array([[1 - up, down], [up, 1 - down]]) for up, down in flips]
    expected = np.kron(each[0], each[1]) @ (0.7 * P + 0.3 / 4)

    assert noisy_shares(P, 0.7, flips) == pytest.approx(expected)


def test_without_readout_errors_the_score_is_the_success() -> None:
    """Depolarizing alone makes the predicted score the success of the gates."""
    success = Estimate(name="expected_success", value=0.8, low=0.7, high=0.85)
    prediction = predict(P, success)

    assert (prediction.xeb.low, prediction.xeb.value, prediction.xeb.high) == pytest.approx(
        (0.7, 0.8, 0.85)
    )
    assert prediction.hellinger.value == pytest.approx(np.sqrt(P * (0.8 * P + 0.2 / 4)).sum() ** 2)


def test_an_unknown_success_predicts_nothing() -> None:
    """Without a success there are reasons instead of scores."""
    prediction = predict(P, Estimate(name="expected_success", reason="disabled gates"))

    assert prediction.xeb.reason == prediction.hellinger.reason == "disabled gates"


def test_a_uniform_target_has_no_predicted_score() -> None:
    """A uniform target has a predicted fidelity but no score."""
    success = Estimate(name="expected_success", value=0.8, low=0.7, high=0.85)

    assert "uniform" in (predict([0.25] * 4, success).xeb.reason or "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((P, 1.5), "probability"),
        ((P, 0.5, [[0.1, 0.1]]), r"shape \(2, 2\)"),
        ((P, 0.5, [[0.1, 2], [0, 0]]), "probabilities of reading"),
        (({"0": 5, "1": 6}, 0.5), "known target"),
        (({"0" * 30: 1.0}, 0.5), "at most 22 bits"),
    ],
)
def test_what_cannot_be_predicted_is_refused(arguments: tuple[Any, ...], message: str) -> None:
    """A prediction without its inputs gets one line."""
    with pytest.raises(UsageError, match=message):
        noisy_shares(*arguments)


def test_the_residual_refers_to_a_reference_or_says_that_there_is_none() -> None:
    """The reference's own residual is taken off; without one the method says so."""
    level = residual(score(0.84), score(0.80), None)
    change = residual(score(0.79), score(0.80), level)

    assert level.method == "no reference"
    assert (level.value, change.value) == pytest.approx((0.04, -0.05))
    assert change.method == "to reference"
    assert change.high == pytest.approx(-0.05 + np.sqrt(4) * 0.01)


@pytest.mark.parametrize(
    ("measured", "predicted", "cause"),
    [
        (0.80, 0.78, "none"),
        (0.70, 0.68, "device"),
        (0.70, 0.78, "unexplained"),
        (0.60, 0.68, "both"),
        (0.78, 0.775, "undecided"),
    ],
)
def test_a_drop_gets_its_cause(measured: float, predicted: float, cause: str) -> None:
    """A drop that calibration shows is the device's, what it does not show stays unexplained."""
    answer = attribute(score(measured), score(predicted), score(0.80), score(0.78))

    assert answer.cause == cause
    assert answer.residual.value == pytest.approx((measured - 0.80) - (predicted - 0.78))


def test_an_unknown_prediction_leaves_the_cause_undecided() -> None:
    """Without a prediction nothing is blamed, and the residual carries the reason."""
    unknown = Estimate(name="linear_xeb", reason="the circuit uses disabled gates: cz")
    answer = attribute(score(0.7), unknown, score(0.8), score(0.78))

    assert answer.cause == "undecided"
    assert answer.residual.reason == "the circuit uses disabled gates: cz"


def test_the_loss_splits_into_model_and_device() -> None:
    """The model's loss is exact, the device's is the noise, and they add up to the score's."""
    ideal = 0.9 * P + 0.1 * P[::-1]
    shares = 0.8 * ideal + 0.2 / 4
    cells = align(Counts.from_cells(np.rint(shares * 10_000_000).astype(int)), P)

    model, device = split_loss(cells, ideal)

    exact = (P @ ideal - 0.25) / (P @ P - 0.25)
    assert model.value == pytest.approx(1 - exact)
    assert device.value == pytest.approx(0.2 * exact, abs=1e-6)
    assert device.low is not None
    assert device.high is not None
    assert device.low < device.value < device.high


def test_the_loss_of_a_data_set_has_a_reason() -> None:
    """Without exact probabilities there is no score to split."""
    model, device = split_loss(align({"0": 5}, {"0": 4, "1": 4}), [0.5, 0.5])

    assert "data set" in (model.reason or "")
    assert "data set" in (device.reason or "")
