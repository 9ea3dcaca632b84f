"""Catalog signals in PromQL, narrowed to the work that the configuration selects."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from qgm_observe.alerts.configuration import Configuration
from qgm_observe.catalog import Signal
from qgm_observe.slo import promql
from qgm_observe.slo.indicator import Matcher, Selection
from qgm_observe.slo.window import shorthand


class Selectors:
    """Writes selections of signals.

    Args:
        configuration: Whose matchers every signal gets that has their label.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._matchers = configuration.matchers

    def narrowed(self, selection: Selection) -> Selection:
        """Return a selection with the configured matchers that its signal has a label for."""
        narrow = self._narrow(selection.signal, selection.matchers, selection.at_most)
        return replace(narrow, factor=selection.factor)

    def chosen(self, signal: Signal, **labels: str | tuple[str, ...]) -> Selection:
        """Return a selection of a signal by label values; `!value` means any other."""
        return self._narrow(signal, tuple(_matcher(*each) for each in labels.items()))

    def at(self, signal: Signal, **labels: str | tuple[str, ...]) -> str:
        """Return an instant vector selector of a signal, see `chosen`."""
        return promql.selector(self.chosen(signal, **labels))

    def of(self, selection: Selection) -> str:
        """Return an instant vector selector of a selection."""
        return promql.selector(self.narrowed(selection))

    def top(self, by: Iterable[str], signal: Signal, **labels: str | tuple[str, ...]) -> str:
        """Return the highest by labels, which also takes replicas of an exporter together."""
        return f"max by ({', '.join(by)}) ({self.at(signal, **labels)})"

    def count(
        self, selection: Selection, window: float, by: Iterable[str] = (), slo: str = ""
    ) -> str:
        """Return how much a journal's counter counted in a window (s), see `promql.count`."""
        return promql.count([self.narrowed(selection)], window, by, slo)

    def firsts(self, selections: Iterable[Selection], slo: str) -> Iterator[dict[str, Any]]:
        """Yield the rules that record first samples of counters, see `promql.firsts`."""
        for name, text in promql.firsts(map(self.narrowed, selections)).items():
            yield {"record": name, "expr": text, "labels": {"slo": slo}}

    def increase(self, selection: Selection, window: float, by: Iterable[str]) -> str:
        """Return how much a process' counter counted, which may have begun anew in between."""
        chosen = promql.selector(self.narrowed(selection))
        return f"sum by ({', '.join(by)}) (round(increase({chosen}[{shorthand(window)}])))"

    def _narrow(
        self, signal: Signal, matchers: tuple[Matcher, ...], at_most: float | None = None
    ) -> Selection:
        further = tuple(each for each in self._matchers if each.label in signal.label_names)
        return Selection(signal, (*matchers, *further), at_most)


def _matcher(label: str, values: str | tuple[str, ...]) -> Matcher:
    given = (values,) if isinstance(values, str) else values
    negated = given[0].startswith("!")
    return Matcher(label, tuple(value.removeprefix("!") for value in given), negated)
