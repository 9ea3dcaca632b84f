"""Delivery goes on where it stopped, whoever delivers next."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from qgm_observe.journal import Event, Store, open_journal
from qgm_observe.telemetry import delivery
from qgm_observe.telemetry.delivery import LEASE_SECONDS, OTLP, Delivery


@pytest.fixture(params=["sqlite", "jsonl"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    with open_journal(tmp_path / "journal", form=request.param) as journal:
        yield journal


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(delivery, "time", SimpleNamespace(time=lambda: clock.now))
    return clock


class Taker:
    """Takes what is delivered, unless it refuses."""

    def __init__(self, path: Path) -> None:
        self.had: list[str] = []
        self.refuses = False
        self.delivery = Delivery(path, self.take, lambda: None, 1.0)

    def take(self, events: Sequence[Event]) -> bool:
        if not self.refuses:
            self.had += [event.id for event in events]
        return not self.refuses


@pytest.fixture
def takers(journal: Store) -> Iterator[list[Taker]]:
    takers = [Taker(journal.path) for _ in range(3)]
    yield takers
    for taker in takers:
        taker.delivery.close()


def record(journal: Store, id_: str) -> None:
    row = {"verb": "finished", "noun": "job", "at": 1.0, "body": {}}
    journal.append([Event(subject=id_, id=id_, **row)])


def test_the_next_process_goes_on(journal: Store, takers: list[Taker]) -> None:
    """What was there before anybody wanted it is left out, what one had the next has not."""
    record(journal, "before")
    journal.begin(OTLP.name)
    for number, taker in zip("123", takers, strict=True):
        record(journal, number)
        assert taker.delivery.once()
        taker.delivery.close()

        assert taker.had == [number]


def test_what_waited_too_long_is_left_out(journal: Store) -> None:
    """After a long outage no more than the newest rows are replayed, those in their order."""
    taken: list[str] = []

    def take(events: Sequence[Event]) -> bool:
        taken.extend(event.id for event in events)
        return True

    journal.begin(OTLP.name)
    for number in range(10):
        record(journal, str(number))
    late = Delivery(journal.path, take, lambda: None, 1.0, replace(OTLP, replayed=3))

    assert late.once()
    late.close()
    assert taken == ["7", "8", "9"]


def test_what_is_refused_comes_again(journal: Store, takers: list[Taker]) -> None:
    """Rows that were refused are offered again, to the same process or to the next."""
    first, second, _ = takers
    journal.begin(OTLP.name)
    record(journal, "1")
    first.refuses = True

    assert not first.delivery.once()
    assert not first.delivery.once()
    first.delivery.close()
    assert second.delivery.once()
    assert (first.had, second.had) == ([], ["1"])


def test_who_was_replaced_goes_on_behind_the_other(
    journal: Store, takers: list[Taker], clock: SimpleNamespace
) -> None:
    """A process whose lease ran out, and that has it again, does not repeat what the other did."""
    first, second, _ = takers
    journal.begin(OTLP.name)
    for number, taker in enumerate((first, second, first)):
        record(journal, str(number))
        clock.now += LEASE_SECONDS + 1
        for each in (taker, first, second):
            assert each.delivery.once()

    assert (first.had, second.had) == (["0", "2"], ["1"])


def test_a_journal_that_cannot_be_read_now_is_read_later(
    journal: Store, takers: list[Taker], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error of the journal costs a try; the next goes on where the last success was."""
    taker = takers[0]
    journal.begin(OTLP.name)
    record(journal, "1")
    assert taker.delivery.once()
    record(journal, "2")
    with monkeypatch.context() as broken:
        broken.setattr(type(journal), "lease", lambda *_: (_ for _ in ()).throw(delivery.Error()))
        assert not taker.delivery.once()

    assert taker.delivery.once()
    assert taker.had == ["1", "2"]
