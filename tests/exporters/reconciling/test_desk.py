"""An account that is asked: what it answers, what it costs, how it is let go."""

import logging
from decimal import Decimal

import pytest

from qgm_observe.catalog import ErrorClass
from qgm_observe.exporters.polling.schedule import Budget
from qgm_observe.exporters.reconciling.desk import Desk
from qgm_observe.providers.protocol import Capability, Price

from ..journals import NOW
from .asking import FakeProvider, at_provider

PRICE = Price(
    provider="ibm",
    device="ibm_fez",
    currency="USD",
    per_second=Decimal("1.60"),
    source="a list",
    as_of="2026-10-01",
)


class Priced(FakeProvider):
    """Tells a price, or raises what its own fault raises; so does its closing."""

    capabilities = frozenset({Capability.JOBS, Capability.PRICE})
    fault: Exception | None = None

    def price(self, _device: str) -> Price:
        if self.fault is not None:
            raise self.fault
        return PRICE

    def close(self) -> None:
        if self.fault is not None:
            raise self.fault


def desk(provider: FakeProvider, calls: int = 1000) -> Desk:
    return Desk("ibm", lambda: provider, Budget(calls, NOW))


def test_an_account_is_opened_with_the_first_question() -> None:
    """Nobody logs in before there is something to ask, and then once."""
    opened: list[int] = []

    def opening() -> FakeProvider:
        opened.append(1)
        return FakeProvider(at_provider())

    asked = Desk("ibm", opening, Budget(1000, NOW))
    assert opened == []
    answers = [asked.ask(lambda provider: provider.job("pj1").id, NOW) for _ in range(2)]

    assert answers == ["pj1", "pj1"]
    assert opened == [1]


def test_a_spent_budget_asks_nothing() -> None:
    """A call that the budget does not have is not made, and its answer is unknown."""
    provider = FakeProvider(at_provider())
    asked = desk(provider, calls=1)
    while asked.budget.take(NOW):
        pass

    assert not asked.is_ready(NOW)
    assert asked.ask(lambda each: each.job("pj1"), NOW) is None
    assert provider.asked == []


def test_a_refused_login_is_closed_and_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a refusal the account is opened with the next question, by a login of its own."""
    refused, fresh = FakeProvider(at_provider()), FakeProvider(at_provider())
    monkeypatch.setattr(refused, "classify", lambda _: ErrorClass.AUTH)
    refused.error = PermissionError("no")
    logins = iter((refused, fresh))
    asked = Desk("ibm", lambda: next(logins), Budget(1000, NOW))

    assert asked.ask(lambda each: each.job("pj1"), NOW) is None
    assert asked.opened is None
    assert asked.ask(lambda each: each.job("pj1").id, NOW) == "pj1"
    assert asked.opened is fresh


def test_a_price_is_told_once_the_account_is_open() -> None:
    """A price is no reason to log in; an open account tells it where it can."""
    asked = desk(Priced(at_provider()))
    before = asked.price({"device": "ibm_fez"})
    asked.ask(lambda each: each.job("pj1"), NOW)

    assert before is None
    assert asked.price({"device": "ibm_fez"}) == PRICE


def test_faults_of_a_provider_stay_its_own(caplog: pytest.LogCaptureFixture) -> None:
    """A price that fails is unknown, and a closing that fails is told by its type alone."""
    provider = Priced(at_provider())
    asked = desk(provider)
    asked.ask(lambda each: each.job("pj1"), NOW)
    provider.fault = ValueError("a secret")
    with caplog.at_level(logging.WARNING, "qgm_observe"):
        told = asked.price({"device": "ibm_fez"})
        asked.close()

    assert told is None
    assert asked.opened is None
    assert [record.getMessage() for record in caplog.records] == [
        "reconcile ibm: price: ValueError",
        "reconcile ibm: closing: ValueError",
    ]


class Planless(Priced):
    """An account that was configured without its plan."""

    def price(self, _device: str) -> None:  # type: ignore[override]
        return None


@pytest.mark.parametrize(("plan", "is_known"), [("pay-as-you-go", True), (None, False)])
def test_the_plan_of_the_work_prices_its_bill(plan: str | None, is_known: bool) -> None:
    """Where the account's plan was not configured, the one holds that the training was told."""
    asked = desk(Planless(at_provider()))
    asked.ask(lambda each: each.job("pj1"), NOW)
    price = asked.price({"device": "ibm_fez", "plan": plan})

    assert (price is not None) == is_known
    assert price is None or price.per_second
