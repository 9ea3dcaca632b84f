"""Situations as tests make them up: facts as the exporter's API tells them, and levels."""

from collections.abc import Iterable
from itertools import count
from typing import Any

from qgm_observe.catalog import Signal
from qgm_observe.runbooks.roots import Root, roots_of
from qgm_observe.runbooks.situation import Situation
from qgm_observe.telemetry.conformity import Sample

NOW = 1_800_000_000.0
HOUR, DAY = 3600.0, 86400.0
FEZ, KYIV, IQM = ("ibm", "ibm_fez"), ("ibm", "ibm_kyiv"), ("braket", "iqm_garnet")
AER = ("local", "aer_simulator")

_numbers = count(1)


def a_job(
    hours_ago: float,
    outcome: str = "success",
    error: str | None = None,
    stage: str = "execute",
    *,
    place: tuple[str, str] = FEZ,
    pipeline: str = "nightly",
    **facts: Any,
) -> dict[str, Any]:
    """A job outside any run that ended so many hours ago."""
    number = next(_numbers)
    provider, device = place
    local = place == AER
    failed = {"error_class": error, "error_stage": stage, "error_type": "TroubleError"}
    return {
        "noun": "job",
        "id": f"{number:016x}",
        "run": None,
        "started_at": NOW - hours_ago * HOUR - 60.0,
        "duration": 60.0,
        "outcome": outcome,
        "pipeline": pipeline,
        "kind": "training",
        "model": "qcbm",
        "model_version": "3",
        "provider": provider,
        "device": device,
        "execution_mode": "local" if local else "job",
        "attempts": [{"number": 1, "provider_job_id": None if local else f"d{number}"}],
        **(failed if outcome == "failure" else {}),
        **facts,
    }


def good_days(count_: int = 20, **facts: Any) -> list[dict[str, Any]]:
    """Good jobs, one an hour, the newest five hours ago."""
    return [a_job(5.0 + n, **facts) for n in range(count_)]


def failures(error: str, stage: str = "execute", number: int = 3, **facts: Any) -> list[Any]:
    """Failed jobs of the last hours, one an hour."""
    return [a_job(float(n + 1), "failure", error, stage, **facts) for n in range(number)]


def roots(*jobs: Iterable[dict[str, Any]]) -> list[Root]:
    return roots_of([], [job for each in jobs for job in each])


def level(signal: Signal, value: float, **labels: str) -> Sample:
    return Sample(signal.prometheus, labels, value)


def situation(*jobs: Iterable[dict[str, Any]], **known: Any) -> Situation:
    known = {"alert": "QgmSloBurnPage"} | known
    return Situation(now=NOW, roots=roots(*jobs), **known)
