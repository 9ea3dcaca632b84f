"""What was seen of an alert's condition, in records and in levels of one moment.

What needs a history, such as a queue's usual length, only a Prometheus knows.
"""

from dataclasses import dataclass

from qgm_observe.runbooks.cause import Cause
from qgm_observe.runbooks.roots import DAY
from qgm_observe.slo.window import HOUR


@dataclass(frozen=True, slots=True)
class Sighting:
    """What was seen.

    Attributes:
        holds: Whether the condition holds now, `None` where that cannot be seen.
        text: What was seen, one clause.
        points: For each cause that the alert names, where it holds; 0 where other clues tell.
        cause: The one that it speaks for, where it is not all of them.
    """

    holds: bool | None
    text: str
    points: float = 2.0
    cause: Cause | None = None


def counted(count: float, noun: str, verb: str = "") -> str:
    """Return a number with its noun, and with `is` or `was`: `no job was`, `3 jobs were`."""
    said = f"{count:,.0f} {noun}{'s' * (count != 1)}" if count else f"no {noun}"
    many = {"is": "are", "was": "were"}.get(verb, "")
    return f"{said} {many if count > 1 else verb}".rstrip()


def span(seconds: float) -> str:
    """Return a duration as it is told in a clause: `1.5 hours`, `3.0 days`."""
    return f"{seconds / DAY:.1f} days" if seconds >= 2 * DAY else f"{seconds / HOUR:.1f} hours"
