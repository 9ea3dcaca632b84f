"""The sum of many events: counters and histograms that never fall.

Numbers are whole, so that a sum depends neither on the order of its parts nor on how they were
grouped. A float sum would move by its last digit when rows are pruned into totals, and Prometheus
takes any fall of a counter for a restart. Hence counters of things and bytes count them, and
everything else that has a unit, and every histogram's sum, is kept in billionths (`NANO`).
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Any, TypeGuard

from qgm_observe.catalog import SIGNALS, STAGES, Kind, Signal
from qgm_observe.journal.event import Event
from qgm_observe.journal.measure import Labels, measurements

NANO = 10**9
"""Parts of a unit that sums are kept in."""

_TOTAL, _SUM = "total", "sum"
Numbers = dict[str, int]


@dataclass(slots=True)
class Histogram:
    """Observations by size.

    Attributes:
        bounds: Upper bounds, ascending, without infinity.
        counts: Observations in each bucket (not cumulated); the last one has no bound.
        nanos: Sum of the observations in billionths of the unit.
    """

    bounds: tuple[float, ...]
    counts: list[int] = field(default_factory=list)
    nanos: int = 0

    def __post_init__(self) -> None:
        """Begin with empty buckets unless some are given."""
        self.counts = self.counts or [0] * (len(self.bounds) + 1)

    @property
    def count(self) -> int:
        """Number of observations."""
        return sum(self.counts)

    @property
    def sum(self) -> float:
        """Sum of the observations in the signal's unit."""
        return self.nanos / NANO

    def observe(self, value: float) -> None:
        """Take a value of 0 or more."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.nanos += round(value * NANO)

    def merge(self, other: "Histogram") -> None:
        """Add another; where bounds differ, a bucket goes to the next bound that covers it."""
        self.nanos += other.nanos
        for bound, count in zip((*other.bounds, inf), other.counts, strict=True):
            self.counts[bisect_left(self.bounds, bound)] += count

    def since(self, earlier: "Histogram | None") -> "Histogram":
        """Return what came on top of an earlier state of the same buckets."""
        if earlier is None or earlier.bounds != self.bounds:
            return self
        grown = [max(0, n - m) for n, m in zip(self.counts, earlier.counts, strict=True)]
        return Histogram(self.bounds, grown, max(0, self.nanos - earlier.nanos))


def bounds_of(signal: Signal, labels: Labels) -> tuple[float, ...]:
    """Return the bucket bounds of a histogram, those of the stage where it has one."""
    stage = STAGES.get(dict(zip(signal.label_names, labels, strict=True)).get("stage", ""))
    return signal.buckets if stage is None else stage.buckets


SCALES = {s.name: 1 if s.unit.startswith(("{", "By")) else NANO for s in SIGNALS.values()}
"""What a signal's amounts are multiplied by to be whole: 1 for things and bytes, else `NANO`."""


class Totals:
    """Counters and histograms folded from events.

    Attributes:
        counters: Signal name to label values to a whole number; see `SCALES`.
        histograms: Signal name to label values to its histogram.
        foreign: Numbers of signals that this version does not know, by name and label names.
    """

    def __init__(self) -> None:
        self.counters: dict[str, dict[Labels, int]] = {}
        self.histograms: dict[str, dict[Labels, Histogram]] = {}
        self.foreign: dict[tuple[str, Labels], dict[Labels, Numbers]] = {}

    def add(self, event: Event) -> None:
        """Count an event; a tallied one brings totals of its own."""
        if event.verb == "tallied":
            self.merge(Totals.from_json(event.body.get("totals")))
            return
        for signal, labels, value in measurements(event):
            if signal.buckets:
                histogram = self._histogram(signal, labels)
                histogram.counts[bisect_left(histogram.bounds, value)] += 1
                histogram.nanos += round(value * NANO)
            else:
                self._count(signal.name, labels, round(value * SCALES[signal.name]))

    def merge(self, other: "Totals") -> None:
        """Add all of another to this one."""
        for name, series in other.counters.items():
            for labels, number in series.items():
                self._count(name, labels, number)
        for name, histograms in other.histograms.items():
            for labels, histogram in histograms.items():
                self._histogram(SIGNALS[name], labels).merge(histogram)
        for family, numbers in other.foreign.items():
            for labels, told in numbers.items():
                self._keep_apart(family, labels, told)

    def since(self, earlier: "Totals") -> "Totals":
        """Return what came on top of an earlier state of these totals; what fell is left out."""
        added = Totals()
        for name, series in self.counters.items():
            before = earlier.counters.get(name, {})
            for labels, number in series.items():
                if number > before.get(labels, 0):
                    added._count(name, labels, number - before.get(labels, 0))
        for name, histograms in self.histograms.items():
            known = earlier.histograms.get(name, {})
            for labels, histogram in histograms.items():
                grown = histogram.since(known.get(labels))
                if grown.count:
                    added._histogram(SIGNALS[name], labels).merge(grown)
        return added

    def counter(self, signal: Signal, labels: Labels) -> float:
        """Return a counter in its signal's unit, 0 if nothing was counted."""
        number = self.counters.get(signal.name, {}).get(labels, 0)
        return number / SCALES[signal.name]

    def __bool__(self) -> bool:
        """Return whether anything was counted."""
        return bool(self.counters or self.histograms or self.foreign)

    def __eq__(self, other: object) -> bool:
        """Return whether another holds exactly the same numbers."""
        if not isinstance(other, Totals):
            return NotImplemented
        return (self.counters, self.histograms, self.foreign) == (
            other.counters,
            other.histograms,
            other.foreign,
        )

    __hash__ = None  # type: ignore[assignment]  # it changes

    def to_json(self) -> dict[str, Any]:
        """Return JSON-compatible content that later versions can read.

        Families carry their label names and buckets their bounds, so that neither a new label nor
        other buckets make old numbers unreadable: `{"families": [[name, label names, [[label
        values, {"total": n} or {"sum": billionths, bound: n, ...}], ...]], ...]}`.
        """
        families = [
            (name, SIGNALS[name].label_names, {key: {_TOTAL: n} for key, n in series.items()})
            for name, series in self.counters.items()
        ]
        families += [
            (name, SIGNALS[name].label_names, {key: _sparse(h) for key, h in series.items()})
            for name, series in self.histograms.items()
        ]
        families += [(*family, series) for family, series in self.foreign.items()]
        return {
            "families": [
                [name, list(label_names), [[list(key), series[key]] for key in sorted(series)]]
                for name, label_names, series in sorted(families, key=lambda family: family[:2])
            ]
        }

    @classmethod
    def from_json(cls, content: Any) -> "Totals":
        """Return what `to_json` wrote, in this or another version; damaged series are left out.

        Counts of other buckets than today's go to the next bound above. Signals this version does
        not know are kept apart and written out again unchanged.
        """
        totals = cls()
        for name, label_names, labels, numbers in _series(content):
            signal = SIGNALS.get(name)
            if signal is None or _kind(numbers) is not signal.kind:
                totals._keep_apart((name, label_names), labels, numbers)
                continue
            told = dict(zip(label_names, labels, strict=True))
            today = tuple(told.get(label, "") for label in signal.label_names)
            if signal.kind is Kind.COUNTER:
                totals._count(name, today, numbers[_TOTAL])
            else:
                totals._histogram(signal, today).merge(_dense(numbers))
        return totals

    def _count(self, name: str, labels: Labels, number: int) -> None:
        series = self.counters.setdefault(name, {})
        series[labels] = series.get(labels, 0) + number

    def _histogram(self, signal: Signal, labels: Labels) -> Histogram:
        try:
            return self.histograms[signal.name][labels]
        except KeyError:
            series = self.histograms.setdefault(signal.name, {})
            return series.setdefault(labels, Histogram(bounds_of(signal, labels)))

    def _keep_apart(self, family: tuple[str, Labels], labels: Labels, numbers: Numbers) -> None:
        kept = self.foreign.setdefault(family, {}).setdefault(labels, {})
        for key, number in numbers.items():
            kept[key] = kept.get(key, 0) + number


def _sparse(histogram: Histogram) -> Numbers:
    bounds = (*histogram.bounds, inf)
    filled = {str(b): n for b, n in zip(bounds, histogram.counts, strict=True) if n}
    return {_SUM: histogram.nanos} | filled


def _dense(numbers: Numbers) -> Histogram:
    filled = sorted((float(key), number) for key, number in numbers.items() if key != _SUM)
    bounds = tuple(bound for bound, _ in filled)
    return Histogram(bounds, [*(number for _, number in filled), 0], numbers[_SUM])


def _kind(numbers: Numbers) -> Kind | None:
    """Return the kind of signal that such numbers belong to, `None` if to none of ours."""
    if numbers.keys() == {_TOTAL}:
        return Kind.COUNTER
    try:
        bounds = [float(key) for key in numbers if key != _SUM]
    except ValueError:
        return None
    return Kind.HISTOGRAM if _SUM in numbers and all(bound > 0 for bound in bounds) else None


def _series(content: Any) -> Iterable[tuple[str, Labels, Labels, Numbers]]:
    """Yield name, label names, label values and numbers of every series that is whole."""
    families = content.get("families") if isinstance(content, Mapping) else None
    for family in families if isinstance(families, list) else ():
        match family:
            case [str(name), [*label_names], [*series]] if _are_texts(label_names):
                for entry in series:
                    match entry:
                        case [[*labels], {**numbers}] if (
                            len(labels) == len(label_names)
                            and _are_texts(labels)
                            and _are_whole(numbers)
                        ):
                            yield name, tuple(label_names), tuple(labels), numbers


def _are_texts(values: list[Any]) -> TypeGuard[list[str]]:
    return all(isinstance(value, str) for value in values)


def _are_whole(numbers: dict[Any, Any]) -> TypeGuard[Numbers]:
    return all(type(n) is int and n >= 0 and isinstance(key, str) for key, n in numbers.items())
