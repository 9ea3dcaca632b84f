"""Finished spans to the processors of a provider that the user owns, through one guarded door."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

from qgm_observe.catalog import Signal, observe_signals
from qgm_observe.journal import TERMINAL, Event

WAITING = 2_000
PAUSE = 0.2


class Handover:
    """A bounded queue and a thread: a processor that blocks or raises is kept from all else.

    Args:
        traces: From events to spans (`otlp.Traces`), with the user's provider.
        guard: Counts and stops what a processor raises.
        count: Told what was handed over and what had to be dropped.
    """

    def __init__(
        self,
        traces: Any,
        guard: Callable[[str], AbstractContextManager[None]],
        count: Callable[[Signal, int], None],
    ) -> None:
        self._traces = traces
        self._guard = guard
        self._count = count
        self._waiting: deque[Event] = deque()
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._work, name="qgm-observe-spans", daemon=True)

    def start(self) -> None:
        """Begin to hand over."""
        self._thread.start()

    @property
    def waiting(self) -> int:
        """How much is queued."""
        return len(self._waiting)

    def put(self, events: Sequence[Event]) -> None:
        """Queue finished events; beyond the bound they are dropped and counted."""
        for event in events:
            if event.verb != TERMINAL:
                continue
            if len(self._waiting) < WAITING:
                self._waiting.append(event)
            else:
                self._count(observe_signals.SPANS_SKIPPED, 1)

    def stop(self, timeout: float) -> None:
        """Hand over what waits, within `timeout` seconds."""
        self._stopping = True
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join(timeout)

    def _work(self) -> None:
        while not self._stopping or self._waiting:
            self._wake.wait(PAUSE)
            while self._waiting:
                with self._guard("spans"):
                    self._hand(self._waiting.popleft())

    def _hand(self, event: Event) -> None:
        processor = self._traces.provider._active_span_processor  # noqa: SLF001  there is no other
        for span in self._traces.of([event]):
            with self._guard("span processor"):
                processor.on_end(span)
                self._count(observe_signals.SPANS, 1)
