"""The JSONL form's lines: one append a line, so that it is there wholly or not at all.

The first line of a file is a header: `{"schema", "written_by", "process": [host, boot, pid,
started]}`. Then `{"at", "events": [...], "open": [...], "closed": [...]}`, `at` when it was
recorded (epoch s). A file that will not grow any more ends with `{"end": true}`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qgm_observe.journal.appending import Batch, ProcessId
from qgm_observe.journal.body import encode
from qgm_observe.journal.event import Event, OpenWork
from qgm_observe.journal.schema import MIGRATIONS
from qgm_observe.version import __version__

SUFFIX = ".jsonl"
END = b'{"end":true}\n'


@dataclass(frozen=True, slots=True)
class Line:
    """One line that was read.

    Attributes:
        file: Name of its file.
        end: Offset of the next line.
        at: When it was recorded, epoch seconds.
        content: What it says; `None` if it cannot be read.
    """

    file: str
    end: int
    at: float
    content: Mapping[str, Any] | None


def header(process: ProcessId) -> bytes:
    """Return the first line of a file."""
    said = {"schema": len(MIGRATIONS), "written_by": __version__, "process": process}
    return text_of(said)


def line_of(
    events: Sequence[Event],
    open_work: Sequence[OpenWork],
    closed: Sequence[str],
    *,
    at: float,
    process: ProcessId,
) -> bytes:
    """Return one append of a process as a line."""
    said: dict[str, Any] = {"at": at, "events": [_event(event) for event in events]}
    if open_work:
        said["open"] = [_open(work, process) for work in open_work]
    if closed:
        said["closed"] = list(closed)
    return text_of(said)


def read(text: bytes, file: str, end: int, before: float) -> Line:
    """Return a line; one without a time has that of the line `before` it."""
    try:
        content = json.loads(text)
    except ValueError:
        content = None
    if not isinstance(content, dict):
        return Line(file, end, before, None)
    return Line(file, end, float(content.get("at", before)), content)


def batch_of(content: Mapping[str, Any], process: ProcessId) -> Batch:
    """Return the append that a line holds."""
    events = [Event(**each) for each in content.get("events", ())]
    return Batch(
        events=events,
        texts=[encode(event.body) for event in events],
        process=process,
        open_work=[_open_work(each, process) for each in content.get("open", ())],
        closed=content.get("closed", ()),
    )


def text_of(said: Mapping[str, Any]) -> bytes:
    """Return what is said as a line."""
    return encode(said).encode() + b"\n"


def _event(event: Event) -> dict[str, Any]:
    names = ("id", "verb", "noun", "subject", "run", "at", "body")
    return {name: getattr(event, name) for name in names}


def _open(work: OpenWork, process: ProcessId) -> dict[str, Any]:
    names = ["subject", "noun", "run", "opened_at", "heartbeat", "body"]
    if work.process != process:
        names.append("process")
    return {name: getattr(work, name) for name in names}


def _open_work(said: Mapping[str, Any], process: ProcessId) -> OpenWork:
    host, boot, pid, started = said.get("process", process)
    return OpenWork(**{**said, "process": (host, boot, pid, started)})
