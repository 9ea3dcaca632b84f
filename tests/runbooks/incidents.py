"""Journals of teams that had a bad night, for the tests of triage and of the runbooks."""

from collections.abc import Iterable
from itertools import count
from pathlib import Path
from typing import Any

from qgm_observe.journal import Event, open_journal

HOUR = 3600.0
WORK = {"project": "chem", "pipeline": "nightly", "model": "qcbm", "model_version": "3"}
WORK |= {"kind": "training"}
FEZ = {"provider": "ibm", "device": "ibm_fez", "region": "us-east", "execution_mode": "job"}
AER = {"provider": "local", "device": "aer_simulator", "region": "local", "execution_mode": "local"}
SECRET = "canary-0123456789-token"

_numbers = count(1)


def ran(
    at: float,
    outcome: str = "success",
    *,
    error: tuple[str, str] | None = None,
    place: dict[str, str] = FEZ,
    jobs: int = 2,
    **facts: Any,
) -> list[Event]:
    """A run with its jobs that ended at an instant; the last job brought the run down."""
    number = next(_numbers)
    run = f"{number:032x}"
    found = []
    for n in range(jobs):
        bad = outcome if n == jobs - 1 else "success"
        id_ = f"d1{number:06d}{n}"
        attempt = {"number": 1, "outcome": bad, "provider_job_id": id_}
        if place["execution_mode"] == "local":
            attempt = {"number": 1, "outcome": bad}
        elif bad == "success":
            attempt |= {"cost": "0.50", "currency": "USD", "device_seconds": 2.0}
        body = {"attempts": [attempt], "shots": 1000, "circuits": 1}
        job_at = at - 60.0 * (jobs - n)
        body |= {**place, **facts}
        id_ = f"{number:014x}{n:02x}"
        found.append(_ended("job", id_, run, body, at=job_at, outcome=bad, error=error))
    whole = {"steps": jobs, **facts}
    found.append(_ended("run", run, run, whole, at=at, outcome=outcome, error=error))
    return found


def _ended(
    noun: str,
    subject: str,
    run: str,
    facts: dict[str, Any],
    *,
    at: float,
    outcome: str,
    error: tuple[str, str] | None,
) -> Event:
    body = {**WORK, "start": at - 30.0, "duration": 30.0, "outcome": outcome, **facts}
    if outcome != "success" and error is not None:
        body["error"] = {"class": error[0], "stage": error[1], "type": "TroubleError"}
        body["log"] = ["INFO begins", f"ERROR went wrong, token={SECRET}"]
    return Event(
        verb="finished", noun=noun, subject=subject, at=at, run=run,
        id=f"{subject}/finished", body=body,
    )  # fmt: skip


def calibrated(at: float, name: str, place: dict[str, str] = FEZ) -> Event:
    """A calibration as the sidecar of a provider keeps it."""
    subject = f"{place['provider']}/{place['device']}"
    body = {
        "provider": place["provider"],
        "device": place["device"],
        "account": None,
        "kind": "calibration",
        "observed_at": at + 60,
        "taken_at": at,
        "values": {"calibration_id": name},
        "blob": None,
    }
    return Event(
        verb="reading", noun="device", subject=subject, at=at, id=f"{subject}/{name}", body=body
    )


def broken_compiler(now: float) -> Iterable[Event]:
    """Twenty good runs, then a new Qiskit with which nothing compiles."""
    for hour in range(44, 4, -2):
        yield from ran(now - hour * HOUR, versions={"qiskit": "2.5.1"})
    yield calibrated(now - 12 * HOUR, "cal-0815")
    for hour in (3, 2, 1):
        yield from ran(
            now - hour * HOUR,
            "failure",
            error=("compile", "compile"),
            versions={"qiskit": "2.6.0"},
        )


def healthy(now: float) -> Iterable[Event]:
    """One good run on a simulator."""
    yield from ran(now - HOUR, place=AER)


def failing_device(now: float) -> Iterable[Event]:
    """Twenty good runs, then a device that fails what it executes, after a calibration."""
    for hour in range(44, 4, -2):
        yield from ran(now - hour * HOUR)
    yield calibrated(now - 20 * HOUR, "cal-0815")
    yield calibrated(now - 4 * HOUR, "cal-0816")
    for hour in (3, 2, 1):
        yield from ran(now - hour * HOUR, "failure", error=("execution", "execute"))
        yield from ran(
            now - hour * HOUR + 60,
            "failure",
            error=("execution", "execute"),
            pipeline="serving",
            kind="inference",
        )


def written(path: Path, events: Iterable[Event]) -> Path:
    """A closed journal with these events."""
    with open_journal(path) as journal:
        journal.append(list(events))
    return path
