"""What an account has used of what it may, and when its credentials end."""

from collections.abc import Iterator

from qgm_observe.catalog import provider_signals as signals
from qgm_observe.exporters.polling.page import Sample
from qgm_observe.providers.protocol import AccountUsage


def samples(usage: AccountUsage | None) -> Iterator[Sample]:
    """Yield an account's samples; amounts only where they are seconds of device time."""
    if usage is None:
        return
    account = (usage.provider, usage.account)
    if usage.unit == "s":
        yield Sample(signals.ACCOUNT_USED, account, usage.used)
        yield Sample(signals.ACCOUNT_LIMIT, account, usage.limit)
        yield Sample(signals.ACCOUNT_REMAINING, account, usage.remaining)
    yield Sample(signals.ACCOUNT_PERIOD_START, account, usage.period_starts_at)
    yield Sample(signals.ACCOUNT_PERIOD_END, account, usage.period_ends_at)
    if usage.is_limit_reached is not None:
        yield Sample(signals.ACCOUNT_LIMIT_REACHED, account, float(usage.is_limit_reached))
