"""Parts that several intervals share."""

import pytest
from scipy.stats import binomtest, norm

from qgm_observe.errors import UsageError
from qgm_observe.quality.intervals import clopper_pearson, normal_quantile, within
from qgm_observe.records import Estimate


@pytest.mark.parametrize("level", [0.5, 0.95, 0.999])
def test_the_quantile_is_scipys(level: float) -> None:
    """A normal variable lies within the quantile with the level's probability."""
    assert norm.interval(level)[1] == pytest.approx(normal_quantile(level))


@pytest.mark.parametrize(("seen", "shots"), [(0, 1), (1, 1), (3, 7), (999, 1000)])
def test_the_exact_interval_is_scipys(seen: int, shots: int) -> None:
    """Low and high are those of SciPy's exact binomial interval."""
    exact = binomtest(seen, shots).proportion_ci(0.9, method="exact")

    assert clopper_pearson(seen, shots, 0.9) == pytest.approx((exact.low, exact.high), abs=1e-9)


@pytest.mark.parametrize("level", [0, 1, 95, float("nan")])
def test_a_level_is_a_probability(level: float) -> None:
    """A confidence level outside (0, 1) is refused."""
    with pytest.raises(UsageError, match="between 0 and 1"):
        normal_quantile(level)
    with pytest.raises(UsageError, match="between 0 and 1"):
        clopper_pearson(1, 2, level)


def test_value_and_interval_are_cut_to_the_range() -> None:
    """What lies outside the possible range is cut, and the value stays inside its interval."""
    empty = Estimate(name="share", reason="pending")

    cut = within(empty, -0.2, (-0.5, 1.5))

    assert (cut.low, cut.value, cut.high, cut.reason) == (0, 0, 1, None)
