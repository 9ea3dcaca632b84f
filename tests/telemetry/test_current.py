"""The work that goes on as OpenTelemetry's current span."""

from opentelemetry import context, trace

from qgm_observe.telemetry.current import CurrentSpan
from qgm_observe.telemetry.ids import span_id

SUBJECT = "00000000000000ab"


def test_the_context_is_that_of_opentelemetry() -> None:
    """What a handle compares with is the context that OpenTelemetry's own functions tell."""
    token = context.attach(context.set_value("baggage", 1))
    try:
        assert CurrentSpan.get_context() is context.get_current()
        assert context.get_value("baggage", CurrentSpan.get_context()) == 1
    finally:
        context.detach(token)


def test_it_stands_for_what_goes_on() -> None:
    """Once entered it stays current, and stands for no span when nothing goes on."""
    places: list[tuple[str, str | None, int | None] | None] = [(SUBJECT, None, None), None]
    span = CurrentSpan(lambda: places[0], lambda _trace: True)
    empty = context.attach(context.Context())
    try:
        assert span.enter() is None
        assert trace.get_current_span() is span
        assert span.get_span_context().span_id == span_id(SUBJECT)
        places.pop(0)
        assert not trace.get_current_span().get_span_context().is_valid
    finally:
        context.detach(empty)
