"""Journals of a model that two versions serve."""

import random
from pathlib import Path
from typing import Any

from qgm_observe.journal import Event, open_journal

BEGIN = 1_750_000_000.0
DAY = 86400.0


def job(number: int, at: float, version: str, *, good: bool = True, **told: Any) -> Event:
    """A remote job outside any run that waited 100 s in a queue."""
    body: dict[str, Any] = {
        "project": "default",
        "pipeline": "p",
        "model": "qcbm",
        "model_version": version,
        "kind": "inference",
        "provider": "ibm",
        "device": "ibm_fez",
        "region": "us",
        "execution_mode": "job",
        "shot_class": "1k",
        "start": at,
        "duration": 103.0,
        "outcome": "success" if good else "failure",
        "shots": 1000,
        "circuits": 1,
        "stages": [["queue", 0.0, 100.0, "provider"], ["execute", 100.0, 3.0, "provider"]],
        **told,
    }
    subject = f"{number:016x}"
    end = at + body["duration"]
    return Event(
        verb="finished", noun="job", subject=subject, at=end, body=body, id=f"{subject}/finished"
    )


def estimate(of: Event, value: float, name: str = "valid_shot_ratio", **told: Any) -> Event:
    """A score of a job."""
    body = {"model": "qcbm", "name": name, "value": value, "level": 0.95, **told}
    return Event(
        verb="estimate", noun="job", subject=of.subject, at=of.at, body=body, run=of.run,
        id=f"{of.subject}/{name}/{told}",
    )  # fmt: skip


def canary(
    path: Path,
    *,
    days: int = 6,
    a_day: tuple[int, int] = (90, 30),
    failures: tuple[float, float] = (0.05, 0.05),
    scores: tuple[float, float] = (0.8, 0.8),
    seconds: tuple[float, float] = (3.0, 3.0),
    device_seconds: tuple[float, float] = (2.0, 2.0),
    seed: int = 1,
) -> Path:
    """Write a journal in which version 4 has a part of the traffic of version 3 since `BEGIN`."""
    chance = random.Random(seed)
    rows: list[Event] = []
    for day in range(days):
        for arm, count in enumerate(a_day):
            for place in range(count):
                number = len(rows) + 1
                at = BEGIN + DAY * (day + place / count * 0.9)
                good = chance.random() >= failures[arm]
                spent = device_seconds[arm] * chance.uniform(0.9, 1.1)
                attempt = {"number": 1, "provider_job_id": f"p{number}", "device_seconds": spent}
                attempt["outcome"] = "success" if good else "failure"
                lasted = 100.0 + seconds[arm] * chance.lognormvariate(0, 0.2)
                made = job(number, at, str(3 + arm), good=good, duration=lasted, attempts=[attempt])
                rows.append(made)
                if good:
                    rows.append(estimate(made, min(1.0, chance.gauss(scores[arm], 0.03))))
    with open_journal(path) as journal:
        journal.append(rows)
    return path
