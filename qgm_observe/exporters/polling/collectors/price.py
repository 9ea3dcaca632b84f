"""What work on a device costs, where it is charged in the unit of the signal."""

from collections.abc import Iterator

from qgm_observe.catalog import provider_signals as signals
from qgm_observe.exporters.polling.page import Sample
from qgm_observe.providers.protocol import Price


def samples(price: Price | None) -> Iterator[Sample]:
    """Yield a price's parts; a part that is not known gives no sample."""
    if price is None or price.currency != signals.PRICE.unit:
        return
    parts = {
        "task": price.per_task,
        "shot": price.per_shot,
        "second": price.per_second,
        "minimum": price.minimum,
    }
    for part, amount in parts.items():
        value = None if amount is None else float(amount)
        yield Sample(signals.PRICE, (price.provider, price.device, part), value)
