"""A recorder on a journal of its own, and clocks that move when told."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from qgm_observe.catalog import ExecutionMode
from qgm_observe.journal import Event, open_journal
from qgm_observe.lifecycle import Device, Recorder, use
from qgm_observe.settings import load_settings

REMOTE = Device("ibm", "ibm_fez", "us-east", ExecutionMode.JOB)
TIMES = {
    "created": "2026-11-23T10:00:00Z",
    "running": "2026-11-23T10:00:01Z",
    "finished": "2026-11-23T10:00:02Z",
}


class ProviderJob:
    """A provider's job that tells all there is."""

    def job_id(self) -> str:
        return "d1abc"

    def metrics(self) -> Any:
        return {"timestamps": TIMES}

    def status(self) -> str:
        return "DONE"

    def result(self) -> dict[str, int]:
        return {"00": 5}


class Clock:
    """A monotonic and a wall clock, nanoseconds, that only move by `tick`."""

    def __init__(self) -> None:
        self.monotonic = 5_000_000_000
        self.epoch = 1_800_000_000_000_000_000

    def now(self) -> int:
        """Monotonic nanoseconds."""
        return self.monotonic

    def wall(self) -> int:
        """Epoch nanoseconds."""
        return self.epoch

    def tick(self, seconds: float) -> None:
        """Let time pass."""
        self.monotonic += round(seconds * 1e9)
        self.epoch += round(seconds * 1e9)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the journal is."""
    return tmp_path / "journal.db"


@pytest.fixture
def clock() -> Clock:
    """A clock that only moves when told."""
    return Clock()


@pytest.fixture
def recorder(path: Path, clock: Clock) -> Iterator[Recorder]:
    """The process's recorder, on the fake clock."""
    made = Recorder(load_settings(journal=path), now=clock.now, wall=clock.wall)
    before = use(made)
    yield made
    made.close()
    use(before)


@pytest.fixture
def rows(path: Path, recorder: Recorder) -> Callable[..., list[Event]]:
    """Reads what the journal holds, after all that was recorded is in it."""

    def read(**filters: object) -> list[Event]:
        assert recorder.flush(5)
        journal = open_journal(path, read_only=True)
        events = list(journal.events(**filters))
        journal.close()
        return events

    return read


@pytest.fixture
def counted(path: Path, clock: Clock) -> Iterator[tuple[Recorder, Counter[str]]]:
    """A recorder as users have it, whose guard swallows, and all that its guard has counted."""
    made = Recorder(load_settings(journal=path, strict=False), now=clock.now, wall=clock.wall)
    counts: Counter[str] = Counter()
    take = made.guard.take

    def remember() -> dict[str, int]:
        taken = take()
        counts.update(taken)
        return taken

    made.guard.take = remember  # type: ignore[method-assign]
    before = use(made)
    yield made, counts
    made.close()
    use(before)
