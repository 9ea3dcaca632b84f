"""Guards stop before money is spent."""

import threading
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgm_observe.errors import BudgetExceeded
from qgm_observe.providers.protocol import Price
from qgm_observe.spend.foresight import History
from qgm_observe.spend.guards import Ask, BudgetGuard
from qgm_observe.spend.limits import limits

ASK = Ask("ibm", "ibm_fez", shots=1_000)
LOCAL = Ask("aer", "aer", is_remote=False, shots=1_000)


class Session:
    """What a guard sees of a session's handle."""

    usage_seconds = None
    ended = 0


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def price_of(provider: str, device: str) -> Price | None:
    if device == "unknown":
        return None
    currency = "EUR" if device == "abroad" else "USD"
    return Price(
        provider=provider,
        device=device,
        currency=currency,
        per_second=Decimal("1.60"),
        source="list",
        as_of="x",
    )


def history(seconds: float = 2.0) -> History:
    """One job of 1,000 shots took so long, so that the next one is expected to."""
    made = History()
    for device in ("ibm_fez", "unknown", "abroad"):
        made.add("ibm", device, 1_000, seconds)
    return made


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def guard(clock):
    def make(line: str) -> BudgetGuard:
        return BudgetGuard(limits(line), price_of, history(), clock)

    return make


def allowed(guard: BudgetGuard, ask: Ask = ASK) -> int:
    """How many such submissions a guard lets through."""
    for number in range(100):
        try:
            guard.admit(ask)
        except BudgetExceeded:
            return number
    return 100


@pytest.mark.parametrize(
    ("line", "number"),
    [("10 USD", 3), ("9.60 USD", 3), ("9.59 USD", 2), ("6 s", 3), ("2500 shots", 2), ("0 USD", 0)],
)
def test_the_submission_that_would_go_beyond_is_stopped(guard, line, number):
    """Jobs of 2 s and 3.20 USD go through as long as the sum stays within the limit."""
    assert allowed(guard(line)) == number


def test_the_message_says_what_would_have_been(guard):
    """It names the device, the sum with this job, the limit, and that nothing was submitted."""
    made = guard("10 USD")
    for _ in range(3):
        made.admit(ASK)
    with pytest.raises(
        BudgetExceeded, match=r"ibm_fez it would be 12.80 of 10.00 USD; nothing was"
    ):
        made.admit(ASK)

    assert made.spent() == (Decimal("9.60"), 6.0, 3_000)


def test_a_price_that_is_not_known_stops(guard):
    """Unknown is not free: the message says how to tell the plan."""
    with pytest.raises(BudgetExceeded, match="is not known: tell the account's plan"):
        guard("10 USD").admit(ASK._replace(device="unknown"))


def test_another_currency_is_never_added(guard):
    """A device that is billed in euros needs a limit in euros."""
    with pytest.raises(BudgetExceeded, match="billed in EUR: write the limit in that currency"):
        guard("10 USD").admit(ASK._replace(device="abroad"))


def test_what_runs_shorter_leaves_room(guard):
    """Where jobs take 1 s instead of the expected 2, twice as many fit."""
    made = guard("10 USD")
    for _ in range(5):
        made.settle(made.admit(ASK), 1.0)

    assert allowed(made) == 0  # 5 at 1.60, and the sixth is expected to take 3.20


def test_what_was_refused_or_never_made_costs_nothing(guard):
    """A booking that is released leaves all as it was, also when released twice."""
    made = guard("2500 shots")
    booking = made.admit(ASK)
    made.release(booking)
    made.release(booking)

    assert made.spent() == (Decimal(0), 0.0, 0)
    assert allowed(made) == 2


def test_a_simulator_costs_shots_alone(guard):
    """Local work has no price and no device time, and counts as shots."""
    assert allowed(guard("1 USD, 1 s"), LOCAL) == 100
    assert allowed(guard("3000 shots"), LOCAL) == 3


def test_retries_have_a_ceiling(guard):
    """With 3 retries the fourth attempt is let through and the fifth is not."""
    made = guard("3 retries")
    for number in (1, 2, 3, 4):
        made.admit(ASK._replace(number=number))
    with pytest.raises(BudgetExceeded, match="3 retries of a job are allowed"):
        made.admit(ASK._replace(number=5))


def test_a_session_is_spent_by_the_wall_clock(guard, clock):
    """Jobs of 2 s with 10 s between: 100 USD are 62.5 s, gone at the sixth job."""
    made, ask = guard("100 USD"), ASK._replace(session=Session())
    for _ in range(6):
        booking = made.admit(ask)
        clock.now += 2.0
        made.settle(booking, 2.0)
        clock.now += 10.0

    assert allowed(made, ask) == 0  # the sixth ended after 62 s, the seventh would after 74
    assert made.spent()[1] == pytest.approx(72.0)


def test_a_closed_session_costs_no_more(guard, clock):
    """After its end time passes for free; its own word on its usage goes before ours."""
    made, session = guard("100 USD"), Session()
    booking = made.admit(ASK._replace(session=session))
    clock.now = 2.0
    made.settle(booking, 2.0)
    session.ended = 12_000_000_000
    clock.now = 10_000.0
    by_clock = made.spent()[1]
    session.usage_seconds = 11.5

    assert (by_clock, made.spent()[1]) == (12.0, 11.5)


def test_an_idle_session_is_stopped(guard, clock):
    """With 50 % allowed, two jobs of 2 s and 10 s after each leave no third one."""
    made, session = guard("50 % idle"), Session()
    for _ in range(2):
        booking = made.admit(ASK._replace(session=session))
        clock.now += 2.0
        made.settle(booking, 2.0)
        clock.now += 10.0
    with pytest.raises(BudgetExceeded, match="idle for 83% of its time, of 50% allowed"):
        made.admit(ASK._replace(session=session))


def test_threads_cannot_go_beyond_together():
    """Of 64 submissions from 8 threads exactly as many go through as fit."""
    made = BudgetGuard(limits("32 USD"), price_of, history(), Clock())
    through = []

    def work() -> None:
        for _ in range(8):
            try:
                through.append(made.admit(ASK))
            except BudgetExceeded:
                return

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(through) == 10
    assert made.spent()[0] == Decimal(32)


@given(left=st.integers(0, 100_000), wanted=st.integers(1, 50_000), jobs=st.integers(1, 5))
def test_affordable_shots_fit_and_one_more_does_not(left, wanted, jobs):
    """As many shots as can be had in each of so many jobs, never more than wanted."""
    made = BudgetGuard(limits(f"{left} shots"), price_of, history(), Clock())
    given_shots = made.affordable(LOCAL._replace(shots=wanted), jobs)

    assert given_shots == min(wanted, left // jobs)
    assert made.spent() == (Decimal(0), 0.0, 0)


def test_money_buys_fewer_shots_as_it_runs_out(guard):
    """With 4 USD a job may take 2.5 s: by the formula, scaled to 2 s for 1,000 shots, 2,678."""
    made = guard("4 USD")
    given_shots = made.affordable(ASK._replace(shots=100_000))

    scale = 2.0 / (2 + 0.35)
    assert scale * (2 + 0.00035 * given_shots) <= 2.5 < scale * (2 + 0.00035 * (given_shots + 1))
