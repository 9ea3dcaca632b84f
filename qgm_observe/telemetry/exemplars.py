"""Which trace stands behind a number: the newest observation of a histogram's bucket.

While events are folded only a reference to the event is kept. Ids are computed when somebody asks,
and are those of the spans that `qgm_observe.telemetry.otel` builds from the same event.
"""

from bisect import bisect_left
from math import inf
from typing import Any, NamedTuple

from qgm_observe.catalog import STAGES, Signal, signals
from qgm_observe.journal.event import Event
from qgm_observe.journal.measure import Labels, measurements
from qgm_observe.telemetry.ids import span_id, stage_span_ids, trace_id
from qgm_observe.telemetry.label_values import OTHER

_TRACE_BITS, _SPAN_BITS = 128, 64


class Exemplar(NamedTuple):
    """One observation and where it was made.

    Attributes:
        trace: 128-bit trace id, 0 if there is no exemplar.
        span: 64-bit id of the span: of the stage for durations of stages, else of the subject.
        value: What was observed, in the signal's unit.
        at: When it was observed, epoch seconds.
    """

    trace: int
    span: int
    value: float
    at: float


NONE = Exemplar(0, 0, 0.0, -inf)
"""No observation, older than any."""


def exemplar(
    signal: Signal, labels: Labels, bounds: tuple[float, ...], place: int, event: Event
) -> Exemplar:
    """Return the last observation of an event that fell into a bucket.

    Args:
        signal: A histogram.
        labels: Of its series, as published.
        bounds: Of its buckets, without infinity.
        place: Of the bucket.
        event: Which was folded into it.

    Returns:
        `NONE` if the event's ids are not such as this package gives.
    """
    try:
        trace = trace_id(event.subject, event.run)
        if signal is signals.JOB_STAGE_DURATION:
            span, value = _stage(labels, bounds, place, event)
        else:
            span, value = span_id(event.subject), _observed(signal, bounds, place, event)
    except (LookupError, StopIteration, TypeError, ValueError):
        return NONE
    known = 0 < trace < 1 << _TRACE_BITS and 0 < span < 1 << _SPAN_BITS
    return Exemplar(trace, span, float(value), event.at) if known else NONE


def _stage(
    labels: Labels, bounds: tuple[float, ...], place: int, event: Event
) -> tuple[int, float]:
    """Return span id and seconds of the last stage of that name in that bucket."""
    stages = event.body["stages"]
    spans = stage_span_ids(event.subject, len(stages))
    return next(
        (span, entry[2])
        for entry, span in reversed(list(zip(stages, spans, strict=True)))
        if _published(entry[0]) == labels[-1] and _is_in(bounds, place, entry[2])
    )


def _observed(signal: Signal, bounds: tuple[float, ...], place: int, event: Event) -> float:
    return next(
        value
        for measured, _, value in reversed(measurements(event))
        if measured is signal and _is_in(bounds, place, value)
    )


def _is_in(bounds: tuple[float, ...], place: int, value: Any) -> bool:
    return value is not None and 0 <= value < inf and bisect_left(bounds, value) == place


def _published(stage: str) -> str:
    return stage if stage in STAGES or not stage else OTHER
