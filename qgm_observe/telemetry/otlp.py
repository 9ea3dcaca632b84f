"""Traces and metrics to an OTLP endpoint, by OpenTelemetry's own exporters (extra `otlp`).

Endpoint, headers, certificates and compression come from `OTEL_EXPORTER_OTLP_*`, the sampler from
`OTEL_TRACES_SAMPLER`, as OpenTelemetry's own code reads them. Nothing global is set.
"""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from qgm_observe.catalog import Kind, Signal, observe_signals
from qgm_observe.errors import MissingExtra
from qgm_observe.journal import Event
from qgm_observe.journal.totals import NANO
from qgm_observe.telemetry.aggregates import Aggregates
from qgm_observe.telemetry.ids import trace_id
from qgm_observe.telemetry.otel import spans
from qgm_observe.telemetry.series import Family, Series
from qgm_observe.version import __version__

try:
    from opentelemetry import context
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.metrics import export as points
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
    from opentelemetry.sdk.trace.export import SpanExportResult
    from opentelemetry.sdk.trace.sampling import Decision, Sampler
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope
except ImportError:
    raise MissingExtra("OTLP", "otlp") from None

TIMEOUT = 2.0
"""Seconds for one export with its retries, unless `OTEL_EXPORTER_OTLP_TIMEOUT` says otherwise."""

REFUSALS = 3
"""How often spans may fail beside metrics that arrive, before they are given up."""

_SCOPE = InstrumentationScope("qgm_observe", __version__)
_ROOT = context.Context()
_CUMULATIVE = points.AggregationTemporality.CUMULATIVE

Count = Callable[[Signal, int], None]


class Traces:
    """From finished events to spans that were sampled.

    Args:
        provider: Whose resource and sampler are asked: the user's own, or one that is made from
            the environment and registered nowhere.
        pipeline: The service's name where the environment gives none.
    """

    def __init__(self, provider: Any = None, pipeline: str = "default") -> None:
        self.provider = provider or TracerProvider(
            resource=Resource.create({"service.name": pipeline}), shutdown_on_exit=False
        )
        self._sampled = lru_cache(maxsize=4096)(self._ask)

    @property
    def resource(self) -> Resource:
        """Whose spans they are."""
        resource: Resource = self.provider.resource
        return resource

    def of(self, events: Sequence[Event]) -> Iterator[ReadableSpan]:
        """Yield the spans of the events whose trace is sampled."""
        for event in events:
            if self._sampled(trace_id(event.subject, event.run)):
                yield from spans(event, self.resource)

    def sampled(self, trace: int) -> bool:
        """Return whether a trace is sampled; its sampler is asked once."""
        return self._sampled(trace)

    def _ask(self, trace: int) -> bool:
        sampler: Sampler = self.provider.sampler
        try:
            return sampler.should_sample(_ROOT, trace, "qgm").decision is Decision.RECORD_AND_SAMPLE
        except Exception:  # noqa: BLE001  a sampler that fails loses nothing
            return True


class Exporter:
    """Hands spans and sums to an OTLP endpoint.

    Args:
        traces: From events to spans.
        aggregates: What the metrics are taken from.
        count: Told what was delivered and what was given up.
    """

    def __init__(self, traces: Traces, aggregates: Aggregates, count: Count) -> None:
        timeout = None if "OTEL_EXPORTER_OTLP_TIMEOUT" in os.environ else TIMEOUT
        self._traces = traces
        self._aggregates = aggregates
        self._count = count
        self._began = time.time_ns()
        self._refused = 0
        self._metrics_arrive = False
        self._spans_out = OTLPSpanExporter(timeout=timeout)
        self._metrics_out = OTLPMetricExporter(timeout=timeout)

    def take(self, events: Sequence[Event]) -> bool:
        """Deliver the spans of events; what only spans fail at is given up after some tries."""
        batch = list(self._traces.of(events))
        if not batch or self._export(batch):
            self._refused = 0
            self._count(observe_signals.SPANS, len(batch))
            return True
        self._refused = self._refused + 1 if self._metrics_arrive else 0
        if self._refused < REFUSALS:
            return False
        self._refused = 0
        self._count(observe_signals.SPANS_SKIPPED, len(batch))
        return True

    def leave(self, _events: Sequence[Event]) -> bool:
        """Take events whose spans go another way."""
        return True

    def beat(self) -> None:
        """Deliver the sums as they are now; a failure is made good by the next."""
        try:
            with _unseen():
                result = self._metrics_out.export(self.metrics())
        except Exception:  # noqa: BLE001  an endpoint may fail in any way
            self._metrics_arrive = False
        else:
            self._metrics_arrive = result is points.MetricExportResult.SUCCESS

    def _export(self, batch: list[ReadableSpan]) -> bool:
        try:
            with _unseen():
                return self._spans_out.export(batch) is SpanExportResult.SUCCESS
        except Exception:  # noqa: BLE001  an endpoint may fail in any way
            return False

    def metrics(self) -> points.MetricsData:
        """Return every family with its series, cumulative since this process began to count."""
        now = time.time_ns()
        with self._aggregates.families() as families:
            told = [self._metric(family, now) for family in families if family.series]
        scope = points.ScopeMetrics(_SCOPE, told, "")
        return points.MetricsData([points.ResourceMetrics(self._traces.resource, [scope], "")])

    def _metric(self, family: Family, now: int) -> points.Metric:
        signal = family.signal
        rows = list(family.series.values())
        data: Any
        if signal.kind is Kind.HISTOGRAM:
            data = points.Histogram([self._bars(family, row, now) for row in rows], _CUMULATIVE)
        elif signal.kind is Kind.COUNTER:
            numbers = [self._number(family, row, now) for row in rows]
            data = points.Sum(numbers, _CUMULATIVE, is_monotonic=True)
        else:
            data = points.Gauge([self._number(family, row, now) for row in rows])
        return points.Metric(signal.name, signal.brief, signal.unit, data)

    def _number(self, family: Family, row: Series, now: int) -> points.NumberDataPoint:
        value = row.number if family.scale == 1 else row.number / NANO
        return points.NumberDataPoint(self._labels(family, row), self._began, now, value)

    def _bars(self, family: Family, row: Series, now: int) -> points.HistogramDataPoint:
        histogram = row.histogram
        assert histogram is not None  # noqa: S101  told to the type checker
        return points.HistogramDataPoint(
            attributes=self._labels(family, row),
            start_time_unix_nano=self._began,
            time_unix_nano=now,
            count=histogram.count,
            sum=histogram.sum,
            bucket_counts=list(histogram.counts),
            explicit_bounds=list(histogram.bounds),
            min=0.0,
            max=histogram.bounds[-1],
        )

    def _labels(self, family: Family, row: Series) -> dict[str, str]:
        told = dict(zip(family.signal.label_names, row.labels, strict=True))
        return {"source": self._aggregates.source} | {f"qgm.{k}": v for k, v in told.items()}


@contextmanager
def _unseen() -> Iterator[None]:
    """Our own requests are nobody's spans."""
    token = context.attach(context.set_value(context._SUPPRESS_INSTRUMENTATION_KEY, True))  # noqa: SLF001
    try:
        yield
    finally:
        context.detach(token)
