"""What work costs at a price; where a part of it is not known there is no cost, which is not 0."""

from decimal import Decimal
from typing import NamedTuple

from qgm_observe.providers.protocol import Price


class Cost(NamedTuple):
    """An amount of money; `currency` is ISO 4217."""

    amount: Decimal
    currency: str


def cost(
    price: Price | None,
    *,
    tasks: int = 1,
    shots: int | None = None,
    seconds: float | None = None,
    gates_1q: int | None = None,
    gates_2q: int | None = None,
) -> Cost | None:
    """Return what work costs at list price, `None` where a part of it is not known.

    Args:
        price: As `Prices.price` gives it; without one there is no cost.
        tasks: How many provider jobs.
        shots: Of all tasks together.
        seconds: Of device time, all tasks together.
        gates_1q: Applications of one-qubit gates, all shots and tasks together.
        gates_2q: The same of two-qubit gates.
    """
    if price is None:
        return None
    parts = (
        (price.per_task, tasks),
        (price.per_shot, shots),
        (price.per_second, seconds),
        (price.per_gate_1q, gates_1q),
        (price.per_gate_2q, gates_2q),
    )
    charged = [(each, count) for each, count in parts if each is not None]
    if not charged:
        return None
    amount = Decimal(0)
    for each, count in charged:
        if each and count is None:
            return None
        amount += each * Decimal(str(count or 0))
    return Cost(max(amount, (price.minimum or Decimal(0)) * tasks), price.currency)
