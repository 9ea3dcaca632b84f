"""The jackknife by cells against the one by shots."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgm_observe.quality.cells import align
from qgm_observe.quality.jackknife import jackknife, jackknife_cells

TARGET = np.array([0.1, 0.2, 0.3, 0.4])


def overlap(shares: np.ndarray) -> np.ndarray:
    return np.sqrt(TARGET * shares)


@given(st.lists(st.integers(0, 9), min_size=4, max_size=4).filter(lambda n: sum(n) > 1))
def test_one_evaluation_a_cell_equals_one_a_shot(numbers: list[int]) -> None:
    """Leaving out one shot after the other gives the same bias and variance."""
    samples = np.repeat(np.arange(4), numbers)
    shots = samples.size
    left = np.array(
        [
            overlap(np.bincount(np.delete(samples, i), minlength=4) / (shots - 1)).sum() ** 2
            for i in range(shots)
        ]
    )
    value = overlap(np.array(numbers) / shots).sum() ** 2

    plugin, bias, variance = jackknife(overlap, np.square, np.array(numbers, dtype=float))

    assert plugin == pytest.approx(value)
    assert bias == pytest.approx((shots - 1) * (left.mean() - value), abs=1e-9)
    expected = (shots - 1) / shots * ((left - left.mean()) ** 2).sum()
    assert variance == pytest.approx(expected, abs=1e-12)


def test_a_data_set_is_left_out_row_by_row() -> None:
    """Against a data set the corrections of both sides add up."""
    cells = align({"0": 30, "1": 10}, {"0": 25, "1": 35})
    plain = align({"0": 30, "1": 10}, [25 / 60, 35 / 60])
    turned = align({"0": 25, "1": 35}, [0.75, 0.25])

    def term(p: np.ndarray, q: np.ndarray) -> np.ndarray:
        return (p - q) ** 2

    def same(total: np.ndarray) -> np.ndarray:
        return total

    plugin = 2 * (30 / 40 - 25 / 60) ** 2
    one, other = jackknife_cells(term, same, plain), jackknife_cells(term, same, turned)
    value, variance = jackknife_cells(term, same, cells)

    assert value - plugin == pytest.approx(one[0] - plugin + other[0] - plugin)
    assert variance == pytest.approx(one[1] + other[1])
