"""A journal with remote work in it, as its process and the reconciler wrote it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from qgm_observe.journal import Event, Store, open_journal

NOW = 1_800_000_000.0
WORK = {"project": "chem", "pipeline": "nightly", "model": "qcbm", "model_version": "1"}
WORK |= {"kind": "training"}
DEVICE = {"provider": "ibm", "device": "ibm_fez", "region": "us-east", "shot_class": "1k"}


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Store]:
    with open_journal(tmp_path / "journal.db") as made:
        yield made


@pytest.fixture
def write(journal: Store) -> Callable[..., Event]:
    """Appends an event of a verb, noun and subject; further words are its body."""

    def one(verb: str, noun: str, subject: str, run: str | None = "r" * 32, **body: Any) -> Event:
        mode = {"execution_mode": body.pop("execution_mode", "job")}
        event = Event(
            verb=verb,
            noun=noun,
            subject=subject,
            run=run,
            at=NOW,
            body=WORK | DEVICE | mode | {"start": NOW, "duration": 1.0} | body,
            id=f"{subject}/{verb}",
        )
        journal.append([event])
        return event

    return one


@pytest.fixture
def job(write: Callable[..., Event]) -> Callable[..., None]:
    """Appends a job with one attempt of 1,000 shots; `cost` settles its bill."""

    def one(subject: str, *, cost: str | None = None, **body: Any) -> None:
        outcome = body.pop("outcome", "success")
        currency = body.pop("currency", "USD")
        attempt = {"number": 1, "outcome": outcome, "provider_job_id": f"p-{subject}"}
        told = {"cost": body.pop("estimated", "3.00"), "currency": currency}
        in_job = {"job": subject, "number": 1}
        write("estimated", "attempt", f"{subject}.1", **in_job, device_seconds=1.0, **told)
        seconds = body.pop("seconds", 2.0)
        if cost is not None or body.get("execution_mode") == "session":
            attempt["device_seconds"] = seconds
        write("finished", "job", subject, shots=1_000, outcome=outcome, attempts=[attempt], **body)
        if cost is not None:
            bill = {"device_seconds": seconds, "cost": cost, "currency": currency}
            write("billed", "attempt", f"{subject}.1", **in_job, **bill)

    return one
