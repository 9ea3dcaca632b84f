"""The alert on an account whose device time will not do.

What is left is held against what open work is foreseen to need, as far as its plan tells, and
against the pace of the last day, for work that nobody has planned. Work is recorded by provider and
not by account, so it is compared where one account of a provider is watched.

A window that rolls on gives time back as old use leaves it: when, our own bills tell, for they are
the use that we know of. Bills of a journal that is followed anew count from then on, so that time
is told too late rather than too early.
"""

from qgm_observe.alerts.cause import Cause
from qgm_observe.alerts.configuration import Configuration
from qgm_observe.alerts.selectors import Selectors
from qgm_observe.alerts.text import Said, asked_of
from qgm_observe.catalog import Basis, Signal, provider_signals, signals
from qgm_observe.slo.decimals import plain
from qgm_observe.slo.window import DAY, HOUR, MINUTE, shorthand

ACCOUNT = ("provider", "account")
NEEDED = "qgm:device_time_needed:seconds"
BILLED = "qgm:device_time_billed:seconds"
FREE_AT = "qgm:device_time_free:timestamp"
ROLLING = 28 * DAY
"""Length of a window that rolls on (s); source: IBM's plans ("28-day rolling window")."""

_FOR, _AT = (f"{{{{ . | first | value | humanize{kind} }}}}" for kind in ("Duration", "Timestamp"))


def quota(configuration: Configuration, selectors: Selectors) -> Cause:
    """Return the alert."""
    hours = configuration.written.thresholds.quota_hours
    left = selectors.top(ACCOUNT, provider_signals.ACCOUNT_REMAINING)
    used = selectors.at(provider_signals.ACCOUNT_USED)
    reached = selectors.top(ACCOUNT, provider_signals.ACCOUNT_LIMIT_REACHED)
    pace = f"max by (provider, account) ({used} - {used} offset 1d)"
    return Cause(
        alert="QgmQuotaLow",
        expression=(
            f"{left} < on (provider) group_left () {NEEDED}\n"
            f"and on (provider) count by (provider) ({left}) == 1\n"
            f"or {left} < on (provider, account) {plain(hours / 24)} * {pace}\n"
            f"or {reached} == 1"
        ),
        by=ACCOUNT,
        hold=10 * MINUTE,
        said=_said(plain(hours)),
        records={
            NEEDED: _by_provider(selectors, signals.DEVICE_TIME_NEEDED),
            BILLED: _by_provider(selectors, signals.COST_DEVICE_TIME, basis=Basis.BILLED),
            FREE_AT: _free_at(selectors),
        },
    )


def _by_provider(selectors: Selectors, signal: Signal, **labels: str) -> str:
    each = ", ".join(signal.label_names)
    return f"sum by (provider) (max by ({each}) ({selectors.at(signal, **labels)}))"


def _free_at(selectors: Selectors) -> str:
    """When as much of our use has left the window as is lacking; with none lacking, any."""
    window = shorthand(ROLLING)
    left = f"max by (provider) ({selectors.at(provider_signals.ACCOUNT_REMAINING)} @ end())"
    begin = f"(last_over_time({BILLED}[6h] @ end() offset {window}) or {BILLED} @ end() * 0)"
    lacking = f"(clamp_min({NEEDED} @ end() - on (provider) {left}, 0) or on (provider) {left} * 0)"
    start, end = (
        selectors.top(ACCOUNT, signal)
        for signal in (provider_signals.ACCOUNT_PERIOD_START, provider_signals.ACCOUNT_PERIOD_END)
    )
    lengths = f">= {plain(ROLLING - DAY)} <= {plain(ROLLING + DAY)}"
    rolls = f"{end} < time() + {plain(HOUR)} and on (provider, account) ({end} - {start}) {lengths}"
    return (
        f"min_over_time(timestamp({BILLED} > on (provider) ({begin} + on (provider) {lacking}))"
        f"[{window}:1h]) + {plain(ROLLING)}\n"
        f"and on (provider) count by (provider) ({rolls}) == 1"
    )


def _said(hours: str) -> Said:
    names = {
        signal: f"max({signal.prometheus}{{provider=%q,account=%q}})"
        for signal in (
            provider_signals.ACCOUNT_REMAINING,
            provider_signals.ACCOUNT_USED,
            provider_signals.ACCOUNT_PERIOD_END,
        )
    }
    left, used, end = names.values()
    day = f"clamp_min({used} - {used.replace('})', '} offset 1d)')}, 0)"
    twice = (*ACCOUNT, *ACCOUNT)
    need = asked_of(
        f"{NEEDED}{{provider=%q}}",
        ("provider",),
        f"at least {_FOR}",
        "an unknown time: none tells its steps",
    )
    ends = asked_of(f"{end} > time() + 3600", ACCOUNT, f" The period ends at {_AT}.", "")
    frees = asked_of(
        f"{FREE_AT}{{provider=%q}}",
        ("provider",),
        f" The window rolls on: enough of our own use has left it by {_AT}, if nothing else is "
        "submitted.",
        "",
    )
    of_need = (
        f"{asked_of(left, ACCOUNT, _FOR, 'An unknown time')} of device time is left; open runs and "
        f"jobs of this provider are foreseen to need {need}."
    )
    of_pace = (
        f"The last day took {asked_of(day, twice, _FOR, 'an unknown time')}; less than {hours} h "
        f"at that pace, or a limit that is reached, also brings this alert.{ends}{frees}"
    )
    return Said(count=f"{of_need}\n{of_pace}")
