"""How long a canary takes is foretold, and holds."""

import numpy as np
import pytest

from qgm_observe.quality.canary import Criterion, Plan, Statistic, Verdict, judge
from qgm_observe.quality.canary_length import Length, length_of
from qgm_observe.quality.traffic import Traffic

SCORE = Criterion("score", Statistic.MEAN, 0.02, higher_is_better=True)
SUCCESS = Criterion("success", Statistic.SHARE, 0.05, higher_is_better=True)
MEDIAN = Criterion("median", Statistic.QUANTILE, 0.25)
COST = Criterion("cost", Statistic.RATIO, 0.1)
PLAN = Plan(looks=10)


def traffic(values: object, a_look: tuple[int, int], looks: int) -> Traffic:
    """Each root a cluster of its own, each look a stratum."""
    mine = np.tile(np.repeat([False, True], a_look), looks)
    look = np.repeat(np.arange(1, looks + 1), sum(a_look))
    return Traffic(np.asarray(values, float), np.arange(len(mine)), mine, look - 1, look)


def drawn(criterion: Criterion, a_look: tuple[int, int], looks: int, seed: int) -> Traffic:
    """Two equal versions."""
    random, roots = np.random.default_rng(seed), sum(a_look) * looks
    if criterion.statistic is Statistic.SHARE:
        return traffic(random.random(roots) > 0.05, a_look, looks)
    if criterion.statistic is Statistic.MEAN:
        return traffic(random.normal(0.8, 0.05, roots), a_look, looks)
    return traffic(np.exp(random.normal(0, 0.4, roots)), a_look, looks)


def told(criterion: Criterion, a_look: tuple[int, int], seen: float = 2) -> Length:
    """What is foretold after some looks."""
    length = length_of([(criterion, drawn(criterion, a_look, int(seen), 3))], seen, PLAN)
    assert length is not None
    return length


@pytest.mark.parametrize(
    ("criterion", "a_look"),
    [(SUCCESS, (120, 50)), (SCORE, (60, 12)), (MEDIAN, (90, 30)), (COST, (90, 25))],
    ids=["success", "score", "median", "cost"],
)
def test_equal_candidates_are_promoted_when_foretold(criterion, a_look):
    """At the foretold look 80 % of equal canaries are promoted: 40 of 60 or more, most of them."""
    # Binomial(60, 0.8) <= 39 is 0.4 %; the seeds are fixed
    looks = told(criterion, a_look).looks
    assert looks is not None
    ends = [
        judge([(criterion, drawn(criterion, a_look, PLAN.looks, seed))], looks, PLAN)
        for seed in range(60)
    ]

    assert sum(each.verdict is Verdict.PROMOTE for each in ends) >= 40
    assert 1 < looks < PLAN.looks


def test_too_little_traffic_is_told_by_how_much():
    """With a quarter of the roots it takes about four times as long, beyond the last look."""
    enough, little = told(SUCCESS, (200, 20), 5), told(SUCCESS, (50, 5), 20)

    assert little.looks is None
    assert little.times / enough.times == pytest.approx(4, rel=0.3)


def test_the_share_that_suffices():
    """So many of the same roots for the candidate have the information that is needed."""
    length = Length((90.0, 10.0), None, 2.0, "score")
    assert length.share is not None

    assert length.share * (1 - length.share) == pytest.approx(2.0 * 0.9 * 0.1)
    assert length.share < 0.5
    assert Length((90.0, 10.0), None, 3.0, "score").share is None


def test_the_slowest_criterion_is_named():
    """Of two criteria the one that needs more roots is told."""
    both = [(each, drawn(each, (50, 50), 2, 3)) for each in (SCORE, SUCCESS)]
    length = length_of(both, 2, PLAN)

    assert length is not None
    assert length.slowest == "success"


def test_days_cancel():
    """What shifts all scores of a look does not make it longer."""
    plain = drawn(SCORE, (60, 12), 4, 3)
    shifted = Traffic(
        plain.values + np.repeat([0.0, 0.3, -0.3, 0.1], 72),
        *(plain.cluster, plain.is_candidate, plain.stratum, plain.look),
    )
    one, other = (length_of([(SCORE, each)], 4, PLAN) for each in (plain, shifted))

    assert one is not None
    assert other is not None
    assert one.times == pytest.approx(other.times)


def test_sessions_count_once():
    """Ten jobs that fail together are one cluster: it takes as long as with one job each."""
    alone = drawn(SUCCESS, (100, 50), 2, 3)
    together = Traffic(
        np.repeat(alone.values, 10),
        np.repeat(alone.cluster, 10),
        *(alone.is_candidate, alone.stratum, alone.look),
    )
    one, ten = (length_of([(SUCCESS, each)], 2, PLAN) for each in (alone, together))

    assert one is not None
    assert ten is not None
    assert ten.times == pytest.approx(one.times, rel=0.1)


@pytest.mark.parametrize("a_look", [(9, 1), (20, 0)], ids=["few stable", "no candidate"])
def test_nothing_is_foretold_without_both_versions(a_look):
    """Ten clusters of the stable version and one of the candidate are the least."""
    assert length_of([(SCORE, drawn(SCORE, a_look, 1, 3))], 1.0, PLAN) is None
