"""What counts of events are tried on beside the courses of incidents."""

from collections.abc import Iterator

from qgm_observe.alerts.budget import ERRORS, EVENTS, one
from qgm_observe.alerts.objective_lines import lines_by_role
from qgm_observe.alerts.scenario import GONE, HEALTHY, IDLE, Line, Phases, Scenario, notation
from qgm_observe.alerts.selectors import Selectors
from qgm_observe.slo.indicator import Ratio
from qgm_observe.slo.objective import Objective
from qgm_observe.slo.window import MINUTE, shorthand

STEP = 30 * MINUTE


def late(objective: Objective, lines: tuple[Line, ...], selectors: Selectors) -> Scenario:
    """Counters that began before rules looked: all that they tell counts."""
    indicator = objective.indicator
    assert isinstance(indicator, Ratio)  # noqa: S101  told to the type checker
    phases: Phases = [(GONE, 2), ((1.0, 1.0), 3), (IDLE, 44)]
    good, total = lines_by_role(objective, lines, selectors)
    well, all_ = (
        sum(line.values(phases, STEP)[-1] or 0.0 for line in found) * selection.factor
        for found, selection in ((good, indicator.good[0]), (total, indicator.total[0]))
    )
    told = ((EVENTS, all_), (ERRORS, max(all_ - well, 0.0)))
    recorded = tuple(
        {
            "expr": f"sum({one(name, objective.name, '1d')})",
            "eval_time": "1d",
            "exp_samples": [{"labels": "{}", "value": value}],
        }
        for name, value in told
    )
    return Scenario("counters that began before a rule looked", phases, (), recorded=recorded)


def all_good(
    objective: Objective, lines: tuple[Line, ...], selectors: Selectors
) -> Iterator[Scenario]:
    """More of another signal is good than counts: then none is bad, and not fewer than none."""
    good, total = lines_by_role(objective, lines, selectors)
    if good[0] in total:
        return
    phases: Phases = [(HEALTHY, 4)]
    values = notation([1e6 * value for value in good[0].values(phases, STEP) if value])
    yield Scenario(
        "more is good than counts: nothing is bad",
        phases,
        (),
        further=((good[0].siblings[0], values),),
        recorded=(
            {
                "expr": f'max({ERRORS}{{slo="{objective.name}"}})',
                "eval_time": shorthand(3 * STEP),
                "exp_samples": [{"labels": "{}", "value": 0.0}],
            },
        ),
    )
