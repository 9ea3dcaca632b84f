"""What several commands take as the value of an option."""

import argparse
from datetime import datetime


def count(text: str) -> int:
    """Return a count of 1 or more."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: write a count of 1 or more")
    return int(text)


def above_zero(text: str) -> float:
    """Return a number above 0."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r}: write a number above 0")
    return number


def instant(text: str) -> float:
    """Return an ISO 8601 date or time as epoch seconds; local time where it names no zone."""
    try:
        return datetime.fromisoformat(text).astimezone().timestamp()
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r}: write a date or time such as 2026-10-01 or 2026-10-01T12:00:00+02:00"
        ) from None


def qubits(text: str) -> tuple[int, ...]:
    """Return different qubits of a device, in the order written."""
    try:
        found = tuple(int(part) for part in text.split(","))
    except ValueError:
        found = ()
    if not found or min(found) < 0 or len(set(found)) != len(found):
        raise argparse.ArgumentTypeError(f"{text!r}: write different qubits such as 0,1,4")
    return found
