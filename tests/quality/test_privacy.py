"""Matches with the training data, against what innocence would show."""

import numpy as np
import pytest

from qgm_observe.errors import UsageError
from qgm_observe.quality.privacy import dcr_share, train_match_excess


def gaussian(bits: int) -> np.ndarray:
    """A discretized normal density."""
    places = np.linspace(-3, 3, 2**bits)
    weights = np.exp(-(places**2) / 2)
    return weights / weights.sum()


def drawn(p: np.ndarray, size: int, random: np.random.Generator) -> np.ndarray:
    """Outcomes drawn from a distribution."""
    return random.choice(len(p), size, p=p)


def leaking(p, train, share, size, random):
    """Samples of which a share is copied from the training rows."""
    samples = drawn(p, size, random)
    copied = random.random(size) < share
    return np.where(copied, random.choice(train, size), samples)


@pytest.mark.parametrize("known", [True, False])
def test_an_innocent_sampler_shows_no_excess(known):
    """The 95 % interval covers 0 in at least 91 % of 300 innocent cases, matches or not."""
    random, p = np.random.default_rng(1), gaussian(12)
    target = dict(enumerate(p)) if known else None
    covered = []
    for _ in range(300):
        train, holdout, samples = (drawn(p, size, random) for size in (1000, 1000, 800))
        told = train_match_excess(samples, train, target=target, holdout=holdout)
        covered.append(told.low <= 0 <= told.high)

    assert np.mean(covered) >= 0.91


@pytest.mark.parametrize("known", [True, False])
def test_a_model_that_copies_is_found(known):
    """Copying 20 % of 2,000 samples of 12 bits shows as an excess above 0."""
    random, p = np.random.default_rng(2), gaussian(12)
    train, holdout = drawn(p, 1000, random), drawn(p, 1000, random)
    samples = leaking(p, train, 0.2, 2000, random)
    target = dict(enumerate(p)) if known else None
    told = train_match_excess(samples, train, target=target, holdout=holdout)

    assert told.low > 0
    assert told.floor == 0.0


def test_scores_without_scatter_keep_an_interval():
    """If no sample matches and none could, the interval is narrow and not empty."""
    told = train_match_excess([1] * 200, [2], target={1: 0.0, 2: 1.0})

    assert told.value == 0
    assert -0.05 < told.low < 0 < told.high < 0.05


def test_the_excess_is_the_match_rate_less_chance():
    """On a small case the value equals the sums written out."""
    samples = [3] * 60 + [5] * 40
    told = train_match_excess(samples, [3, 3, 7, 9], target={3: 0.1, 5: 0.2, 7: 0.7})
    expected = 0.6 * (1 - (1 - 0.9**4)) - 0.4 * (1 - 0.8**4)

    assert told.value == pytest.approx(expected)


def test_where_chance_matches_nearly_all_it_is_not_assessable():
    """With 8 bits and 1,000 rows an innocent sampler matches 97 %, so nothing can show."""
    random, p = np.random.default_rng(3), gaussian(8)
    train, holdout, samples = (drawn(p, 1000, random) for _ in range(3))
    told = train_match_excess(samples, train, target=dict(enumerate(p)))

    assert told.value is None
    assert told.reason.startswith("not assessable: an innocent sampler matches 9")
    assert dcr_share(samples, train, holdout).reason.startswith("not assessable: ")


def test_what_is_missing_is_said():
    """Without target and holdout, rows, samples or equal sets the reason names what to give."""
    many = np.arange(500)
    told = [
        train_match_excess(many, many),
        train_match_excess(many, []),
        train_match_excess([1, 2], many, target={}),
        train_match_excess(many, many, holdout=[1]),
        dcr_share(many, many, [1]),
        dcr_share([1], many, many),
        dcr_share([], [], []),
    ]

    assert [each.value for each in told] == [None] * 7
    assert [each.reason.split(": ", 1)[1][:22] for each in told] == [
        "give the target or a h",
        "no training rows",
        "2 samples, needs 100",
        "1 holdout rows for 500",
        "1 holdout rows for 500",
        "1 samples, needs 100",
        "0 holdout rows for 0 t",
    ]


def test_the_closest_share_of_an_innocent_sampler_is_a_half():
    """The 95 % interval covers 0.5 in at least 90 % of 150 innocent cases of 14 bits."""
    random, p = np.random.default_rng(4), gaussian(14)
    covered = []
    for _ in range(150):
        told = dcr_share(*(drawn(p, size, random) for size in (400, 1000, 1000)))
        covered.append(told.low <= 0.5 <= told.high)

    assert np.mean(covered) >= 0.90


def test_the_closest_share_finds_copies():
    """Copying 20 % of 2,000 samples of 14 bits lifts the share above a half for certain."""
    random, p = np.random.default_rng(5), gaussian(14)
    train, holdout = drawn(p, 1000, random), drawn(p, 1000, random)
    told = dcr_share(leaking(p, train, 0.2, 2000, random), train, holdout)

    assert told.low > 0.5


def test_the_closest_share_is_that_of_its_definition():
    """Value equals counting bits one by one, ties a half."""
    random = np.random.default_rng(6)
    samples, train, holdout = (random.integers(0, 2**10, size) for size in (150, 20, 20))
    score = 0.0
    for x in samples:
        near, far = (min(int(x ^ y).bit_count() for y in rows) for rows in (train, holdout))
        score += 1.0 if near < far else 0.5 if near == far else 0.0

    assert dcr_share(samples, train, holdout).value == pytest.approx(score / 150)


@pytest.mark.parametrize("wrong", [[0.5], ["01"], [-1], [[1]]])
def test_outcomes_are_integers(wrong):
    """Fractions, text, negative numbers and tables are refused."""
    with pytest.raises(UsageError, match="samples: write"):
        train_match_excess(wrong, [1], target={})


def test_chances_are_chances():
    """Probabilities outside [0, 1] are refused."""
    for p in (1.5, -0.1, float("nan")):
        with pytest.raises(UsageError, match="target"):
            train_match_excess([1] * 200, [1], target={1: p})
