"""The rule that works at ten jobs a day: evidence against the objective, window by window.

Each window holds `N` events of which `E` are bad. `a E - k N` is the log-likelihood ratio of
"fails far too often" against "spends its budget as planned"; the largest over the windows is
compared to a threshold that grows with the traffic, so that the rate of false pages does not.
A single failure never pages: `a - k = ln(p1 / b)` is at most ln 5 = 1.61, the threshold at least
2.51.

Source: Wald's sequential probability ratio test over windows, that is a window-limited CUSUM
(Lai, "Sequential changepoint detection in quality control and dynamical systems", 1995); the
threshold's constants were fitted by simulation, see `benchmarks/alert_quality.py`.

What no week tells, the whole window does: its budget is spent when more has failed than was planned
and three standard deviations. That is a ticket; it is a page while more than planned still fails in
the last days, and did before them: an incident of this week is left to the evidence, which ends.
Such a page is kept for three days, so that a leak that lasts does not page anew each few days.
"""

import math
from dataclasses import dataclass
from decimal import Decimal

from qgm_observe.errors import UsageError
from qgm_observe.slo.window import DAY, HOUR, MINUTE

WINDOWS = (30 * MINUTE, HOUR, 2 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 3 * DAY, 7 * DAY)
"""Seconds over which evidence is gathered, ascending."""

TICKET_WINDOWS = (6 * HOUR, DAY, 3 * DAY, 7 * DAY)
TRAFFIC_WINDOW = 28 * DAY
"""Seconds over which events are counted for the threshold."""

RECOVERED = -2.0
"""Evidence of recovery in a shorter window, below which a longer one is not believed."""

TICKET_THRESHOLD = 2.0
FEWEST_EVENTS = 56.0
"""Events in `TRAFFIC_WINDOW` that the threshold takes at least, also for a cold start."""

SPENT, BURNING = 3.0, 1.0
"""Standard deviations above what was planned, in the objective's window and in the last days."""

LAST_DAYS = (3 * DAY, 7 * DAY)
"""Seconds, ascending: where a spent budget has to burn on for a page, and before the longest."""

FEWEST_ERRORS = 5
"""In the objective's window, before its budget is called spent."""

HELD = HOUR
"""Seconds for which an alert is kept when its condition has ended."""

BURNING_HELD = 3 * DAY
"""Seconds for which it is kept when a spent budget burned on: a leak crosses its limits often."""

_PAGE, _RECOVERY, _TICKET = 5.0, 0.25, 2.0


@dataclass(frozen=True, slots=True)
class Weights:
    """What an error adds to the evidence, and what each event takes from it.

    Attributes:
        error: `a` = ln(p1 (1 - b) / (b (1 - p1))).
        event: `k` = ln((1 - b) / (1 - p1)).
    """

    error: float
    event: float

    def of(self, errors: float, events: float) -> float:
        """Return the evidence in counts; arrays give arrays."""
        return self.error * errors - self.event * events


@dataclass(frozen=True, slots=True)
class Score:
    """All constants of an objective's rule.

    Attributes:
        page: Against failing at five times the budget, or half the time if that is less.
        recovery: Against failing a quarter of the time; 8 or 9 clean events clear a page.
        ticket: Against failing at twice the budget.
        budget: Share of events that may be bad.
        design_effect: Events that fail together as one; counts are divided by it.
    """

    page: Weights
    recovery: Weights
    ticket: Weights
    budget: float
    design_effect: float = 1.0

    def threshold(self, events: float) -> float:
        """Return the evidence above which to page, for the events of the traffic window."""
        return 0.5 + 0.5 * math.log(max(events / self.design_effect, FEWEST_EVENTS))

    def allowed(self, events: float, deviations: float) -> float:
        """Return the errors that are planned for events, and so many standard deviations.

        Those of a Poisson count, times the root of the design effect; arrays give arrays.
        """
        planned = self.budget * events
        deviation: float = (self.design_effect * planned) ** 0.5
        return planned + deviations * deviation


def score_of(target: Decimal, design_effect: float = 1.0) -> Score:
    """Return the constants for an objective.

    Args:
        target: Share of good events, in (0.5, 1).
        design_effect: 1 + (m - 1) rho for batches of m events that fail together with
            correlation rho; 1 for independent events.

    Raises:
        UsageError: there is no such rule.
    """
    budget = float(1 - target)
    if not 0 < budget < 0.5:  # noqa: PLR2004  half of all fails: no evidence could tell
        raise UsageError(f"target {target}: a score needs one above 0.5 and below 1")
    if design_effect < 1:
        raise UsageError(f"design_effect {design_effect:g}: write 1 or more")
    failing = min(_PAGE * budget, 0.5)
    return Score(
        page=_weights(budget, failing, design_effect),
        recovery=_weights(budget, max(failing, _RECOVERY), design_effect),
        ticket=_weights(budget, min(_TICKET * budget, (1 + budget) / 2), design_effect),
        budget=budget,
        design_effect=design_effect,
    )


def _weights(budget: float, failing: float, divisor: float) -> Weights:
    odds = failing * (1 - budget) / (budget * (1 - failing))
    return Weights(math.log(odds) / divisor, math.log((1 - budget) / (1 - failing)) / divisor)
