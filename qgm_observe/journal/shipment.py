"""What one journal tells another over a network: the JSONL form's lines, in one bounded body.

The first line says whose it is: `{"schema", "written_by", "process", "journal", "at"}`, `journal`
the sender's own id, `at` its clock when it was sent (epoch s). The next is one append as in
`lines`; then come contents, `{"kind", "packed"}` each, base64 of zlib. The whole may be
compressed by gzip.
"""

import base64
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from qgm_observe.errors import Error, JournalError, NewerJournal
from qgm_observe.journal import lines
from qgm_observe.journal.appending import ProcessId
from qgm_observe.journal.blobs import Blob, unpack
from qgm_observe.journal.event import TERMINAL, Event, OpenWork
from qgm_observe.journal.folds import NOUNS, finished_facts, record
from qgm_observe.journal.schema import MIGRATIONS

LARGEST = 64 * 1024**2
"""Bytes of a body that is not compressed any more."""

MOST_EVENTS = 5_000
LONGEST_NAME = 256
_FORMS: dict[str, type] = {
    **dict.fromkeys(("error", "attributes", "blobs", "resources", "totals"), dict),
    **dict.fromkeys(("stages", "attempts", "log"), list),
}
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipment:
    """A part of a journal on its way to another one.

    Attributes:
        journal: The sender's own id.
        sent_at: By the sender's clock, epoch seconds.
        events: In the order of the journal.
        open_work: All that is open there.
        refused: Events that make no sense.
    """

    journal: str
    sent_at: float
    events: Sequence[Event] = ()
    open_work: Sequence[OpenWork] = ()
    blobs: Sequence[Blob] = ()
    refused: int = 0


def packed(shipment: Shipment, process: ProcessId) -> bytes:
    """Return a shipment as the compressed body of a request."""
    head = json.loads(lines.header(process))
    head |= {"journal": shipment.journal, "at": shipment.sent_at}
    body = [lines.text_of(head)]
    body.append(
        lines.line_of(shipment.events, shipment.open_work, (), at=shipment.sent_at, process=process)
    )
    for blob in shipment.blobs:
        text = base64.b64encode(zlib.compress(blob.data, 6)).decode()
        body.append(lines.text_of({"kind": blob.kind, "packed": text}))
    return _gzip(b"".join(body))


def unpacked(body: bytes) -> Shipment:
    """Return the shipment that a request brought; events that make no sense are left out.

    Raises:
        JournalError: it is none, or larger than one may be.
        NewerJournal: a later version of this package sent it.
    """
    head, told, *contents = _objects(body)
    if head.get("schema", 0) > len(MIGRATIONS):
        raise NewerJournal("a later qgm-observe sent this: upgrade the receiver first")
    journal = head.get("journal")
    if not (isinstance(journal, str) and 0 < len(journal) <= LONGEST_NAME and journal.isalnum()):
        raise JournalError("no shipment: its first line names no journal")
    events = told.get("events", ())
    if not isinstance(events, list | tuple) or len(events) > MOST_EVENTS:
        raise JournalError(f"no shipment: write a list of at most {MOST_EVENTS} events")
    good = [event for event in map(_event, events) if event is not None]
    return Shipment(
        journal=journal,
        sent_at=_number(head.get("at")),
        events=good,
        open_work=_open_work(told, head),
        blobs=[_blob(each) for each in contents],
        refused=len(events) - len(good),
    )


def _gzip(text: bytes) -> bytes:
    packing = zlib.compressobj(6, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    return packing.compress(text) + packing.flush()


def _objects(body: bytes) -> list[Mapping[str, Any]]:
    try:
        text = _plain(body)
        told = [json.loads(line) for line in text.splitlines() if line]
    except (ValueError, RecursionError, zlib.error):
        raise JournalError("no shipment: write JSON lines, compressed by gzip or not") from None
    if len(told) < 2 or not all(isinstance(each, dict) for each in told):  # noqa: PLR2004  head, events
        raise JournalError("no shipment: write a line on the sender and a line of events")
    return told


def _plain(body: bytes) -> bytes:
    if not body.startswith(_GZIP):
        return body
    packing = zlib.decompressobj(16 + zlib.MAX_WBITS)
    text = packing.decompress(body, LARGEST)
    if packing.unconsumed_tail:
        raise JournalError(f"no shipment: larger than {LARGEST} bytes")
    if not packing.eof:
        raise ValueError
    return text


def _event(told: Any) -> Event | None:
    """Return an event that can be kept, whatever it counts."""
    try:
        event = Event(**{name: told[name] for name in told if name not in ("recorded_at", "seq")})
        names = (event.verb, event.noun, event.subject, event.id, event.run or "-")
        fits = all(0 < len(each) <= LONGEST_NAME and isinstance(each, str) for each in names)
        return event if fits and isfinite(event.at) and _has_form(event) else None
    except (TypeError, ValueError, KeyError, AttributeError, IndexError, Error):
        return None


def _has_form(event: Event) -> bool:
    """Whether a body can be read; a finished one has to make a record."""
    if not isinstance(event.body, dict):
        return False
    if not all(isinstance(event.body.get(key, form()), form) for key, form in _FORMS.items()):
        return False
    kind = {noun: kind for kind, noun in NOUNS.items()}.get(event.noun)
    if event.verb == TERMINAL and kind is not None:
        record(kind, finished_facts(event, None))
    return True


def _open_work(told: Mapping[str, Any], head: Mapping[str, Any]) -> list[OpenWork]:
    try:
        host, boot, pid, started = head["process"]
        return list(
            lines.batch_of({"open": told.get("open", ())}, (host, boot, pid, started)).open_work
        )
    except (TypeError, ValueError, KeyError, AttributeError):
        raise JournalError("no shipment: its open work cannot be read") from None


def _blob(told: Mapping[str, Any]) -> Blob:
    try:
        return Blob(str(told["kind"])[:64], unpack(base64.b64decode(told["packed"])))
    except (ValueError, KeyError, TypeError, zlib.error):
        raise JournalError("no shipment: a content in it cannot be read") from None


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and isfinite(value) else 0.0
