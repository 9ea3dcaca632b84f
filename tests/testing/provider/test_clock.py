"""The virtual clock."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgm_observe.errors import UsageError
from qgm_observe.testing.provider.clock import VirtualClock, to_date, to_seconds, to_text


@given(st.lists(st.floats(0, 100), max_size=20), st.lists(st.floats(0, 30), max_size=20))
def test_events_happen_once_in_order_at_their_time(due: list[float], steps: list[float]) -> None:
    """However the clock is moved, each event that fell due happened once, in order, on time."""
    clock = VirtualClock(0.0)
    seen: list[tuple[float, float]] = []
    for when in due:
        clock.at(when, lambda when=when: seen.append((when, clock.now)))

    for step in steps:
        clock.advance(step)
    clock.advance(0)

    assert [when for when, _ in seen] == sorted(when for when in due if when <= clock.now)
    assert all(when == now for when, now in seen)


def test_an_event_may_cause_another() -> None:
    """What an event plans within the same step happens within that step."""
    clock = VirtualClock(0.0)
    seen: list[float] = []

    def again() -> None:
        seen.append(clock.now)
        if len(seen) < 3:
            clock.at(clock.now + 2, again)

    clock.at(1, again)
    clock.advance(10)

    assert seen == [1, 3, 5]
    assert clock.now == 10


def test_time_passes_with_requests_only_where_asked() -> None:
    """A tick moves by what a request costs, which is nothing by default."""
    still, moving = VirtualClock(0.0), VirtualClock(0.0, per_request=2.5)

    for clock in (still, moving):
        clock.tick()
        clock.tick()

    assert (still.now, moving.now) == (0.0, 5.0)


def test_time_may_follow_real_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """At speed 60 a tick after half a real second moves the clock by 30 s."""
    real = iter([100.0, 100.5, 101.0])
    monkeypatch.setattr("time.monotonic", lambda: next(real))
    clock = VirtualClock(0.0, speed=60)
    clock.tick()
    after_half = clock.now
    clock.tick()

    assert (after_half, clock.now) == (30.0, 60.0)


@pytest.mark.parametrize("arguments", [{"per_request": -1}, {"speed": -0.1}])
def test_a_clock_does_not_run_backward(arguments: dict[str, float]) -> None:
    """Negative steps are refused in one line."""
    with pytest.raises(UsageError, match="only moves forward"):
        VirtualClock(**arguments)
    with pytest.raises(UsageError, match="only moves forward"):
        VirtualClock().advance(-1)


def test_times_are_written_in_utc_to_the_millisecond() -> None:
    """The interface's form of a time is ISO 8601 in UTC, and reads back."""
    assert to_text(1_777_593_600.25) == "2026-05-01T00:00:00.250Z"
    assert to_date(1_777_593_600.25) == "2026-05-01T00:00:00Z"
    assert to_seconds("2026-05-01T02:00:00.250+02:00") == 1_777_593_600.25
    assert to_seconds("2026-05-01T00:00:00") == 1_777_593_600
