"""EWMA and CUSUM: their steps and their limits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgm_observe.errors import UsageError
from qgm_observe.quality.charts import CUSUM, EWMA, Chart, limit_for

points = st.lists(st.floats(-20, 20), min_size=1, max_size=40)


def after(chart: Chart, values: list[float]) -> Chart:
    """The chart after all points."""
    for value in values:
        chart = chart.after(value)
    return chart


@given(points)
def test_ewma_is_the_weighted_sum_of_its_points(values):
    """The level equals sum w (1 - w)^age point."""
    ages = np.arange(len(values))[::-1]
    expected = float((0.2 * 0.8**ages) @ np.array(values))
    chart = after(Chart(kind=EWMA, weight=0.2, limit=1000), values)

    assert chart.level == pytest.approx(expected, abs=1e-9)


@given(points)
def test_cusum_is_the_largest_excess_of_any_recent_stretch(values):
    """Far below its limit the level is the largest sum of the last points less their slack."""
    sums = np.cumsum([value - 0.5 for value in reversed(values)])
    chart = after(Chart(kind=CUSUM, weight=0.5, limit=1e6), values)

    assert chart.level == pytest.approx(max(0.0, float(sums.max())), abs=1e-9)


def test_a_disturbance_is_one_alarm_until_it_is_well_over():
    """Hovering about the limit raises one alarm, which ends below half the limit."""
    chart = Chart(kind=EWMA, weight=1.0, limit=3.0)
    stages = [(2.9, False, 0), (3.0, True, 1), (2.0, True, 1), (3.5, True, 1), (1.4, False, 1)]
    for point, alarm, alarms in stages:
        chart = chart.after(point)
        assert (chart.alarm, chart.alarms) == (alarm, alarms)
    assert chart.after(4.0).alarms == 2


def test_a_repaired_fault_clears_in_a_bounded_time():
    """After a thousand bad points, as many good ones as half the limit clear a CUSUM."""
    chart = after(Chart(kind=CUSUM, weight=0.5, limit=8.0), [5.0] * 1000)

    assert chart.alarm
    assert not after(chart, [-0.5] * 5).alarm


@pytest.mark.parametrize(("kind", "weight"), [(EWMA, 0.2), (CUSUM, 0.5)])
def test_the_limit_gives_the_alarms_it_was_asked_for(kind, weight):
    """On fresh independent points a year raises 2 alarms on average, within 25 %."""
    random = np.random.default_rng(5)
    limit = limit_for(kind, weight, random.standard_normal((365, 1000)), 2.0)
    fresh = [
        after(Chart(kind=kind, weight=weight, limit=limit), list(random.standard_normal(365)))
        for _ in range(200)
    ]

    assert np.mean([chart.alarms for chart in fresh]) == pytest.approx(2.0, rel=0.25)


@given(st.floats(0.1, 10))
def test_fewer_alarms_need_a_higher_limit(alarms):
    """The limit never falls when fewer alarms are allowed."""
    futures = np.random.default_rng(6).standard_normal((100, 20))

    assert limit_for(EWMA, 0.3, futures, alarms) >= limit_for(EWMA, 0.3, futures, 2 * alarms)


def test_charts_that_cannot_work_are_refused():
    """An unknown kind, a weight of 0 and a limit of 0 are refused."""
    for wrong in ({"kind": "shewhart"}, {"weight": 0.0}, {"limit": 0.0}):
        with pytest.raises(UsageError, match="chart"):
            Chart(**{"kind": EWMA, "weight": 0.2, "limit": 3.0} | wrong)
