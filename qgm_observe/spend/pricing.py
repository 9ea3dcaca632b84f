"""Which price holds for an account's work, and what work costs at it."""

import os
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from qgm_observe.catalog import Outcome, Waste
from qgm_observe.errors import UsageError
from qgm_observe.providers.cost import Cost
from qgm_observe.providers.prices import Prices, prices
from qgm_observe.providers.protocol import Price
from qgm_observe.records import Attempt

_CENTS = Decimal("0.000001")


class Tariff:
    """The prices that an account pays.

    Args:
        book: Dated list prices.
        plan: Of the account, where a provider has several, such as `pay-as-you-go`.

    Raises:
        UsageError: no provider has such a plan.
    """

    def __init__(self, book: Prices, plan: str | None = None) -> None:
        known = sorted({name for provider in book.providers() for name in book.plans(provider)})
        if plan is not None and plan not in known:
            raise UsageError(f"plan {plan!r}: write one of {', '.join(known)}")
        self.plan = plan
        self._book = book
        self._known: dict[tuple[str, str], Price | None] = {}

    def price(self, provider: str, device: str) -> Price | None:
        """Return the price of a device, `None` where it is not known."""
        key = provider, device
        if key not in self._known:
            plan = self.plan if self.plan in self._book.plans(provider) else None
            self._known[key] = self._book.price(provider, device, plan)
        return self._known[key]


def tariff(
    plan: str | None = None, file: Path | None = None, environ: Mapping[str, str] = os.environ
) -> Tariff:
    """Return the prices of the shipped file and of the user's own, for a plan.

    Raises:
        UsageError: the file cannot be read, or no provider has such a plan.
        MissingExtra: the packages that read such files are not installed.
    """
    return Tariff(prices(file, environ), plan)


def as_text(amount: Decimal) -> str:
    """Return an amount as the journal keeps it: exact, to a millionth of its currency."""
    return f"{amount.quantize(_CENTS).normalize():f}"


def told_cost(body: Mapping[str, Any]) -> Cost | None:
    """Return the cost in the body of an event, `None` where it has none."""
    amount, currency = body.get("cost"), body.get("currency")
    return None if amount is None or not currency else Cost(Decimal(str(amount)), str(currency))


_WASTED = {
    Outcome.FAILURE: Waste.FAILED,
    Outcome.TIMEOUT: Waste.FAILED,
    Outcome.LOST: Waste.FAILED,
    Outcome.CANCELLED: Waste.CANCELLED,
    Outcome.GUARDED: Waste.CANCELLED,
}


def waste_of(outcome: Outcome | str | None, *, is_last: bool = True) -> Waste | None:
    """Return why an attempt brought nothing, `None` if it was of use.

    Args:
        outcome: Of the attempt.
        is_last: Whether no later attempt repeated it.
    """
    if outcome is None:
        return None
    return _WASTED.get(Outcome(outcome), None if is_last else Waste.REPEATED)


def waste_of_attempt(attempt: Attempt, attempts: tuple[Attempt, ...]) -> Waste | None:
    """Return why an attempt of a job brought nothing, `None` if it was of use."""
    return waste_of(attempt.outcome, is_last=attempt.number == max(a.number for a in attempts))
