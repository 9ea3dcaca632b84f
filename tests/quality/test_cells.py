"""Counts and target on common cells."""

import numpy as np
import pytest

from qgm_observe.errors import UsageError
from qgm_observe.quality.cells import align, require_level, shortage


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


@pytest.mark.parametrize("level", [0, 1, 95])
def test_a_level_is_a_probability(level: float) -> None:
    """A confidence level outside (0, 1) is refused."""
    with pytest.raises(UsageError, match="between 0 and 1"):
        require_level(level)


@pytest.mark.parametrize(
    ("shots", "target", "short"),
    [
        ({"00": 1, "01": 1, "10": 1}, [0.25] * 4, True),
        ({"00": 2, "01": 1, "10": 1}, [0.25] * 4, False),
        ({"00": 1}, {"00": 1.0}, True),
        ({"0": 9, "1": 9}, {"0": 100, "1": 100}, True),
        ({"0": 90, "1": 90}, {"0": 100, "1": 100}, False),
    ],
)
def test_too_few_shots_have_a_reason(
    shots: dict[str, int], target: list[float] | dict[str, float], short: bool
) -> None:
    """Below one shot a cell, or ten against a data set, there is a reason."""
    reason = shortage(align(shots, target))

    assert (reason is not None) == short
    assert reason is None or "insufficient shots" in reason
