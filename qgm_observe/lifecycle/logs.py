"""The standard library's logging beside the journal: ids on every line, the last lines on failures.

`ContextFilter` says on each log record which run and job it belongs to. `TailHandler` is opt-in: it
keeps the last lines of this process in memory, and when a run or job ends otherwise than with
success, those since it began go on its record, redacted. Both may be named in
`logging.config.dictConfig`:

    {"filters": {"qgm": {"()": "qgm_observe.lifecycle.logs.ContextFilter"}},
     "handlers": {"tail": {"class": "qgm_observe.lifecycle.logs.TailHandler", "lines": 50}}}
"""

import logging
import os
import time
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple
from weakref import WeakSet

from qgm_observe.errors import UsageError
from qgm_observe.lifecycle.failures import type_name
from qgm_observe.lifecycle.handle import SUCCESS, Handle, current
from qgm_observe.redaction import LONGEST, redacted
from qgm_observe.telemetry.ids import span_id, trace_id

_HELD = 4 * LONGEST
_WITH_LOG = ("run", "job")


class ContextFilter(logging.Filter):
    """Adds `qgm_run`, `qgm_job`, `qgm_trace_id` and `qgm_span_id` to every record.

    They are the ids of the innermost run and job that are open where the line is logged, and the
    trace and span that the exporter gives them, in hexadecimal digits; empty outside of any.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Add the ids; no record is held back."""
        ids = ("", "", "", "")
        try:
            ids = _ids(current())
        except Exception:  # noqa: BLE001  a log line never fails for our ids
            logging.getLogger("qgm_observe").debug("no ids for a log record")
        record.qgm_run, record.qgm_job, record.qgm_trace_id, record.qgm_span_id = ids
        return True


class Line(NamedTuple):
    """A line as it is held: when (monotonic, nanoseconds), in which run, and not yet redacted."""

    at: int
    run: str
    text: str


class TailHandler(logging.Handler):
    """Keeps the last lines of this process for the records of what fails.

    Args:
        lines: How many are kept.
        exception_text: Keep what exceptions say; by default their type alone is kept, also of
            those among a line's arguments.
        level: Below which nothing is kept.
        now: Monotonic clock, nanoseconds, the recorder's.

    Raises:
        UsageError: no line would be kept.
    """

    def __init__(
        self,
        lines: int = 50,
        *,
        exception_text: bool = False,
        level: int | str = logging.NOTSET,
        now: Callable[[], int] = time.perf_counter_ns,
    ) -> None:
        if lines < 1:
            raise UsageError(f"lines {lines}: write a count of 1 or more")
        super().__init__(level)
        self.held: deque[Line] = deque(maxlen=lines)
        self._exception_text = exception_text
        self._now = now
        _handlers.add(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Hold a line; one that cannot be formatted is held as that."""
        try:
            text = self._text(record)
        except Exception as error:  # noqa: BLE001  what is logged may be hostile
            text = f"{record.levelname} {record.name}: <{type(error).__name__} in formatting>"
        run = _ancestor(current(), "run")
        self.held.append(Line(self._now(), "" if run is None else run.id, _cut(text)))

    def close(self) -> None:
        """Keep nothing any longer."""
        _handlers.discard(self)
        self.held.clear()
        super().close()

    def _text(self, record: logging.LogRecord) -> str:
        message = str(record.msg)
        if record.args:
            message = message % self._arguments(record.args)
        if record.exc_info and record.exc_info[1] is not None:
            message += f" [{self._argument(record.exc_info[1])}]"
        return f"{record.levelname} {record.name}: {message}"

    def _arguments(self, given: Any) -> Any:
        if isinstance(given, tuple):
            return tuple(map(self._argument, given))
        return {key: self._argument(value) for key, value in given.items()}

    def _argument(self, value: Any) -> Any:
        if not isinstance(value, BaseException):
            return value
        return f"{type_name(value)}: {value}" if self._exception_text else type_name(value)


def tail_of(handle: Handle) -> list[str]:
    """Return the redacted lines since a handle began, of its run or of none; none on success."""
    if not _handlers or handle.noun not in _WITH_LOG or handle.outcome == SUCCESS:
        return []
    run = _ancestor(handle, "run")
    mine = {"", "" if run is None else run.id}
    held = [line for handler in list(_handlers) for line in list(handler.held)]
    return [
        redacted(line.text)
        for line in sorted(held, key=lambda line: line.at)
        if line.at >= handle.started and line.run in mine
    ]


def _cut(text: str) -> str:
    """Hold no more than is needed, and no word by half: a part of a secret would not be known."""
    if len(text) <= _HELD:
        return text
    return text[:_HELD].rsplit(None, 1)[0] if " " in text[:_HELD] else "<one long word>"


def _ids(handle: Handle | None) -> tuple[str, str, str, str]:
    if handle is None:
        return "", "", "", ""
    run, job = _ancestor(handle, "run"), _ancestor(handle, "job")
    run_id = None if run is None else run.id
    trace = trace_id(handle.id, run_id)
    own = "" if job is None else job.id
    return run_id or "", own, f"{trace:032x}", f"{span_id(handle.id):016x}"


def _ancestor(handle: Handle | None, noun: str) -> Handle | None:
    while handle is not None and handle.noun != noun:
        handle = handle.parent
    return handle


_handlers: WeakSet[TailHandler] = WeakSet()


def _after_fork() -> None:
    """What the parent logged is the parent's."""
    for handler in _handlers:
        handler.held.clear()


os.register_at_fork(after_in_child=_after_fork)
