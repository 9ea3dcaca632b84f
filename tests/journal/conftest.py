"""What the journal's tests share: a clock that stands still and events that look like ours."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from qgm_observe.journal import Event, Journal, OpenWork
from qgm_observe.records import current_process

HERE = current_process()
ALIVE = (HERE.host, HERE.boot, HERE.pid, HERE.started)
GONE = (HERE.host, HERE.boot, HERE.pid, HERE.started + 1)
ELSEWHERE = ("another-host", "another-boot", 1, 1)

_numbers = count(1)


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def journal(tmp_path: Path, clock: Clock) -> Iterator[Journal]:
    with Journal.open(tmp_path / "journal.db", clock=clock) as journal:
        yield journal


class Make:
    """Builds events and open work."""

    alive, gone, elsewhere = ALIVE, GONE, ELSEWHERE

    @staticmethod
    def finished(
        noun: str = "job",
        subject: str | None = None,
        *,
        at: float = 500.0,
        run: str | None = None,
        **body: Any,
    ) -> Event:
        subject = subject or f"{next(_numbers):016x}"
        facts = {"model": "qcbm", "device": "aer", "duration": 2.0, "outcome": "success"}
        return Event(
            verb="finished",
            noun=noun,
            subject=subject,
            at=at,
            run=run,
            id=f"{subject}/finished",
            body={"start": at - 2.0, **facts, **body},
        )

    @staticmethod
    def event(verb: str, noun: str, subject: str, *, at: float = 400.0, **rest: Any) -> Event:
        run = rest.pop("run", None)
        id_ = f"{subject}/{verb}/{next(_numbers)}"
        return Event(verb=verb, noun=noun, subject=subject, at=at, run=run, id=id_, body=rest)

    @staticmethod
    def open_work(
        subject: str,
        noun: str = "job",
        *,
        run: str | None = None,
        process: tuple[str, str, int, int] = ALIVE,
        heartbeat: float = 410.0,
        **body: Any,
    ) -> OpenWork:
        return OpenWork(
            subject=subject,
            noun=noun,
            run=run,
            opened_at=400.0,
            heartbeat=heartbeat,
            process=process,
            body=body,
        )


@pytest.fixture(scope="session")
def make() -> type[Make]:
    return Make


@pytest.fixture(scope="session")
def start() -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Starts Python code in processes of their own, and ends those that are left."""
    started: list[subprocess.Popen[str]] = []

    def start(code: str, *arguments: object) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-c", code, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()
