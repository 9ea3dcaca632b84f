"""A clock that moves when told, aggregates on it, and events as the recorder writes them."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from qgm_observe.journal.event import Event, OpenWork
from qgm_observe.telemetry.aggregates import Aggregates
from qgm_observe.telemetry.endpoint import Endpoint, serve
from qgm_observe.telemetry.prometheus import Exposition

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


class Clock:
    """Seconds that only move by `tick`."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        """Return the seconds."""
        return self.now

    def tick(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


def labels_of(noun: str) -> dict[str, str]:
    """Give the labels that a noun carries."""
    return WORK | DEVICE if noun in {"job", "session"} else dict(WORK)


@pytest.fixture
def clock() -> Clock:
    """A clock at a time of its own."""
    return Clock()


@pytest.fixture
def aggregates(clock: Clock) -> Aggregates:
    """Aggregates of a process that is scraped every 15 seconds."""
    return Aggregates(source="process", scrape_interval=15.0, clock=clock)


@pytest.fixture
def event() -> Callable[..., Event]:
    """Makes an event of a noun and a verb; further words are its body."""

    def make(noun: str, verb: str = "finished", /, at: float = 0.0, **body: Any) -> Event:
        full = labels_of(noun) | body
        return Event(verb=verb, noun=noun, subject="00aa", at=at, body=full, id=f"00aa/{verb}")

    return make


@pytest.fixture
def open_row() -> Callable[..., OpenWork]:
    """Makes an open row of a noun; further words are its body."""

    def make(noun: str, **body: Any) -> OpenWork:
        return OpenWork(
            subject="00aa",
            noun=noun,
            run=None,
            opened_at=0.0,
            heartbeat=0.0,
            process=("host", "boot", 1, 1),
            body=labels_of(noun) | body,
        )

    return make


@pytest.fixture
def numbers() -> Callable[[Aggregates], dict[str, float]]:
    """Reads what is exposed now: a line without its number, to its number."""

    def read(aggregates: Aggregates) -> dict[str, float]:
        text = aggregates.exposition().text.decode()
        lines = [line.rpartition(" ") for line in text.splitlines() if line[0] != "#"]
        return {series: float(number) for series, _, number in lines}

    return read


@pytest.fixture
def served() -> Iterator[Callable[..., Endpoint]]:
    """Serves expositions on a free port until the test ends."""
    endpoints: list[Endpoint] = []

    def start(source: Callable[[], Exposition]) -> Endpoint:
        endpoints.append(serve(lambda _: source(), port=0))
        return endpoints[-1]

    yield start
    for endpoint in endpoints:
        endpoint.close()
