"""Counters, histograms and gauges of one process or one journal, as they are published."""

import os
import time
import weakref
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from typing import Any, Literal

from qgm_observe.catalog import Signal, signals
from qgm_observe.catalog import labels as by
from qgm_observe.journal.event import MONEY, TERMINAL, Event, OpenWork
from qgm_observe.journal.gauges import (
    NEWEST,
    Gauge,
    told_gauges,
    training_labels,
    verdict_labels,
)
from qgm_observe.journal.measure import Labels, measurements, work_labels
from qgm_observe.journal.totals import NANO, Totals
from qgm_observe.telemetry.bundles import NOUNS
from qgm_observe.telemetry.open_gauges import open_gauges, resource_gauges
from qgm_observe.telemetry.prometheus import CLASSIC, Exposition, Form, Renderer
from qgm_observe.telemetry.published import Published
from qgm_observe.telemetry.series import Family, Series

_OPEN_GAUGES = (
    signals.RUNS_IN_FLIGHT,
    signals.RUNS_STALLED,
    signals.JOBS_IN_FLIGHT,
    signals.JOB_OLDEST_WAITING,
    signals.DEVICE_TIME_NEEDED,
    signals.LAYOUT_CALIBRATION_TIME,
    signals.LAYOUT_EDGES_DISABLED,
)
_UNTOLD = (signals.JOB_OLDEST_WAITING, signals.DEVICE_TIME_NEEDED)
_OF_LAYOUTS = (signals.LAYOUT_CALIBRATION_TIME, signals.LAYOUT_EDGES_DISABLED)
_PLACE = len((*by.DEVICES, by.REGION))
LAYOUT_SECONDS = 3600.0
"""How long the layout of jobs is told after they ended, unless a later one takes its place."""

_WORST: dict[str, Callable[[float, float], float]] = {
    signals.JOB_OLDEST_WAITING.name: max,
    signals.LAYOUT_CALIBRATION_TIME.name: min,
    signals.LAYOUT_EDGES_DISABLED.name: max,
}
_MEASURED = {TERMINAL, "noted", "estimate", *MONEY}
_LOSSES_KEPT = 1_000
_VERDICTS_KEPT = 10_000


class Aggregates:
    """What `/metrics` shows, folded from events as they come.

    A new label set is published at 0 and its counts are released two scrape intervals later, so
    that Prometheus sees the increase. Each label keeps to its bound. May be used from any thread,
    and after a fork.

    Args:
        source: `process` for one process's own events, `journal` for all that a journal holds,
            `provider` for what a provider tells; the constant label `source` tells them apart.
        scrape_interval: Seconds between two scrapes.
        clock: Returns seconds; any origin will do.
    """

    def __init__(
        self,
        source: Literal["process", "journal", "provider"] = "process",
        scrape_interval: float = 15.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.source = source
        self._lock = Lock()
        self._published = Published(2 * scrape_interval, clock)
        self._losses: dict[Labels, float] = {}
        self._verdicts: dict[Labels, Labels] = {}
        self._renderers: dict[Form, Renderer] = {}
        _instances.add(self)

    def fold(self, events: Iterable[Event]) -> None:
        """Add events; those of unknown verbs or nouns change nothing."""
        with self._lock:
            now = self._published.begin()
            for event in events:
                if event.verb in _MEASURED:
                    self._measure(event, now)
                elif event.verb == "opened" and event.noun in NOUNS:
                    self._published.declare(event.noun, event.body)
                elif event.verb == "tallied":
                    self._absorb(Totals.from_json(event.body.get("totals")), held=True)
                self._note(event)

    def seed(self, totals: Totals) -> None:
        """Begin with what was counted before; it is shown at once, for it was shown before."""
        with self._lock:
            self._published.begin()
            self._absorb(totals, held=False)

    def recall(self, events: Iterable[Event]) -> None:
        """Show the gauges of events that were counted before, the oldest first."""
        with self._lock:
            self._published.begin()
            for event in events:
                self._note(event)

    def held(self) -> list[tuple[str, Labels, float]]:
        """Return which label sets of which signals are still shown at 0, and since when."""
        with self._lock:
            self._published.begin()
            return self._published.held()

    def restore(self, signal: Signal, labels: Labels, *, held: bool) -> None:
        """Publish a label set as an earlier process left it: still held at 0 from now on, or not.

        Published labels are given, as `held` returned them.
        """
        with self._lock:
            self._published.begin()
            self._published.restore(signal, labels, held=held)

    def declare(self, noun: str, labels: Mapping[str, Any]) -> None:
        """Publish a label set at 0: all outcomes and stages of a run, step, job or session.

        Args:
            noun: `run`, `step`, `job` or `session`.
            labels: Label values by name; what is missing is empty.
        """
        with self._lock:
            self._published.begin()
            self._published.declare(noun, labels)

    def set_open(self, open_work: Iterable[OpenWork], now: float) -> None:
        """Set the gauges over what is open, by the clock that stamped it (epoch seconds)."""
        with self._lock:
            published = self._published
            told_at = published.begin()
            rows = list(open_work)
            for row in rows:
                if row.noun in NOUNS:
                    published.declare(row.noun, row.body)
                if row.noun == "run":
                    self._spend(row.body)
            values: dict[tuple[str, Labels], float] = {}
            for signal, measured, value in open_gauges(rows, now):
                labels = published.series(published.families[signal.name], measured).labels
                _combine(values, (signal.name, labels), value)
            for signal in _OPEN_GAUGES:
                self._show(published.families[signal.name], values, told_at)

    def add(self, signal: Signal, labels: Labels, value: float) -> None:
        """Increase a counter, or let a histogram take a value of 0 or more, in the signal's unit.

        For what no event tells; 0 publishes a counter before it counts.
        """
        with self._lock:
            self._published.begin()
            family = self._published.families[signal.name]
            series = self._published.changed(family, self._published.series(family, labels))
            if series.histogram is not None:
                series.histogram.observe(value)
            else:
                series.number += value if family.scale == 1 else round(value * NANO)

    def set_gauge(self, signal: Signal, labels: Labels, value: float | None) -> None:
        """Set a gauge, in its signal's unit; `None` and what is not finite take it away."""
        with self._lock:
            self._published.begin()
            self._published.set_gauge(signal, labels, value)

    def point_to(self, sampled: Callable[[int], bool]) -> None:
        """Let exemplars point to sampled traces only; it is asked by trace id."""
        with self.families() as families:
            for family in families:
                family.sampled = sampled

    def exposition(self, form: Form = CLASSIC) -> Exposition:
        """Return the text as it is now; only families that changed are rendered.

        Args:
            form: `prometheus.CLASSIC` or `openmetrics.OPENMETRICS`; each costs nothing until it
                is asked for.
        """
        with self.families() as families:
            renderer = self._renderers.get(form)
            if renderer is None:
                renderer = self._renderers[form] = Renderer(self.source, form)
            return renderer.render(families)

    @contextmanager
    def families(self) -> Iterator[list[Family]]:
        """Hold still and give every family, in the order of the catalog, for reading."""
        with self._lock:
            self._published.begin()
            yield list(self._published.families.values())

    def _measure(self, event: Event, now: float) -> None:
        families, version = self._published.families, self._published.version
        at = event.at
        for signal, labels, value in measurements(event):
            family = families[signal.name]
            series = family.known.get(labels) or self._published.series(family, labels)
            histogram = series.histogram
            if histogram is None:
                series.number += value if family.scale == 1 else round(value * NANO)
            else:
                place = bisect_left(histogram.bounds, value)
                histogram.counts[place] += 1
                histogram.nanos += round(value * NANO)
                if series.newest[place].at <= at:
                    series.newest[place] = event
            series.touched = now
            series.version = family.version = version

    def _note(self, event: Event) -> None:
        """Show the gauges of an event."""
        if event.verb in NEWEST:
            self._renew(told_gauges(event))
        elif event.verb == "judged":
            self._judge(event.body)
        elif event.verb == TERMINAL and event.noun == "step":
            self._lose(event)
        elif event.verb == TERMINAL and event.noun == "run":
            self._spend(event.body)
            self._end(event.body)

    def _renew(self, gauges: Iterable[Gauge]) -> None:
        """Show what was told last; what is not told is no sample."""
        for signal, labels, value in gauges:
            self._published.set_gauge(signal, labels, value)

    def _judge(self, body: Mapping[str, Any]) -> None:
        """Show the newest answer to a question at 1, and no longer the one before."""
        labels = verdict_labels(body)
        before = self._verdicts.get(labels[:-1], labels)
        if before != labels:
            self._published.set_gauge(signals.QUALITY_VERDICT, before, None)
        if len(self._verdicts) >= _VERDICTS_KEPT:
            self._verdicts.clear()
        self._verdicts[labels[:-1]] = labels
        self._published.set_gauge(signals.QUALITY_VERDICT, labels, 1)

    def _end(self, body: Mapping[str, Any]) -> None:
        """What a training does is told no more when its run is over."""
        answered = self._verdicts.pop(training_labels(body), None)
        if answered is not None:
            self._published.set_gauge(signals.QUALITY_VERDICT, answered, None)

    def _lose(self, event: Event) -> None:
        """Show the loss of the last completed step; one that is no number is not shown."""
        loss = event.body.get("loss")
        labels = work_labels(event.body)
        if loss is not None and event.at >= self._losses.get(labels, event.at):
            if len(self._losses) > _LOSSES_KEPT:
                self._losses.clear()
            self._losses[labels] = event.at
            self._published.set_gauge(signals.STEP_LOSS, labels, loss)

    def _spend(self, body: Mapping[str, Any]) -> None:
        """Show what the run that was last seen takes."""
        for signal, value in resource_gauges(body):
            self._published.set_gauge(signal, work_labels(body), value)

    def _absorb(self, totals: Totals, *, held: bool) -> None:
        for name, counters in totals.counters.items():
            for labels, number in counters.items():
                self._prepared(name, labels, held=held).number += number
        for name, histograms in totals.histograms.items():
            for labels, histogram in histograms.items():
                own = self._prepared(name, labels, held=held).histogram
                if own is not None:
                    own.merge(histogram)

    def _prepared(self, name: str, labels: Labels, *, held: bool) -> Series:
        family = self._published.families[name]
        series = self._published.series(family, labels)
        if not held:
            series.held_since = None
        return self._published.changed(family, series)

    def _show(self, family: Family, values: Mapping[tuple[str, Labels], float], now: float) -> None:
        """Set a gauge over open work; a count of nothing is 0, what nothing tells no sample."""
        name = family.signal.name
        places = {labels[:_PLACE] for told, labels in values if told == name}
        for labels, series in list(family.series.items()):
            value = values.get((name, labels))
            if value is not None:
                self._published.set_gauge(family.signal, labels, value)
            elif family.signal in _OF_LAYOUTS:
                if labels[:_PLACE] in places or not 0 <= now - series.touched < LAYOUT_SECONDS:
                    family.drop(labels, self._published.version)
            elif family.signal in _UNTOLD:
                family.drop(labels, self._published.version)
            else:
                self._published.put(family, series, 0)


def _combine(
    values: dict[tuple[str, Labels], float], key: tuple[str, Labels], value: float
) -> None:
    """Counts of several rows add up; of ages, instants and layouts the worst stands."""
    worst, old = _WORST.get(key[0]), values.get(key)
    if old is not None:
        value = old + value if worst is None else worst(old, value)
    values[key] = value


_instances: "weakref.WeakSet[Aggregates]" = weakref.WeakSet()


def _unlock() -> None:
    """A child has no other thread that could ever give a lock back."""
    for aggregates in _instances:
        aggregates._lock = Lock()  # noqa: SLF001  its own module


os.register_at_fork(after_in_child=_unlock)
