"""The hook for metrics of users."""

from typing import Any

import pytest

from qgm_observe.errors import UsageError
from qgm_observe.quality.cells import align
from qgm_observe.quality.custom import custom_metric
from qgm_observe.records import Estimate

CELLS = align({"0": 60, "1": 40}, [0.5, 0.5])


def test_a_value_with_its_interval_becomes_an_estimate() -> None:
    """Three numbers become an estimate under the metric's name."""
    estimate = custom_metric("ones", lambda cells: (0.4, 0.3, 0.5), CELLS, level=0.9)

    assert (estimate.name, estimate.value, estimate.low, estimate.high) == ("ones", 0.4, 0.3, 0.5)
    assert (estimate.level, estimate.n, estimate.method) == (0.9, 100, "custom")


def test_an_estimate_is_taken_as_it_is() -> None:
    """A metric may say itself that it has no value, and why."""
    unknown = Estimate(name="fid", reason="too few images")

    assert custom_metric("fid", lambda cells: unknown, CELLS) is unknown


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (0.4, "a number alone is no estimate"),
        ((0.4, 0.3), "a number alone is no estimate"),
        ((0.4, 0.5, 0.6), "low <= value <= high"),
        ((float("nan"), 0.0, 1.0), "finite"),
        ((0.4, 0.3, float("inf")), "finite"),
        (Estimate(name="fid", value=0.4), "low and high"),
    ],
)
def test_a_value_without_an_interval_is_refused(result: Any, message: str) -> None:
    """A metric without an honest interval gets one line that says what to return."""
    with pytest.raises(UsageError, match=message):
        custom_metric("fid", lambda cells: result, CELLS)
