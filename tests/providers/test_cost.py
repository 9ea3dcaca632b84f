"""Costs: exact, at least the minimum of each task, and none where a quantity is not known."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from qgm_observe.providers.cost import cost
from qgm_observe.providers.protocol import Price

AMOUNT = st.decimals("0", "1000", places=5)


def priced(**amounts: str) -> Price:
    parts = {name: Decimal(amount) for name, amount in amounts.items()}
    return Price(
        provider="p", device="d", currency="USD", source="here", as_of="2026-11-01", **parts
    )


def test_an_unknown_quantity_gives_no_cost():
    """Without the shots or seconds that are charged there is no cost; a price of 0 costs 0."""
    assert cost(None, shots=1) is None
    assert cost(priced(per_shot="0.01")) is None
    assert cost(priced(per_second="1.60"), shots=1000) is None
    assert cost(priced(minimum="5")) is None
    assert cost(priced(per_second="0")) == (Decimal(0), "USD")


def test_the_least_charge_holds_for_each_task():
    """Work below the minimum costs the minimum of each task, work above it what it adds up to."""
    price = priced(per_gate_1q="0.00022", per_gate_2q="0.000975", minimum="12.4166")

    assert cost(price, gates_1q=1, gates_2q=1) == (Decimal("12.4166"), "USD")
    assert cost(price, tasks=3, gates_1q=1, gates_2q=1) == (Decimal("37.2498"), "USD")
    assert cost(price, gates_1q=0, gates_2q=100_000) == (Decimal("97.5"), "USD")


@given(AMOUNT, AMOUNT, st.integers(1, 50), st.integers(0, 10**6), st.integers(0, 10**6))
def test_cost_adds_up(task, shot, tasks, first, second):
    """Two batches cost together what they cost apart, exactly."""
    price = priced(per_task=str(task), per_shot=str(shot))
    apart = [cost(price, tasks=tasks, shots=shots) for shots in (first, second)]
    whole = cost(price, tasks=2 * tasks, shots=first + second)

    assert whole is not None
    assert whole.amount == sum(each.amount for each in apart if each)
