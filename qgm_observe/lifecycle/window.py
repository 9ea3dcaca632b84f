"""The last steps of a run, from which is told what the training is doing.

The training thread only appends; the judgment is made by the writer, at most once a second, every
tenth step and at the end, and only where the training has loaded numpy itself.
"""

import math
import sys
from collections import deque
from collections.abc import Callable, Iterator
from functools import cache, partial
from itertools import pairwise
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, NamedTuple

from qgm_observe.lifecycle.handle import Handle
from qgm_observe.records import Estimate, Verdict

if TYPE_CHECKING:
    from qgm_observe.quality.training import TrainingVerdict

SIZE = 50
"""Steps that are judged together."""

LEAST = 10
"""Steps between two judgments, and the least of which one is made."""

_APART = 1_000_000_000
_DEVIATIONS = NormalDist().inv_cdf(0.975)


class StepFacts(NamedTuple):
    """What a step told of itself; all but the loss may be unknown.

    Attributes:
        turn: Which of the optimizers that take turns the loss is of.
        error: Standard error of the loss, its shot noise.
        floor: The lowest loss that can be had.
        gradient: One number a parameter, or a row of such.
        gradient_error: Standard errors of the gradient.
        parameters: The vector.
    """

    loss: float
    turn: int = 1
    error: float | None = None
    floor: float | None = None
    gradient: Any = None
    gradient_error: Any = None
    parameters: Any = None


class Window:
    """The last steps of one run."""

    def __init__(self) -> None:
        self._steps: deque[StepFacts] = deque(maxlen=SIZE)
        self._unjudged = 0
        self._judged_at: int | None = None

    def take(self, run: Handle, step: StepFacts) -> None:
        """Take a completed step, and have the window judged where it is time."""
        if step.floor is None:
            step = step._replace(floor=run.recorder.settings.loss_floor)
        self._steps.append(step)
        self._unjudged += 1
        now = run.now()
        if self._unjudged >= LEAST and (self._judged_at is None or now - self._judged_at >= _APART):
            self._judged_at = now
            self.judge(run)

    def judge(self, run: Handle) -> None:
        """Have what is in the window judged by the writer, if anything is new."""
        if not self._unjudged or len(self._steps) < LEAST or "numpy" not in sys.modules:
            return
        self._unjudged = 0
        told = cache(partial(_judged, tuple(self._steps)))
        for pick in self._told():
            run.recorder.say(run, partial(_picked, pick, told))

    def _told(self) -> "Iterator[Callable[[TrainingVerdict], Estimate | Verdict]]":
        """What there is to say, which is no more than was told."""
        turns = [step.turn for step in self._steps]
        if sum(turn != before for before, turn in pairwise(turns)) > 1:
            yield _by_turns
            return
        yield from (_verdict, _slope)
        if self._steps[-1].error is not None:
            yield partial(_loss, self._steps[-1])
        if any(step.gradient_error is not None for step in self._steps):
            yield from (_norm2, _snr)
            if all(step.parameters is not None for step in self._steps):
                yield _descent


def _picked(
    pick: "Callable[[TrainingVerdict], Estimate | Verdict]", told: "Callable[[], TrainingVerdict]"
) -> Estimate | Verdict:
    return pick(told())


def _judged(steps: tuple[StepFacts, ...]) -> "TrainingVerdict":
    from qgm_observe.quality.training import training_state

    return training_state([step.loss for step in steps], **dict(_known(steps)))


def _known(steps: tuple[StepFacts, ...]) -> Iterator[tuple[str, Any]]:
    """What all of the window tells beside its losses."""
    errors = [step.error for step in steps if step.error is not None]
    if len(errors) == len(steps):
        yield "loss_standard_error", math.sqrt(sum(e * e for e in errors) / len(errors)) or None
    yield "loss_floor", steps[-1].floor
    told = [s for s in steps if s.gradient is not None and s.gradient_error is not None]
    if told:
        yield "gradients", [step.gradient for step in told]
        yield "gradient_standard_errors", [step.gradient_error for step in told]
    if all(step.parameters is not None for step in steps):
        yield "parameters", [step.parameters for step in steps]


def _verdict(told: "TrainingVerdict") -> Verdict:
    return Verdict(question="training", answer=told.state.value, reason=told.reason)


def _by_turns(_told: object) -> Verdict:
    """Losses that pull against each other, as of a generator and its critic, are no one's state."""
    reason = "optimizers take turns: the loss of one alone does not tell how the training does"
    return Verdict(question="training", answer="insufficient_data", reason=reason)


def _loss(step: StepFacts, _told: "TrainingVerdict") -> Estimate:
    """The newest loss, with the interval of its shot noise."""
    half = _DEVIATIONS * (step.error or 0.0)
    return Estimate(
        name="loss",
        value=step.loss,
        low=step.loss - half,
        high=step.loss + half,
        floor=step.floor,
        method="normal",
    )


def _slope(told: "TrainingVerdict") -> Estimate:
    return told.slope


def _descent(told: "TrainingVerdict") -> Estimate:
    if told.descent is not None:
        return told.descent
    return Estimate(name="loss_descent", reason="needs gradients and parameters of each step")


def _norm2(told: "TrainingVerdict") -> Estimate:
    return told.signal.norm2 if told.signal else _untold("gradient_norm2_debiased")


def _snr(told: "TrainingVerdict") -> Estimate:
    return told.signal.snr if told.signal else _untold("gradient_snr")


def _untold(name: str) -> Estimate:
    return Estimate(name=name, reason="no gradients with their standard errors were given")
