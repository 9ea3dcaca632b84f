"""What all divergences have in common: values, ranges, reasons and edges."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy as relative_entropy

from qgm_observe.quality.cells import Cells, align
from qgm_observe.quality.counts import Counts
from qgm_observe.quality.hellinger import hellinger_fidelity
from qgm_observe.quality.jensen_shannon import jensen_shannon
from qgm_observe.quality.kl import kullback_leibler
from qgm_observe.quality.mmd import mmd_squared
from qgm_observe.quality.tvd import total_variation
from qgm_observe.records import Estimate

Divergence = Callable[[Cells], Estimate]

P = np.array([0.1, 0.2, 0.3, 0.4])
Q = np.array([0.25, 0.25, 0.2, 0.3])
ORACLES: dict[Divergence, float] = {
    total_variation: float(np.abs(P - Q).sum() / 2),
    jensen_shannon: float(jensenshannon(P, Q, base=2) ** 2),
    hellinger_fidelity: float(np.sqrt(P * Q).sum() ** 2),
    kullback_leibler: float(relative_entropy(P, Q)),
}
ALL = [*ORACLES, mmd_squared]
PERFECT = {hellinger_fidelity: 1.0}


def whole(shares: np.ndarray, shots: int) -> Counts:
    return Counts.from_cells(np.rint(shares * shots).astype(int))


@pytest.mark.parametrize("divergence", ORACLES)
def test_with_many_shots_the_value_is_scipys(divergence: Divergence) -> None:
    """With ten million shots on the exact shares, value and interval meet SciPy's number."""
    estimate = divergence(align(whole(Q, 10_000_000), P))

    assert estimate.value == pytest.approx(ORACLES[divergence], abs=2e-5)
    assert estimate.low is not None
    assert estimate.high is not None
    assert estimate.low <= ORACLES[divergence] <= estimate.high
    assert estimate.high - estimate.low < 0.002


@pytest.mark.parametrize("divergence", ORACLES)
@pytest.mark.parametrize("shots", [200, 2_000])
def test_the_interval_covers(divergence: Divergence, shots: int) -> None:
    """Over 400 draws the interval holds the truth in 91 % or more (false failure: below 1e-4)."""
    rng = np.random.default_rng(shots)
    answers = [
        divergence(align(Counts.from_cells(draw), P)) for draw in rng.multinomial(shots, Q, 400)
    ]
    truth = ORACLES[divergence]
    given_ones = [e for e in answers if e.low is not None and e.high is not None]
    covered = [e.low <= truth <= e.high for e in given_ones]  # type: ignore[operator]

    assert not covered or np.mean(covered) >= 0.91
    assert covered or divergence is kullback_leibler


@pytest.mark.parametrize("divergence", ALL)
@given(
    numbers=st.lists(st.integers(0, 300), min_size=8, max_size=8).filter(any),
    weights=st.lists(st.integers(0, 20), min_size=8, max_size=8).filter(any),
    data_set=st.booleans(),
)
def test_never_nan_and_always_in_order(
    divergence: Divergence, numbers: list[int], weights: list[int], data_set: bool
) -> None:
    """Whatever the counts and the target, a value lies in its finite interval, or has a reason."""
    shares = np.array(weights) / sum(weights)
    target = Counts.from_cells(weights) if data_set else shares

    estimate = divergence(align(Counts.from_cells(numbers), target))

    if estimate.value is None:
        assert estimate.reason
        assert estimate.low is estimate.high is None
    else:
        assert estimate.reason is None
        assert estimate.low is not None
        assert estimate.high is not None
        assert estimate.low <= estimate.value <= estimate.high
        assert np.isfinite([estimate.low, estimate.high, estimate.floor]).all()


@pytest.mark.parametrize("divergence", ALL)
@given(seed=st.integers(0, 10_000))
def test_names_of_outcomes_do_not_matter(divergence: Divergence, seed: int) -> None:
    """Swapping bits of all outcomes alike changes no divergence."""
    rng = np.random.default_rng(seed)
    numbers, p = rng.integers(20, 200, 8), rng.exponential(size=8) + 0.1
    p /= p.sum()
    swapped = np.arange(8).reshape(2, 2, 2).transpose(2, 0, 1).ravel()

    one = divergence(align(Counts.from_cells(numbers), p))
    other = divergence(align(Counts.from_cells(numbers[swapped]), p[swapped]))

    assert one.value == pytest.approx(other.value, abs=1e-12)
    assert one.high == pytest.approx(other.high, abs=1e-12)


@pytest.mark.parametrize("divergence", ALL)
def test_all_mass_in_one_cell_is_perfect(divergence: Divergence) -> None:
    """A target of one outcome that always comes has the perfect value and a finite interval."""
    estimate = divergence(align({"01": 1000}, {"01": 1.0}))

    assert estimate.value == pytest.approx(PERFECT.get(divergence, 0.0), abs=1e-12)


@pytest.mark.parametrize("divergence", [total_variation, jensen_shannon, hellinger_fidelity])
def test_nothing_in_common_is_the_worst(divergence: Divergence) -> None:
    """Outcomes that the target never has give the worst value."""
    estimate = divergence(align({"01": 1000}, {"10": 1.0}))

    assert estimate.value == pytest.approx(0.0 if divergence in PERFECT else 1.0)


@pytest.mark.parametrize("divergence", [jensen_shannon, hellinger_fidelity, kullback_leibler])
def test_too_few_shots_have_a_reason_and_no_value(divergence: Divergence) -> None:
    """Below the limits there is "insufficient shots" instead of a number."""
    estimate = divergence(align({"0000": 3, "0001": 4}, [1 / 16] * 16))

    assert estimate.value is None
    assert "insufficient shots" in (estimate.reason or "")


@pytest.mark.parametrize("divergence", ALL)
def test_one_shot_breaks_nothing(divergence: Divergence) -> None:
    """A single shot gives a wide interval or a reason."""
    estimate = divergence(align({"0": 1}, [0.5, 0.5]))

    assert estimate.reason or (estimate.low, estimate.high) == (0, 0.5)


@pytest.mark.parametrize("divergence", [total_variation, jensen_shannon, hellinger_fidelity])
def test_what_was_not_seen_is_not_excluded(divergence: Divergence) -> None:
    """With 100 good shots a sampler that fails once in 50 is still inside the interval."""
    estimate = divergence(align({"01": 100}, {"01": 1.0}))
    truths = {total_variation: 0.02, hellinger_fidelity: 0.98}
    truth = truths.get(divergence, jensenshannon([1, 0], [0.98, 0.02], base=2) ** 2)

    assert estimate.low is not None
    assert estimate.high is not None
    assert estimate.low <= truth <= estimate.high


@pytest.mark.parametrize("divergence", [total_variation, jensen_shannon, hellinger_fidelity])
def test_a_perfect_sampler_is_rarely_flagged(divergence: Divergence) -> None:
    """Of 500 perfect samples at 15 shots a cell at most 7 % exclude perfection (5 % are meant)."""
    rng = np.random.default_rng(9)
    p = np.full(32, 1 / 32)
    ideal = PERFECT.get(divergence, 0.0)
    flagged = 0
    for draw in rng.multinomial(480, p, 500):
        estimate = divergence(align(Counts.from_cells(draw), p))
        assert estimate.low is not None
        assert estimate.high is not None
        flagged += not estimate.low - 1e-12 <= ideal <= estimate.high + 1e-12

    assert flagged / 500 <= 0.07


@pytest.mark.parametrize(
    ("divergence", "rel"),
    [
        (total_variation, 0.05),
        (jensen_shannon, 0.25),
        (kullback_leibler, 0.25),
        (lambda cells: _lost(hellinger_fidelity(cells)), 0.25),
    ],
)
def test_the_floor_is_what_a_perfect_sampler_shows(divergence: Divergence, rel: float) -> None:
    """The mean value over perfect samples is the floor beside it, not a plug-in reading."""
    # false failure below 1e-3: 600 draws give the mean of a cut value to 6 %, of the TVD to 1 %
    rng = np.random.default_rng(11)
    p = rng.dirichlet(np.full(16, 5.0))
    told = [divergence(align(Counts.from_cells(row), p)) for row in rng.multinomial(4000, p, 600)]

    assert told[0].floor == pytest.approx(np.mean([each.value for each in told]), rel=rel)


def test_the_floor_of_the_mmd_is_zero() -> None:
    """The U-statistic of a perfect sampler scatters about its floor, 0."""
    rng = np.random.default_rng(12)
    p = rng.dirichlet(np.full(16, 5.0))
    told = [mmd_squared(align(Counts.from_cells(row), p)) for row in rng.multinomial(500, p, 400)]
    values = np.array([each.value for each in told])

    assert {each.floor for each in told} == {0.0}
    assert abs(values.mean()) < 4 * values.std() / 20


def _lost(fidelity: Estimate) -> Estimate:
    assert fidelity.value is not None
    assert fidelity.floor is not None
    return replace(fidelity, value=1 - fidelity.value, floor=1 - fidelity.floor)


def test_kl_needs_every_cell() -> None:
    """A cell that the sampler missed makes the divergence unknown, not clipped."""
    estimate = kullback_leibler(align({"00": 5000, "01": 5000}, [0.5, 0.4, 0.05, 0.05]))

    assert "0 on the rarest of 4 cells" in (estimate.reason or "")


def test_kl_of_a_data_set_is_refused() -> None:
    """A data set's unseen cells decide the divergence, so there is a reason."""
    estimate = kullback_leibler(align({"0": 5000, "1": 5000}, {"0": 500, "1": 500}))

    assert "data set" in (estimate.reason or "")
