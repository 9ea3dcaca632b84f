"""One line of time each: a signal's label sets with their numbers."""

from collections.abc import Callable
from typing import cast

from qgm_observe.catalog import Signal
from qgm_observe.journal.event import Event
from qgm_observe.journal.measure import Labels
from qgm_observe.journal.totals import NANO, SCALES, Histogram, bounds_of
from qgm_observe.telemetry.exemplars import NONE, Exemplar, exemplar


class Series:
    """A label set of a signal.

    Attributes:
        labels: As they are published.
        number: Of a counter (whole, see `SCALES`) or a gauge.
        histogram: Of a histogram, else `None`.
        newest: Of each bucket of a histogram, what was observed last: the event or, once somebody
            has asked, its exemplar.
        held_since: Clock time since which it is shown at 0, `None` once it is released.
        touched: Clock time of the last measurement.
        text: The labels as they are written, empty until they are.
        version: Of the aggregates when it last changed.
    """

    __slots__ = (
        "held_since",
        "histogram",
        "labels",
        "newest",
        "number",
        "text",
        "touched",
        "version",
    )

    def __init__(self, signal: Signal, labels: Labels, now: float, version: int) -> None:
        self.labels = labels
        self.number: float = 0
        self.histogram = Histogram(bounds_of(signal, labels)) if signal.buckets else None
        self.newest: list[Event | Exemplar] = []
        if self.histogram is not None:
            self.newest = [NONE] * len(self.histogram.counts)
        self.held_since: float | None = None
        self.text = ""
        self.touched = now
        self.version = version


class Family:
    """All label sets of a signal.

    Attributes:
        signal: Whose they are.
        scale: What the numbers of a counter are multiplied by; 1 for a gauge.
        series: By the labels as published.
        known: By the labels as measured; several may lead to one series.
        version: Of the aggregates when any of its series last changed.
        sampled: Whether a trace may be pointed to.
    """

    __slots__ = ("known", "sampled", "scale", "series", "signal", "version")

    def __init__(self, signal: Signal) -> None:
        self.signal = signal
        self.scale = SCALES[signal.name] if signal.kind == "counter" else 1
        self.series: dict[Labels, Series] = {}
        self.known: dict[Labels, Series] = {}
        self.version = 0
        self.sampled: Callable[[int], bool] = bool

    def shown(self, series: Series) -> float:
        """Return the number of a counter or gauge as published, in the signal's unit."""
        if series.held_since is not None:
            return 0
        return series.number if self.scale == 1 else series.number / NANO

    def shown_histogram(self, series: Series) -> Histogram:
        """Return a histogram as published."""
        assert series.histogram is not None  # noqa: S101  told to the type checker
        if series.held_since is not None:
            return Histogram(series.histogram.bounds)
        return series.histogram

    def exemplars(self, series: Series) -> list[Exemplar]:
        """Return an exemplar a bucket, `NONE` where there is none or its count is held back."""
        newest, histogram = series.newest, series.histogram
        if series.held_since is not None or histogram is None:
            return [NONE] * len(newest)
        for place, seen in enumerate(newest):
            if isinstance(seen, Event):
                found = exemplar(self.signal, series.labels, histogram.bounds, place, seen)
                newest[place] = found if self.sampled(found.trace) else NONE
        return cast(list[Exemplar], newest)

    def learn(self, measured: Labels, series: Series) -> None:
        """Remember under which labels a series is measured, within bounds."""
        if len(self.known) > 1_000 + 4 * len(self.series):
            self.known = dict(self.series)
        self.known[measured] = series

    def drop(self, labels: Labels, version: int) -> None:
        """Forget a series."""
        gone = self.series.pop(labels, None)
        if gone is not None:
            self.known.pop(labels, None)
            if len(self.known) > len(self.series):  # else nothing else can lead to it
                self.known = {key: one for key, one in self.known.items() if one is not gone}
            self.version = version
