"""The same samples for an application that already has a prometheus_client registry.

    REGISTRY.register(QGMCollector(aggregates))

Such an application scrapes its own endpoint and needs none of ours.
"""

from collections.abc import Iterator
from itertools import accumulate
from math import inf

from prometheus_client import Metric
from prometheus_client.registry import Collector

from qgm_observe.catalog import SIGNALS, Signal
from qgm_observe.telemetry.aggregates import Aggregates
from qgm_observe.telemetry.prometheus import documentation, prometheus_type
from qgm_observe.telemetry.series import Family, Series


class QGMCollector(Collector):
    """Yields what `/metrics` shows.

    Args:
        aggregates: What is folded from events.
    """

    def __init__(self, aggregates: Aggregates) -> None:
        self._aggregates = aggregates

    def describe(self) -> Iterator[Metric]:
        """Yield every family of the catalog without samples, so that clashes show at once."""
        for signal in SIGNALS.values():
            yield _metric(signal)

    def collect(self) -> Iterator[Metric]:
        """Yield every family that has a series."""
        with self._aggregates.families() as families:
            metrics = [self._collected(family) for family in families if family.series]
        yield from metrics

    def _collected(self, family: Family) -> Metric:
        metric = _metric(family.signal)
        name = family.signal.prometheus
        for series in family.series.values():
            values = (*series.labels, self._aggregates.source)
            labels = dict(zip((*family.signal.label_names, "source"), values, strict=True))
            if series.histogram is None:
                metric.add_sample(name, labels, family.shown(series))
            else:
                _add_histogram(metric, name, labels, family, series)
        return metric


def _metric(signal: Signal) -> Metric:
    name = signal.prometheus
    kind = prometheus_type(signal)
    name = name.removesuffix("_total") if kind == "counter" else name
    return Metric(name, documentation(signal), kind)


def _add_histogram(
    metric: Metric, name: str, labels: dict[str, str], family: Family, series: Series
) -> None:
    shown = family.shown_histogram(series)
    bounds = (*shown.bounds, inf)
    for bound, count in zip(bounds, accumulate(shown.counts), strict=True):
        text = "+Inf" if bound == inf else str(bound)
        metric.add_sample(f"{name}_bucket", labels | {"le": text}, count)
    metric.add_sample(f"{name}_sum", labels, shown.sum)
    metric.add_sample(f"{name}_count", labels, shown.count)
