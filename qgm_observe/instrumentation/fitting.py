"""What a fit belongs to: the run around it, or a run of its own."""

from types import TracebackType
from typing import Any, Self

from qgm_observe.instrumentation import scope
from qgm_observe.lifecycle import Handle, JobHandle, RunHandle, StepHandle, recorder


class FitRun(RunHandle):
    """A fit that is a run of its own, for want of another one or as a part of a sweep."""


class SeenStep(StepHandle):
    """A step that a hook began: its stages are told by hooks.

    Attributes:
        objective: What is minimized in it, where a hook wants to see its values.
        losses: Those values.
    """

    objective: Any = None
    losses: list[float]


class Fit:
    """Around a fit: a run of its own where there is none, or in a sweep one inside the script's.

    Args:
        model: What the run is called where the script, its options or its environment do not say.
        facts: What is noted with the run that the fit belongs to.
    """

    def __init__(self, model: str | None = None, **facts: Any) -> None:
        self.run: RunHandle | None = None
        self._model = model
        self._facts = facts
        self._own: FitRun | None = None

    def __enter__(self) -> Self:
        with recorder().guard("instrumentation"):
            handle = scope.owner()
            if not isinstance(handle, StepHandle | JobHandle):
                self.run = run_of(handle)
                if lacks_run(self.run):
                    made = fit_run(self.run, self._model)
                    self.run = self._own = made.__enter__()
                if self.run is not None:
                    self.run.note(**self._facts)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._own is not None:
            self._own.__exit__(kind, error, trace)


def run_of(handle: Handle | None) -> RunHandle | None:
    """Return the run that a handle is or belongs to."""
    while handle is not None and not isinstance(handle, RunHandle):
        handle = handle.parent
    return handle


def lacks_run(run: RunHandle | None) -> bool:
    """Return whether a fit in this run, or in none, is to be a run of its own."""
    return run is None or (recorder().settings.sweep and not isinstance(run, FitRun))


def fit_run(parent: RunHandle | None, model: str | None) -> FitRun:
    """Return a run for a fit, called as its parent is, or by the model."""
    work = recorder().work if parent is None else parent.work
    named = {"model": model} if model is not None and work.model == "unknown" else None
    return FitRun(recorder(), parent, named)


def hand_on(jobs: list[JobHandle], listing: Any) -> None:
    """Look for jobs no more; whoever wanted to know of them before is told of them as well."""
    scope.look_no_more(listing)
    for job in jobs:
        scope.saw_job(job)
