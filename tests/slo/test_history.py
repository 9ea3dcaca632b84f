"""Histories: exact counts in windows, against counting one by one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgm_observe.errors import UsageError
from qgm_observe.slo.history import History, spent_by

START = 1_800_000_000.0
MINUTE = 60.0
EVENTS = st.lists(
    st.tuples(st.integers(-7200, 5400), st.integers(0, 2), st.integers(0, 5), st.integers(0, 1)),
    max_size=60,
)


def counted(events, group, minute, window):
    """Counts in (minute - window, minute], by the minute at which each event is first seen."""
    inside = [
        (amount, bad * amount)
        for offset, of, amount, bad in events
        if of == group and minute - window // 60 < np.ceil(offset / 60) <= minute
    ]
    return sum(b for _, b in inside), sum(a for a, _ in inside)


def history_of(events, minutes=90, room=0):
    history = History(["a", "b", "c"], START, minutes, 7200, room)
    columns = list(zip(*events, strict=True)) or [(), (), (), ()]
    times = START + np.array(columns[0], float)
    amounts = np.array(columns[2], float)
    history.add(times, np.array(columns[1], int), amounts, amounts * np.array(columns[3], float))
    return history


@given(EVENTS, st.sampled_from([1800.0, 3600.0, 7200.0]))
def test_windows_count_what_is_in_them(events, window):
    """At every minute and in every group the counts are those of counting one by one."""
    bad, total = history_of(events).counts(window)
    for group in range(3):
        for minute in (0, 1, 30, 89):
            expected = counted(events, group, minute, window)
            assert (bad[group, minute], total[group, minute]) == expected


@given(EVENTS)
def test_a_minute_more_counts_as_if_it_had_been_there(events):
    """Appending a minute gives the same as having it in the grid from the start."""
    early = [each for each in events if each[0] <= 59 * MINUTE]
    late = [each for each in events if 59 * MINUTE < each[0] <= 60 * MINUTE]
    grown, whole = history_of(early, 60, room=1), history_of(early + late, 61)
    grown.advance(
        [of for _, of, _, _ in late],
        [amount for _, _, amount, _ in late],
        [amount * bad for _, _, amount, bad in late],
    )
    for ours, theirs in zip(grown.newest(3600), whole.newest(3600), strict=True):
        assert ours.tolist() == theirs.tolist()


def test_a_frame_has_time_and_groups():
    """A frame is indexed by time, its columns are counts by group."""
    frame = history_of([(0.0, 1, 2, 1)], 3).frame(3600)

    assert frame.index[0].timestamp() == START
    assert frame["total"]["b"].tolist() == [2.0, 2.0, 2.0]
    assert frame["bad"]["a"].tolist() == [0.0, 0.0, 0.0]


def test_a_grid_has_its_bounds():
    """A window beyond the lead, and a minute beyond the room, are refused."""
    history = history_of([])
    with pytest.raises(UsageError, match="7200 s only"):
        history.counts(7260)
    with pytest.raises(UsageError, match="more room"):
        history.advance([], [], [])


def test_who_spent_is_told_by_cause_provider_and_device():
    """Bad amounts are summed by each, the largest first; good ones are nobody's."""
    spenders = [("", "", ""), ("quota", "ibm", "fez"), ("provider", "ibm", "torino")]
    kinds = ("cause", "provider", "device")
    assert spent_by(kinds, spenders, [0, 1, 2, 2], [0.0, 1.0, 2.0, 2.0]) == {
        "cause": {"provider": 4.0, "quota": 1.0},
        "provider": {"ibm": 5.0},
        "device": {"torino": 4.0, "fez": 1.0},
    }
