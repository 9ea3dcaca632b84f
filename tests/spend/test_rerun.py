"""What the newest run of a script says of what it will submit next."""

from collections.abc import Callable
from typing import Any

import pytest

from qgm_observe.catalog import ExecutionMode
from qgm_observe.journal import Event, Store
from qgm_observe.spend.rerun import told_by_last_run

NOW = 1_800_000_000.0
RUN, OLDER = "a" * 32, "b" * 32
LOCAL = {"provider": "local", "device": "aer", "execution_mode": "local"}

Ran = Callable[..., None]


@pytest.fixture
def ran(write: Callable[..., Event]) -> Ran:
    """Appends a run that ended, with jobs that begin and last so many seconds after `at`."""

    def one(run: str, *jobs: tuple[float, float], at: float = NOW, **body: Any) -> None:
        for number, (begun, lasted) in enumerate(jobs):
            told = {"shots": 4_000, "circuits": 4, "outcome": "success"} | body
            times = {"start": at + begun, "duration": lasted}
            write("finished", "job", f"{run[:15]}{number}", run, **times, **told)
        write("finished", "run", run, run, start=at, outcome="success")

    return one


def test_nothing_ran(journal: Store, ran: Ran) -> None:
    """Without a run of the pipeline, or with none that had a job, nothing is told."""
    assert told_by_last_run(journal, "nightly") is None

    ran(RUN)
    assert told_by_last_run(journal, "nightly") is None
    assert told_by_last_run(journal, "other") is None


def test_the_newest_run_with_jobs_is_told(journal: Store, ran: Ran) -> None:
    """Its jobs, circuits and shots of each, where it went, and the pauses between its jobs."""
    ran(OLDER, (0.0, 1.0), at=NOW - 900.0, shots=100)
    ran(RUN, (0.0, 2.0), (5.0, 2.0), (12.0, 2.0))
    ran("c" * 32, at=NOW + 900.0)

    assert told_by_last_run(journal, "nightly") == {
        "jobs": 3,
        "circuits": 4,
        "shots": 1_000,
        "between": (3.0, 5.0),
        "provider": "ibm",
        "device": "ibm_fez",
        "mode": ExecutionMode.JOB,
    }


def test_jobs_that_overlap_are_submitted_at_once(journal: Store, ran: Ran) -> None:
    """Where the next job begins before the last one's result, there is no pause to be told."""
    ran(RUN, (0.0, 9.0), (1.0, 9.0), (2.0, 9.0))
    told = told_by_last_run(journal, "nightly")

    assert told is not None
    assert told["at_once"] is True
    assert "between" not in told


def test_a_simulator_says_nothing_of_the_device(journal: Store, ran: Ran) -> None:
    """What ran here tells the amount of work, not where it will go."""
    ran(RUN, (0.0, 1.0), **LOCAL)
    told = told_by_last_run(journal, "nightly")

    assert told == {"jobs": 1, "circuits": 4, "shots": 1_000}


def test_unknown_shots_are_not_made_up(journal: Store, ran: Ran) -> None:
    """A job that tells neither shots nor circuits is one circuit of unknown shots."""
    ran(RUN, (0.0, 1.0), shots=None, circuits=None, **LOCAL)

    assert told_by_last_run(journal, "nightly") == {"jobs": 1, "circuits": 1}
