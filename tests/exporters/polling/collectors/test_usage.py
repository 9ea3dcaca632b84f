"""What is shown of an account's usage."""

from qgm_observe.catalog import provider_signals as signals
from qgm_observe.exporters.polling.collectors.usage import samples
from qgm_observe.providers.protocol import AccountUsage


def told(**known):
    usage = AccountUsage(provider="ibm", account="team", observed_at=0.0, **known)
    return {each.signal: each.value for each in samples(usage) if each.value is not None}


def test_seconds_of_device_time_are_shown_and_what_is_unknown_is_not():
    """Used and limit are there, the remaining time that nobody told is not."""
    assert told(used=60.0, limit=600.0, is_limit_reached=False) == {
        signals.ACCOUNT_USED: 60.0,
        signals.ACCOUNT_LIMIT: 600.0,
        signals.ACCOUNT_LIMIT_REACHED: 0.0,
    }


def test_another_unit_is_not_shown_as_seconds():
    """Credits are no seconds; that the limit is reached is said all the same."""
    assert told(used=60.0, unit="credits", is_limit_reached=True) == {
        signals.ACCOUNT_LIMIT_REACHED: 1.0
    }


def test_the_period_is_shown_where_it_is_told():
    """Begin and end are instants; a provider that tells one of them gives one sample."""
    assert told(period_starts_at=5.0, period_ends_at=9.0) == {
        signals.ACCOUNT_PERIOD_START: 5.0,
        signals.ACCOUNT_PERIOD_END: 9.0,
    }
    assert told(period_ends_at=9.0) == {signals.ACCOUNT_PERIOD_END: 9.0}


def test_no_usage_is_no_sample():
    """A provider that tells nothing gives nothing."""
    assert list(samples(None)) == []
