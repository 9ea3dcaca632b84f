"""An objective: an indicator with a target and a window, and all that follows from them."""

from dataclasses import dataclass
from decimal import Decimal

from qgm_observe.errors import UsageError
from qgm_observe.slo.burn import PAGE, Burn, burns
from qgm_observe.slo.indicator import Indicator, Ratio, Spend
from qgm_observe.slo.score import Score, score_of
from qgm_observe.slo.window import DAY, Window

METHODS = ("score", "burnrate", "none")
SEVERITIES = ("page", "ticket")
FEWEST_BUDGET_EVENTS = 5
"""Bad events that a budget holds at least, for its burn to mean anything."""

DEGRADED_REPORT_DAYS = 90
"""Days that a degraded objective is reported over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """What is promised of an indicator.

    Attributes:
        name: Lower case, digits and `-`; the static label `slo` of everything rendered.
        service: What it belongs to, for instance `training` or `inference`.
        brief: One sentence that a user of the service understands.
        metrics: The measures of the requirements that it answers, for instance `M1`.
        indicator: What is judged.
        target: Share of good counts in (0, 1); `None` for money, whose budget is its cap.
        window: Over which it is judged.
        method: `score`, `burnrate`, or `none` for an objective that never alerts by its budget.
        severity: The most urgent alert that it may raise, `page` or `ticket`.
        events_per_day: What is to be expected; alerts are told with their false rate by it.
        design_effect: Events that fail together as one, 1 if they are independent.
        conditions: Own burn rates in place of the workbook's, for `burnrate`.
    """

    name: str
    service: str
    brief: str
    indicator: Indicator
    target: Decimal | None
    window: Window
    metrics: tuple[str, ...] = ()
    method: str = "score"
    severity: str = PAGE
    events_per_day: float | None = None
    design_effect: float = 1.0
    conditions: tuple[Burn, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what promises nothing."""
        if isinstance(self.indicator, Spend) != (self.target is None):
            raise UsageError("money is held against its cap: write cap, and no target")
        if self.target is not None and not 0 < self.target < 1:
            raise UsageError(
                f"target {self.target}: nothing but a share between 0 and 1 leaves a budget"
            )
        for value, known in ((self.method, METHODS), (self.severity, SEVERITIES)):
            if value not in known:
                raise UsageError(f"{value!r}: write one of {', '.join(known)}")
        if self.events_per_day is not None and not self.events_per_day > 0:
            raise UsageError(f"events_per_day {self.events_per_day:g}: write a number above 0")

    @property
    def budget(self) -> Decimal:
        """The share of counts that may be bad; of money 1, all of the cap."""
        return Decimal(1) if self.target is None else 1 - self.target

    @property
    def budget_events(self) -> float | None:
        """How many bad ones the budget of a window holds, at the traffic that was declared."""
        if self.events_per_day is None or self.target is None:
            return None
        return self.events_per_day * self.window.days * float(self.budget)

    @property
    def is_degraded(self) -> bool:
        """Whether the budget is too small to be burnt: a ticket for each failure, and no page."""
        if self.budget_events is None or not isinstance(self.indicator, Ratio):
            return False
        return self.budget_events < FEWEST_BUDGET_EVENTS

    @property
    def reported(self) -> Window:
        """The window that its status is told over: a longer one where its own holds too little."""
        is_long = self.window.days >= DEGRADED_REPORT_DAYS
        return (
            Window(f"{DEGRADED_REPORT_DAYS}d") if self.is_degraded and not is_long else self.window
        )

    @property
    def score(self) -> Score | None:
        """The constants of its rule, `None` if it is not judged by score."""
        if self.method != "score" or self.target is None or self.is_degraded:
            return None
        return score_of(self.target, self.design_effect)

    @property
    def burns(self) -> tuple[Burn, ...]:
        """The burn rates of its rule, none if it is not judged by them."""
        if self.method != "burnrate" or self.target is None or self.is_degraded:
            return ()
        found = self.conditions or burns(self.window.days * DAY)
        return tuple(each for each in found if self.severity == PAGE or each.severity != PAGE)
