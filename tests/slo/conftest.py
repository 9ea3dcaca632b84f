"""Work of a fortnight, as a journal records it."""

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from qgm_observe.journal import Event, Journal

DAY = 86400.0
NOW = 1_800_000_000.0
WORK = {
    "project": "chem",
    "pipeline": "nightly",
    "model": "qcbm",
    "model_version": "3",
    "kind": "training",
}
DEVICE = {
    "provider": "ibm",
    "device": "ibm_fez",
    "region": "us-east",
    "execution_mode": "job",
    "shot_class": "1k",
}
_numbers = itertools.count()


def _ended(noun: str, at: float, *, run: str | None = None, **body: object) -> Event:
    """Something that finished."""
    subject = f"{next(_numbers):016x}"
    labels = WORK | (DEVICE if noun == "job" else {})
    if noun == "run":
        run = subject = run or f"{subject:0>32}"
    return Event(
        verb="finished",
        noun=noun,
        subject=subject,
        at=at,
        run=run,
        body={**labels, "outcome": "success", "start": at - 60, "duration": 60.0, **body},
        id=f"{subject}/finished",
    )


@pytest.fixture
def recorded(tmp_path: Path) -> Callable[[list[Event]], Path]:
    """Writes events to a journal that records each at its own time, and returns its path."""

    def write(events: list[Event]) -> Path:
        path = tmp_path / "journal.db"
        moment = NOW
        with Journal.open(path, clock=lambda: moment) as journal:
            for event in sorted(events, key=lambda each: each.at):
                moment = event.at
                journal.append([event])
        return path

    return write


@pytest.fixture
def ended() -> Callable[..., Event]:
    """Makes something that finished: noun, time, and what else is known of it."""
    return _ended
