"""Which label sets are published together, at 0, as soon as one of them is heard of.

A counter that is born at its first failure loses that failure: Prometheus sees no increase. So a
run, job or session that is opened, or finishes first, brings all of its outcomes and stages along.
"""

from collections.abc import Iterable, Iterator

from qgm_observe.catalog import STAGES, Level, Outcome, Signal, signals
from qgm_observe.catalog import labels as by
from qgm_observe.journal.measure import NO_DEVICE, Labels

_ALONE: tuple[Labels, ...] = ((),)
_OUTCOMES: tuple[Labels, ...] = tuple((outcome.value,) for outcome in Outcome)
_JOB_STAGES: tuple[Labels, ...] = tuple((name,) for name in STAGES)
_OTHER_STAGES: tuple[Labels, ...] = tuple(
    (*NO_DEVICE, stage.name) for stage in STAGES.values() if stage.level is not Level.JOB
)

BUNDLES: dict[str, dict[str, tuple[Labels, ...]]] = {
    "run": {
        signals.RUNS.name: _OUTCOMES,
        signals.RUN_DURATION.name: _ALONE,
        signals.RUN_RESTART_DURATION.name: _ALONE,
        signals.RUN_CPU_TIME.name: _ALONE,
        signals.RUN_CHILDREN_CPU_TIME.name: _ALONE,
        signals.RUN_READ.name: _ALONE,
        signals.RUN_WRITTEN.name: _ALONE,
        signals.RUN_READS.name: _ALONE,
        signals.RUN_WRITES.name: _ALONE,
        signals.RUNS_IN_FLIGHT.name: _ALONE,
        signals.RUNS_STALLED.name: _ALONE,
        signals.STEPS.name: _OUTCOMES,
        signals.STEP_DURATION.name: _ALONE,
        signals.JOB_STAGE_DURATION.name: _OTHER_STAGES,
    },
    "root": {signals.ROOTS.name: _OUTCOMES},
    "job": {
        signals.JOBS.name: _OUTCOMES,
        signals.JOB_DURATION.name: _ALONE,
        signals.JOB_STAGE_DURATION.name: _JOB_STAGES,
        signals.JOB_ATTEMPTS.name: _OUTCOMES,
        signals.JOB_SHOTS.name: _ALONE,
        signals.JOB_CIRCUITS.name: _ALONE,
        signals.JOBS_IN_FLIGHT.name: _ALONE,
    },
    "session": {
        signals.SESSIONS.name: _OUTCOMES,
        signals.SESSION_USAGE.name: _ALONE,
    },
}
"""Noun to signal to the label values that follow those of the noun itself."""

NOUNS = {"run": "run", "step": "run", "job": "job", "session": "session"}
"""What is opened or finished, and the bundle that it publishes."""

_ANCHORS = {
    "run": signals.RUNS,
    "root": signals.ROOTS,
    "job": signals.JOBS,
    "session": signals.SESSIONS,
}


def bundle_of(signal: Signal, labels: Labels) -> tuple[str, Labels] | None:
    """Return the noun and the labels of the bundle that a label set belongs to, if to any."""
    name = signal.name
    if name == signals.ROOTS.name:
        return "root", labels[: len(by.WORK)]
    if name.startswith(("qgm.run", "qgm.step")):
        return "run", labels[: len(by.WORK)]
    if name == signals.JOB_STAGE_DURATION.name and labels[len(by.WORK) : len(by.JOB)] == NO_DEVICE:
        return "run", labels[: len(by.WORK)]
    for noun in ("job", "session"):
        if name.startswith(f"qgm.{noun}"):
            return noun, labels[: len(by.JOB)]
    return None


def anchor(noun: str, labels: Labels) -> tuple[Signal, Labels]:
    """Return the label set whose being published tells that the whole bundle is."""
    return _ANCHORS[noun], (*labels, Outcome.SUCCESS.value)


def bundle(noun: str, labels: Labels) -> Iterator[tuple[str, Iterable[Labels]]]:
    """Yield each signal of a bundle with its label sets."""
    for name, endings in BUNDLES[noun].items():
        yield name, [labels + ending for ending in endings]
