"""Ranking: what cannot be used and what is not known comes last, own waits come first."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgm_observe.providers.cost import Cost
from qgm_observe.providers.layout import LayoutFaults
from qgm_observe.providers.protocol import DeviceInfo, DeviceState, DeviceStatus, Wait
from qgm_observe.providers.ranking import (
    Candidate,
    ExpectedWait,
    expected_wait,
    hour_of_week,
    percentile,
    ranked,
    why_unusable,
)
from qgm_observe.records import Estimate

MONDAY_9 = 1_795_424_400.0  # 2026-11-23 09:00 UTC
HOUR = 3600.0
WEEK = 168 * HOUR


def candidate(name: str, **known) -> Candidate:
    info = DeviceInfo(provider="p", name=name, num_qubits=5, max_shots=1000)
    status = known.pop("status", None) or online(name)
    return Candidate(info=info, status=status, **{"faults": LayoutFaults(), **known})


def online(name: str = "d", **changes) -> DeviceStatus:
    told = {"state": DeviceState.ONLINE, "observed_at": 0.0}
    return DeviceStatus(provider="p", device=name, **(told | changes))


def quality(value: float | None) -> Estimate:
    reason = None if value is not None else "no calibration for a measured qubit"
    return Estimate(name="expected_success", value=value, level=0.95, reason=reason)


def wait(p50: float | None) -> ExpectedWait:
    return ExpectedWait(p50, None, "the provider")


def names(candidates, aim="wait"):
    return [each.info.name for each in ranked(candidates, aim)]


def test_the_hour_of_the_week_is_utc():
    """Monday 0:00 UTC is hour 0, a Monday 9:00 hour 9, and a week later it is 9 again."""
    assert hour_of_week(MONDAY_9) == 9
    assert hour_of_week(MONDAY_9 + WEEK) == 9
    assert hour_of_week(MONDAY_9 - 10 * HOUR) == 167


@pytest.mark.parametrize("aim", ["wait", "quality", "cost"])
def test_each_aim_decides_and_unknown_comes_last(aim):
    """By wait the shortest, by quality the best, by cost the cheapest; unknown stands behind."""
    known = {
        "wait": [wait(5.0), wait(60.0), wait(None)],
        "quality": [quality(0.9), quality(0.2), quality(None)],
        "cost": [Cost(Decimal(1), "USD"), Cost(Decimal(9), "USD"), None],
    }[aim]
    found = [candidate(name, **{aim: each}) for name, each in zip("cba", known, strict=True)]

    assert names(reversed(found), aim) == ["c", "b", "a"]


def test_what_cannot_be_used_comes_last_whatever_it_costs():
    """An offline device stands last; a disabled qubit counts where the circuit is laid out."""
    found = [
        candidate("off", reason="offline", wait=wait(0.0)),
        candidate("qubit", faults=LayoutFaults(disabled_qubits=(3,)), wait=wait(1.0)),
        candidate("pair", faults=LayoutFaults(disabled_edges=((0, 1),)), wait=wait(2.0)),
        candidate("unseen", faults=None, wait=wait(3.0)),
        candidate("slow", wait=wait(9e9)),
    ]
    laid_out = [replace(each, is_laid_out=True) for each in found]

    assert names(laid_out) == ["slow", "qubit", "pair", "unseen", "off"]
    assert names(found) == ["qubit", "pair", "unseen", "slow", "off"]


def test_currencies_are_not_compared():
    """One dollar and a hundred euros stand by currency, not by amount."""
    found = [
        candidate("dollar", cost=Cost(Decimal(1), "USD")),
        candidate("euro", cost=Cost(Decimal(100), "EUR")),
    ]

    assert names(found, "cost") == ["euro", "dollar"]


@given(st.permutations(range(6)))
def test_the_order_does_not_depend_on_the_question(order):
    """However the devices come in, the ranking is the same, ties by name."""
    known = [wait(None), wait(1.0), wait(1.0), wait(3.0), wait(0.0), wait(None)]
    found = [candidate(str(n), wait=known[n]) for n in order]

    assert names(found) == ["4", "1", "2", "3", "0", "5"]


@pytest.mark.parametrize(
    ("changes", "qubits", "shots", "reason"),
    [
        ({}, 5, 1000, None),
        ({}, 6, None, "5 qubits"),
        ({}, None, 1001, "at most 1,000 shots"),
        ({"state": DeviceState.OFFLINE}, None, None, "offline"),
        ({"state": DeviceState.PAUSED}, None, None, "paused"),
        ({"state": DeviceState.UNKNOWN}, None, None, None),
        ({"is_accepting": False}, None, None, "takes no jobs"),
    ],
)
def test_why_a_device_cannot_be_used(changes, qubits, shots, reason):
    """State, qubits and shots rule a device out; what nobody knows does not."""
    info = candidate("d").info

    assert why_unusable(info, online(**changes), qubits, shots) == reason
    assert why_unusable(info, online(), None, None, layout=(0, 5)) == "no qubit 5"
    assert why_unusable(info, online(), None, None, layout=(0, 4)) is None
    unknown = DeviceInfo(provider="p", name="d")
    assert changes or why_unusable(unknown, online(), qubits, shots) is None


def test_own_waits_of_this_hour_go_first():
    """Five own waits around this hour of the week beat all own waits, and these the provider's."""
    here = [(MONDAY_9 - week * WEEK, 10.0 * week) for week in range(1, 6)]
    elsewhere = [(MONDAY_9 + 48 * HOUR - week * WEEK, 1000.0) for week in range(1, 6)]
    status = online(wait=Wait(p50=7.0, p95=70.0))

    at_this_hour = expected_wait(status, here + elsewhere, MONDAY_9)
    assert (at_this_hour.p50, at_this_hour.p95) == (30.0, 50.0)
    assert at_this_hour.source == "5 own jobs around Mon 09:00 UTC"
    at_any = expected_wait(status, here[:4] + elsewhere[:1], MONDAY_9)
    assert (at_any.p50, at_any.p95, at_any.source) == (30.0, 1000.0, "5 own jobs at any hour")
    told = expected_wait(status, here[:4], MONDAY_9)
    assert (told.p50, told.p95, told.source) == (7.0, 70.0, "the provider")


def test_hours_wrap_around_the_week():
    """Sunday 23:00 is near Monday 0:00."""
    monday = MONDAY_9 - 9 * HOUR
    history = [(monday - 0.5 * HOUR - week * WEEK, 4.0) for week in range(5)]

    assert expected_wait(online(), history, monday).source.startswith("5 own jobs around Mon 00")


def test_an_average_is_named_and_nothing_is_unknown():
    """Where only an average is told it is said to be one; where nothing is told, unknown."""
    told = expected_wait(online(wait=Wait(average=30.0)), [], 0.0)

    assert (told.p50, told.source) == (30.0, "its average")
    assert expected_wait(online(), [], 0.0) == (None, None, "unknown")


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0.01, 1))
def test_percentiles_are_of_the_data(values, share):
    """A percentile is one of the values, and at least that share of them is no larger."""
    found = percentile(values, share)

    assert found in values
    assert sum(value <= found for value in values) >= share * len(values) - 1e-9
