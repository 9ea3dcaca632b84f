"""Bills of attempts and sessions."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgm_observe.catalog import ExecutionMode, Waste
from qgm_observe.journal import Event
from qgm_observe.providers.protocol import Price
from qgm_observe.records import Attempt, Job, Work
from qgm_observe.spend.billing import Use, apportion, attempt_bill, session_bill, uses_of

SECONDS = Price(
    provider="ibm", device="d", currency="USD", per_second=Decimal("1.60"), source="list", as_of="x"
)
TASKS = Price(
    provider="braket",
    device="Garnet",
    currency="USD",
    per_task=Decimal("0.30"),
    per_shot=Decimal("0.00145"),
    source="list",
    as_of="x",
)


def test_time_is_billed_by_the_second():
    """Two seconds at 1.60 are 3.20, and the bill names the price that it rests on."""
    attempt = {"number": 1, "outcome": "success", "device_seconds": 2.0}

    assert attempt_bill(attempt, [attempt], {"execution_mode": "job"}, SECONDS) == {
        "device_seconds": 2.0,
        "cost": "3.2",
        "currency": "USD",
        "price": "list, x",
    }


def test_tasks_and_shots_are_billed_where_the_provider_does():
    """A task of 1,000 shots on Garnet is 0.30 + 1.45."""
    attempt = {"number": 1, "outcome": "success"}
    bill = attempt_bill(attempt, [attempt], {"execution_mode": "job", "shots": 1_000}, TASKS)

    assert (bill["cost"], bill["currency"]) == ("1.75", "USD")


def test_what_the_provider_says_goes_before_the_list():
    """A cost that the provider told is kept, in its own currency."""
    attempt = {"number": 1, "outcome": "success", "cost": "0.90", "currency": "EUR"}
    bill = attempt_bill(attempt, [attempt], {"execution_mode": "job", "shots": 9}, TASKS)

    assert bill == {"cost": "0.9", "currency": "EUR"}


def test_without_a_price_there_is_no_cost():
    """Billed time of an unknown plan has no cost, which is not 0."""
    attempt = {"number": 1, "outcome": "success", "device_seconds": 2.0}

    assert attempt_bill(attempt, [attempt], {"execution_mode": "job"}, None) == {
        "device_seconds": 2.0
    }


def test_a_job_in_a_session_has_time_and_no_cost():
    """Its session's usage is what is paid for."""
    attempt = {"number": 1, "outcome": "success", "device_seconds": 2.0}

    assert attempt_bill(attempt, [attempt], {"execution_mode": "session"}, SECONDS) == {
        "device_seconds": 2.0
    }


@pytest.mark.parametrize(
    ("outcome", "number", "reason"),
    [
        ("failure", 2, "failed"),
        ("timeout", 2, "failed"),
        ("lost", 2, "failed"),
        ("cancelled", 2, "cancelled"),
        ("success", 1, "repeated"),
        ("success", 2, None),
    ],
)
def test_what_brought_nothing_is_wasted(outcome, number, reason):
    """What failed, was cancelled, or was done again is wasted; the last success is not."""
    attempt = {"number": number, "outcome": outcome, "device_seconds": 2.0}
    bill = attempt_bill(attempt, [{"number": 1}, {"number": 2}], {"execution_mode": "job"}, SECONDS)

    assert bill.get("wasted") == (None if reason is None else {reason: "3.2"})


def test_a_session_costs_its_wall_clock():
    """100 jobs of 2 s with 10 s after each but the last: 1,190 s, and not the jobs' 200."""
    session = Event(verb="finished", noun="session", subject="s", at=0.0, body={}, id="s/finished")
    uses = [Use(str(number), 2.0) for number in range(100)]
    bill = session_bill(session, 1190.0, uses, SECONDS)

    assert bill.id == "s/billed"
    assert bill.body["cost"] == "1904"
    assert (bill.body["idle_seconds"], bill.body["wasted"]) == (990.0, {"idle": "1584"})


@given(
    seconds=st.lists(st.floats(0, 1e4), max_size=20),
    idle=st.floats(0, 1e5),
    cents=st.integers(0, 10**9),
)
def test_the_parts_of_a_session_are_the_whole(seconds, idle, cents):
    """Parts add up to the last digit, none is negative, and idle time is a part of its own."""
    amount = Decimal(cents) / 100
    uses = [Use("j", each) for each in seconds]
    shares = apportion(sum(seconds) + idle, amount, uses)

    assert sum(share.amount for share in shares) == amount
    assert all(share.amount >= 0 and share.seconds >= 0 for share in shares)
    assert [share.waste for share in shares] == [None] * len(seconds) + [Waste.IDLE]


def test_jobs_longer_than_their_session_shrink_to_fit():
    """Clocks may say that jobs took longer than was used; their parts are then cut, idle is 0."""
    shares = apportion(3.0, Decimal(8), [Use("a", 1.0), Use("b", 3.0)])

    assert [share.amount for share in shares] == [Decimal(2), Decimal(6), Decimal(0)]
    assert shares[-1].seconds == 0


def test_a_session_waits_for_the_bills_of_its_jobs():
    """While one attempt is pending there is no use; what never arrived used nothing."""

    def job(*attempts: Attempt) -> Job:
        mode = ExecutionMode.SESSION
        return Job(id="1", work=Work(), started_at=0.0, execution_mode=mode, attempts=attempts)

    settled = Attempt(number=2, outcome="success", provider_job_id="b", device_seconds=2.0)
    pending = Attempt(number=1, outcome="failure", provider_job_id="a")
    never = Attempt(number=1, outcome="failure")

    assert uses_of(job(pending, settled)) is None
    assert uses_of(job(never, settled)) == [Use("1", 2.0)]
