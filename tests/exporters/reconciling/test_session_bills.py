"""The reconciler bills sessions by their usage, once all their jobs are settled."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from qgm_observe.catalog import ExecutionMode
from qgm_observe.exporters.reconciling.docket import Docket
from qgm_observe.journal import Event, Store
from qgm_observe.providers.protocol import Capability, Price, ProviderJob, ProviderSession
from qgm_observe.records import Session

from ..journals import NOW, REMOTE, Clock, close_all, fill, finished
from .asking import Desks, FakeProvider, NoSuchJobError, at_provider

IN_SESSION = {**REMOTE, "execution_mode": "session"}


class Accounting(FakeProvider):
    """A provider that knows one session and its price."""

    capabilities = frozenset({Capability.JOBS, Capability.SESSIONS, Capability.PRICE})

    def __init__(self, *jobs: ProviderJob, **facts: Any) -> None:
        super().__init__(*jobs)
        told = {"is_open": False, "usage_seconds": 30.0, "closed_at": NOW} | facts
        self.known_session = ProviderSession(
            provider="ibm", id="ps", mode=ExecutionMode.SESSION, is_accepting=False, **told
        )

    def session(self, id_: str) -> ProviderSession | None:
        self.asked.append(id_)
        return self.known_session if id_ == "ps" else None

    def price(self, device: str) -> Price | None:
        return Price(
            provider="ibm",
            device=device,
            currency="USD",
            per_second=Decimal("1.60"),
            source="list",
            as_of="2026-05-25",
        )


class Stranger(Accounting):
    """An account to which the session does not belong."""

    def session(self, id_: str) -> ProviderSession | None:
        raise NoSuchJobError


@pytest.fixture(autouse=True)
def closing() -> Any:
    """Closes the journals of a test."""
    yield
    close_all()


def session(**more: Any) -> Event:
    return Event(
        verb="finished",
        noun="session",
        subject="s" * 16,
        at=NOW,
        body={**IN_SESSION, "start": NOW - 100.0, "outcome": "lost", **more},
        id=f"{'s' * 16}/finished",
    )


def job() -> Event:
    attempts = [{"number": 1, "outcome": "success", "provider_job_id": "pj1"}]
    return finished(labels=IN_SESSION, attempts=attempts, session="s" * 16)


def bills(journal: Store) -> dict[str, Any]:
    return {e.noun: e.body for e in journal.events(verbs=("billed",))}


def test_a_session_is_billed_after_its_jobs(tmp_path: Path) -> None:
    """30 s at 1.60 are 48 USD; the job's 7.5 s are a part of that and 22.5 s were idle."""
    journal = fill(tmp_path / "a.db", job(), session(provider_session_id="ps"))
    desks = Desks(journal, Clock(), Accounting(at_provider()))
    desks.settle()
    told = bills(journal)
    totals, _ = journal.snapshot()

    assert "cost" not in told["attempt"]
    assert told["attempt"]["device_seconds"] == 7.5
    assert (told["session"]["cost"], told["session"]["currency"]) == ("48", "USD")
    assert (told["session"]["device_seconds"], told["session"]["idle_seconds"]) == (30.0, 22.5)
    assert told["session"]["wasted"] == {"idle": "36"}
    assert told["session"]["price"] == "list, 2026-05-25"
    assert sum(totals.counters["qgm.cost"].values()) == 48 * 10**9
    assert sum(totals.counters["qgm.cost.wasted"].values()) == 36 * 10**9
    assert not desks.docket.due(1e12, early=True)


def test_a_session_is_not_billed_before_its_jobs(tmp_path: Path) -> None:
    """While the bill of a job is pending the idle part is unknown, and so is the whole."""
    journal = fill(tmp_path / "a.db", job(), session(provider_session_id="ps"))
    provider = Accounting(at_provider(device_seconds=None))
    desks = Desks(journal, Clock(), provider)
    desks.settle()
    early = bills(journal)
    provider.known["pj1"] = at_provider()
    desks.settle(3600.0)

    assert early == {}
    assert bills(journal)["session"]["cost"] == "48"


@pytest.mark.parametrize("facts", [{"is_open": True}, {"usage_seconds": None}])
def test_an_open_session_has_no_bill(tmp_path: Path, facts: dict[str, Any]) -> None:
    """Usage that still grows, or that nobody tells, is pending."""
    journal = fill(tmp_path / "a.db", session(provider_session_id="ps"))
    desks = Desks(journal, Clock(), Accounting(**facts))
    desks.settle()

    assert bills(journal) == {}
    assert len(desks.docket.due(0, early=True)) == 1


def test_a_session_without_an_id_is_found_by_its_jobs(tmp_path: Path) -> None:
    """The provider's job tells which session it was in."""
    journal = fill(tmp_path / "a.db", job(), session())
    desks = Desks(journal, Clock(), Accounting(at_provider(session="ps")))
    desks.settle()

    assert bills(journal)["session"]["cost"] == "48"


def test_a_batch_is_billed_by_its_jobs(tmp_path: Path) -> None:
    """In batch mode each job has its cost; the batch has a usage and no bill of its own."""
    batch = {"execution_mode": "batch", "provider_session_id": "ps"}
    attempts = [{"number": 1, "outcome": "success", "provider_job_id": "pj1"}]
    one = finished(labels={**REMOTE, "execution_mode": "batch"}, attempts=attempts)
    journal = fill(tmp_path / "a.db", one, session(**batch))
    desks = Desks(journal, Clock(), Accounting(at_provider(), usage_seconds=7.5))
    desks.settle()
    (record,) = journal.records(Session)
    totals, _ = journal.snapshot()

    assert bills(journal)["attempt"]["cost"] == "12"
    assert "session" not in bills(journal)
    assert record.usage_seconds == 7.5
    assert sum(totals.counters["qgm.cost"].values()) == 12 * 10**9
    assert not desks.docket.due(1e12, early=True)


@pytest.mark.parametrize("mode", ["session", "batch"])
def test_a_session_on_this_machine_is_nobodys(tmp_path: Path, mode: str) -> None:
    """No provider is asked for a session or batch of a simulator."""
    event = session(execution_mode=mode, provider="local", device="aer")
    desks = Desks(fill(tmp_path / "a.db", event), Clock(), Accounting())

    assert not desks.docket.due(0, early=True)


def test_an_account_that_does_not_know_a_session_is_not_held_back(tmp_path: Path) -> None:
    """Of two accounts one knows the session; the other's answer is no failure."""
    journal = fill(tmp_path / "a.db", session(provider_session_id="ps"))
    desks = Desks(journal, Clock(), Stranger(), Accounting())
    desks.settle()

    assert bills(journal)["session"]["cost"] == "48"
    assert [desk.breaker.retry_at for desk in desks.desks] == [None, None]


def test_a_docket_remembers_sessions(tmp_path: Path) -> None:
    """What is unsettled outlasts the process, sessions as well; older notes are read too."""
    journal = fill(tmp_path / "a.db", job(), session(provider_session_id="ps"))
    desks = Desks(journal, Clock(), Accounting())
    kept = desks.docket.to_json()
    again, older = Docket(1e9), Docket(1e9)
    again.resume(kept)
    older.resume({key: told[:4] for key, told in kept.items()})

    assert sorted(work.noun for work in again.due(NOW, early=True)) == ["job", "session"]
    assert {work.noun for work in older.due(NOW, early=True)} == {"job"}
