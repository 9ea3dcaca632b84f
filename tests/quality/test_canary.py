"""Promote, hold or roll back."""

import importlib.util
import math
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from qgm_observe.errors import UsageError
from qgm_observe.quality.arms import estimate_of
from qgm_observe.quality.canary import (
    Criterion,
    Plan,
    State,
    Statistic,
    Verdict,
    judge,
)
from qgm_observe.quality.traffic import Traffic

SOURCE = Path(__file__).parents[2] / "benchmarks" / "canary.py"
SUCCESS = Criterion("success", Statistic.SHARE, 0.05, higher_is_better=True)
SCORE = Criterion("score", Statistic.MEAN, 0.02, higher_is_better=True)
MEDIAN = Criterion("median", Statistic.QUANTILE, 0.25)
COST = Criterion("cost", Statistic.RATIO, 0.1)


def traffic(values, mine, day) -> Traffic:
    """Each root a cluster of its own, each day a stratum."""
    arrays = np.asarray(values, float), np.asarray(mine, bool), np.asarray(day, np.int64)
    return Traffic(arrays[0], np.arange(len(mine)), arrays[1], arrays[2] - 1, arrays[2])


def lognormal(ratio: float, days: int = 10, stable: int = 90, candidate: int = 30) -> Traffic:
    """Latencies or costs of a candidate that has so many times those of the stable version."""
    random = np.random.default_rng(5)
    mine = np.tile(np.repeat([False, True], [stable, candidate]), days)
    values = np.exp(random.normal(0, 0.3, len(mine))) * np.where(mine, ratio, 1.0)
    return traffic(values, mine, np.repeat(np.arange(1, days + 1), stable + candidate))


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    """The benchmark as a module."""
    spec = importlib.util.spec_from_file_location("benchmark_of_canary", SOURCE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_stated_rates_hold_under_daily_looks(benchmark):
    """Of 30 equal canaries 8 or fewer are rolled back; of 10 worse ones 8 or more are, at once."""
    # false failure: Binomial(30, 0.05) >= 9 is 6e-6; a quality drop was missed in 0 of 100
    equal = benchmark.World("equal", stable=90, candidate=10)
    worse = benchmark.World("quality -10 %", stable=90, candidate=10, score=0.72)
    (same,) = benchmark.judged((equal,), 30, 2)
    (low,) = benchmark.judged((worse,), 10, 2)

    assert same["rolled back"] <= 8 / 30
    assert low["rolled back"] >= 0.8
    assert low["promoted"] == 0


@pytest.mark.parametrize("criterion", [MEDIAN, COST], ids=["quantile", "geometric mean"])
@pytest.mark.parametrize(
    ("ratio", "verdict"),
    [(1.0, Verdict.PROMOTE), (1.6, Verdict.ROLL_BACK), (0.5, Verdict.PROMOTE)],
)
def test_ratios_are_found(criterion, ratio, verdict):
    """A ratio is told with an interval that holds it, and what is better is no harm."""
    told = judge([(criterion, lognormal(ratio))], 10)
    (found,) = told.findings

    assert told.verdict is verdict
    assert found.low < math.log(ratio) < found.high
    assert found.low <= found.harm <= found.high


def test_what_is_within_the_margin_for_certain_is_no_harm():
    """With a margin of a tenth, 3 % more is promoted and 8 % more is rolled back."""
    some = judge([(COST, lognormal(1.03, days=28))], 28)
    more = judge([(COST, lognormal(1.08, days=28))], 28)

    assert (some.verdict, some.findings[0].state) == (Verdict.PROMOTE, State.WITHIN)
    assert (more.verdict, more.findings[0].state) == (Verdict.ROLL_BACK, State.WORSE)


def test_a_decision_stays():
    """What a look decided does not change at later ones, whatever they bring."""
    bad = lognormal(2.0, days=4)
    later = Traffic(
        np.where(bad.look[bad.cluster] > 2, 1.0 + 0.001 * np.arange(len(bad.values)), bad.values),
        *(bad.cluster, bad.is_candidate, bad.stratum, bad.look),
    )
    first, last = judge([(COST, bad.until(2))], 2), judge([(COST, later)], 4)

    assert first == last
    assert first.verdict is Verdict.ROLL_BACK


def test_too_little_is_held_and_told():
    """Below ten clusters nothing is said but how many there are; then how many more it takes."""
    few = lognormal(1.0, days=2, candidate=4)
    told = judge([(COST, few)], 2)
    assert (told.verdict, told.findings[0].needed) == (Verdict.HOLD, 2)
    assert told.findings[0].reason == "180 and 8, needs 10 of each"
    assert told.findings[0].harm is None

    narrow = Criterion("cost", Statistic.RATIO, 0.01)
    told = judge([(narrow, lognormal(1.0, days=4))], 4)
    (found,) = told.findings
    assert told.verdict is Verdict.HOLD
    assert found.counts == (360, 120)
    wanted = (1.645 + 0.84) ** 2 * 0.3**2 * (1 / 90 + 1 / 30) * 30 / math.log(1.01) ** 2
    assert wanted < found.needed < 2.5 * wanted


def test_no_failure_yet_is_no_proof():
    """Twenty successes of twenty happen in an eighth of all cases at five points more failures."""
    mine = np.repeat([False, True], [300, 20])
    good = np.ones(320)
    good[:15] = 0
    (found,) = judge([(SUCCESS, traffic(good, mine, np.ones(320)))], 1, Plan(looks=1)).findings

    assert found.state is State.OPEN
    assert found.harm < 0
    assert 0.05 < found.high < 0.15


def test_sessions_stand_or_fall_together():
    """Ten jobs that fail with their session weigh as one, so that few sessions decide nothing."""
    jobs = np.repeat(np.arange(40), 10)
    mine = np.arange(40) % 2 == 1
    one = np.ones(40, np.int64)
    failed = np.isin(jobs, [1, 3, 5])
    by_session = Traffic(1.0 - failed, jobs, mine, one - 1, one)
    by_job = Traffic(1.0 - failed, np.arange(400), mine[jobs], one[jobs] - 1, one[jobs])

    assert judge([(SUCCESS, by_session)], 1, Plan(looks=1)).verdict is Verdict.HOLD
    assert judge([(SUCCESS, by_job)], 1, Plan(looks=1)).verdict is Verdict.ROLL_BACK


def test_every_criterion_has_to_agree():
    """One criterion without data holds back what the others would promote."""
    good = lognormal(1.0)
    empty = good.until(0)

    assert judge([(COST, good)], 10).verdict is Verdict.PROMOTE
    assert judge([(COST, good), (SCORE, empty)], 10).verdict is Verdict.HOLD


def test_the_answer_between_looks_is_that_of_the_last():
    """More looks than are planned change nothing."""
    told = [judge([(SUCCESS, lognormal(1.0, days=6))], over, Plan(looks=3)) for over in (3, 6)]

    assert told[0] == told[1]


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda: Plan(looks=0), "0 looks: write 1 to 60"),
        (lambda: Plan(looks=61), "61 looks"),
        (lambda: Plan(power=1.0), "power"),
        (lambda: Criterion("cost", Statistic.RATIO, 0.0), "margin of cost"),
        (lambda: Criterion("p95", Statistic.QUANTILE, 0.1, quantile=1.0), "quantile of p95"),
        (lambda: judge([], 1), "nothing to compare"),
        (lambda: judge([(COST, traffic([0.0], [True], [1]))], 1), "above 0"),
    ],
    ids=["no look", "many looks", "power", "margin", "quantile", "no criterion", "no ratio"],
)
def test_impossible_canaries_are_refused(made, said):
    """Plans, margins and values that are none are one line."""
    with pytest.raises(UsageError, match=said):
        made()


def test_versions_by_themselves():
    """Each version has its estimate, interval and count; a quantile has no end it cannot have."""
    seen = lognormal(2.0)
    stable = estimate_of(MEDIAN, seen, candidate=False)
    candidate = estimate_of(COST, seen, candidate=True)
    none = estimate_of(COST, seen.until(0), candidate=True)
    few = estimate_of(MEDIAN, lognormal(1.0, days=1, candidate=3), candidate=True)
    ones = estimate_of(SUCCESS, traffic([1.0] * 9, [True] * 9, [1] * 9), candidate=True)

    assert stable.low < 1.0 < stable.high
    assert candidate.low < 2.0 < candidate.high
    assert (stable.n, candidate.n) == (900, 300)
    assert none.reason == "nothing was recorded"
    assert (few.low, few.high) == (None, None)
    assert (ones.value, ones.high) == (1.0, 1.0)
    assert ones.low == pytest.approx(0.025 ** (1 / 9))
