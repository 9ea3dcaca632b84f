"""What a perfect sampler reads."""

from itertools import product

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import multinomial

from qgm_observe.quality.shot_noise import Form, shot_noise

FORMS = {
    "jensen-shannon": lambda p, q: jensenshannon(p, q, base=2) ** 2,
    "hellinger": lambda p, q: 1 - np.sqrt(p * q).sum(),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("shots", [6, 12, 20])
def test_mean_and_spread_agree_with_exact_enumeration(form: Form, shots: int) -> None:
    """Over every possible outcome, the plug-in value has the tabulated mean and deviation."""
    p = np.array([0.4, 0.3, 0.2, 0.1])
    draws = np.array([d for d in product(range(shots + 1), repeat=4) if sum(d) == shots])
    weights = multinomial.pmf(draws, shots, p)
    values = np.array([FORMS[form](p, draw / shots) for draw in draws])
    mean = weights @ values
    spread = np.sqrt(weights @ (values - mean) ** 2)

    noise = shot_noise(form, p, shots)

    assert noise.mean == pytest.approx(mean, rel=0.08)
    assert np.sqrt(noise.variance) == pytest.approx(spread, rel=0.15)


@pytest.mark.parametrize("form", FORMS)
def test_many_cells_agree_with_simulation(form: Form) -> None:
    """With half a shot a cell, where no formula holds, simulated floors are met within 1 %."""
    rng = np.random.default_rng(4)
    p = rng.exponential(size=512)
    p /= p.sum()
    values = [FORMS[form](p, draw / 256) for draw in rng.multinomial(256, p, size=400)]

    noise = shot_noise(form, p, 256)

    assert noise.mean == pytest.approx(np.mean(values), rel=0.01)
    assert np.sqrt(noise.variance) == pytest.approx(np.std(values), rel=0.12)


@pytest.mark.parametrize(
    ("form", "constant"), [("jensen-shannon", 8 * np.log(2)), ("hellinger", 8)]
)
def test_many_shots_follow_the_asymptotic_floor(form: Form, constant: float) -> None:
    """With many shots a cell the floor is (k - 1) / (c N), and k cells are told."""
    noise = shot_noise(form, np.full(64, 1 / 64), 1e6)

    assert noise.mean == pytest.approx(63 / constant / 1e6, rel=0.01)
    assert noise.cells == pytest.approx(64, rel=0.01)


@pytest.mark.parametrize("form", FORMS)
def test_a_certain_outcome_has_no_noise(form: Form) -> None:
    """A target of one outcome is read without noise; cells without probability add none."""
    noise = shot_noise(form, np.array([0.0, 1.0, 0.0]), 100)

    assert (noise.mean, noise.variance) == (0, 0)
