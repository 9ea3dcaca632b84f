"""What planned work takes: times, money and intervals by mode."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgm_observe.catalog import ExecutionMode
from qgm_observe.providers.protocol import DeviceState, DeviceStatus, Price, Wait
from qgm_observe.records import Estimate
from qgm_observe.spend.forecast import by_mode, forecast, wait_of
from qgm_observe.spend.foresight import History
from qgm_observe.spend.plan import Plan

MONDAY = 1_777_852_800.0  # 2026-05-04T00:00Z
HOUR = 3600.0
NO_WAIT = Estimate(name="queue_seconds", value=0.0, low=0.0, high=0.0)
SECONDS = Price(
    provider="ibm", device="d", currency="USD", per_second=Decimal("1.6"), source="s", as_of="d"
)


def status(**wait: float) -> DeviceStatus:
    return DeviceStatus(
        provider="ibm", device="d", state=DeviceState.ONLINE, observed_at=0.0, wait=Wait(**wait)
    )


def test_the_example_of_100_steps():
    """100 steps of 2 s QPU and 10 s between: a session is charged 1,190 s, jobs and a batch 200."""
    plan = Plan(device="d", jobs=100, each=(2.0, 2.0), between=(10.0, 10.0))
    told = {str(each.mode): each for each in by_mode(plan, History(), NO_WAIT, SECONDS)}

    assert {mode: each.usage.value for mode, each in told.items()} == {
        "job": 200.0,
        "batch": 200.0,
        "session": 1190.0,
    }
    assert told["session"].bill is not None
    assert told["session"].bill.value == Decimal("1904.0")
    assert told["session"].life == (1190.0, 1190.0, 1190.0, 1.0)


def test_a_session_gives_the_device_back_when_it_idles():
    """Beyond its idle time a pause is charged no further, and each job waits in the queue anew."""
    wait = Estimate(name="queue_seconds", value=30.0, low=10.0, high=50.0)
    plan = Plan(
        device="d", mode=ExecutionMode.SESSION, jobs=3, each=(2.0, 2.0), between=(100.0, 100.0)
    )
    told = forecast(plan, History(), wait, None)

    assert told.usage.value == 3 * 2 + 2 * 60
    assert told.life is not None
    assert told.life[:3] == (206 + 2 * 10, 206 + 2 * 30, 206 + 2 * 50)
    assert told.finish is not None
    assert told.finish[:3] == (206 + 3 * 10, 206 + 3 * 30, 206 + 3 * 50)


def test_our_own_limit_takes_time():
    """The 11th job at 5 a minute begins after two; a session is charged for them and for it."""
    plan = Plan(device="d", mode=ExecutionMode.SESSION, jobs=11, each=(1.0, 1.0), throttled=5.0)

    assert forecast(plan, History(), NO_WAIT, None).usage.value == 121.0


def test_without_enough_jobs_there_is_no_level():
    """18 jobs before give no interval of 90 %, 19 do."""
    history, plan = History(), Plan(device="d", shots=1_000)
    for _ in range(18):
        history.add("ibm", "d", 1_000, 3.0)
    assert forecast(plan, history, NO_WAIT, None).job.level is None
    history.add("ibm", "d", 1_000, 3.0)

    assert forecast(plan, history, NO_WAIT, None).job == pytest.approx((3.0, 3.0, 3.0, 0.9))


def test_tasks_are_each_circuit_of_each_job():
    """Where tasks and shots are billed the bill is exact: 0.30 a task and 0.00145 a shot."""
    price = Price(
        provider="braket",
        device="d",
        currency="USD",
        per_task=Decimal("0.30"),
        per_shot=Decimal("0.00145"),
        source="s",
        as_of="d",
    )
    plan = Plan(device="d", jobs=10, circuits=2, shots=1_000)
    bill = forecast(plan, History(), NO_WAIT, price).bill

    assert bill == (Decimal("35.00"), Decimal("35.00"), Decimal("35.00"), "USD")


def test_an_unknown_price_and_wait_stay_unknown():
    """No price is no bill, and no wait is no end."""
    told = forecast(Plan(device="d"), History(), wait_of(None, (), MONDAY), None)

    assert (told.bill, told.wait, told.finish) == (None, None, None)


def test_own_waits_of_the_hour_go_first():
    """20 waits around this hour of the week go before the provider, it before those of others."""
    near = [(MONDAY - 7 * 24 * HOUR, 100.0 + number) for number in range(20)]
    other = [(MONDAY - 12 * HOUR, 1_000.0 + number) for number in range(20)]
    told = status(p50=50.0, p95=70.0)

    assert wait_of(told, [*near, *other], MONDAY).low == 100.0
    assert wait_of(told, other, MONDAY).high == 70.0
    assert wait_of(status(), other, MONDAY).low == 1_000.0
    assert wait_of(status(p50=50.0), other[:18], MONDAY).value is None


@given(
    st.lists(st.floats(0.5, 500), min_size=19, max_size=60),
    st.sampled_from([mode for mode in ExecutionMode if mode is not ExecutionMode.LOCAL]),
    st.integers(1, 40),
    st.tuples(st.floats(0, 90), st.floats(0, 90)).map(lambda pair: (min(pair), max(pair))),
    st.booleans(),
)
def test_intervals_are_in_order_and_grow_with_work(seconds, mode, jobs, between, at_once):
    """Low is not above the value nor that above high, and one job more never takes less."""
    history = History()
    for each in seconds:
        history.add("ibm", "d", 1_000, each)
    wait = Estimate(name="queue_seconds", value=2.0, low=1.0, high=5.0)
    plan = Plan(device="d", mode=mode, jobs=jobs, shots=1_000, between=between, at_once=at_once)
    more = Plan(device="d", mode=mode, jobs=jobs + 1, shots=1_000, between=between, at_once=at_once)
    told, grown = (forecast(each, history, wait, SECONDS) for each in (plan, more))

    for span in (told.job, told.usage, told.life, told.finish):
        assert span is not None
        assert span.low <= span.value * (1 + 1e-9)
        assert span.value <= span.high * (1 + 1e-9)
    assert grown.usage.low >= told.usage.low
    assert told.bill is not None
    assert told.bill.low <= told.bill.high
