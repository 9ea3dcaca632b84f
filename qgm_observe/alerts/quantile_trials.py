"""What an objective is tried on that holds the quantile of hours against that of days.

Observations fall into three buckets: usual ones, slower ones that are still good, and slow ones.
A day is evaluated once, for what has to be recorded; samples come every half an hour.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

from qgm_observe.alerts.objective_lines import decoys_of, differs, series_of, siblings_of
from qgm_observe.alerts.scenario import BAD, GONE, IDLE, Phase, Phases, Scenario, notation
from qgm_observe.alerts.selectors import Selectors
from qgm_observe.slo.indicator import Level, Op, Selection, Slices
from qgm_observe.slo.objective import Objective
from qgm_observe.slo.promql import COUNTED, GOOD, TOGETHER
from qgm_observe.slo.window import DAY, HOUR, MINUTE, shorthand

SAMPLED = 30 * MINUTE
_A_DAY = round(DAY / SAMPLED)
_DAYS = 10
"""Of a course that is longer than the days of a quantile; others have one."""

_OVER = HOUR, 7 * DAY
_HOUR = 2
"""Samples of the last hour, for short quantiles."""

Observed = tuple[float, float, float]
"""How many usual, slower and slow ones a sample brings."""

_STILL_COUNTED = 3
"""Samples of an hour that still counts what was observed before: a gap begins so much earlier."""

_NONE: Observed = (0, 0, 0)
_USUAL, _SLOWER, _SLOW = (10, 0, 0), (0, 10, 0), (0, 0, 10)
_MANY, _MANY_SLOW = (1000, 0, 0), (0, 0, 1000)
Course = Sequence[tuple[Observed, int]]
"""What samples bring, each up to a place before the last one."""


@dataclass(frozen=True)
class Buckets:
    """Bounds of the three buckets, ascending in pairs.

    Attributes:
        selection: Of the histogram.
        bounds: Lower and upper ones that are told.
        places: Which of them are the upper ones of usual, slower and slow observations.
    """

    selection: Selection
    bounds: tuple[float, ...]
    places: tuple[int, int, int]

    def series(
        self, own: str, observed: Sequence[Observed], resets: Sequence[int] = ()
    ) -> dict[str, str]:
        """Return the buckets and the count of a label set, with their values."""
        counts = [0.0] * (len(self.bounds) + 1)
        values: list[list[float]] = [[] for _ in counts]
        for place, each in enumerate(observed):
            if place in resets:
                counts = [0.0] * len(counts)
            for number, many in zip(self.places, each, strict=True):
                counts[number] += many
            for told, total in zip(values, accumulate(counts), strict=True):
                told.append(total)
        bucket = own.replace("_count{", "_bucket{")
        found = {own: notation(values[-1])}
        bounds = (*map(str, map(float, self.bounds)), "+Inf")
        for bound, told in zip(bounds, values, strict=True):
            found[bucket.replace("{", f'{{le="{bound}",', 1)] = notation(told)
        return found


def _each(course: Course, days: int = 1) -> list[Observed]:
    places = range(-days * _A_DAY, 1)
    return [next(each for each, end in course if place <= end) for place in places]


def trials(objective: Objective, selectors: Selectors) -> Iterator[Scenario]:
    """Yield courses of an objective that compares a quantile of an hour with that of a week."""
    buckets = buckets_of(objective, selectors)
    if buckets is not None:
        yield from _courses(objective.name, buckets)


def buckets_of(objective: Objective, selectors: Selectors) -> Buckets | None:
    """Return buckets of an objective, `None` where it compares nothing of that kind."""
    indicator = objective.indicator
    if not isinstance(indicator, Slices) or indicator.counted or indicator.excused:
        return None
    left, right = indicator.good.left, indicator.good.right
    if left.quantile is None or indicator.good.op not in {Op.LT, Op.LTE}:
        return None
    if not isinstance(right, Level) or left.selection != right.selection:
        return None
    if (left.over, right.over) != _OVER:
        return None
    selection = selectors.narrowed(left.selection)
    return _buckets(selection, left.quantile, right.factor / left.factor)


def of_minutes(buckets: Buckets, phases: Phases) -> tuple[tuple[str, str], ...]:
    """Return series of which just the bad minutes of phases are slow, four samples an hour.

    Slow ones outweigh an hour as usual, and the first that are usual again outweigh an hour of slow
    ones; what is usual at the very first outweighs the week.
    """
    observed: list[Observed] = [_NONE]
    most = 100_000
    before: Phase = BAD
    for phase, steps in phases:
        many = 100 if phase == BAD else most if before == BAD else 1
        first: Observed = (0, 0, many) if phase == BAD else (many, 0, 0)
        observed += [first, *[first if phase == BAD else (1, 0, 0)] * (steps - 1)]
        if phase == GONE:
            observed[-steps - _STILL_COUNTED :] = [_NONE] * (steps + _STILL_COUNTED)
        before, most = phase, most if phase == BAD else 1000
    return tuple(buckets.series(series_of(buckets.selection), observed).items())


def _buckets(selection: Selection, quantile: float, factor: float) -> Buckets | None:
    """Return a bucket, the last that is not too slow beside it, and the first that is."""
    bounds = selection.bounds
    usual = len(bounds) // 2
    found = [low + (high - low) * quantile for low, high in pairwise(bounds)]
    slow = next((n for n, each in enumerate(found) if each > factor * found[usual]), 0)
    if slow - 1 <= usual:
        return None
    told = sorted({at for n in (usual, slow - 1, slow) for at in (n, n + 1)})
    usual, slower, slow = (told.index(n + 1) for n in (usual, slow - 1, slow))
    return Buckets(selection, tuple(bounds[at] for at in told), (usual, slower, slow))


def _courses(slo: str, buckets: Buckets) -> Iterator[Scenario]:
    own = series_of(buckets.selection)
    usual, slow = (_USUAL, -_HOUR), (_SLOW, 0)
    more, less = (4, 0, 6), (6, 0, 4)
    for name, course, good in (
        ("an hour as usual", [(_USUAL, 0)], 1.0),
        ("an hour that is slower, and not too slow", [usual, (_SLOWER, 0)], 1.0),
        ("an hour of which more is slow", [usual, (more, 0)], 0.0),
        ("an hour of which less is slow", [usual, (less, 0)], 1.0),
        ("a slow hour of a day of which less is", [(less, -_HOUR), slow], 0.0),
        ("a slow hour of a day of which more is", [(more, -_HOUR), slow], 1.0),
        ("nothing is observed for more than an hour", [(_USUAL, -_HOUR - 1), (_NONE, 0)], None),
    ):
        yield _scenario(slo, name, buckets.series(own, _each(course)), good)
    begun_anew = buckets.series(own, _each([usual, slow]), resets=(_A_DAY // 2, _A_DAY))
    yield _scenario(slo, "a slow hour in which counters begin anew", begun_anew, 0.0)
    week = [(_MANY_SLOW, -7 * _A_DAY), (_USUAL, -_A_DAY * 7 // 4), ((0, 0, 1), 0)]
    long = buckets.series(own, _each(week, _DAYS))
    yield _scenario(slo, "slow beside a week, and not beside more or less", long, 0.0, _DAYS)
    yield from _beside(slo, buckets, own)


def _beside(slo: str, buckets: Buckets, own: str) -> Iterator[Scenario]:
    """Label sets that count apart, that count together, and that do not count."""
    usual, slow = [(_USUAL, 0)], [(_USUAL, -_HOUR), (_SLOW, 0)]
    apart: list[str] = []
    together: list[str] = []
    for sibling in siblings_of(buckets.selection, own):
        is_together = any(differs(own, sibling, name) for name in TOGETHER)
        (together if is_together else apart).append(sibling)
    unasked = decoys_of(buckets.selection)
    some = (4, 0, 0)
    for name, course, others, beside, good in (
        ("others are fast", slow, apart, [(_MANY, 0)], 0.0),
        ("less than half is slow together", slow, together, [(some, 0)], 1.0),
        ("less than half was slow together", [(_SLOW, 0)], together, [(some, -3), (_NONE, 0)], 0.0),
        ("what is not asked for is slow", usual, unasked, [(_USUAL, -3), (_MANY_SLOW, 0)], 1.0),
        ("what is not asked for is slow beside its own day", usual, unasked, slow, 1.0),
        ("what is not asked for was slow", slow, unasked, [(_MANY_SLOW, 0)], 0.0),
        ("nothing that is asked for is observed", [], unasked, [(_USUAL, 0)], None),
    ):
        series = buckets.series(own, _each(course)) if course else {}
        for each in others:
            series |= buckets.series(each, _each(beside))
        yield _scenario(slo, name, series, good)


def _scenario(
    slo: str, name: str, series: Mapping[str, str], good: float | None, days: int = 1
) -> Scenario:
    """Return a course, and what has to be recorded of its last minute."""
    values = {COUNTED: None if good is None else 1.0, GOOD: good}
    told = {None: "does not count", 1.0: "good", 0.0: "bad"}[good]
    return Scenario(
        f"{name}: {told}",
        [(IDLE, days)],
        (),
        further=tuple(series.items()),
        recorded=tuple(_is(record, slo, value, days) for record, value in values.items()),
    )


def _is(record: str, slo: str, value: float | None, days: int) -> dict[str, Any]:
    chosen = f'{{slo="{slo}"}}'
    told: dict[str, Any] = {"expr": f"1 * {record}{chosen}", "eval_time": shorthand(days * DAY)}
    return told if value is None else told | {"exp_samples": [{"labels": chosen, "value": value}]}
