"""What each event of a journal means for each objective: how much counted, how much was bad, whose.

The same fold that `/metrics` shows is asked for what an event measures, so a journal and a
Prometheus that follows it give the same counts. Money that is spent is bad, all of it. Minutes are
judged by levels (see `minutes`).
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from qgm_observe.catalog import SIGNALS, Signal
from qgm_observe.journal import TERMINAL, Event, Histogram, Totals
from qgm_observe.journal.event import MONEY
from qgm_observe.journal.measure import Labels, measurements
from qgm_observe.journal.reading import Reader
from qgm_observe.journal.totals import SCALES
from qgm_observe.slo.indicator import Ratio, Selection, Spend
from qgm_observe.slo.objective import Objective

Amount = tuple[float, float]
"""What counted, and what of it was good."""

GROUPS = {
    "auth": "access",
    "quota": "quota",
    "rate_limit": "quota",
    "validation": "model",
    "compile": "compiler",
    "offline": "provider",
    "queue_timeout": "provider",
    "run_timeout": "provider",
    "execution": "provider",
    "not_found": "provider",
    "network": "network",
    "resource": "machine",
    "lost": "machine",
}
"""Class of an error to who spends the budget by it; any other is `other`."""

Spender = tuple[str, str, str, str]
"""Cause (see `GROUPS`), pipeline, provider, device; empty where unknown."""

KINDS = ("cause", "pipeline", "provider", "device")
"""What the parts of a spender are called."""


class Entries:
    """What one objective's events were, column by column.

    Attributes:
        recorded: When the journal took them, epoch seconds.
        at: Their own times, epoch seconds.
        total: What counted.
        bad: What of it was bad.
        spender: Place in the ledger's `spenders`.
    """

    def __init__(self) -> None:
        self.recorded, self.at = array("d"), array("d")
        self.total, self.bad = array("d"), array("d")
        self.spender = array("l")

    def __len__(self) -> int:
        return len(self.total)


class Ledger:
    """Entries of objectives that count or spend, filled from events in the order of a journal.

    Args:
        objectives: Those of minutes are passed over.

    Attributes:
        entries: By the objective's name.
        spenders: By whom bad ones are.
    """

    def __init__(self, objectives: Iterable[Objective]) -> None:
        self.entries: dict[str, Entries] = {}
        self.spenders: list[Spender] = [("", "", "", "")]
        self._numbers: dict[Spender, int] = {self.spenders[0]: 0}
        self._wanted: dict[str, list[tuple[str, bool, Selection]]] = {}
        self._found: dict[tuple[str, Labels], list[tuple[str, bool, Selection]]] = {}
        self._devices: dict[str, tuple[str, str]] = {}
        for each in objectives:
            if isinstance(each.indicator, Ratio):
                self.entries[each.name] = Entries()
                self._want(each.name, each.indicator.good, each.indicator.total)
            elif isinstance(each.indicator, Spend):
                self.entries[each.name] = Entries()
                self._want(each.name, (), each.indicator.spent)

    def read(self, journal: Reader, since: float) -> None:
        """Take all that a journal recorded since an instant, pruned minutes too."""
        for minute, name, labels, amount in journal.minutes(since=since):
            if name in SIGNALS:
                self._enter({}, minute, minute, self._amounts(SIGNALS[name], labels, amount))
        for event in journal.events(verbs=(TERMINAL, "estimate", "noted", "tallied", *MONEY)):
            if event.recorded_at >= since:
                self.add(event)
            elif event.noun == "job":
                self._remember(event)

    def add(self, event: Event) -> None:
        """Take an event."""
        self._remember(event)
        amounts: dict[str, Amount] = {}
        if event.verb == "tallied":
            self._tally(Totals.from_json(event.body.get("totals")), amounts)
        else:
            for signal, labels, value in measurements(event):
                if signal.name in self._wanted:
                    _sum(amounts, self._amounts(signal, labels, value))
        self._enter(self._facts(event), event.recorded_at, event.at, amounts)

    def _want(self, name: str, good: Sequence[Selection], total: Sequence[Selection]) -> None:
        for is_good, selections in ((False, total), (True, good)):
            for each in selections:
                self._wanted.setdefault(each.signal.name, []).append((name, is_good, each))

    def _amounts(self, signal: Signal, labels: Labels, value: float) -> dict[str, Amount]:
        """Return what one measurement adds to which objective."""
        found: dict[str, Amount] = {}
        for name, good, selection in self._selecting(signal, labels):
            count = value if not signal.buckets else float(selection.holds(value))
            count *= selection.factor
            _sum(found, {name: (0.0, count) if good else (count, 0.0)})
        return found

    def _selecting(self, signal: Signal, labels: Labels) -> list[tuple[str, bool, Selection]]:
        key = (signal.name, labels)
        found = self._found.get(key)
        if found is None:
            wanted = self._wanted.get(signal.name, ())
            found = self._found[key] = [each for each in wanted if each[2].admits(labels)]
        return found

    def _tally(self, totals: Totals, amounts: dict[str, Amount]) -> None:
        for name, counters in totals.counters.items():
            for labels, number in counters.items():
                _sum(amounts, self._amounts(SIGNALS[name], labels, number / SCALES[name]))
        for name, histograms in totals.histograms.items():
            for labels, histogram in histograms.items():
                for objective, good, selection in self._selecting(SIGNALS[name], labels):
                    count = _within(histogram, selection.at_most) * selection.factor
                    _sum(amounts, {objective: (0.0, count) if good else (count, 0.0)})

    def _enter(
        self, facts: Mapping[str, Any], recorded: float, at: float, amounts: dict[str, Amount]
    ) -> None:
        for name, (total, good) in amounts.items():
            entries = self.entries[name]
            bad = total - good
            entries.recorded.append(recorded)
            entries.at.append(at)
            entries.total.append(total)
            entries.bad.append(bad)
            entries.spender.append(self._spender(facts) if bad > 0 else 0)

    def _remember(self, event: Event) -> None:
        """Keep on which device the newest failed job of a run was: the run itself has none."""
        if event.noun == "job" and event.run is not None and event.body.get("error"):
            self._devices[event.run] = _device(event.body)

    def _facts(self, event: Event) -> Mapping[str, Any]:
        if event.noun != "run":
            return event.body
        provider, device = self._devices.pop(event.subject, ("", ""))
        return {**event.body, "provider": provider, "device": device}

    def _spender(self, facts: Mapping[str, Any]) -> int:
        error = facts.get("error") or {}
        cause = GROUPS.get(str(error.get("class", "")), "other") if error else ""
        if error.get("stage") == "compile":
            cause = "compiler"
        named = cause or ("" if facts.get("outcome") in {None, "", "success"} else "other")
        spender = (named, str(facts.get("pipeline") or ""), *_device(facts))
        if spender not in self._numbers:
            self._numbers[spender] = len(self.spenders)
            self.spenders.append(spender)
        return self._numbers[spender]


def _device(facts: Mapping[str, Any]) -> tuple[str, str]:
    return str(facts.get("provider") or ""), str(facts.get("device") or "")


def _within(histogram: Histogram, bound: float | None) -> float:
    if bound is None:
        return float(histogram.count)
    return float(sum(histogram.counts[: bisect_left(histogram.bounds, bound) + 1]))


def _sum(amounts: dict[str, Amount], more: Mapping[str, Sequence[float]]) -> None:
    for name, (total, good) in more.items():
        before = amounts.get(name, (0.0, 0.0))
        amounts[name] = (before[0] + total, before[1] + good)
