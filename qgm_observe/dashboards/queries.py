"""Queries of panels, from catalog signals: a board's variables, exact counts, shares, quantiles.

PromQL itself is made in `slo.promql`. A count is an exact difference of stored counters, also in
the bars of a chart, so that the bars add up to the total; buckets over time are charted by
`increase()`, which is some times faster. A share of too few events is NaN, which
panels show as "insufficient data".
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from qgm_observe.catalog import Kind, Label, Signal
from qgm_observe.slo import promql
from qgm_observe.slo.indicator import Matcher, Selection

RANGE, INTERVAL, RATE = "$__range", "$__interval", "$__rate_interval"
FEWEST = 20
"""Events below which a share or a quantile says nothing."""

OWN = "qgm.observe."
"""Signals of this package's own health: every process has its own, whatever their source."""

SHORT = ("1h", INTERVAL, RATE)
"""Windows in which buckets are read whole: their series are many, and only their shares count."""

ONE_REPLICA = "without (instance, pod)"
"""Leaves replicas of an exporter one: they show the same numbers."""


def pick(signal: Signal, **labels: str | tuple[str, ...]) -> Selection:
    """Return some of a signal by label values; `!value` means any other.

    Raises:
        UsageError: the signal has no such label, or the label no such value.
    """
    return Selection(signal, tuple(_matcher(*each) for each in labels.items()))


def _matcher(label: str, values: str | tuple[str, ...]) -> Matcher:
    given = (values,) if isinstance(values, str) else values
    return Matcher(label, tuple(each.removeprefix("!") for each in given), given[0][:1] == "!")


@dataclass(frozen=True, slots=True)
class Scope:
    """What every selector of a board carries where the signal has the label.

    Attributes:
        variables: Labels that are chosen at the head of the board.
        matchers: Further conditions, as they are configured.
    """

    variables: tuple[Label, ...]
    matchers: tuple[Matcher, ...] = ()

    def selector(self, what: Signal | Selection) -> str:
        """Return an instant vector selector; of a histogram its buckets."""
        selection = what if isinstance(what, Selection) else Selection(what)
        signal = selection.signal
        fixed = {matcher.label for matcher in selection.matchers}
        further = [each for each in self.matchers if each.label in signal.label_names]
        narrow = replace(selection, matchers=(*selection.matchers, *further))
        text = promql.selector(narrow)
        if signal.kind is Kind.HISTOGRAM and selection.at_most is None:
            text = text.replace(f"{signal.prometheus}_count", f"{signal.prometheus}_bucket", 1)
        if signal.name.startswith(OWN):
            text = text.replace(f"{promql.SOURCE},", "").replace(f"{{{promql.SOURCE}}}", "")
        chosen = [label.name for label in self.variables if label in signal.labels]
        return _with(text, [f'{name}=~"${name}"' for name in chosen if name not in fixed])

    def level(self, what: Signal | Selection, by: Sequence[str] = (), how: str = "max") -> str:
        """Return a gauge, aggregated; how is `max`, `min`, `sum`, `avg` or `count`."""
        text = self.selector(what)
        if how in {"sum", "count", "avg"}:
            text = f"max {ONE_REPLICA} ({text})"
        return f"{how}{_by(by)} ({text})"

    def age(self, what: Signal | Selection, by: Sequence[str] = ()) -> str:
        """Return seconds since the instant that a gauge tells, of the oldest."""
        return f"time() - {self.level(what, by, 'min')}"

    def count(
        self,
        what: Signal | Selection | Iterable[Selection],
        window: str,
        by: Sequence[str] = (),
    ) -> str:
        """Return what counters rose by in a window, exactly; of a histogram its observations."""
        if isinstance(what, Signal | Selection):
            what = [what if isinstance(what, Selection) else Selection(what)]
        return " + ".join(f"sum{_by(by)} ({self._rise(each, window)})" for each in what)

    def share(
        self,
        good: Selection,
        total: Selection,
        window: str,
        by: Sequence[str] = (),
        fewest: int = FEWEST,
    ) -> str:
        """Return good ones of all; NaN where fewer than `fewest` counted."""
        counted = self.count(total, window, by)
        zero = f"{counted} * 0" if by else "on () vector(0)"
        unknown = f"{counted} * NaN" if by else "on () vector(NaN)"
        return f"({self.count(good, window, by)} or {zero}) / ({counted} >= {fewest}) or {unknown}"

    def quantile(
        self,
        share: float,
        what: Signal | Selection,
        window: str,
        by: Sequence[str] = (),
    ) -> str:
        """Return a quantile of a histogram's observations in a window."""
        rise = self._bucket_rise(what, window)
        return f"histogram_quantile({share:g}, sum by ({', '.join(('le', *by))}) ({rise}))"

    def buckets(self, what: Signal | Selection, window: str) -> str:
        """Return how many observations each bucket had in a window, cumulated by `le`."""
        return f"sum by (le) ({self._bucket_rise(what, window)})"

    def _bucket_rise(self, what: Signal | Selection, window: str) -> str:
        """Of long windows exact: that reads two spans, however long the window is."""
        chosen = self.selector(what)
        if window in SHORT:
            return f"max {ONE_REPLICA} (increase({chosen}[{window}]))"
        return promql.difference(chosen, ONE_REPLICA, window)

    def state(self, signal: Signal, label: Label, by: Sequence[str]) -> str:
        """Return the number of the present state of a signal that is 1 for it, counted from 1.

        The first value of the label is 1, the second 2; 0 when none is present.
        """
        parts = (
            f"{self.selector(pick(signal, **{label.name: value}))} * {number}"
            for number, value in enumerate(label.values, start=1)
        )
        return f"max{_by(by)} ({' or '.join(parts)})"

    def _rise(self, selection: Selection, window: str) -> str:
        text = self.selector(selection)
        if selection.signal.kind is Kind.HISTOGRAM and selection.at_most is None:
            name = selection.signal.prometheus
            text = text.replace(f"{name}_bucket", f"{name}_count", 1)
        return promql.difference(text, ONE_REPLICA, window)


def _by(labels: Sequence[str]) -> str:
    return f" by ({', '.join(labels)})" if labels else ""


def _with(text: str, more: Sequence[str]) -> str:
    if not more:
        return text
    joined = ",".join(more)
    return f"{text[:-1]},{joined}}}" if text.endswith("}") else f"{text}{{{joined}}}"
