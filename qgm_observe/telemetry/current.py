"""A run, step or job as OpenTelemetry's current span, so that what others trace hangs below it.

The span records nothing: ours are built when the work has ended. One such span serves a whole
process: which handle and which stage it stands for is looked up only when a child is made, so that
making a handle current costs next to nothing.
"""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from qgm_observe.errors import MissingExtra
from qgm_observe.telemetry.ids import span_id, stage_span_ids, trace_id

try:
    from opentelemetry import context as api
    from opentelemetry.context import Context, attach, detach, get_current
    from opentelemetry.trace import (
        INVALID_SPAN_CONTEXT,
        NonRecordingSpan,
        SpanContext,
        TraceFlags,
        get_current_span,
        set_span_in_context,
    )
except ImportError:
    raise MissingExtra("traces", "otlp") from None

Place = Callable[[], tuple[str, str | None, int | None] | None]
"""Tells the subject's id, its run's id, and the number of the stage that goes on, if any; `None`
where nothing goes on."""


_variable = getattr(getattr(api, "_RUNTIME_CONTEXT", None), "_current_context", None)


class CurrentSpan(NonRecordingSpan):
    """Stands for what goes on in the context that asks.

    Args:
        place: Tells what that is.
        sampled: Whether a trace is sampled.
    """

    get_context = _variable.get if isinstance(_variable, ContextVar) else staticmethod(get_current)
    """Asked with every handle, so the variable itself is, where the API keeps one."""

    def __init__(self, place: Place, sampled: Callable[[int], bool]) -> None:
        super().__init__(INVALID_SPAN_CONTEXT)
        self._place = place
        self._sampled = sampled
        self.context = set_span_in_context(self, Context())
        """The context in which nothing but this is current; one object, so that it is told fast."""

    def get_span_context(self) -> SpanContext:
        """Return the context that a child made now belongs below; invalid where nothing goes on."""
        place = self._place()
        if place is None:
            return INVALID_SPAN_CONTEXT
        subject, run, stage = place
        trace = trace_id(subject, run)
        identity = span_id(subject) if stage is None else stage_span_ids(subject, stage + 1)[stage]
        flags = TraceFlags(TraceFlags.SAMPLED if self._sampled(trace) else TraceFlags.DEFAULT)
        return SpanContext(trace, identity, is_remote=False, trace_flags=flags)

    def enter(self) -> Any:
        """Be the current span of this context; returns what `leave` needs, or `None`.

        Once it is current where nothing was, it stays: without work it stands for no span.
        """
        context = get_current()
        before = get_current_span(context)
        if before is self:
            return None
        token = attach(set_span_in_context(self) if context else self.context)
        return token if before.get_span_context().is_valid else None

    @staticmethod
    def leave(token: Any) -> None:
        """Make the user's span current again that was before."""
        detach(token)
