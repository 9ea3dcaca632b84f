"""The body of an event as JSON text that every reader of JSON takes."""

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

from qgm_observe.journal.event import Event

_strict = json.JSONEncoder(separators=(",", ":"), allow_nan=False, check_circular=False).encode
_DEEPEST = 32
_WIDEST = 4096
"""Bits of an integer; Python refuses to write more than 4300 digits of one."""


def encode(body: Mapping[str, Any]) -> str:
    """Return a body as JSON; what JSON cannot say becomes `null` (numbers) or text (the rest)."""
    try:
        return _strict(body)
    except (TypeError, ValueError, RecursionError):
        return _strict(_plain(body, _DEEPEST))


def decode(text: str) -> dict[str, Any]:
    """Return the body that `encode` wrote."""
    body: dict[str, Any] = json.loads(text)
    return body


COLUMNS = "seq, id, verb, noun, subject, run, at, recorded_at, body"
"""The columns of an event's row, as `event_of` takes them."""


def event_of(row: tuple[Any, ...]) -> Event:
    """Return the event of a row."""
    seq, id_, verb, noun, subject, run, at, recorded_at, body = row
    return Event(
        verb=verb,
        noun=noun,
        subject=subject,
        at=at,
        body=decode(body),
        id=id_,
        run=run,
        recorded_at=recorded_at,
        seq=seq,
    )


def _plain(value: Any, depth: int) -> Any:
    if value is None or (isinstance(value, int) and value.bit_length() <= _WIDEST):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str) or depth == 0:
        return _text(value)
    if isinstance(value, Mapping):
        return {_text(key): _plain(each, depth - 1) for key, each in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, bytes | bytearray):
        return [_plain(each, depth - 1) for each in value]
    return _text(value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else f"<{type(value).__name__}>"
