"""Preflight as a guard: a no-go stops a run before it begins, what cannot be told goes."""

import time

import pytest

import qgm_observe as qgm
from qgm_observe.errors import BudgetExceeded, UsageError
from qgm_observe.journal import open_journal
from qgm_observe.lifecycle.recorder import recorder, use
from qgm_observe.providers import registry
from qgm_observe.testing.provider import IBMProvider, VirtualClock


@pytest.fixture
def server(monkeypatch, tmp_path):
    """IBM's interface on loopback, opened as the provider `ibm`; a journal of its own."""
    opened = registry.open_provider
    provider = IBMProvider(["fake_manila"], clock=VirtualClock(time.time()))
    with provider as made, made.environment():
        url = f"{made.url}/api/v1"
        monkeypatch.setattr(registry, "open_provider", lambda kind, **_: opened(kind, api_url=url))
        before = use(None)
        qgm.configure(journal=tmp_path / "journal.db")
        yield made
        recorder().close()
        use(before)


def runs(tmp_path) -> int:
    qgm.flush()
    with open_journal(tmp_path / "journal.db", read_only=True) as journal:
        return sum(1 for _ in journal.events(nouns=("run",), verbs=("finished",)))


def test_a_go_lets_the_run_begin(server, tmp_path):
    """With quota left the run takes place, and nothing was submitted to find out."""
    with qgm.run(model="m", preflight="ibmq_manila, 2 jobs, 2-3 s each"):
        pass

    assert runs(tmp_path) == 1
    assert server.requests.count("POST", "/jobs") == 0


def test_a_no_go_stops_it(server, tmp_path):
    """What is beyond the quota raises before the run is there, with what would go."""
    server.account.limit(10.0)
    with pytest.raises(BudgetExceeded, match=r"of 10 s of the quota left; it would go with 3 jobs"):
        qgm.run(model="m", preflight="ibmq_manila, 5 jobs, 2.5-3 s each")

    assert runs(tmp_path) == 0


def test_what_cannot_be_told_goes_and_is_logged(server, tmp_path, caplog):
    """A provider that does not answer holds nobody back; one line says so."""
    server.faults.add("GET", "/instances/usage", status=403)
    with qgm.run(model="m", preflight="ibmq_manila, 2 jobs, 2-3 s each"):
        pass

    assert runs(tmp_path) == 1
    assert "preflight: cannot tell: ibm does not tell" in caplog.text


def test_a_plan_that_cannot_be_read(server):
    """Bad input is refused in one line, as any argument is."""
    with pytest.raises(UsageError, match="name a device"):
        qgm.run(model="m", preflight="200 jobs")
