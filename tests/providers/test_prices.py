"""Prices: dated, sourced, the user's own first, and unknown where nothing is known."""

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgm_observe.errors import UsageError
from qgm_observe.providers.prices import SHIPPED, cost, prices
from qgm_observe.providers.protocol import Price

ENTRY = (
    "prices:\n"
    "  - provider: braket\n"
    "    devices: [Garnet]\n"
    "    currency: EUR\n"
    "    per_task: '0.20'\n"
    "    source: our contract\n"
    "    as_of: 2026-11-01\n"
    "    certainty: primary\n"
)
AMOUNT = st.decimals("0", "1000", places=5)


def priced(**amounts: str) -> Price:
    parts = {name: Decimal(amount) for name, amount in amounts.items()}
    return Price(
        provider="p", device="d", currency="USD", source="here", as_of="2026-11-01", **parts
    )


def own(folder: Path, text: str) -> Path:
    path = folder / "prices.yml"
    path.write_text(text)
    return path


def test_a_shipped_price_says_where_and_when_it_was_read():
    """A device of the list has its amounts as decimals, its currency, its source and its day."""
    price = prices(environ={}).price("braket", "Garnet")

    assert price is not None
    assert (price.per_task, price.per_shot) == (Decimal("0.30"), Decimal("0.00145"))
    assert (price.currency, price.as_of) == ("USD", "2024-12-31")
    assert "pricing page" in price.source


def test_published_examples_are_met():
    """An optimizer step of two circuits of 1,000 shots costs 3.50 on Garnet, 160.60 on Forte."""
    known = prices(environ={})
    garnet, forte = (known.price("braket", name) for name in ("Garnet", "Forte 1"))
    paid = known.price("ibm", "ibm_fez", "pay-as-you-go")

    assert cost(garnet, tasks=2, shots=2000) == (Decimal("3.50"), "USD")
    assert cost(forte, tasks=2, shots=2000) == (Decimal("160.60"), "USD")
    assert cost(garnet, tasks=49, shots=49_000) == (Decimal("85.75"), "USD")
    assert cost(paid, seconds=2) == (Decimal("3.20"), "USD")


def test_what_no_entry_names_has_no_price():
    """An unknown provider, an unknown device and an account without a plan give None, never 0."""
    known = prices(environ={})

    assert known.price("nobody", "Garnet") is None
    assert known.price("braket", "Emerald") is None
    assert known.price("ibm", "ibm_fez") is None
    assert known.price("ibm", "ibm_fez", "unheard-of") is None
    assert known.plans("ibm") == ("open", "pay-as-you-go", "flex", "premium")


def test_the_users_own_file_goes_first(tmp_path):
    """What the user's file names replaces the shipped price; of other devices that stays."""
    path = own(tmp_path, ENTRY)

    for known in (prices(path, {}), prices(environ={"QGM_OBSERVE_PRICES": str(path)})):
        changed = known.price("braket", "Garnet")
        assert changed is not None
        assert (changed.per_task, changed.per_shot, changed.currency) == (
            Decimal("0.20"),
            None,
            "EUR",
        )
        assert known.price("braket", "Forte 1") == prices(environ={}).price("braket", "Forte 1")


def test_a_named_device_goes_before_all_devices(tmp_path):
    """An entry for all devices gives way to one that names the device, wherever it stands."""
    general = ENTRY.replace("[Garnet]", '["*"]').replace("0.20", "9")
    path = own(tmp_path, general + ENTRY.removeprefix("prices:\n"))
    named, other = (prices(path, {}).price("braket", name) for name in ("Garnet", "Emerald"))

    assert named is not None
    assert other is not None
    assert (named.per_task, other.per_task) == (Decimal("0.20"), Decimal(9))


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


@pytest.mark.parametrize(
    ("old", "new", "line", "advice"),
    [
        ("per_task: '0.20'", "per_task: '-1'", 5, "per_task -1: write an amount of 0 or more"),
        ("per_task: '0.20'", "per_task: much", 5, "per_task"),
        ("per_task: '0.20'", "per_job: '1'", 5, "per_job"),
        ("    per_task: '0.20'\n", "", 2, "no amount: write one of per_task"),
        ("EUR", "Euro", 4, "three capitals, such as USD"),
        ("[Garnet]", "[]", 3, 'write names, or ["*"] for all'),
        ("2026-11-01", "some day", 7, "as_of"),
        ("primary", "likely", 8, "'primary', 'secondary' or 'uncertain'"),
        ("    source: our contract\n", "", 2, "source: missing; write it"),
    ],
)
def test_a_mistake_is_told_with_its_line(old, new, line, advice, tmp_path):
    """What is wrong with a price file is said in one line with file, line and what to write."""
    path = own(tmp_path, ENTRY.replace(old, new))

    with pytest.raises(UsageError) as told:
        prices(path, {})

    assert str(told.value).startswith(f"{path}:{line}: ")
    assert advice in str(told.value)


def test_every_shipped_entry_can_be_used():
    """Each entry of the shipped file is found under its own provider, device and plan."""
    known = prices(environ={})
    from qgm_observe.documents import load
    from qgm_observe.providers.prices import PriceFile

    entries = load(SHIPPED, PriceFile).prices
    found = [known.find(e.provider, name, e.plan) for e in entries for name in e.devices]
    named = [e for e in entries for _ in e.devices]

    assert len(named) > 15
    assert found == named
