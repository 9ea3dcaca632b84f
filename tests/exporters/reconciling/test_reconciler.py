"""Tests of the reconciler: later truths complete records, and count nothing a second time."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from qgm_observe.cli import main
from qgm_observe.exporters.journal import JournalExporter
from qgm_observe.exporters.polling.schedule import Budget
from qgm_observe.exporters.reconciling.desk import Desk
from qgm_observe.journal import Journal, open_journal
from qgm_observe.providers.protocol import JobState

from ..journals import NOW, REMOTE, Clock, close_all, fill, finished, jobs_on, samples
from .asking import Desks, FakeProvider, at_provider, lost


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(autouse=True)
def closing() -> Iterator[None]:
    """Closes the journals of a test."""
    yield
    close_all()


def test_a_lost_job_gets_the_end_it_really_had(tmp_path: Path, clock: Clock) -> None:
    """Outcome, times by the provider's clock and the bill are completed; nothing is recounted."""
    journal = fill(tmp_path / "a.db", lost())
    before, _ = journal.snapshot()
    desks = Desks(journal, clock, FakeProvider(at_provider()))

    asked = desks.settle()

    after, _ = journal.snapshot()
    (attempt,) = desks.job.attempts
    assert asked == 1
    assert (desks.job.outcome, desks.job.failure) == ("success", None)
    assert (attempt.queue_seconds, attempt.execute_seconds) == (60.0, 10.0)
    assert (attempt.device_seconds, attempt.outcome) == (7.5, "success")
    assert [(s.stage, s.duration, s.clock) for s in desks.job.stages] == [
        ("submit", 1.0, "local"),
        ("queue", 60.0, "provider"),
        ("execute", 10.0, "provider"),
    ]
    assert after.counters["qgm.jobs"] == before.counters["qgm.jobs"]
    assert after.counters["qgm.exporter.jobs.reconciled"] == {("ibm", "success"): 1}
    assert not desks.docket.due(1e12, early=True)


@pytest.mark.parametrize(
    ("state", "outcome", "error_class"),
    [
        (JobState.FAILED, "failure", "execution"),
        (JobState.CANCELLED, "cancelled", "cancelled"),
        (JobState.RAN_TOO_LONG, "timeout", "run_timeout"),
    ],
)
def test_a_lost_job_may_have_failed(
    state: JobState, outcome: str, error_class: str, tmp_path: Path, clock: Clock
) -> None:
    """A failure at the provider is told with its class, the provider's own where it has one."""
    desks = Desks(fill(tmp_path / "a.db", lost()), clock, FakeProvider(at_provider(state=state)))
    desks.settle()

    assert desks.job.outcome == outcome
    assert desks.job.failure is not None
    assert desks.job.failure.error_class == error_class


def test_a_pending_bill_stays_unknown_until_it_is_settled(tmp_path: Path, clock: Clock) -> None:
    """A job that ended is told at once; its time on the device once the provider settled it."""
    provider = FakeProvider(at_provider(device_seconds=None))
    desks = Desks(fill(tmp_path / "a.db", lost()), clock, provider)
    desks.settle()
    first = desks.job
    again = desks.settle(1.0)
    provider.known["pj1"] = at_provider()
    desks.settle(3 * 86400.0)

    bills = [e for e in desks.journal.events() if e.verb == "billed"]
    assert (first.outcome, first.attempts[0].device_seconds) == ("success", None)
    assert again == 0
    assert desks.job.attempts[0].device_seconds == 7.5
    assert [(e.subject, e.body["device_seconds"]) for e in bills] == [("00000000000000aa.1", 7.5)]
    noted = [e for e in desks.journal.events() if e.verb == "noted"]
    assert len(noted) == 1


def test_a_job_that_succeeded_gets_its_bill(tmp_path: Path, clock: Clock) -> None:
    """A job whose process saw its end keeps that end, and its cost is added as exact text."""
    event = finished(labels=REMOTE, attempts=[{"number": 1, "provider_job_id": "pj1"}])
    bill = at_provider(device_seconds=None, cost=Decimal("1.60"), currency="USD")
    desks = Desks(fill(tmp_path / "a.db", event), clock, FakeProvider(bill))
    desks.settle()

    (attempt,) = desks.job.attempts
    assert (attempt.cost, attempt.currency) == (Decimal("1.60"), "USD")
    assert not [e for e in desks.journal.events() if e.verb == "noted"]


def test_a_submission_whose_id_never_came_back_is_found_by_tag(
    tmp_path: Path, clock: Clock
) -> None:
    """Our tag finds the job, and a request that was sent twice is an attempt of its own."""
    tags = ("qgm-00000000000000aa",)
    provider = FakeProvider(
        at_provider("late", created_at=NOW - 90.0, tags=tags, device_seconds=2.0),
        at_provider("early", created_at=NOW - 95.0, tags=tags),
        at_provider("other", tags=("qgm-else",)),
    )
    desks = Desks(fill(tmp_path / "a.db", lost(provider_job_id=None)), clock, provider)
    desks.settle()

    told = [(a.number, a.provider_job_id, a.device_seconds) for a in desks.job.attempts]
    assert provider.asked == ["qgm-00000000000000aa"]
    assert told == [(1, "early", 7.5), (2, "late", 2.0)]


def test_a_job_that_never_arrived_is_absent_after_an_hour(tmp_path: Path, clock: Clock) -> None:
    """What no account knows stays lost; it is asked for no more once an hour has passed."""
    provider = FakeProvider()
    desks = Desks(fill(tmp_path / "a.db", lost(provider_job_id=None)), clock, provider)
    desks.settle()
    soon = len(desks.docket.due(0, early=True))
    desks.settle(3600.0)

    assert soon == 1
    assert not desks.docket.due(0, early=True)
    assert desks.job.outcome == "lost"


def test_absence_is_not_believed_while_an_account_does_not_answer(
    tmp_path: Path, clock: Clock
) -> None:
    """Two accounts of a provider: one does not know the job, the other cannot be asked."""
    silent = FakeProvider(at_provider())
    silent.error = ConnectionError("refused")
    desks = Desks(fill(tmp_path / "a.db", lost()), clock, FakeProvider(), silent)
    desks.settle(7200.0)
    unknown = desks.job.outcome
    silent.error = None
    desks.settle(86400.0)

    assert unknown == "lost"
    assert desks.job.outcome == "success"


def test_a_provider_in_trouble_is_left_in_peace(tmp_path: Path, clock: Clock) -> None:
    """After three failures in a row nobody asks until the pause is over."""
    provider = FakeProvider(at_provider())
    provider.error = TimeoutError("no answer")
    events = [lost(f"{n:016x}") for n in range(50)]
    desks = Desks(fill(tmp_path / "a.db", *events), clock, provider)
    desks.settle()

    assert len(provider.asked) == 3


def test_calls_keep_to_their_budget(tmp_path: Path, clock: Clock) -> None:
    """An hour of a thousand jobs costs no more calls than an hour may cost."""
    events = [lost(f"{n:016x}") for n in range(1000)]
    provider = FakeProvider(at_provider(state=JobState.QUEUED))
    desks = Desks(fill(tmp_path / "a.db", *events), clock, provider)
    desks.desks[0].budget = Budget(60, clock())
    for _ in range(60):
        desks.settle(60.0)

    assert 50 <= len(provider.asked) <= 60


def test_questions_about_one_job_become_rare(tmp_path: Path, clock: Clock) -> None:
    """A job that waits for days is asked for ever less often, and beyond the age limit never."""
    provider = FakeProvider(at_provider(state=JobState.QUEUED, finished_at=None))
    desks = Desks(fill(tmp_path / "a.db", lost()), clock, provider)
    for _ in range(14 * 24):
        desks.settle(3600.0)
    asked = len(provider.asked)
    desks.settle(86400.0)

    assert 50 <= asked <= 80
    assert len(provider.asked) == asked
    assert not desks.docket.due(0, early=True)


def test_local_and_settled_jobs_are_not_asked_for(tmp_path: Path, clock: Clock) -> None:
    """A local job, one that was never submitted and one whose bill is known need no provider."""
    settled = [{"number": 1, "provider_job_id": "pj1", "device_seconds": 1.0}]
    refused = [{"number": 1, "outcome": "failure", "error": {"class": "validation"}}]
    journal = fill(
        tmp_path / "a.db",
        finished(),
        finished(outcome="lost"),
        finished(labels=REMOTE, outcome="failure"),
        finished(labels=REMOTE, attempts=settled),
        finished(labels=REMOTE, outcome="failure", attempts=refused),
    )
    desks = Desks(journal, clock, FakeProvider())

    assert desks.docket.counts() == {}


def test_one_process_reconciles_a_journal(tmp_path: Path, clock: Clock) -> None:
    """While one holds the lease, another asks nobody."""
    journal = fill(tmp_path / "a.db", lost(), lost("00000000000000bb"))
    first, second = FakeProvider(at_provider()), FakeProvider(at_provider())
    ours = Desks(journal, clock, first)
    with Journal.open(tmp_path / "a.db", clock=clock) as other:
        theirs = Desks(other, clock, second)
        ours.settle()
        asked = theirs.settle(1.0)

    assert asked is None
    assert len(first.asked) == 2
    assert second.asked == []


def test_a_late_word_of_the_process_does_not_hide_the_bill(tmp_path: Path, clock: Clock) -> None:
    """A process that was thought dead and tells its own end later leaves the bill to be found."""
    journal = fill(tmp_path / "a.db", lost())
    desks = Desks(journal, clock, FakeProvider(at_provider()))
    desks.settle()
    said = [{"number": 1, "outcome": "success", "provider_job_id": "pj1"}]
    own = finished(subject="00000000000000aa", labels=REMOTE, attempts=said, shots=100)
    stored = journal.append([own])
    desks.docket.take(stored, clock())
    desks.settle()

    assert [e.verb for e in stored] == ["reconciled"]
    assert desks.job.shots == 100
    assert desks.job.attempts[0].device_seconds == 7.5


def test_what_is_left_to_ask_survives_a_restart(tmp_path: Path, clock: Clock) -> None:
    """An exporter asks on where the one before it stopped, and shows how many are left."""
    fill(tmp_path / "a.db", lost(), finished())
    config = tmp_path / "export.yml"
    config.write_text(f"state: {tmp_path / 'state'}\n")
    desk = Desk("ibm", FakeProvider, Budget(100, clock()))

    def look() -> tuple[list[float], float]:
        exporter = JournalExporter([str(tmp_path / "a.db")], config, clock, [desk])
        exporter.tick()
        exporter._save(clock(), at_once=True)
        exporter.stop(1)
        return (
            [value for _, value in samples(exporter, "qgm_exporter_jobs_unreconciled")],
            jobs_on(exporter),
        )

    assert look() == ([1], 2)
    assert look() == ([1], 2)


CONFIG = """\
providers:
- provider: ibm
  account: team
"""


def test_the_command_completes_records(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`reconcile` asks once, tells what records say now, and exits with 1 while some is open."""
    config = tmp_path / "export.yml"
    config.write_text(CONFIG)
    now = time.time()
    fill(
        tmp_path / "a.db", lost(at=now), lost("00000000000000bb", now, provider_job_id="pj2")
    ).close()
    provider = FakeProvider(at_provider(), at_provider("pj2", device_seconds=None))
    monkeypatch.setattr("qgm_observe.exporters.provider.open_provider", lambda _: provider)

    first = main(["reconcile", str(tmp_path / "a.db"), "--config", str(config), "--json"])
    told = json.loads(capsys.readouterr().out)
    provider.known["pj2"] = at_provider("pj2")
    second = main(["reconcile", str(tmp_path / "a.db"), "--config", str(config)])

    assert (first, second) == (1, 0)
    assert told == {
        "asked": 2,
        "outcomes": {"success": 2},
        "unsettled": {"ibm": 1},
        "abandoned": [],
    }
    assert "records say  1 success" in capsys.readouterr().out


def test_the_command_needs_providers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A configuration without accounts gets one line that says what to write."""
    config = tmp_path / "export.yml"
    config.write_text("follow_seconds: 1\n")

    assert main(["reconcile", str(tmp_path / "a.db"), "--config", str(config)]) == 2
    assert "write the accounts that are to be asked" in capsys.readouterr().err


SUBMIT = """
import os, signal, sys
import qgm_observe as qgm
from qgm_observe.lifecycle.devices import Device
from qgm_observe.catalog import ExecutionMode
qgm.configure(journal=__import__("pathlib").Path(sys.argv[1]))
class Job:
    def job_id(self): return "pj1"
device = Device(provider="ibm", name="ibm_fez", region="eu", mode=ExecutionMode.JOB)
with qgm.run(model="qcbm") as run, run.step(0) as step, step.job(device, shots=100) as job:
    job.attempt(lambda: Job())
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_submission_of_a_killed_process_is_completed(tmp_path: Path, clock: Clock) -> None:
    """SIGKILL between submission and result: the job is reaped as lost, found, and completed."""
    path = tmp_path / "a.db"
    ended = subprocess.run([sys.executable, "-c", SUBMIT, path], check=False, timeout=60)
    with open_journal(path) as journal:
        reaped = [event.noun for event in journal.reap(journal.clock())]
        clock.now = journal.clock()
        desks = Desks(journal, clock, FakeProvider(at_provider()))
        first = desks.job.outcome
        desks.settle()

        assert ended.returncode == -9
        assert "job" in reaped
        assert (first, desks.job.outcome) == ("lost", "success")
        assert desks.job.attempts[0].device_seconds == 7.5
