"""Every noun that is data: frozen, validated on construction, standard library only."""

from qgm_observe.records.estimate import (
    VALID_SHOT_RATIO,
    Estimate,
    estimate_rows,
    estimate_text,
)
from qgm_observe.records.process import Process, current_process
from qgm_observe.records.reading import Reading
from qgm_observe.records.verdict import Verdict
from qgm_observe.records.work import (
    LOCAL,
    PROVIDER,
    Attempt,
    Failure,
    Job,
    Record,
    Run,
    Session,
    StageTime,
    Step,
    Work,
)

__all__ = [
    "LOCAL",
    "PROVIDER",
    "VALID_SHOT_RATIO",
    "Attempt",
    "Estimate",
    "Failure",
    "Job",
    "Process",
    "Reading",
    "Record",
    "Run",
    "Session",
    "StageTime",
    "Step",
    "Verdict",
    "Work",
    "current_process",
    "estimate_rows",
    "estimate_text",
]
