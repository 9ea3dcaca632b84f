"""What open work will still take of its devices' time, as far as its plan tells.

A job that is submitted needs what is foreseen for it until it ends. A run needs more: of the steps
it said it would take, or of the jobs it had preflight look at, those that are still to come, each
at the mean of those before. A run that told no plan needs an unknown time, which is not 0.
"""

from qgm_observe.spend.foresight import History
from qgm_observe.spend.plan import Plan

Place = tuple[str, str]
"""Provider and device."""


class Need:
    """Device time that a run has asked for so far, and what it has planned.

    Args:
        steps: In all, those before a resume included; `None` where it did not say.
        plan: What it had preflight look at.
    """

    def __init__(self, steps: int | None = None, plan: Plan | None = None) -> None:
        self.planned, self.plan = steps, plan
        self.asked: dict[Place, float] = {}
        self._jobs: dict[Place, int] = {}
        self._completed: dict[Place, float] = {}
        self._steps = 0

    def take(self, place: Place, seconds: float) -> None:
        """Take note of a job that was submitted, with the device time foreseen for it (s)."""
        self.asked[place] = self.asked.get(place, 0.0) + seconds
        self._jobs[place] = self._jobs.get(place, 0) + 1

    def complete(self) -> None:
        """Take note of a completed step."""
        self._steps += 1
        self._completed = dict(self.asked)

    def to_come(self, steps: int, history: History) -> dict[Place, float]:
        """Return the device time (s) of what is planned and not submitted yet, by place.

        Nothing where no plan is known, or where no step has shown yet what one takes.

        Args:
            steps: Completed by now.
            history: By which a planned job is foreseen before the first of them.
        """
        if self.planned is not None and self._steps:
            left = max(self.planned - steps, 0)
            return {
                place: max(left * done / self._steps - (self.asked[place] - done), 0.0)
                for place, done in self._completed.items()
            }
        if self.plan is None:
            return {}
        place = (self.plan.provider, self.plan.device)
        jobs = self._jobs.get(place, 0)
        left = max(self.plan.jobs - jobs, 0)
        return {place: left * (self.asked[place] / jobs if jobs else _job_of(self.plan, history))}


def _job_of(plan: Plan, history: History) -> float:
    """Device time of one planned job; a range counts by its middle."""
    if plan.each is not None:
        return sum(plan.each) / 2
    return history.predict(plan.provider, plan.device, plan.executions).value or 0.0
