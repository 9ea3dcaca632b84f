"""What is shown of prices."""

from decimal import Decimal

from qgm_observe.catalog import provider_signals as signals
from qgm_observe.exporters.polling.collectors.price import samples
from qgm_observe.providers.protocol import Price


def told(currency="USD", **parts):
    price = Price(
        provider="braket",
        device="ankaa",
        currency=currency,
        source="s",
        as_of="2026-01-01",
        **parts,
    )
    return {each.labels[2]: each.value for each in samples(price) if each.value is not None}


def test_only_parts_that_are_charged_are_shown():
    """A price of 0.30 a task and 0.0009 a shot has these two samples."""
    shown = told(per_task=Decimal("0.30"), per_shot=Decimal("0.0009"))

    assert shown == {"task": 0.3, "shot": 0.0009}


def test_another_currency_is_not_shown_as_dollars():
    """A price in euros gives no sample of a signal in dollars."""
    assert signals.PRICE.unit == "USD"
    assert told(currency="EUR", per_task=Decimal(1)) == {}


def test_no_price_is_no_sample():
    """A provider without a price gives nothing."""
    assert list(samples(None)) == []
