"""What an objective is tried on that counts the minutes in which a level is good."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from qgm_observe.alerts import neighbor, objective_courses, quantile_trials
from qgm_observe.alerts.objective_lines import differs, excuses, siblings_of
from qgm_observe.alerts.recorded_trials import Minutes
from qgm_observe.alerts.scenario import BAD, GONE, HEALTHY, LEVEL, Check, Line, Phases, Scenario
from qgm_observe.alerts.selectors import Selectors
from qgm_observe.slo import promql
from qgm_observe.slo.burn import TICKET
from qgm_observe.slo.indicator import Level, Slices
from qgm_observe.slo.objective import Objective
from qgm_observe.slo.window import MINUTE, shorthand

STEP = 15 * MINUTE
OF_MINUTES = (promql.COUNTED, promql.GOOD)
_LAST = 7

Another = Callable[..., tuple[tuple[str, str], ...]]
"""Returns series of another objective: one that burns or one that does not, for so many steps."""


def looked_at(
    objective: Objective, selectors: Selectors, lines: tuple[Line, ...], another: Another
) -> Iterator[Scenario]:
    """Yield courses of minutes of levels; a quantile changes for as long as it is taken over."""
    indicator = objective.indicator
    assert isinstance(indicator, Slices)  # noqa: S101  told to the type checker
    if not objective.burns:
        return
    yield from _in_windows(objective, selectors, another)
    if indicator.good.left.quantile is not None:
        return
    left = lines[0]
    against = lines[1:2] if isinstance(indicator.good.right, Level) else ()
    if indicator.counted is None:
        yield _untold(objective, left, another)
    elif left.kind == LEVEL:
        told = tuple(
            (each, f"{line.bad:g}+0x{_LAST}") for line in (left, *against) for each in line.decoys
        )
        name = "others of the signal are bad, and this is not: silent"
        yield Scenario(name, [(HEALTHY, _LAST + 1)], (Check(_LAST, False),), further=told)
    for sibling in left.siblings:
        bad = ((sibling, f"{left.bad:g}+0x{_LAST}"),)
        name = "another value of those that are looked at is bad: fires"
        yield Scenario(name, [(HEALTHY, _LAST + 1)], (Check(_LAST, True),), further=bad)


def _untold(objective: Objective, left: Line, another: Another) -> Scenario:
    told = tuple((each, f"1+0x{_LAST}") for each in left.decoys)
    names = (promql.recorded(each, objective.name) for each in OF_MINUTES)
    when = shorthand(_LAST * STEP)
    return Scenario(
        "others of the signal are told, and this is not: nothing counts",
        [(HEALTHY, _LAST + 1)],
        (Check(_LAST, False),),
        absent=True,
        further=(*told, *another(1, _LAST + 1)),
        recorded=tuple({"expr": each, "eval_time": when} for each in names),
    )


def _in_windows(objective: Objective, selectors: Selectors, another: Another) -> Iterator[Scenario]:
    """Courses of minutes, after some as usual where a quantile needs a past."""
    buckets = quantile_trials.buckets_of(objective, selectors)
    for name, then, looked in objective_courses.of_minutes():
        past: Phases = [(GONE, 1), (HEALTHY, 6)] if then[0][0] == BAD else [(GONE, 1)]
        phases = list(then) if buckets is None else [*past, *then]
        begun = sum(steps for _, steps in phases) - sum(steps for _, steps in then)
        found = Minutes(objective, phases, STEP)
        fired = ((begun + at, found.fires(begun + at, TICKET)) for at in looked)
        checks = tuple(Check(at, fires) for at, fires in fired if fires is not None)
        steps = sum(many for _, many in phases)
        further = another(0, steps, neighbor.DECISIVE)
        if buckets is not None:
            further += quantile_trials.of_minutes(buckets, phases[1:])
        yield Scenario(name, phases, checks, absent=buckets is not None, further=further)


def uncompared(
    objective: Objective, selectors: Selectors, lines: tuple[Line, ...]
) -> Iterator[tuple[tuple[Line, ...], Scenario]]:
    """Yield levels of which only others have something to be compared with, and their course."""
    indicator = objective.indicator
    if not isinstance(indicator, Slices) or indicator.against is None:
        return
    left, against, *rest = lines
    level, labels = indicator.against
    siblings = siblings_of(selectors.narrowed(level.selection), against.series)
    apart = (s for s in siblings if any(differs(against.series, s, name) for name in labels))
    others = (*apart, *against.decoys)
    beside = tuple(replace(against, series=each, decoys=(), siblings=()) for each in others)
    names = (promql.recorded(each, objective.name) for each in OF_MINUTES)
    when = shorthand(_LAST * STEP)
    told = Scenario(
        "there is nothing to compare with: nothing counts",
        [(BAD, _LAST + 1)],
        (Check(_LAST, False),),
        recorded=tuple({"expr": each, "eval_time": when} for each in names),
    )
    yield (left, *rest, *beside), told


def excused(objective: Objective, selectors: Selectors) -> Iterator[tuple[list[Line], Scenario]]:
    """Yield levels that excuse a bad minute, or another one, with their courses."""
    indicator = objective.indicator
    if not isinstance(indicator, Slices) or indicator.excused is None:
        return
    if not isinstance(indicator.excused.right, Level):
        return
    phases: Phases = [(HEALTHY, 4), (BAD, 8)]
    for holds, lines in excuses(indicator.excused, selectors):
        told = "excused: silent" if holds else "others are excused: fires"
        yield lines, Scenario(told, phases, (Check(11, not holds),))
