"""Work of a fortnight, as a journal records it."""

import itertools
import socket
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from qgm_observe.journal import Event, Journal

from ..waiting import answer_of, until

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


def free_port() -> int:
    """Return a port that nobody listens at."""
    with closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture(scope="session")
def holding(tools, tmp_path_factory):  # type: ignore[no-untyped-def]
    """Starts a Prometheus that holds lines of an exposition with times; gives its address."""

    @contextmanager
    def hold(lines: Iterable[str]) -> Iterator[str]:
        folder = tmp_path_factory.mktemp("prometheus")
        (folder / "series.txt").write_text("\n".join(lines) + "\n")
        (folder / "prometheus.yml").write_text("{}")
        words = ["tsdb", "create-blocks-from", "--max-block-duration=200h", "openmetrics"]
        made = [tools("promtool"), *words, folder / "series.txt", folder / "data"]
        subprocess.run(made, check=True, capture_output=True, timeout=60)
        port = free_port()
        process = subprocess.Popen(
            [
                tools("prometheus"),
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                "--storage.tsdb.retention.time=10y",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            until(lambda: answer_of(f"http://127.0.0.1:{port}/-/ready") is not None)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(10)

    return hold
