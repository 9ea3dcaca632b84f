"""What an exporter shows: samples with an owner each, and the bytes that scrapes are handed."""

from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from qgm_observe.catalog import Label, Signal, provider_signals
from qgm_observe.catalog import labels as by
from qgm_observe.journal.measure import Labels
from qgm_observe.telemetry.aggregates import Aggregates
from qgm_observe.telemetry.label_values import sanitized
from qgm_observe.telemetry.openmetrics import OPENMETRICS
from qgm_observe.telemetry.prometheus import CLASSIC, Exposition, Form, Renderer
from qgm_observe.telemetry.series import Family, Series

FORMS = (CLASSIC, OPENMETRICS)

HEALTH = "health"
"""The collector of an owner whose samples no cap leaves out."""

Key = tuple[str, Labels]
"""A signal's name and label values."""

Owner = tuple[str, ...]
"""Who shows samples: account, collector and, of a device, its name; the collector comes second."""

Snapshot = Mapping[tuple[str | None, Form], Exposition]
"""By target, `None` for the whole page, and text format."""


class Sample(NamedTuple):
    """One number of a page, in the signal's unit; `None` is no sample."""

    signal: Signal
    labels: Labels
    value: float | None


class Page:
    """Samples by owner, within a cap, and their text; changed by one thread.

    Text from outside becomes a label value here and nowhere else. What is one too many, of all
    series or of a label's values, is left out and counted: a gauge that several share says
    nothing of any of them.

    Args:
        aggregates: Keeps the numbers.
        most_series: Samples of all owners together.
        targets: Names of devices and accounts that have a page of their own.

    Attributes:
        snapshot: What scrapes are handed, as of the last `render`; replaced, never changed.
    """

    def __init__(
        self, aggregates: Aggregates, most_series: int, targets: Collection[str] = ()
    ) -> None:
        self.aggregates = aggregates
        self.most_series = most_series
        self._owners: dict[Key, Owner] = {}
        self._shown: dict[Owner, dict[Key, Signal]] = {}
        self._values: dict[str, set[str]] = {}
        self._views = {name: View(name) for name in targets}
        self._counts: dict[str, tuple[int, int]] = {}
        self.snapshot: Snapshot = MappingProxyType({})
        self.render()

    def show(self, owner: Owner, samples: Iterable[Sample]) -> None:
        """Replace an owner's samples; of two owners of one label set the later has it."""
        told = {
            (signal.name, tuple([sanitized(each) for each in labels])): (signal, value)
            for signal, labels, value in samples
            if value is not None
        }
        before = self._shown.pop(owner, {})
        self._forget(owner, {key: signal for key, signal in before.items() if key not in told})
        self._recount()
        shown = self._shown[owner] = {}
        for key, (signal, value) in told.items():
            if owner[1] == HEALTH or self._fits(signal, key):
                self._owners[key], shown[key] = owner, signal
                self.aggregates.set_gauge(signal, key[1], value)
        if len(told) > len(shown):
            left_out = len(told) - len(shown)
            self.aggregates.add(provider_signals.EXPORTER_DROPPED, (owner[1],), left_out)

    def drop(self, owner: Owner) -> None:
        """Take an owner's samples away."""
        self._forget(owner, self._shown.pop(owner, {}))

    def has(self, owner: Owner) -> bool:
        """Return whether an owner shows anything."""
        return bool(self._shown.get(owner))

    def owners(self) -> list[Owner]:
        """Return who shows or showed something."""
        return list(self._shown)

    def set_targets(self, targets: Collection[str]) -> None:
        """Let these have pages of their own from the next `render` on."""
        self._views = {name: self._views.get(name) or View(name) for name in targets}

    def render(self) -> None:
        """Make the bytes anew of what changed."""
        pages: dict[tuple[str | None, Form], Exposition] = {}
        with self.aggregates.families() as families:
            count = sum(map(self._count, families))
            for name, view in self._views.items():
                pages |= {(name, form): view.exposition(families, form) for form in FORMS}
        self.aggregates.set_gauge(provider_signals.EXPORTER_SERIES, (), count)
        pages |= {(None, form): self.aggregates.exposition(form) for form in FORMS}
        self.snapshot = MappingProxyType(pages)

    def _count(self, family: Family) -> int:
        """Return how many samples a family has; counted anew when it changed."""
        version, count = self._counts.get(family.signal.name, (-1, 0))
        if version != family.version:
            count = sum(map(_lines, family.series.values()))
            self._counts[family.signal.name] = (family.version, count)
        return count

    def _forget(self, owner: Owner, keys: Mapping[Key, Signal]) -> None:
        for key, signal in keys.items():
            if self._owners.get(key) == owner:
                del self._owners[key]
                self.aggregates.set_gauge(signal, key[1], None)

    def _fits(self, signal: Signal, key: Key) -> bool:
        if key in self._owners:
            return True
        if len(self._owners) >= self.most_series:
            return False
        pairs = [(each, value) for each, value in zip(signal.labels, key[1], strict=True) if value]
        if not all(self._has_room(label, value) for label, value in pairs):
            return False
        for label, value in pairs:
            self._values.setdefault(label.name, set()).add(value)
        return True

    def _has_room(self, label: Label, value: str) -> bool:
        if label.values:
            return value in label.values
        known = self._values.get(label.name, ())
        return value in known or len(known) < label.bound

    def _recount(self) -> None:
        """Let label values go that nobody shows any more, once there are many."""
        if len(self._values.get(by.DEVICE.name, ())) < by.DEVICE.bound:
            return
        self._values = {}
        for owned in self._shown.values():
            for (_, labels), signal in owned.items():
                for label, value in zip(signal.labels, labels, strict=True):
                    self._values.setdefault(label.name, set()).add(value)


class View:
    """The page of one device or account: its own signals, and of a device no account's."""

    def __init__(self, target: str) -> None:
        self._target = target
        self._families: dict[str, Family] = {}
        self._renderers = {form: Renderer("provider", form) for form in FORMS}

    def exposition(self, families: Iterable[Family], form: Form) -> Exposition:
        """Return its text, made anew where families changed."""
        return self._renderers[form].render([self._part(family) for family in families])

    def _part(self, family: Family) -> Family:
        """Return a family with the target's series alone."""
        mine = self._families.get(family.signal.name)
        if mine is None:
            mine = self._families[family.signal.name] = Family(family.signal)
        if mine.version != family.version:
            mine.version = family.version
            place = _place_of_name(family.signal)
            mine.series = {
                labels: series
                for labels, series in family.series.items()
                if place is not None and labels[place] == self._target
            }
        return mine


def _place_of_name(signal: Signal) -> int | None:
    """Return which label names the device or, of signals without one, the account."""
    for label in (by.DEVICE, by.ACCOUNT):
        if label in signal.labels:
            return signal.labels.index(label)
    return None


def _lines(series: Series) -> int:
    return 1 if series.histogram is None else len(series.histogram.counts) + 2
