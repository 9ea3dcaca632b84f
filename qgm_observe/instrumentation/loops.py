"""Optimizers whose loop the script writes itself: each call of one is a step."""

import threading
import weakref
from collections.abc import Callable
from types import TracebackType
from typing import Any

from qgm_observe.instrumentation import scope, stepping
from qgm_observe.instrumentation.fitting import (
    FitRun,
    SeenStep,
    fit_run,
    hand_on,
    lacks_run,
    run_of,
)
from qgm_observe.lifecycle import JobHandle, RunHandle, StepHandle, recorder


class Loop:
    """One step of an optimizer whose loop the script writes itself.

    Args:
        optimizer: The object that is asked for a step; a loop lasts as long as it lives.
    """

    def __init__(self, optimizer: Any) -> None:
        self._optimizer = optimizer
        self._jobs: list[JobHandle] = []
        self._listing: Any = None
        self.step: SeenStep | None = None

    def __enter__(self) -> SeenStep | None:
        """Begin the step; nothing where somebody else tells the steps."""
        with recorder().guard("instrumentation"):
            handle = scope.owner()
            if not stepping.is_going() and not isinstance(handle, StepHandle | JobHandle):
                run = _loop_run(self._optimizer, run_of(handle))
                run.settle()
                made = SeenStep(run.recorder, run, None, run.steps)
                made.turn = _turn(self._optimizer, run)
                if made.turn > 1:
                    made.note(turn=made.turn)
                self.step = made.__enter__()
                self._listing = scope.look_for_jobs(self._jobs)
        return self.step

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.step is None:
            return
        with recorder().guard("instrumentation"):
            hand_on(self._jobs, self._listing)
            ends = [job.ended for job in self._jobs]
            if error is None and ends and all(ends) and "optimize" not in self.step.stamps:
                self.step.stamp("optimize", max(ends), self.step.now())
        self.step.__exit__(kind, error, trace)


class _Loops:
    """The run of the loops of this process that are in no other; it ends with their optimizers."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.run: FitRun | None = None
        self.living: weakref.WeakSet[Any] = weakref.WeakSet()
        self.turns: weakref.WeakKeyDictionary[Any, tuple[str, int]] = weakref.WeakKeyDictionary()


_loops = _Loops()
at_leave: list[Callable[[], None]] = []
"""What else is to be ended by `leave`."""


def leave() -> None:
    """End the run of the loops: nobody will go on with them."""
    for each in at_leave:
        each()
    with _loops.lock:
        run, _loops.run = _loops.run, None
        _loops.living = weakref.WeakSet()
    if run is not None:
        scope.adopt_instead(run, None)
        run.end(at=max(run.last_step_ended, run.started))


def _loop_run(optimizer: Any, run: RunHandle | None) -> RunHandle:
    if run is not None and run is not _loops.run and not lacks_run(run):
        return run
    with _loops.lock:
        if _loops.run is None or _loops.run.recorder is not recorder():
            _loops.run = fit_run(run, None).begin()
            _loops.run.note(optimizer=type(optimizer).__name__)
            scope.adopt_instead(None, _loops.run)
        if optimizer not in _loops.living:
            _loops.living.add(optimizer)
            weakref.finalize(optimizer, _left, _loops.run).atexit = False
        return _loops.run


def _turn(optimizer: Any, run: RunHandle) -> int:
    """Return which of the living optimizers of a run this is, from 1, in the order they came."""
    with _loops.lock:
        if _loops.turns.get(optimizer, ("", 0))[0] != run.id:
            others = (turn for run_id, turn in _loops.turns.values() if run_id == run.id)
            _loops.turns[optimizer] = run.id, max(others, default=0) + 1
        return _loops.turns[optimizer][1]


def _left(run: FitRun) -> None:
    """An optimizer is gone; with the last one its loop is over."""
    if run is _loops.run and next(iter(_loops.living), None) is None:  # its length counts the dead
        with recorder().guard("instrumentation"):
            leave()
