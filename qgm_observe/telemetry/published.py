"""The label sets that are published: new ones at 0 first, none beyond its bound."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from math import isfinite
from typing import Any

from qgm_observe.catalog import SIGNALS, Kind, Signal, observe_signals
from qgm_observe.journal.measure import Labels, job_labels, work_labels
from qgm_observe.telemetry.bundles import NOUNS, anchor, bundle, bundle_of
from qgm_observe.telemetry.label_values import CardinalityGuard
from qgm_observe.telemetry.series import Family, Series
from qgm_observe.version import __version__

IDLE_SECONDS = 7 * 86400.0
SWEEP_SECONDS = 60.0
OWN = "qgm.observe."


class Published:
    """Every family with its series. Not for several threads at once: its owner has the lock.

    Args:
        hold: Seconds for which a new counter or histogram stays at 0.
        clock: Returns seconds.

    Attributes:
        families: By signal name, in the order of the catalog.
        version: Grows with every change; a series carries the one at which it last changed.
    """

    def __init__(self, hold: float, clock: Callable[[], float]) -> None:
        self.families = {name: Family(signal) for name, signal in SIGNALS.items()}
        self.version = 1
        self._hold = hold
        self._clock = clock
        self._held: deque[tuple[Family, Series]] = deque()
        self._guard = CardinalityGuard(self._make_room)
        self._swept_at = float("-inf")
        self._publish_own_health()

    def begin(self) -> float:
        """Start a change, release what was held long enough, and return the time."""
        self.version += 1
        now = self._clock()
        while self._held:
            family, series = self._held[0]
            since = series.held_since
            if since is not None and since <= now < since + self._hold:
                break
            self._held.popleft()
            series.held_since = None
            series.version = family.version = self.version
        return now

    def declare(self, noun: str, body: Mapping[str, Any]) -> None:
        """Publish all label sets of a noun at 0."""
        noun = NOUNS[noun]
        labels = work_labels(body) if noun == "run" else job_labels(body)
        signal, first = anchor(noun, labels)
        self.series(self.families[signal.name], first)

    def series(self, family: Family, measured: Labels) -> Series:
        """Return the series that measured labels lead to; a new one brings its bundle along."""
        known = family.known.get(measured)
        if known is not None:
            return known
        labels = self._guard.admit(family.signal, measured)
        self._count_folded()
        belongs = bundle_of(family.signal, labels)
        if belongs is not None:
            self._publish_bundle(*belongs)
        series = self._publish(family, labels)
        family.learn(measured, series)
        return series

    def held(self) -> list[tuple[str, Labels, float]]:
        """Return the name, labels and time of what is still shown at 0."""
        return [
            (family.signal.name, series.labels, series.held_since)
            for family, series in self._held
            if series.held_since is not None
        ]

    def restore(self, signal: Signal, labels: Labels, *, held: bool) -> None:
        """Publish a label set, held at 0 from now on or shown at once."""
        family = self.families[signal.name]
        series = self.changed(family, self.series(family, labels))
        series.held_since = self._clock() if held else None
        if held:
            self._held.append((family, series))

    def changed(self, family: Family, series: Series) -> Series:
        """Mark a series as measured now, and return it."""
        series.touched = self._clock()
        series.version = family.version = self.version
        return series

    def put(self, family: Family, series: Series, value: float) -> None:
        """Set a gauge."""
        if series.number != value:
            series.number = value
            series.version = family.version = self.version

    def set_gauge(self, signal: Signal, labels: Labels, value: float | None) -> None:
        """Set a gauge by its labels; what is no finite number takes the sample away."""
        family = self.families[signal.name]
        if isinstance(value, int | float) and isfinite(value):
            series = self.series(family, labels)
            series.touched = self._clock()
            self.put(family, series, value)
        else:
            family.drop(self._guard.admit(signal, labels), self.version)

    def _publish_bundle(self, noun: str, labels: Labels) -> None:
        signal, first = anchor(noun, labels)
        if first in self.families[signal.name].series:
            return
        for name, label_sets in bundle(noun, labels):
            for each in label_sets:
                self._publish(self.families[name], each)

    def _publish(self, family: Family, labels: Labels) -> Series:
        series = family.series.get(labels)
        if series is None:
            now = self._clock()
            series = Series(family.signal, labels, now, self.version)
            family.series[labels] = series
            family.learn(labels, series)
            family.version = self.version
            if family.signal.kind in (Kind.COUNTER, Kind.HISTOGRAM):
                series.held_since = now
                self._held.append((family, series))
        return series

    def _publish_own_health(self) -> None:
        """Counters of our own that need no label are there from the start, and the version."""
        for name, family in self.families.items():
            signal = family.signal
            if name.startswith(OWN) and signal.kind is Kind.COUNTER and not signal.labels:
                self._publish(family, ())
        self.set_gauge(observe_signals.INFO, (__version__,), 1)

    def _count_folded(self) -> None:
        if self._guard.folded:
            family = self.families[observe_signals.FOLDED.name]
            self.changed(family, self._publish(family, ())).number += self._guard.folded
            self._guard.folded = 0

    def _make_room(self) -> dict[str, set[str]] | None:
        """Drop label sets idle for 7 days; return the label values that are left."""
        now = self._clock()
        if 0 <= now - self._swept_at < SWEEP_SECONDS:
            return None
        self._swept_at = now
        touched: dict[Labels, float] = {}
        for family, series in self._each():
            key = _open_values(family.signal, series.labels)
            touched[key] = max(series.touched, touched.get(key, series.touched))
        used: dict[str, set[str]] = {}
        for family, series in self._each():
            idle = now - touched[_open_values(family.signal, series.labels)] > IDLE_SECONDS
            if idle and not family.signal.name.startswith(OWN):
                family.drop(series.labels, self.version)
                continue
            for label, value in zip(family.signal.labels, series.labels, strict=True):
                used.setdefault(label.name, set()).add(value)
        return used

    def _each(self) -> Iterator[tuple[Family, Series]]:
        for family in self.families.values():
            for series in list(family.series.values()):
                yield family, series


def _open_values(signal: Signal, labels: Labels) -> Labels:
    """Return the values that users chose, of any signal of the same work alike."""
    pairs = zip(signal.labels, labels, strict=True)
    return tuple(f"{label.name}={value}" for label, value in pairs if label.bound and value)
