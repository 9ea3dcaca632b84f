"""Windows: durations as OpenSLO writes them, rolling and by the calendar."""

from datetime import UTC, datetime

import pytest

from qgm_observe.errors import UsageError
from qgm_observe.slo.window import Window, calendar_start, seconds_of, shorthand


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("5m", 300), ("6h", 21600), ("28d", 2419200), ("4w", 2419200), ("1Q", 91 * 86400)],
)
def test_a_duration_has_its_seconds(text, seconds):
    """A duration is a number and a unit of m, h, d, w, M, Q or Y."""
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "28", "0d", "1.5h", "28 d", "d28", "1y"])
def test_what_is_no_duration_is_refused(text):
    """Anything else is refused with an example."""
    with pytest.raises(UsageError, match="28d"):
        seconds_of(text)


@pytest.mark.parametrize(("seconds", "text"), [(300, "5m"), (43200, "12h"), (604800, "7d")])
def test_seconds_are_written_as_prometheus_does(seconds, text):
    """The largest unit up to days that divides a duration is written."""
    assert shorthand(seconds) == text


def test_a_rolling_window_ends_now():
    """A rolling window begins its length before now."""
    assert Window("28d").begin(10_000_000.0) == 10_000_000.0 - 28 * 86400


@pytest.mark.parametrize(
    ("text", "now", "begun"),
    [
        ("1M", datetime(2026, 3, 15, tzinfo=UTC), datetime(2026, 2, 28, tzinfo=UTC)),
        ("1M", datetime(2026, 4, 1, tzinfo=UTC), datetime(2026, 3, 31, tzinfo=UTC)),
        ("1Q", datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 4, 30, tzinfo=UTC)),
        ("1w", datetime(2026, 2, 8, tzinfo=UTC), datetime(2026, 2, 7, tzinfo=UTC)),
    ],
)
def test_a_window_of_the_calendar_begins_where_its_first_did(text, now, begun):
    """Months keep the day of the month of their start, or the last day there is."""
    window = Window(text, calendar_start("2026-01-31 00:00:00", "UTC"))
    assert datetime.fromtimestamp(window.begin(now.timestamp()), UTC) == begun


def test_a_month_cannot_roll():
    """Months are of the calendar: their length is not known otherwise."""
    with pytest.raises(UsageError, match="28d"):
        Window("1M")


@pytest.mark.parametrize(
    ("start", "zone", "advice"),
    [("2026-01-31", "UTC", "2026-01-31 00:00:00"), ("2026-01-31 00:00:00", "Mars", "Europe")],
)
def test_a_start_that_cannot_be_read_is_refused(start, zone, advice):
    """A calendar needs a date with a time and a known time zone."""
    with pytest.raises(UsageError, match=advice):
        calendar_start(start, zone)
