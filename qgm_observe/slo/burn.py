"""Multi-window, multi-burn-rate alerts: the windows of the SRE workbook, factors computed.

A factor is the share of the budget that is spent in the long window, times the period over the
long window. Source: "The Site Reliability Workbook", chapter 5, table 5-8 (there for 30 days:
14.4, 6, 3 and 1; for 28 days they are 13.44, 5.6, 2.8 and 0.933).
"""

from dataclasses import dataclass
from decimal import Decimal

from qgm_observe.slo.window import DAY, HOUR, MINUTE

PAGE, TICKET = "page", "ticket"


@dataclass(frozen=True, slots=True)
class Burn:
    """One pair of windows.

    Attributes:
        severity: `page` or `ticket`.
        factor: Above which multiple of the budgeted error ratio it fires, in both windows.
        long: Seconds.
        short: Seconds; it ends the alert soon after the trouble has ended.
        after: Seconds for which it has to hold before the alert fires.
    """

    severity: str
    factor: Decimal
    long: float
    short: float
    after: float = 0.0


_TABLE = (
    (PAGE, "0.02", HOUR, 5 * MINUTE),
    (PAGE, "0.05", 6 * HOUR, 30 * MINUTE),
    (TICKET, "0.1", DAY, 2 * HOUR),
    (TICKET, "0.1", 3 * DAY, 6 * HOUR),
)


def burns(period: float) -> tuple[Burn, ...]:
    """Return the four pairs of windows for a period in seconds, the most urgent first."""
    return tuple(
        Burn(severity, Decimal(share) * Decimal(period) / Decimal(long), long, short)
        for severity, share, long, short in _TABLE
    )


def windows_of(found: tuple[Burn, ...]) -> tuple[float, ...]:
    """Return all windows that burn rates are recorded over, seconds, ascending."""
    return tuple(sorted({each.long for each in found} | {each.short for each in found}))
