"""Objectives judged by what a Prometheus scraped and its rules recorded."""

from collections.abc import Callable, Sequence

from qgm_observe.slo import promql
from qgm_observe.slo.indicator import Ratio, Slices, Spend
from qgm_observe.slo.objective import Objective
from qgm_observe.slo.prometheus import Prometheus
from qgm_observe.slo.score import TRAFFIC_WINDOW, WINDOWS
from qgm_observe.slo.spenders import spenders
from qgm_observe.slo.status import BURN_WINDOWS, Count, Status, capped, status_of
from qgm_observe.slo.window import DAY, MINUTE, shorthand


def statuses(objectives: Sequence[Objective], server: Prometheus, now: float) -> list[Status]:
    """Return how objectives stand by a Prometheus at an instant (epoch s).

    Minutes are those that the rules of the objective's name recorded; where nothing is recorded
    under it, they are computed from the levels, which takes a server long.
    """
    return [_status(each, server, now) for each in objectives]


def _status(objective: Objective, server: Prometheus, now: float) -> Status:
    length = max(MINUTE, (now - objective.reported.begin(now)) // MINUTE * MINUTE)
    count = _counter(objective, server, now)
    whole = count(length)
    indicator = objective.indicator
    if not whole.total and not isinstance(indicator, Spend):
        return status_of(objective, whole, {}, {})
    windows = {*BURN_WINDOWS} | ({*WINDOWS, TRAFFIC_WINDOW} if objective.score else set())
    counts = {window: count(window) for window in sorted(windows)}
    if isinstance(indicator, Spend):
        spent = {window: each.bad for window, each in counts.items()}
        whole, counts = capped(objective, whole.bad, spent)
    by = spenders(objective, server, length, now) if whole.bad else {}
    return status_of(objective, whole, counts, by)


def _counter(objective: Objective, server: Prometheus, now: float) -> Callable[[float], Count]:
    indicator = objective.indicator
    if isinstance(indicator, Slices):
        return _minutes(objective.name, indicator, server, now)
    total = indicator.spent if isinstance(indicator, Spend) else indicator.total
    good = indicator.good if isinstance(indicator, Ratio) else ()
    return lambda window: _counted(
        server, now, *(promql.count(each, window, slo=objective.name) for each in (good, total))
    )


def _minutes(name: str, slices: Slices, server: Prometheus, now: float) -> Callable[[float], Count]:
    counted, good = (promql.recorded(record, name) for record in (promql.COUNTED, promql.GOOD))
    is_recorded = server.value(f"count(last_over_time({counted}[{shorthand(DAY)}]))", now)

    def count(window: float) -> Count:
        if is_recorded:
            texts = [f"sum(sum_over_time({each}[{shorthand(window)}]))" for each in (good, counted)]
        else:
            texts = [promql.minutes(slices, window, good=each) for each in (True, False)]
        return _counted(server, now, *texts)

    return count


def _counted(server: Prometheus, now: float, good: str, total: str) -> Count:
    all_ = server.value(total, now) or 0.0
    return Count(all_ - ((server.value(good, now) or 0.0) if good else 0.0), all_)
