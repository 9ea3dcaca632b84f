"""Coverage, entropy and the effective number of modes."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import entropy as shannon
from scipy.stats import multinomial

from qgm_observe.quality.cells import align
from qgm_observe.quality.counts import Counts
from qgm_observe.quality.diversity import effective_modes, entropy, good_turing_coverage
from qgm_observe.records import Estimate

P = np.array([0.1, 0.2, 0.3, 0.4])
MODES = [good_turing_coverage, entropy, effective_modes]


def covers(estimate: Estimate, truth: float) -> bool:
    assert estimate.low is not None
    assert estimate.high is not None
    return estimate.low <= truth <= estimate.high


def test_the_purity_has_no_bias() -> None:
    """Over every possible outcome of 15 shots the inverse of the estimate averages to sum q^2."""
    draws = [draw for draw in product(range(16), repeat=4) if sum(draw) == 15]
    wide = np.zeros(64)
    wide[:4] = P  # the value is cut at 2^n, far above what four outcomes can reach
    values = [
        effective_modes(align(Counts.from_cells([*draw] + [0] * 60), wide)).value for draw in draws
    ]
    weights = multinomial.pmf(draws, 15, P)
    purities = [
        1 / value if value else np.dot(draw, np.array(draw) - 1) / 210
        for draw, value in zip(draws, values, strict=True)
    ]

    assert weights @ np.array(purities) == pytest.approx(P @ P)


def test_grassbergers_entropy_is_nearly_unbiased() -> None:
    """Two shots a cell leave a bias below 0.05 bits, where the plug-in value misses 0.3."""
    rng = np.random.default_rng(2)
    q = np.full(64, 1 / 64)
    draws = rng.multinomial(128, q, 300)
    values = [entropy(align(Counts.from_cells(draw), q)).value for draw in draws]
    plugins = [shannon(draw, base=2) for draw in draws]

    assert np.mean([value for value in values if value is not None]) == pytest.approx(6, abs=0.05)
    assert np.mean(plugins) < 5.7


@pytest.mark.parametrize(
    ("estimator", "truth"), [(entropy, shannon(P, base=2)), (effective_modes, 1 / (P @ P))]
)
def test_the_interval_covers(estimator: object, truth: float) -> None:
    """Over 400 draws 91 % or more of the intervals hold the truth (false failure below 1e-3)."""
    draws = np.random.default_rng(6).multinomial(400, P, 400)
    estimates = [estimator(align(Counts.from_cells(draw), P)) for draw in draws]  # type: ignore[operator]

    assert np.mean([covers(estimate, truth) for estimate in estimates]) >= 0.91


def test_coverage_tells_the_mass_that_was_seen() -> None:
    """Good and Turing's estimate averages to the true mass of the outcomes seen."""
    rng = np.random.default_rng(3)
    q = rng.exponential(size=256)
    q /= q.sum()
    draws = rng.multinomial(300, q, 200)
    estimates = [good_turing_coverage(align(Counts.from_cells(draw), q)) for draw in draws]
    truths = [q[draw > 0].sum() for draw in draws]

    assert np.mean([e.value or 0 for e in estimates]) == pytest.approx(np.mean(truths), abs=0.005)
    assert np.mean([covers(*pair) for pair in zip(estimates, truths, strict=True)]) >= 0.9
    assert estimates[0].floor == pytest.approx(np.mean(truths), abs=0.005)


@given(st.lists(st.integers(0, 50), min_size=8, max_size=8).filter(any))
def test_never_nan_and_always_in_range(numbers: list[int]) -> None:
    """Whatever the counts, each value lies in its interval and its range, or has a reason."""
    cells = align(Counts.from_cells(numbers), [0.125] * 8)
    for estimator, (least, most) in zip(MODES, [(0, 1), (0, 3), (1, 8)], strict=True):
        estimate = estimator(cells)
        if estimate.value is None:
            assert "insufficient shots" in (estimate.reason or "")
            continue
        assert covers(estimate, estimate.value)
        assert least <= (estimate.low or 0) <= (estimate.high or 0) <= most


def test_noise_and_collapse_cancel_in_the_entropy() -> None:
    """A noisy sampler that lost half of its modes can have the target's entropy: read both."""
    target = np.repeat([1 / 8, 0], [8, 56])
    lost = np.repeat([1 / 4, 0], [4, 60])
    noisy = 0.88 * lost + 0.12 / 64

    value = entropy(align(Counts.from_cells(np.rint(noisy * 1e5).astype(int)), target)).value

    assert value == pytest.approx(3, abs=0.25)


def test_one_outcome_is_one_mode_without_entropy() -> None:
    """A sampler stuck on one outcome has the entropy zero and one effective mode."""
    cells = align({"01": 1000}, [0.25] * 4)

    assert entropy(cells).value == pytest.approx(0, abs=1e-9)
    assert effective_modes(cells).value == pytest.approx(1)
    assert effective_modes(cells).floor == pytest.approx(4)
