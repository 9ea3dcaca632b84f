"""The ten stages of the work, each with its level and its buckets."""

import enum
from dataclasses import dataclass

from qgm_observe.catalog.buckets import between

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0


class Level(enum.StrEnum):
    """What a stage is a part of."""

    RUN = "run"
    STEP = "step"
    JOB = "job"


@dataclass(frozen=True, slots=True)
class Stage:
    """One part of the work.

    Attributes:
        name: The label value.
        level: The noun it belongs to.
        brief: One sentence on what happens in it.
        buckets: Upper bounds of its duration histogram, seconds.
    """

    name: str
    level: Level
    brief: str
    buckets: tuple[float, ...]


PREPARE = Stage(
    "prepare", Level.RUN, "Loads and shapes the data, sets the start.", between(1e-3, HOUR)
)
ENCODE = Stage(
    "encode", Level.STEP, "Maps data and parameters to circuits.", between(1e-4, 10 * MINUTE)
)
COMPILE = Stage(
    "compile", Level.JOB, "From circuit to device instructions.", between(1e-3, 10 * MINUTE)
)
SUBMIT = Stage("submit", Level.JOB, "Hands the work to the provider.", between(1e-4, 10 * MINUTE))
QUEUE = Stage("queue", Level.JOB, "Waits for the device.", between(1e-2, 3 * DAY))
EXECUTE = Stage("execute", Level.JOB, "Runs on the device.", between(1e-3, 6 * HOUR))
DECODE = Stage("decode", Level.JOB, "From measured bits to samples.", between(1e-4, 10 * MINUTE))
EVALUATE = Stage(
    "evaluate", Level.STEP, "Scores the samples against the target.", between(1e-4, HOUR)
)
OPTIMIZE = Stage("optimize", Level.STEP, "Chooses the next parameters.", between(1e-4, 10 * MINUTE))
REGISTER = Stage(
    "register", Level.RUN, "Stores the trained model with its provenance.", between(1e-3, HOUR)
)

STAGES: dict[str, Stage] = {
    stage.name: stage
    for stage in (
        PREPARE,
        ENCODE,
        COMPILE,
        SUBMIT,
        QUEUE,
        EXECUTE,
        DECODE,
        EVALUATE,
        OPTIMIZE,
        REGISTER,
    )
}
"""Every stage by name, in the order of the work."""
