"""The very series that a rule counts, as lines of a course: good and bad ones, and their like."""

import re
from collections.abc import Iterator
from dataclasses import replace

from qgm_observe.alerts.scenario import COUNT, INSTANT, LEVEL, Line
from qgm_observe.alerts.selectors import Selectors
from qgm_observe.catalog import Kind, Label
from qgm_observe.slo.indicator import (
    Comparison,
    Level,
    Matcher,
    Op,
    Ratio,
    Selection,
    Slices,
)
from qgm_observe.slo.objective import Objective
from qgm_observe.slo.promql import selector

_SOME, _OTHER, _FEW = "some", "other", 6
_NEAR = 2.0
"""Right side of a comparison of two levels."""


def lines_of(objective: Objective, selectors: Selectors) -> tuple[Line, ...]:
    """Return series in which an event, or a minute, goes bad."""
    indicator = objective.indicator
    if isinstance(indicator, Ratio):
        good = [selectors.narrowed(each) for each in indicator.good]
        total = [selectors.narrowed(each) for each in indicator.total]
        further = (counted(each, 0, 1) for each in total[1:])
        return (*_ratio(good[0], total[0]), *further)
    if isinstance(indicator, Slices):
        return tuple(_slices(indicator, selectors))
    return ()


def lines_by_role(
    objective: Objective, lines: tuple[Line, ...], selectors: Selectors
) -> tuple[tuple[Line, ...], tuple[Line, ...]]:
    """Return which lines count what is good, and which count all."""
    indicator = objective.indicator
    assert isinstance(indicator, Ratio)  # noqa: S101  told to the type checker
    wanted = series_of(selectors.narrowed(indicator.good[0]))
    good = tuple(line for line in lines if line.series == wanted)
    is_part = indicator.good[0].signal.kind is Kind.COUNTER
    is_part = is_part and indicator.good[0].signal is indicator.total[0].signal
    others = tuple(line for line in lines if line not in good and INFINITE not in line.series)
    return good, (lines if is_part else others)


# ---------------------------------------------------------------------------------------- ratios

INFINITE = 'le="+Inf"'


def _ratio(good: Selection, total: Selection) -> Iterator[Line]:
    if good.signal is total.signal and good.signal.kind is Kind.COUNTER:
        well, bad = counted(good, 1, 0), counted(total, 0, 1, unlike=good)
        also_bad = (bad.series, *bad.siblings)
        yield replace(well, decoys=tuple(each for each in well.decoys if each not in also_bad))
        yield bad
        return
    if good.at_most is not None:
        text = series_of(good).replace(f'le="{good.at_most}"', INFINITE)
        yield Line(text, COUNT, 1, 1)
    yield counted(total, 1, 1)
    yield counted(good, 1, 0)


def counted(
    selection: Selection, healthy: float, bad: float, unlike: Selection | None = None
) -> Line:
    """Return a counter by its steps, of series that another selection does not take."""
    own = series_of(selection, unlike)
    return Line(own, COUNT, healthy, bad, decoys_of(selection), siblings_of(selection, own, unlike))


# --------------------------------------------------------------------------------------- minutes


def _slices(slices: Slices, selectors: Selectors) -> Iterator[Line]:
    yield from _compared(slices.good, selectors)
    if slices.counted is not None:
        level, edge = slices.counted.left, slices.counted.right
        edge, away = edge if isinstance(edge, float | int) else _NEAR, _above(slices.counted.op)
        inside = edge if slices.counted.op in _INCLUSIVE else edge + away
        outside = edge - away / 4 if slices.counted.op in _INCLUSIVE else edge
        selection, kind = selectors.narrowed(level.selection), INSTANT if level.age else LEVEL
        yield Line(series_of(selection), kind, inside, inside, decoys_of(selection), idle=outside)


def excuses(comparison: Comparison, selectors: Selectors) -> Iterator[tuple[bool, list[Line]]]:
    """Yield whether levels excuse a bad minute, and the levels: own ones, and those of others."""
    left, right = comparison.left, comparison.right
    assert isinstance(right, Level)  # noqa: S101  told to the type checker
    apart = _above(comparison.op) / 2
    selection, edge = (selectors.narrowed(each.selection) for each in (left, right))
    well = (_NEAR if comparison.op in _INCLUSIVE else _NEAR + apart) / left.factor
    ill, enough = (_NEAR - apart) / left.factor, _NEAR - 3 * apart
    own, against = series_of(selection), series_of(edge)
    near = _steady(against, _NEAR)
    yield True, [_steady(own, well), near]
    elsewhere = [*decoys_of(edge), *(_with(against, label, _OTHER) for label in comparison.on)]
    yield False, [_steady(own, ill), near, *(_steady(each, enough) for each in elsewhere)]
    yield False, [near, *(_steady(each, well) for each in decoys_of(selection))]


def _steady(series: str, level: float) -> Line:
    """Return a level of which another replica of the exporter tells less."""
    return Line(series, LEVEL, level, level, replica=_NEAR / 2)


def _compared(comparison: Comparison, selectors: Selectors) -> Iterator[Line]:
    left, right = comparison.left, comparison.right
    if left.quantile is not None:
        yield from _observed(selectors.narrowed(left.selection))
        return
    edge = right if isinstance(right, float | int) else _NEAR * right.factor
    away = abs(edge) / 4 or 1.0
    is_at_edge = comparison.op in _INCLUSIVE
    good = edge if is_at_edge else edge + away / 4 * _above(comparison.op)
    bad = edge - away * _above(comparison.op) if is_at_edge else edge
    selection = selectors.narrowed(left.selection)
    series, decoys = series_of(selection), decoys_of(selection)
    if left.age:
        yield Line(series, INSTANT, max(good, 0.0), bad, decoys)
        return
    also = tuple(each for each in siblings_of(selection, series) if _is_chosen(selection, each))
    yield Line(series, LEVEL, good / left.factor, bad / left.factor, decoys, also)
    if isinstance(right, Level):
        against = selectors.narrowed(right.selection)
        yield Line(series_of(against), LEVEL, _NEAR, _NEAR, decoys_of(against))


def _is_chosen(selection: Selection, sibling: str) -> bool:
    """Return whether a sibling differs in a label of which several values are selected."""
    several = [each for each in selection.matchers if len(each.values) > 1 and not each.negated]
    own = series_of(selection)
    return any(_with(sibling, each.label, each.values[0]) == own for each in several)


_INCLUSIVE = {Op.LTE, Op.GTE}


def _above(op: Op) -> float:
    return 1.0 if op in {Op.GT, Op.GTE} else -1.0


def _observed(selection: Selection) -> Iterator[Line]:
    """Observations of a histogram: low ones while it is healthy, the highest in an incident."""
    bounds = selection.bounds
    series = series_of(selection).replace("_count{", "_bucket{")
    low, high = bounds[len(bounds) // 4], bounds[-1]
    yield Line(series_of(selection), COUNT, 100, 1)
    for bound, healthy, bad in ((low, 100, 0), (high, 100, 1), ("+Inf", 100, 1)):
        text = bound if isinstance(bound, str) else str(bound)
        yield Line(series.replace("{", f'{{le="{text}",', 1), COUNT, healthy, bad)


# ---------------------------------------------------------------------------------------- series


def decoys_of(selection: Selection) -> tuple[str, ...]:
    """Return series that a selection has to overlook: for each of its labels one, and idle ones."""
    found = []
    for number, matcher in enumerate(selection.matchers):
        others = selection.matchers[:number] + selection.matchers[number + 1 :]
        turned = Matcher(matcher.label, matcher.values, not matcher.negated)
        label = _label(selection, matcher.label)
        values = [each for each in label.values if turned.admits(each)]
        told = [turned] if len(values) > _FEW else [Matcher(label.name, (v,)) for v in values]
        for each in told or [turned]:
            other = Selection(selection.signal, (*others, each), selection.at_most)
            found.append(series_of(other))
    source = 'source="journal"'
    own = series_of(selection)
    if source in own:
        found.append(own.replace(source, 'source="process"'))
    return tuple(found)


def siblings_of(selection: Selection, own: str, unlike: Selection | None = None) -> tuple[str, ...]:
    """Return series that a selection takes as well, each other than its own in one label."""
    found = []
    for label in selection.signal.labels:
        matchers = [each for each in selection.matchers if each.label == label.name]
        refused = [] if unlike is None else [m for m in unlike.matchers if m.label == label.name]
        values = [
            each
            for each in (label.values or (_OTHER,))
            if all(matcher.admits(each) for matcher in matchers)
            and f'{label.name}="{each}"' not in own
            and not (refused and all(matcher.admits(each) for matcher in refused))
        ]
        found += [
            _with(own, label.name, each) for each in (values if matchers or refused else values[:1])
        ]
    return tuple(found)


def differs(own: str, sibling: str, name: str) -> bool:
    """Return whether two series have another value of a label."""
    label = f'{name}="'
    return own.partition(label)[2].split('"')[0] != sibling.partition(label)[2].split('"')[0]


def _with(series: str, name: str, value: str) -> str:
    return re.sub(rf'(?<=[{{,]){name}="[^"]*"', f'{name}="{value}"', series)


def _label(selection: Selection, name: str) -> Label:
    return next(each for each in selection.signal.labels if each.name == name)


def series_of(selection: Selection, unlike: Selection | None = None) -> str:
    """Return a series that a selection takes, and another one does not."""
    labels = {label.name: _value(label, selection, unlike) for label in selection.signal.labels}
    bare = selector(Selection(selection.signal, (), selection.at_most))
    name, _, rest = bare.partition("{")
    told = ",".join(f'{key}="{value}"' for key, value in labels.items())
    parts = [part for part in (rest.rstrip("}"), told) if part]
    return f"{name}{{{','.join(parts)}}}"


def _value(label: Label, selection: Selection, unlike: Selection | None) -> str:
    matchers = [each for each in selection.matchers if each.label == label.name]
    given = [value for each in matchers if not each.negated for value in each.values]
    candidates = [*given, *label.values, _SOME]
    taken = [each for each in candidates if all(m.admits(each) for m in matchers)]
    refused = [] if unlike is None else [m for m in unlike.matchers if m.label == label.name]
    apart = [each for each in taken if refused and not all(m.admits(each) for m in refused)]
    return (apart or taken)[0]
