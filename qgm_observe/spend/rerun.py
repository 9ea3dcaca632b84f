"""What a script is going to submit: what its newest run did."""

from collections.abc import Sequence
from itertools import pairwise
from statistics import median
from typing import Any

from qgm_observe.catalog import ExecutionMode
from qgm_observe.journal import Store
from qgm_observe.providers.ranking import percentile
from qgm_observe.records import Job, Run

_USUAL = 0.05
"""Part of the times between jobs that are left out at each end."""


def told_by_last_run(journal: Store, pipeline: str) -> dict[str, Any] | None:
    """Return the fields of a `Plan` that the newest ended run of a pipeline tells, if there is one.

    Of a run on a simulator neither provider nor device nor mode is told.

    Args:
        journal: Where runs are.
        pipeline: The label; `qgm-observe run` takes the script's name.
    """
    runs = [run for run in journal.records(Run, pipeline=pipeline) if run.outcome is not None]
    for run in sorted(runs, key=lambda each: each.started_at, reverse=True):
        jobs = sorted(journal.records(Job, run=run.id), key=lambda each: each.started_at)
        if jobs:
            return _told(jobs)
    return None


def _told(jobs: Sequence[Job]) -> dict[str, Any]:
    circuits = round(median(job.circuits or 1 for job in jobs))
    found: dict[str, Any] = {"jobs": len(jobs), "circuits": max(circuits, 1)}
    shots = [job.shots for job in jobs if job.shots]
    if shots:
        found["shots"] = max(round(median(shots)) // max(circuits, 1), 1)
    gaps = [
        after.started_at - (before.started_at + before.duration)
        for before, after in pairwise(jobs)
        if before.duration is not None
    ]
    if gaps and median(gaps) < 0:
        found["at_once"] = True
    elif gaps:
        kept = [max(gap, 0.0) for gap in gaps]
        found["between"] = percentile(kept, _USUAL), percentile(kept, 1 - _USUAL)
    last = jobs[-1]
    if last.execution_mode is not ExecutionMode.LOCAL:
        found |= {"provider": last.provider, "device": last.device, "mode": last.execution_mode}
    return found
