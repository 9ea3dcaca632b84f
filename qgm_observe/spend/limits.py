"""What work may take, as one line that people write: `20 USD, 600 s, 3 retries`."""

import re
from dataclasses import dataclass, fields
from decimal import Decimal, InvalidOperation
from typing import Any

from qgm_observe.errors import UsageError
from qgm_observe.providers.cost import Cost

SUBMISSIONS_A_MINUTE = {"ibm": 5.0}
"""What providers document; source: IBM's OpenAPI of jobs 0.45.3, "5 jobs per minute per user"."""

EXAMPLE = "20 USD, 600 s, 100000 shots, 30 % idle, 3 retries, ttl 2 h, 5/min"
_PARTS = re.compile(r"(?P<ttl>ttl\s+)?(?P<number>[0-9][0-9_.]*(?:e[+]?[0-9]+)?)\s*(?P<unit>.*)")
_SECONDS = {"s": 1.0, "sec": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What may be taken; what is `None` is not limited.

    Attributes:
        money: Cost of all submissions, by estimate until it is known better.
        seconds: Device time of all submissions; of a session its whole usage.
        shots: Of all submissions, also to simulators.
        idle_share: Part of a session in which no job ran, in [0, 1].
        job_seconds: Time to live of a job that was submitted; older ones are cancelled, and so is
            what still waits when its run ends.
        retries: Further attempts of a job.
        submissions: A minute; 0 for what the provider documents.
    """

    money: Cost | None = None
    seconds: float | None = None
    shots: int | None = None
    idle_share: float | None = None
    job_seconds: float | None = None
    retries: int | None = None
    submissions: float | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if all(getattr(self, each.name) is None for each in fields(self)):
            raise UsageError(f"guard without a limit: write for instance {EXAMPLE!r}")
        if self.idle_share is not None and not 0 <= self.idle_share < 1:
            raise UsageError(f"guard: idle {self.idle_share:.0%}: write a share below 100 %")


def limits(text: str) -> Limits:
    """Read limits from a line.

    Args:
        text: Parts with commas between: an amount of a currency (`20 USD`), `600 s` of device time
            (or `min`, `h`), `100000 shots`, `30 % idle`, `3 retries`, `ttl 2 h`, `5/min` for
            submissions, or `throttle` for as many as the provider documents.

    Raises:
        UsageError: a part cannot be read or stands twice.
    """
    found: dict[str, Any] = {}
    for part in filter(None, (each.strip() for each in text.split(","))):
        name, value = _read(part)
        if name in found:
            raise UsageError(f"guard {part!r}: that limit stands twice; write it once")
        found[name] = value
    return Limits(**found)


def _read(part: str) -> tuple[str, Any]:
    if part == "throttle":
        return "submissions", 0.0
    match = _PARTS.fullmatch(part)
    if match is None:
        raise _unreadable(part)
    unit = " ".join(match["unit"].split())
    try:
        number = Decimal(match["number"])
    except InvalidOperation:
        raise _unreadable(part) from None
    seconds = _SECONDS.get(unit)
    if match["ttl"]:
        if seconds is None:
            raise _unreadable(part)
        return "job_seconds", float(number) * seconds
    return _amount(part, number, unit)


def _amount(part: str, number: Decimal, unit: str) -> tuple[str, Any]:
    if unit in _SECONDS:
        return "seconds", float(number) * _SECONDS[unit]
    if re.fullmatch("[A-Z]{3}", unit):
        return "money", Cost(number, unit)
    if unit in {"% idle", "%idle"}:
        return "idle_share", float(number) / 100
    if unit in {"/min", "/ min", "a minute"} and number > 0:
        return "submissions", float(number)
    if unit in {"shots", "shot", "retries", "retry"} and number == int(number):
        return ("shots" if unit.startswith("shot") else "retries"), int(number)
    raise _unreadable(part)


def _unreadable(part: str) -> UsageError:
    return UsageError(f"guard {part!r} cannot be read: write for instance {EXAMPLE!r}")
