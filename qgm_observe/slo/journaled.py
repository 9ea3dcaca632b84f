"""Objectives judged from a journal."""

from collections.abc import Mapping, Sequence

import numpy as np

from qgm_observe.journal.reading import Reader
from qgm_observe.slo import minutes
from qgm_observe.slo.history import History, spent_by
from qgm_observe.slo.indicator import Slices, Spend
from qgm_observe.slo.ledger import KINDS, Entries, Ledger
from qgm_observe.slo.levels import Levels, Values
from qgm_observe.slo.objective import Objective
from qgm_observe.slo.score import TRAFFIC_WINDOW, WINDOWS
from qgm_observe.slo.status import BURN_WINDOWS, Count, Status, capped, status_of, unknown

Interval = tuple[float, float]
_LOOKED_AT = (*BURN_WINDOWS, *WINDOWS, TRAFFIC_WINDOW)


def statuses(
    objectives: Sequence[Objective],
    journal: Reader,
    now: float,
    excluded: Sequence[Interval] = (),
) -> list[Status]:
    """Return how objectives stand, by what the journal recorded until now.

    Args:
        objectives: Those of minutes that its rows cannot tell have a reason instead of numbers.
        journal: To be read.
        now: Epoch seconds.
        excluded: Maintenance: what happened from and until (epoch s) does not count.
    """
    begins = [each.reported.begin(now) for each in objectives]
    ledger = Ledger(objectives)
    ledger.read(journal, min([*begins, now - TRAFFIC_WINDOW]))
    levels = _levels(objectives, journal)
    return [
        _by_the_minute(each, levels, begin, now, excluded)
        if isinstance(each.indicator, Slices)
        else _counted(each, ledger, begin, now, excluded)
        for each, begin in zip(objectives, begins, strict=True)
    ]


def _levels(objectives: Sequence[Objective], journal: Reader) -> Levels:
    slices = [each.indicator for each in objectives if isinstance(each.indicator, Slices)]
    told = [each for each in slices if minutes.lacking(each) is None]
    levels = Levels(selection for each in told for selection in minutes.selections(each))
    levels.read(journal)
    return levels


def _counted(
    objective: Objective, ledger: Ledger, begin: float, now: float, excluded: Sequence[Interval]
) -> Status:
    entries = ledger.entries[objective.name]
    kept = kept_entries(entries, excluded)
    recorded = np.asarray(entries.recorded)[kept]
    total, bad = np.asarray(entries.total)[kept], np.asarray(entries.bad)[kept]
    inside = (recorded > begin) & (recorded <= now)
    spenders = np.asarray(entries.spender, np.int64)[kept][inside]
    whole = Count(float(bad[inside].sum()), float(total[inside].sum()))
    counts = _in_windows(objective, recorded, total, bad, now)
    spent = spent_by(KINDS, ledger.spenders, spenders, bad[inside])
    if isinstance(objective.indicator, Spend):
        whole, counts = capped(objective, whole.bad, {w: each.bad for w, each in counts.items()})
    return status_of(objective, whole, counts, spent)


def _by_the_minute(
    objective: Objective, levels: Levels, begin: float, now: float, excluded: Sequence[Interval]
) -> Status:
    slices = objective.indicator
    assert isinstance(slices, Slices)  # noqa: S101  told to the type checker
    reason = minutes.lacking(slices)
    if reason is not None:
        return unknown(objective, reason)
    at = minutes.grid(min(begin, now - max(_LOOKED_AT)), now)
    found = minutes.judged(slices, levels, at)
    if isinstance(found, str):
        return unknown(objective, found)
    kept = _outside(found.at, excluded)
    inside = kept & (found.at > begin)
    ones, bad = np.ones(found.at.size), found.bad.astype(np.float64)
    names = [[labels.get(kind, "") for kind in KINDS[1:]] for labels, _ in found.spenders]
    each = [float(flags[inside].sum()) for _, flags in found.spenders]
    return status_of(
        objective,
        Count(float(bad[inside].sum()), float(inside.sum())),
        _in_windows(objective, found.at[kept], ones[kept], bad[kept], now),
        spent_by(KINDS[1:], names, range(len(names)), each),
    )


def _in_windows(
    objective: Objective, recorded: Values, total: Values, bad: Values, now: float
) -> Mapping[float, Count]:
    history = History([objective.name], now, 1, max(_LOOKED_AT))
    history.add(recorded, np.zeros(recorded.size), total, bad)
    counts = {}
    for window in _LOOKED_AT:
        failed, all_ = history.newest(window)
        counts[window] = Count(float(failed[0]), float(all_[0]))
    return counts


def kept_entries(entries: Entries, excluded: Sequence[Interval]) -> np.ndarray:
    """Return which entries count, by their own time: those outside of all maintenance."""
    return _outside(np.asarray(entries.at), excluded)


def _outside(at: Values, excluded: Sequence[Interval]) -> np.ndarray:
    kept = np.ones(at.size, bool)
    for begin, end in excluded:
        kept &= ~((at >= begin) & (at < end))
    return kept
