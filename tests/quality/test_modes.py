"""The verdict on mode collapse."""

import numpy as np
import pytest
from scipy.stats import binomtest

from qgm_observe.errors import UsageError
from qgm_observe.quality.cells import align
from qgm_observe.quality.counts import Counts
from qgm_observe.quality.modes import ModeCollapse, mode_collapse

TARGET = np.zeros(256)
TARGET[:: 256 // 16] = np.arange(4, 20) / np.arange(4, 20).sum()
LOST = TARGET.copy()
LOST[128:] *= 0.05
LOST /= LOST.sum()


def noisy(shares: np.ndarray, strength: float) -> np.ndarray:
    return (1 - strength) * shares + strength / shares.size


def verdicts(shares: np.ndarray, shots: int, times: int = 100) -> list[ModeCollapse]:
    draws = np.random.default_rng(5).multinomial(shots, shares, times)
    return [mode_collapse(align(Counts.from_cells(draw), TARGET)) for draw in draws]


@pytest.mark.parametrize("strength", [0.0, 0.3, 0.6, 0.9])
def test_noise_is_no_collapse(strength: float) -> None:
    """Depolarizing noise of any strength is not taken for a collapse, in 100 of 100 draws."""
    assert not any(v.collapsed for v in verdicts(noisy(TARGET, strength), 4000))


@pytest.mark.parametrize("strength", [0.0, 0.2])
def test_a_collapse_is_seen_also_under_noise(strength: float) -> None:
    """Half of the modes keeping 5 % is called a collapse, also under noise."""
    found = verdicts(noisy(LOST, strength), 4000)

    assert all(v.collapsed for v in found)
    assert all(0.4 < v.mass < 0.8 for v in found)


def test_the_deficit_has_simultaneous_exact_bounds() -> None:
    """The worst mode's bounds are those of SciPy's exact test at the level shared by all modes."""
    cells = align({"00": 10, "01": 490, "10": 500}, [0.2, 0.3, 0.5, 0.0])
    exact = binomtest(10, 1000).proportion_ci(1 - 0.05 / 3, method="exact")

    deficit = mode_collapse(cells).deficit

    assert deficit.value == pytest.approx(0.95)
    assert (deficit.low, deficit.high) == pytest.approx((1 - exact.high / 0.2, 1 - exact.low / 0.2))


def test_modes_may_be_named() -> None:
    """Shots on the outcomes of a named mode are counted together."""
    cells = align({"00": 480, "01": 480, "11": 40}, [0.25] * 4)

    verdict = mode_collapse(cells, modes=[["00", "01"], ["10", "11"]])

    assert verdict.collapsed
    assert verdict.mass == 0.5
    assert verdict.deficit.value == pytest.approx(1 - 0.04 / 0.5)


def test_shares_are_told_of_the_likeliest_modes() -> None:
    """Both shares of each mode, the likeliest first, and of no more than 16 of them."""
    target = {"00": 0.3, "01": 0.2, "10": 0.5}
    found = mode_collapse(align({"00": 300, "01": 100, "10": 600}, target))
    many = mode_collapse(align(Counts.from_cells(np.full(32, 1000)), np.full(32, 1 / 32)))

    assert found.shares == ((0.5, 0.6), (0.3, 0.3), (0.2, 0.1))
    assert many.shares == ((1 / 32, 1 / 32),) * 16


def test_too_few_shots_give_no_verdict() -> None:
    """Where the loss of an outcome would not show, there is no verdict but a reason."""
    verdict = mode_collapse(align({"0000": 3}, [1 / 16] * 16))

    assert verdict.collapsed is None
    assert "insufficient shots" in (verdict.reason or "")
    assert verdict.deficit.value is None


def test_a_data_set_gives_no_verdict() -> None:
    """A data set's probabilities are not exact, so there is a reason instead of a verdict."""
    assert "data set" in (mode_collapse(align({"0": 9}, {"0": 9, "1": 9})).reason or "")


@pytest.mark.parametrize(
    ("modes", "message"), [([], "outcomes"), ([[]], "outcomes"), ([["11"]], "no probability")]
)
def test_modes_without_probability_are_refused(modes: list[list[str]], message: str) -> None:
    """A mode that is empty or that the target never has is refused."""
    with pytest.raises(UsageError, match=message):
        mode_collapse(align({"00": 9}, {"00": 1.0}), modes=modes)
