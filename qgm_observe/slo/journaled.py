"""Objectives judged from a journal."""

from collections.abc import Sequence

import numpy as np

from qgm_observe.journal.reading import Reader
from qgm_observe.slo.history import History, spent_by
from qgm_observe.slo.indicator import Ratio
from qgm_observe.slo.ledger import Entries, Ledger
from qgm_observe.slo.objective import Objective
from qgm_observe.slo.score import TRAFFIC_WINDOW, WINDOWS
from qgm_observe.slo.status import BURN_WINDOWS, Count, Status, status_of, unknown

Interval = tuple[float, float]
BY_THE_MINUTE = "levels by the minute are not in a journal; ask with --prometheus"


def statuses(
    objectives: Sequence[Objective],
    journal: Reader,
    now: float,
    excluded: Sequence[Interval] = (),
) -> list[Status]:
    """Return how objectives stand, by what the journal recorded until now.

    Args:
        objectives: Those that are no ratios have no numbers.
        journal: To be read.
        now: Epoch seconds.
        excluded: Maintenance: what happened from and until (epoch s) does not count.
    """
    begins = [each.window.begin(now) for each in objectives]
    ledger = Ledger(objectives)
    ledger.read(journal, min([*begins, now - TRAFFIC_WINDOW]))
    return [
        _status(each, ledger, begin, now, excluded)
        for each, begin in zip(objectives, begins, strict=True)
    ]


def _status(
    objective: Objective, ledger: Ledger, begin: float, now: float, excluded: Sequence[Interval]
) -> Status:
    if not isinstance(objective.indicator, Ratio):
        return unknown(objective, BY_THE_MINUTE)
    entries = ledger.entries[objective.name]
    kept = kept_entries(entries, excluded)
    recorded = np.asarray(entries.recorded)[kept]
    total, bad = np.asarray(entries.total)[kept], np.asarray(entries.bad)[kept]
    inside = (recorded > begin) & (recorded <= now)
    windows = (*BURN_WINDOWS, *WINDOWS, TRAFFIC_WINDOW)
    history = History([objective.name], now, 1, max(windows))
    history.add(recorded, np.zeros(recorded.size), total, bad)
    counts = {}
    for window in windows:
        failed, all_ = history.newest(window)
        counts[window] = Count(float(failed[0]), float(all_[0]))
    spenders = np.asarray(entries.spender, np.int64)[kept][inside]
    return status_of(
        objective,
        Count(float(bad[inside].sum()), float(total[inside].sum())),
        counts,
        spent_by(ledger.spenders, spenders, bad[inside]),
    )


def kept_entries(entries: Entries, excluded: Sequence[Interval]) -> np.ndarray:
    """Return which entries count, by their own time: those outside of all maintenance."""
    at = np.asarray(entries.at)
    kept = np.ones(at.size, bool)
    for begin, end in excluded:
        kept &= ~((at >= begin) & (at < end))
    return kept
