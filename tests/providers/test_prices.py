"""Prices: dated, sourced, the user's own first, and unknown where nothing is known."""

from decimal import Decimal
from pathlib import Path

import pytest

from qgm_observe.errors import UsageError
from qgm_observe.providers.cost import cost
from qgm_observe.providers.prices import SHIPPED, prices

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
