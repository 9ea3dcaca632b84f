"""Counts and target on common cells."""

import numpy as np
import pytest

from qgm_observe.errors import UsageError
from qgm_observe.quality.cells import align, shortage


def test_cells_are_the_outcomes_of_both_sides() -> None:
    """Cells are the union of the outcomes, with zero where one side has none."""
    cells = align({"00": 3, "01": 1}, {"00": 0.5, "11": 0.5})

    assert cells.numbers.tolist() == [3, 1, 0]
    assert cells.target_p.tolist() == [0.5, 0, 0.5]
    assert (cells.shots, cells.support, cells.effective_shots) == (4, 2, 4)


def test_integers_take_their_width_from_the_target() -> None:
    """Integer outcomes that do not tell their width are read with that of the target."""
    cells = align({1: 3}, [0.125] * 8)

    assert cells.counts.num_bits == 3


def test_a_data_set_halves_the_effective_shots() -> None:
    """As many rows as shots are as noisy as half the shots against a known target."""
    cells = align({"0": 50, "1": 50}, {"0": 60, "1": 40})

    assert cells.effective_shots == pytest.approx(50)
    assert cells.null_p.tolist() == [0.55, 0.45]


def test_cells_too_rare_to_matter_are_no_support() -> None:
    """A cell that expects nearly no shot counts only when it was seen."""
    target = np.array([0.5, 0.5 - 2e-6, 1e-6, 1e-6])

    assert align({"00": 50, "01": 50}, target).support == 2
    assert align({"00": 50, "01": 50, "10": 1}, target).support == 3


def test_different_widths_are_refused() -> None:
    """Counts and target of different widths are refused."""
    with pytest.raises(UsageError, match="compare the same bits"):
        align({"000": 5}, [0.5, 0.5])


@pytest.mark.parametrize(
    ("shots", "target", "short"),
    [
        ({"00": 1, "01": 1, "10": 1}, [0.25] * 4, True),
        ({"00": 2, "01": 1, "10": 1}, [0.25] * 4, False),
        ({"00": 1}, {"00": 1.0}, True),
        ({"00": 3, "01": 3}, {"10": 2, "11": 2}, True),
        ({"00": 8, "01": 8}, {"10": 8, "11": 8}, False),
        ({"0": 9, "1": 9}, {"0": 2}, True),
    ],
)
def test_too_few_shots_have_a_reason(
    shots: dict[str, int], target: list[float] | dict[str, float], short: bool
) -> None:
    """Below one shot a cell, where the rows of a data set take their part, there is a reason."""
    reason = shortage(align(shots, target))

    assert (reason is not None) == short
    assert reason is None or "insufficient shots" in reason
