"""OpenTelemetry, where it is wanted: spans and sums go out, and work is the current span."""

import time
from collections.abc import Sequence
from typing import Any

from qgm_observe.journal import Event
from qgm_observe.lifecycle.handle import current
from qgm_observe.lifecycle.recording import Recording
from qgm_observe.telemetry.current import CurrentSpan
from qgm_observe.telemetry.delivery import Delivery
from qgm_observe.telemetry.handover import Handover
from qgm_observe.telemetry.otlp import Exporter, Traces


class Tracing:
    """What a recorder with `otlp` or a provider of the user's has besides.

    Args:
        recorder: Whose finished work is traced.
        provider: The user's own `TracerProvider`, if there is one.

    Attributes:
        span: What stands for the work that goes on.
    """

    def __init__(self, recorder: Recording, provider: Any) -> None:
        self._traces = Traces(provider, recorder.settings.pipeline)
        recorder.aggregates.point_to(self._traces.sampled)
        self.span = CurrentSpan(_place, self._traces.sampled)
        self.handover: Handover | None = None
        self.delivery: Delivery | None = None
        if provider is not None:
            self.handover = Handover(self._traces, recorder.guard, recorder.count)
        if recorder.settings.otlp:
            self.delivery = self._delivery(recorder)

    def _delivery(self, recorder: Recording) -> Delivery:
        """Spans to the user's provider are not sent by us a second time; sums are."""
        exporter = Exporter(self._traces, recorder.aggregates, recorder.count)
        return Delivery(
            recorder.settings.journal_path,
            exporter.take if self.handover is None else exporter.leave,
            exporter.beat,
            recorder.settings.otlp_interval,
        )

    def start(self) -> None:
        """Begin to deliver."""
        for each in (self.handover, self.delivery):
            if each is not None:
                each.start()

    def put(self, events: Sequence[Event]) -> None:
        """Take finished work for the user's processors."""
        if self.handover is not None:
            self.handover.put(events)

    def stop(self, timeout: float) -> None:
        """Deliver what can be delivered within `timeout` seconds."""
        deadline = time.monotonic() + timeout
        for each in (self.handover, self.delivery):
            if each is not None:
                each.stop(max(0.0, deadline - time.monotonic()))


def _place() -> tuple[str, str | None, int | None] | None:
    handle = run = current()
    if handle is None or handle.ended:
        return None
    while run is not None and run.noun != "run":
        run = run.parent
    return handle.id, None if run is None else run.id, handle.place
