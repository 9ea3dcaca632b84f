"""The time over which an objective is judged: rolling, or by the calendar."""

import re
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from qgm_observe.errors import UsageError

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
_LENGTHS = {"m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY, "M": 30 * DAY, "Q": 91 * DAY}
_LENGTHS["Y"] = 365 * DAY
_MONTHS = {"M": 1, "Q": 3, "Y": 12}
_SHORT = re.compile(r"([1-9][0-9]*)([mhdwMQY])")


def seconds_of(text: str) -> float:
    """Return the nominal seconds of a duration such as `5m`, `6h`, `28d`, `4w`, `1M`, `1Q`, `1Y`.

    Source: OpenSLO v1, "duration-shorthand".

    Raises:
        UsageError: it is none.
    """
    found = _SHORT.fullmatch(text)
    if found is None:
        raise UsageError(f"{text!r} is no duration: write a number and one of m h d w M Q Y: 28d")
    return int(found[1]) * _LENGTHS[found[2]]


def shorthand(seconds: float) -> str:
    """Return a duration of whole minutes in the largest unit up to days that divides it."""
    for unit in ("d", "h", "m"):
        if seconds >= _LENGTHS[unit] and seconds % _LENGTHS[unit] == 0:
            return f"{seconds / _LENGTHS[unit]:.0f}{unit}"
    raise UsageError(f"{seconds:g} s is no duration in whole minutes")


@dataclass(frozen=True, slots=True)
class Window:
    """A rolling window, or one of the calendar where `starts` is given.

    Attributes:
        text: Its length, for instance `28d` or `1M`.
        starts: When the first window of the calendar begins, with its time zone; `None` if rolling.
    """

    text: str
    starts: datetime | None = None

    def __post_init__(self) -> None:
        """Refuse a length that is none."""
        seconds_of(self.text)
        if self.starts is None and self.text[-1] in _MONTHS:
            raise UsageError(
                f"window {self.text!r}: months are of the calendar; write 28d, or give its start"
            )

    @property
    def seconds(self) -> float:
        """Nominal length."""
        return seconds_of(self.text)

    @property
    def days(self) -> float:
        """Nominal length."""
        return self.seconds / DAY

    def begin(self, now: float) -> float:
        """Return when the window that holds `now` began, epoch seconds."""
        if self.starts is None:
            return now - self.seconds
        unit, count = self.text[-1], int(self.text[:-1])
        if unit not in _MONTHS:
            first = self.starts.timestamp()
            return first + (now - first) // self.seconds * self.seconds
        moment = datetime.fromtimestamp(now, self.starts.tzinfo)
        passed = (moment.year - self.starts.year) * 12 + moment.month - self.starts.month
        months = count * _MONTHS[unit]
        whole = passed // months * months
        begun = _later(self.starts, whole)
        return (begun if begun <= moment else _later(self.starts, whole - months)).timestamp()


def calendar_start(text: str, zone: str) -> datetime:
    """Return when a calendar starts, of `2026-01-31 12:30:00` and a zone such as `Europe/Berlin`.

    Raises:
        UsageError: one of them cannot be read.
    """
    try:
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=ZoneInfo(zone))
    except (ZoneInfoNotFoundError, IsADirectoryError, PermissionError):
        raise UsageError(f"timeZone {zone!r}: write a name such as Europe/Berlin or UTC") from None
    except ValueError:
        raise UsageError(f"startTime {text!r}: write it as 2026-01-31 00:00:00") from None


def _later(moment: datetime, months: int) -> datetime:
    """Go so many months on; a day that the month does not have is its last."""
    total = moment.year * 12 + moment.month - 1 + months
    year, month = divmod(total, 12)
    for day in range(moment.day, 27, -1):
        try:
            return moment.replace(year=year, month=month + 1, day=day)
        except ValueError:
            continue
    return moment.replace(year=year, month=month + 1, day=min(moment.day, 28))
