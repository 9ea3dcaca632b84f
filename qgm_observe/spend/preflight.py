"""Whether planned work should be submitted now: a pure verdict on a plan and an outlook."""

from dataclasses import dataclass

from qgm_observe.errors import BudgetExceeded
from qgm_observe.records import Estimate
from qgm_observe.spend.changes import Change, cheapest
from qgm_observe.spend.checks import Answer, Finding, answer_of, examine, laid_of
from qgm_observe.spend.forecast import Forecast, by_mode, wait_of
from qgm_observe.spend.outlook import Outlook
from qgm_observe.spend.plan import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Preflight:
    """The verdict.

    Attributes:
        forecasts: In job, batch and session mode.
        change: The cheapest one that makes it go, `None` where it goes, or nothing does.
    """

    answer: Answer
    findings: tuple[Finding, ...]
    forecasts: tuple[Forecast, ...]
    wait: Estimate
    quality: Estimate | None
    change: Change | None = None

    @property
    def line(self) -> str:
        """The verdict in one line."""
        said = "; ".join(each.told for each in self.findings if each.answer is self.answer)
        told = f"{self.answer}: {said}" if said else str(self.answer)
        if self.change is None:
            return told
        return f"{told}; it would go with {' and '.join(self.change.steps)}"


def preflight(plan: Plan, outlook: Outlook) -> Preflight:
    """Return whether work should be submitted, and what would make it go.

    Args:
        plan: The work.
        outlook: What is known.
    """
    findings = tuple(examine(plan, outlook))
    answer = answer_of(findings)
    laid = laid_of(plan, outlook)
    wait = wait_of(outlook.status, outlook.waits, outlook.at)
    return Preflight(
        answer=answer,
        findings=findings,
        forecasts=by_mode(plan, outlook.history, wait, outlook.price),
        wait=wait,
        quality=None if laid is None else laid.quality,
        change=cheapest(plan, outlook, findings) if answer is Answer.NO_GO else None,
    )


def require(plan: Plan, outlook: Outlook) -> Preflight:
    """Return the verdict, as a guard.

    Raises:
        BudgetExceeded: it is no-go; nothing was submitted.
    """
    told = preflight(plan, outlook)
    if told.answer is Answer.NO_GO:
        raise BudgetExceeded(f"preflight: {told.line}; nothing was submitted")
    return told
