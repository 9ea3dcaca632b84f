"""Which minutes counted and which were bad, from levels: what PromQL says of a time slice.

A minute is looked at in its last instant, at whole minutes of the clock, as the steps of a
subquery are. Numbers that are no sample (NaN) hold of nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qgm_observe.catalog import Kind, signals
from qgm_observe.slo.indicator import Comparison, Level, Op, Selection, Slices
from qgm_observe.slo.levels import KNOWN, Levels, Values
from qgm_observe.slo.window import MINUTE

Flags = NDArray[np.bool_]
Labels = dict[str, str]
QUANTILES = "quantiles over time are not computed from a journal; ask with --prometheus"
EXPORTERS = "what exporters alone tell is in no journal; ask with --prometheus"
WAITS = (
    "in stalled minutes a job was at its provider, and how long is usual there only an exporter "
    "tells; ask with --prometheus"
)
_OPPOSITE = {Op.LTE: Op.GT, Op.LT: Op.GTE, Op.GTE: Op.LT, Op.GT: Op.LTE}


@dataclass(frozen=True, slots=True)
class Minutes:
    """Minutes that counted.

    Attributes:
        at: Their last instants, epoch seconds.
        bad: Which of them were bad.
        spenders: By label set that was ever bad: its labels, and in which of the minutes it was.
    """

    at: Values
    bad: Flags
    spenders: Sequence[tuple[Labels, Flags]]


def selections(slices: Slices) -> Iterator[Selection]:
    """Yield what a journal is asked for to judge a time slice."""
    for comparison in (slices.good, slices.counted, slices.excused):
        if comparison is not None:
            yield comparison.left.selection
            if isinstance(comparison.right, Level):
                yield comparison.right.selection


def lacking(slices: Slices) -> str | None:
    """Return why a journal's rows cannot suffice for a time slice, `None` if they may.

    What excuses a minute may be unknown, as long as nothing has to be excused.
    """
    needed = [each.signal for each in selections(Slices(slices.good, slices.counted))]
    if any(each.kind is Kind.HISTOGRAM for each in needed):
        return QUANTILES
    return None if all(each.name in KNOWN for each in needed) else EXPORTERS


def grid(begin: float, end: float) -> Values:
    """Return the whole minutes after `begin` and up to `end`, epoch seconds."""
    first, last = int(begin // MINUTE) + 1, int(end // MINUTE)
    return np.arange(first, last + 1, dtype=np.float64) * MINUTE


def judged(slices: Slices, levels: Levels, at: Values) -> Minutes | str:
    """Return the minutes of a grid that counted, or why they cannot be judged."""
    if slices.counted is None:
        told = levels.matrix(slices.good.left.selection, at).values()
        counted = _any((~np.isnan(each) for each in told), at)
    else:
        counted = _any((flags for _, flags in _counting(slices, slices.counted, levels, at)), at)
    broken = [(labels, flags & counted) for labels, flags in _breaking(slices.good, levels, at)]
    if slices.excused is not None:
        excused = _excused(slices.excused, levels, at, _any((each for _, each in broken), at))
        if excused is None:
            return WAITS
        broken = [(labels, flags & ~excused) for labels, flags in broken]
    spenders = [(labels, flags[counted]) for labels, flags in broken if flags.any()]
    return Minutes(at[counted], _any((each for _, each in broken), at)[counted], spenders)


def _counting(
    slices: Slices, counted: Comparison, levels: Levels, at: Values
) -> Iterator[tuple[Labels, Flags]]:
    if slices.against is None:
        yield from _holding(counted, levels, at)
        return
    level, names = slices.against
    against = _side(level, names, levels, at)
    for labels, flags in _holding(counted, levels, at):
        found = against.get(tuple((name, labels[name]) for name in names if labels.get(name)))
        if found is not None:
            yield labels, flags & ~np.isnan(found)


def _excused(comparison: Comparison, levels: Levels, at: Values, bad: Flags) -> Flags | None:
    """Return what is excused; `None` where something bad may be and nobody knows."""
    if all(each.signal.name in KNOWN for each in selections(Slices(comparison))):
        return _any((flags for _, flags in _holding(comparison, levels, at)), at)
    left = comparison.left.selection
    if left.signal is not signals.JOB_OLDEST_WAITING:
        return None if bad.any() else ~bad
    return None if (bad & levels.waiting(left, at)).any() else np.zeros(at.size, bool)


def _holding(comparison: Comparison, levels: Levels, at: Values) -> Iterator[tuple[Labels, Flags]]:
    return _compared(comparison, comparison.op, levels, at)


def _breaking(comparison: Comparison, levels: Levels, at: Values) -> Iterator[tuple[Labels, Flags]]:
    return _compared(comparison, _OPPOSITE[comparison.op], levels, at)


def _compared(
    comparison: Comparison, op: Op, levels: Levels, at: Values
) -> Iterator[tuple[Labels, Flags]]:
    left = _side(comparison.left, comparison.on, levels, at)
    if isinstance(comparison.right, float | int):
        for key, values in left.items():
            yield dict(key), np.asarray(op.holds(values, comparison.right))  # type: ignore[arg-type]
        return
    right = _side(comparison.right, comparison.on, levels, at)
    for key in left.keys() & right.keys():
        yield dict(key), np.asarray(op.holds(left[key], right[key]))  # type: ignore[arg-type]


def _side(
    level: Level, on: tuple[str, ...], levels: Levels, at: Values
) -> dict[tuple[tuple[str, str], ...], Values]:
    """Return the levels by label set, of several with the same labels `on` the highest."""
    names = level.selection.signal.label_names
    found: dict[tuple[tuple[str, str], ...], Values] = {}
    for labels, values in levels.matrix(level.selection, at).items():
        told = zip(names, labels, strict=True)
        key = tuple((name, value) for name, value in told if value and (not on or name in on))
        scaled = level.factor * (at - values if level.age else values)
        found[key] = np.fmax(found[key], scaled) if key in found else scaled
    return found


def _any(flags: Iterator[Flags], at: Values) -> Flags:
    found = np.zeros(at.size, bool)
    for each in flags:
        found |= each
    return found
