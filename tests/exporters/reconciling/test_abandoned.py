"""What the reconciler does about work that nobody waits for."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from qgm_observe.catalog import ErrorClass, ExecutionMode
from qgm_observe.exporters.journal_config import load_journal_config
from qgm_observe.exporters.reconciling.abandoned import Abandonment
from qgm_observe.exporters.reconciling.reconciler import abandonment_of
from qgm_observe.journal import Event, OpenWork, Store
from qgm_observe.providers.protocol import (
    Capability,
    JobState,
    Price,
    ProviderJob,
    ProviderSession,
)

from ..journals import NOW, REMOTE, Clock, close_all, fill
from .asking import Desks, FakeProvider, at_provider, lost

CANCELS = Abandonment(cancels=True, seconds=60.0)
SESSION = "5" * 16


class OverError(Exception):
    """What a provider says to a cancellation that comes too late."""


class Cancelable(FakeProvider):
    """A provider with prices that cancels, unless it is told to refuse."""

    capabilities = frozenset({Capability.JOBS, Capability.SESSIONS, Capability.PRICE})

    def __init__(self, *jobs: ProviderJob, refuses: Exception | None = None) -> None:
        super().__init__(*jobs)
        self.refuses = refuses
        self.ended: list[str] = []
        self.known_session = ProviderSession(
            provider="ibm", id="ps", mode=ExecutionMode.SESSION, is_open=True, is_accepting=True
        )

    def cancel(self, id_: str) -> None:
        if self.refuses is not None:
            raise self.refuses
        self.ended.append(id_)
        self.known[id_] = replace(
            self.known[id_], state=JobState.CANCELLED, device_seconds=0.0, finished_at=NOW
        )

    def close_session(self, id_: str) -> None:
        self.ended.append(id_)
        self.known_session = replace(self.known_session, is_open=False, usage_seconds=0.0)

    def session(self, id_: str) -> ProviderSession | None:
        return self.known_session

    def price(self, device: str) -> Price | None:
        rate = Decimal("1.60")
        return Price(
            provider="ibm",
            device=device,
            currency="USD",
            per_second=rate,
            source="list",
            as_of="2026-05-25",
        )

    def classify(self, error: BaseException) -> ErrorClass:
        return ErrorClass.OTHER if isinstance(error, OverError) else super().classify(error)


@pytest.fixture(autouse=True)
def closing() -> Iterator[None]:
    """Closes the journals of a test."""
    yield
    close_all()


def waiting(**facts: Any) -> ProviderJob:
    told = {"started_at": None, "finished_at": None, "device_seconds": None}
    return at_provider(state=JobState.QUEUED, estimated_seconds=5.0, **told | facts)


def guarded(journal: Store) -> list[Event]:
    return list(journal.events(verbs=("guarded",)))


def test_a_job_that_is_cancelled_is_complete_and_its_money_is_not_spent(tmp_path: Path) -> None:
    """Its record says cancelled, and 5 s at 1.60 were prevented, once."""
    journal, provider = fill(tmp_path / "a.db", lost()), Cancelable(waiting())
    desks = Desks(journal, Clock(), provider, abandonment=CANCELS)
    desks.settle()
    (event,) = guarded(journal)
    totals, _ = journal.snapshot()

    assert (provider.ended, desks.job.outcome) == (["pj1"], "cancelled")
    assert (event.body["cost"], event.body["currency"]) == ("8", "USD")
    assert event.body["reason"].startswith("cancelled: nobody waits for it")
    assert sum(totals.counters["qgm.cost.prevented"].values()) == 8 * 10**9
    assert not desks.docket.due(1e12, early=True)


@pytest.mark.parametrize(
    ("abandonment", "body", "told"),
    [
        (Abandonment(), {}, 0),
        (Abandonment(), {"ttl_seconds": 60.0}, 1),
        (Abandonment(cancels=True), {}, 0),
        (Abandonment(cancels=True, seconds=60.0), {"ttl_seconds": 600.0}, 0),
    ],
    ids=["no time to live", "told alone", "cancels nothing without one", "its own goes first"],
)
def test_without_being_told_to_nothing_is_cancelled(
    abandonment: Abandonment, body: dict[str, Any], told: int, tmp_path: Path
) -> None:
    """What is not to be cancelled yet is left as it is."""
    event = lost()
    event = replace(event, body={**event.body, **body})
    provider = Cancelable(waiting())
    desks = Desks(fill(tmp_path / "a.db", event), Clock(), provider, abandonment=abandonment)
    desks.settle()

    assert (provider.ended, len(desks.reconciler.abandoned)) == ([], told)
    assert guarded(desks.journal) == []


@pytest.mark.parametrize("refuses", [OverError(), ConnectionError()], ids=["over", "no answer"])
def test_what_was_not_cancelled_is_not_said_to_be(refuses: Exception, tmp_path: Path) -> None:
    """A refusal, as of a job that has just ended, and silence leave its money to be spent."""
    desks = Desks(
        fill(tmp_path / "a.db", lost()),
        Clock(),
        Cancelable(waiting(), refuses=refuses),
        abandonment=CANCELS,
    )
    desks.settle()

    assert [each.is_cancelled for each in desks.reconciler.abandoned] == [False]
    assert guarded(desks.journal) == []


def test_a_provider_that_cannot_cancel_is_only_told_of(tmp_path: Path) -> None:
    """A plug-in need not be able to."""
    desks = Desks(
        fill(tmp_path / "a.db", lost()), Clock(), FakeProvider(waiting()), abandonment=CANCELS
    )
    desks.settle()

    assert [each.is_cancelled for each in desks.reconciler.abandoned] == [False]


@pytest.mark.parametrize("mode", ["session", "batch"])
@pytest.mark.parametrize("has_open_job", [True, False], ids=["in use", "left"])
def test_a_session_is_closed_unless_a_job_is_open_in_it(
    has_open_job: bool, mode: str, tmp_path: Path
) -> None:
    """Another process may go on with the session or batch of one that died, however slowly."""
    body = {**REMOTE, "execution_mode": mode, "start": NOW - 100.0, "outcome": "lost"}
    event = Event(
        verb="finished",
        noun="session",
        subject=SESSION,
        at=NOW,
        body=body | {"provider_session_id": "ps"},
        id=f"{SESSION}/finished",
    )
    journal, provider = fill(tmp_path / "a.db", event), Cancelable()
    work = OpenWork(
        subject="6" * 16,
        noun="job",
        run=None,
        opened_at=NOW - 90.0,
        heartbeat=NOW,
        process=("host", "boot", 1, 1),
        body={**REMOTE, "session": SESSION, "start": NOW - 90.0},
    )
    journal.append([], open_work=[work] if has_open_job else [])
    desks = Desks(journal, Clock(), provider, abandonment=CANCELS)
    desks.settle()

    assert provider.ended == ([] if has_open_job else ["ps"])
    assert [each.noun for each in desks.reconciler.abandoned] == ([] if has_open_job else [mode])


def test_the_exporter_cancels_where_its_configuration_says_so(tmp_path: Path) -> None:
    """Off unless written; the hours are for work whose guards told no time to live."""
    config = tmp_path / "export.yml"
    config.write_text("reconcile: {cancel_abandoned: true, abandoned_after_hours: 2}\n")

    assert abandonment_of(load_journal_config(None)) == Abandonment()
    assert abandonment_of(load_journal_config(config)) == Abandonment(cancels=True, seconds=7200.0)
