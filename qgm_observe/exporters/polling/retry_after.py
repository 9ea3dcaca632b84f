"""How long a provider told to wait, found in the exception that its library raised.

Source: RFC 9110 section 10.2.3 (`Retry-After`: seconds or an HTTP date).
"""

from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from math import isfinite
from typing import Any

LONGEST = 3600.0
"""Seconds; a longer wait is cut, for a provider may err too."""

_DEEPEST = 10


def retry_after(error: BaseException, now: float) -> float | None:
    """Return the seconds to wait, at most an hour, or `None` where nothing is told.

    Args:
        error: As raised; what it was raised from is searched too.
        now: Epoch seconds.
    """
    for each in _chain(error):
        told = _told(each)
        seconds = None if told is None else _seconds(told, now)
        if seconds is not None:
            return min(max(seconds, 0.0), LONGEST)
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    for _ in range(_DEEPEST):
        if seen is None:
            return
        yield seen
        seen = seen.__cause__ or seen.__context__


def _told(error: BaseException) -> Any:
    """Look where requests, urllib and botocore keep the headers, then for a plain attribute."""
    reply = getattr(error, "response", None)
    if isinstance(reply, Mapping):
        headers = reply.get("ResponseMetadata", {}).get("HTTPHeaders")
    else:
        headers = getattr(reply, "headers", None) or getattr(error, "headers", None)
    items = getattr(headers, "items", tuple)
    for name, value in items():
        if str(name).lower() == "retry-after":
            return value
    return getattr(error, "retry_after", None)


def _seconds(told: Any, now: float) -> float | None:
    try:
        seconds = float(told)
    except (TypeError, ValueError):
        return _until(told, now)
    return seconds if isfinite(seconds) else None


def _until(told: Any, now: float) -> float | None:
    try:
        return parsedate_to_datetime(str(told)).timestamp() - now
    except (TypeError, ValueError, OverflowError):
        return None
