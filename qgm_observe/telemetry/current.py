"""A run, step or job as OpenTelemetry's current span, so that what others trace hangs below it.

The span records nothing: ours are built when the work has ended. Its id is asked for only when a
child is made, and is then that of the stage that goes on.
"""

from collections.abc import Callable
from typing import Any

from qgm_observe.errors import MissingExtra
from qgm_observe.telemetry.ids import span_id, stage_span_ids, trace_id

try:
    from opentelemetry.context import attach, detach
    from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context
except ImportError:
    raise MissingExtra("traces", "otlp") from None

Place = Callable[[], tuple[str, str | None, int | None]]
"""Tells the subject's id, its run's id, and the number of the stage that goes on, if any."""

_INVALID = SpanContext(0, 0, is_remote=False)


class CurrentSpan(NonRecordingSpan):
    """Stands for what a handle does just now."""

    def __init__(self, place: Place, sampled: Callable[[int], bool]) -> None:
        super().__init__(_INVALID)
        self._place = place
        self._sampled = sampled

    def get_span_context(self) -> SpanContext:
        """Return the context that a child made now belongs below."""
        subject, run, stage = self._place()
        trace = trace_id(subject, run)
        identity = span_id(subject) if stage is None else stage_span_ids(subject, stage + 1)[stage]
        flags = TraceFlags(TraceFlags.SAMPLED if self._sampled(trace) else TraceFlags.DEFAULT)
        return SpanContext(trace, identity, is_remote=False, trace_flags=flags)


def enter(place: Place, sampled: Callable[[int], bool]) -> Any:
    """Make a handle the current span; returns what `leave` needs."""
    return attach(set_span_in_context(CurrentSpan(place, sampled)))


leave = detach
