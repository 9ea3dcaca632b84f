"""Gauges over time, as far as a journal's rows tell them: what `/metrics` showed, minute by minute.

They are on the axis of when the journal took a row, as a Prometheus that follows it sees them. What
exporters alone tell (of devices, accounts, journals) is not there, nor is the quantile of a
histogram over time.
"""

from array import array
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from math import inf, isfinite, nan
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qgm_observe.catalog import Outcome, Signal, signals
from qgm_observe.journal import TERMINAL, Event
from qgm_observe.journal.gauges import (
    NEWEST,
    STALLED_AFTER,
    told_gauges,
    training_labels,
    verdict_labels,
)
from qgm_observe.journal.measure import Labels, job_labels, work_labels
from qgm_observe.journal.reading import Reader
from qgm_observe.slo.indicator import Selection

Values = NDArray[np.float64]
Matrix = dict[Labels, Values]
"""Levels by label set, one a minute; NaN is no sample."""

_QUALITY = {
    each.name
    for each in (
        signals.QUALITY_VALUE,
        signals.QUALITY_TIME,
        signals.QUALITY_LOW,
        signals.QUALITY_HIGH,
        signals.QUALITY_FLOOR,
        signals.QUALITY_BASELINE,
        signals.QUALITY_DRIFT_LEVEL,
        signals.QUALITY_DRIFT_LIMIT,
    )
}
_RUNS = {signals.RUNS_IN_FLIGHT.name, signals.RUNS_STALLED.name}
_WAITING = signals.JOB_OLDEST_WAITING.name
KNOWN = frozenset({*_QUALITY, *_RUNS, signals.QUALITY_VERDICT.name})
"""Names of the gauges that a journal's rows tell."""

_RECENT = 101


@dataclass(slots=True)
class _Run:
    """A run that is open, and how far its steps went."""

    labels: Labels
    since: float
    last: float | None = None
    durations: deque[float] = field(default_factory=lambda: deque(maxlen=_RECENT))

    @property
    def stalls_at(self) -> float:
        """When it would be stalled without a further step, epoch seconds."""
        if self.last is None or not self.durations:
            return inf
        return self.last + STALLED_AFTER * median(self.durations)


class Levels:
    """Gauges over time, filled from events in the order of a journal.

    Args:
        wanted: Of other selections nothing is kept.
    """

    def __init__(self, wanted: Iterable[Selection]) -> None:
        self._wanted: dict[str, list[Selection]] = {}
        for each in wanted:
            self._wanted.setdefault(each.signal.name, []).append(each)
        self._changes: dict[tuple[str, Labels], tuple[array[float], array[float]]] = {}
        self._spans: dict[tuple[str, Labels], list[tuple[float, float]]] = {}
        self._answers: dict[Labels, Labels] = {}
        self._runs: dict[str, _Run] = {}

    def read(self, journal: Reader) -> None:
        """Take all that a journal tells."""
        nouns = ("run", "step", "job", "model")
        verbs = [verb for verb, names in _VERBS.items() if names & self._wanted.keys()]
        for event in journal.events(verbs=verbs, nouns=nouns) if verbs else ():
            self.add(event)
        if self._wanted.keys() & _RUNS:
            for run in self._runs.values():
                self._ends(run, inf)
        if _WAITING in self._wanted:
            for row in journal.open_work():
                since = row.body.get("waiting_since")
                if row.noun == "job" and since is not None:
                    self._span(signals.JOB_OLDEST_WAITING, job_labels(row.body), since, inf)

    def add(self, event: Event) -> None:
        """Take an event."""
        if event.verb in NEWEST:
            for signal, labels, value in told_gauges(event):
                self._change(signal, labels, event.recorded_at, value)
        elif event.verb == "judged":
            self._judge(event)
        elif event.noun == "run":
            self._run(event)
        elif event.noun == "step" and event.verb == TERMINAL:
            self._step(event)
        elif event.noun == "job" and event.verb == TERMINAL and _WAITING in self._wanted:
            self._waited(event.body)

    def waiting(self, selection: Selection, grid: Values) -> NDArray[np.bool_]:
        """Return at which instants a job of a selection was at its provider, waiting or at work."""
        found = np.zeros(grid.size, bool)
        for (name, labels), spans in self._spans.items():
            if name == _WAITING and selection.admits(labels):
                found |= _within(spans, grid) > 0
        return found

    def matrix(self, selection: Selection, grid: Values) -> Matrix:
        """Return the levels of a selection at instants (epoch s, ascending), by label set."""
        name = selection.signal.name
        found: Matrix = {}
        for (signal, labels), (times, values) in self._changes.items():
            if signal == name and selection.admits(labels):
                place = np.searchsorted(np.asarray(times), grid, side="right") - 1
                found[labels] = np.where(place < 0, nan, np.asarray(values)[place])
        for (signal, labels), spans in self._spans.items():
            if signal == name and name in _RUNS and selection.admits(labels):
                found[labels] = _within(spans, grid)
        return found

    # --------------------------------------------------------------------------------- gauges

    def _change(self, signal: Signal, labels: Labels, at: float, value: Any) -> None:
        if any(each.admits(labels) for each in self._wanted.get(signal.name, ())):
            times, values = self._changes.setdefault(
                (signal.name, labels), (array("d"), array("d"))
            )
            is_told = isinstance(value, int | float) and isfinite(value)
            times.append(at)
            values.append(float(value) if is_told else nan)

    def _judge(self, event: Event) -> None:
        """The newest answer to a question is 1, the one before is no more."""
        labels = verdict_labels(event.body)
        before = self._answers.get(labels[:-1])
        if before is not None and before != labels:
            self._change(signals.QUALITY_VERDICT, before, event.recorded_at, None)
        self._answers[labels[:-1]] = labels
        self._change(signals.QUALITY_VERDICT, labels, event.recorded_at, 1)

    # ----------------------------------------------------------------------------------- runs

    def _run(self, event: Event) -> None:
        """It is in flight from the row that opened it to the one that finished it."""
        known = self._runs.get(event.subject)
        if event.verb == "opened" and known is None:
            self._runs[event.subject] = _Run(work_labels(event.body), event.recorded_at)
        elif event.verb == TERMINAL:
            begun = float(event.body.get("start") or event.at)
            self._ends(known or _Run(work_labels(event.body), begun), event.recorded_at)
            answered = self._answers.pop(training_labels(event.body), None)
            if answered is not None:
                self._change(signals.QUALITY_VERDICT, answered, event.recorded_at, None)
            self._runs.pop(event.subject, None)

    def _step(self, event: Event) -> None:
        run = self._runs.get(event.run or "")
        seconds = event.body.get("duration")
        if run is not None and seconds is not None and event.body["outcome"] == Outcome.SUCCESS:
            self._span(signals.RUNS_STALLED, run.labels, run.stalls_at, event.recorded_at)
            run.last = event.at
            run.durations.append(float(seconds))

    def _ends(self, run: _Run, at: float) -> None:
        self._span(signals.RUNS_IN_FLIGHT, run.labels, run.since, at)
        self._span(signals.RUNS_STALLED, run.labels, run.stalls_at, at)

    def _waited(self, body: Any) -> None:
        for stage, offset, *_ in body.get("stages") or ():
            if stage == "queue":
                begun, ended = (float(body["start"]) + each for each in (offset, body["duration"]))
                self._span(signals.JOB_OLDEST_WAITING, job_labels(body), begun, ended)

    def _span(self, signal: Signal, labels: Labels, begin: float, end: float) -> None:
        if any(each.admits(labels) for each in self._wanted.get(signal.name, ())):
            spans = self._spans.setdefault((signal.name, labels), [])
            if begin < end:
                spans.append((begin, end))


def _within(spans: list[tuple[float, float]], grid: Values) -> Values:
    """How many spans each instant lies in; their begin is outside, as their end is."""
    begins, ends = np.sort(np.asarray(spans, np.float64).reshape(-1, 2), axis=0).T
    begun, ended = np.searchsorted(begins, grid, "left"), np.searchsorted(ends, grid, "right")
    return np.asarray(begun - ended, np.float64)


_VERBS: dict[str, set[str]] = {
    **dict.fromkeys(NEWEST, _QUALITY),
    "judged": {signals.QUALITY_VERDICT.name},
    "opened": _RUNS,
    TERMINAL: _RUNS | {_WAITING, signals.QUALITY_VERDICT.name},
}
