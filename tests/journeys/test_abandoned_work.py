"""What a killed script left at its provider is ended by `reconcile --cancel-abandoned`."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from qgm_observe.cli import main
from qgm_observe.journal import open_journal
from qgm_observe.records import Job
from qgm_observe.testing.provider import IBMProvider, VirtualClock

HOUR = 3600.0
SCRIPT = """
import os, signal, sys, warnings
warnings.simplefilter("ignore")
import qgm_observe as qgm
from qiskit import QuantumCircuit
from qiskit_ibm_runtime import Batch, QiskitRuntimeService, SamplerV2, Session

backend = QiskitRuntimeService().backend("ibmq_manila")
circuit = QuantumCircuit(5, 1)
circuit.sx(0)
circuit.measure(0, 0)
with qgm.run(guard=sys.argv[2] or None) as run:
    kind = {"session": Session, "batch": Batch}.get(sys.argv[1])
    opened = None if kind is None else kind(backend)
    session = opened and run.session(backend, mode=sys.argv[1], provider=opened).begin()
    sampler = SamplerV2(mode=opened or backend)
    for index in range(3):
        job = run.job(backend, shots=1_000, session=session).begin()
        job.attempt(sampler.run, [circuit], shots=1_000)
    os.kill(os.getpid(), signal.SIGKILL)
"""
CONFIG = """providers:
- provider: ibm
  account: team
  options: {{api_url: "{url}/api/v1", plan: pay-as-you-go}}
"""


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[IBMProvider]:
    """A provider whose time stands still, so that nothing it takes is ever done."""
    monkeypatch.setenv("USAGE_DATA_OPT_OUT", "True")
    with (
        IBMProvider(["fake_manila"], clock=VirtualClock(time.time())) as made,
        made.environment(),
    ):
        yield made


@pytest.fixture
def kill(tmp_path: Path, provider: IBMProvider) -> Callable[[str, str], None]:
    """Runs the script under a guard until it kills itself with three jobs submitted."""
    script = tmp_path / "train.py"
    script.write_text(SCRIPT)
    (tmp_path / "export.yml").write_text(CONFIG.format(url=provider.url))

    def run(mode: str, guard: str) -> None:
        settings = {"QGM_OBSERVE_JOURNAL": str(tmp_path / "journal.db")}
        settings["QGM_OBSERVE_PLAN"] = "pay-as-you-go"
        done = subprocess.run(
            [sys.executable, str(script), mode, guard],
            env={**os.environ, **provider.env, **settings},
            capture_output=True,
            text=True,
            check=False,
            timeout=110,
        )
        assert done.returncode == -signal.SIGKILL, done.stderr
        assert [job.is_pending for job in provider.jobs.values()] == [True] * 3

    return run


@pytest.fixture
def reconcile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Any]:
    """Runs the command three hours later; returns what it tells a machine, or a person."""
    now = time.time

    def run(*options: str) -> Any:
        config = str(tmp_path / "export.yml")
        with monkeypatch.context() as later:
            later.setattr(time, "time", lambda: now() + 3 * HOUR)
            code = main(["reconcile", str(tmp_path / "journal.db"), "--config", config, *options])
        told, said = capsys.readouterr()
        assert code != 2, said
        return json.loads(told) if "--json" in options else told

    return run


@pytest.mark.slow
def test_jobs_of_a_killed_script_are_told_and_then_cancelled(
    kill: Callable[..., None], reconcile: Callable[..., Any], provider: IBMProvider, tmp_path: Path
) -> None:
    """Three jobs of 2 s by the provider's estimate are first told, then with the flag cancelled."""
    kill("job", "ttl 2 h")
    told = reconcile()
    still = [job.is_pending for job in provider.jobs.values()]
    done = reconcile("--cancel-abandoned")
    with open_journal(tmp_path / "journal.db", read_only=True) as journal:
        records = list(journal.records(Job))
        stopped = list(journal.events(verbs=("guarded",)))

    assert "abandoned    3 jobs, 9.60 USD by estimate still to be spent" in told
    assert still == [True] * 3
    assert "cancelled    3 jobs, 9.60 USD by estimate not spent" in done
    assert [job.state for job in provider.jobs.values()] == ["Cancelled"] * 3
    assert {record.outcome for record in records} == {"cancelled"}
    assert sum(Decimal(event.body["cost"]) for event in stopped) == Decimal("9.60")


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["session", "batch"])
def test_a_session_that_nobody_closes_is_closed(
    mode: str, kill: Callable[..., None], reconcile: Callable[..., Any], provider: IBMProvider
) -> None:
    """The jobs in it are cancelled and the session or batch is closed, so that it ends."""
    kill(mode, "ttl 2 h")
    told = reconcile("--cancel-abandoned", "--json")
    (session,) = provider.sessions.values()

    assert [(each["noun"], each["is_cancelled"]) for each in told["abandoned"]] == [
        *[("job", True)] * 3,
        (mode, True),
    ]
    assert session.state == "closed"
    assert not any(job.is_pending for job in provider.jobs.values())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "cancelled"),
    [(["ttl 4 h"], 0), ([""], 0), (["", "--ttl", "4 h"], 0), (["", "--ttl", "2 h"], 3)],
    ids=["younger", "without a guard", "younger than told", "older than told"],
)
def test_what_may_live_longer_is_left_alone(
    kill: Callable[..., None],
    reconcile: Callable[..., Any],
    provider: IBMProvider,
    how: list[str],
    cancelled: int,
) -> None:
    """Nothing is cancelled before its time, nor without one, unless the command tells one."""
    guard, *options = how
    kill("job", guard)
    told = reconcile("--cancel-abandoned", "--json", *options)

    assert sum(each["is_cancelled"] for each in told["abandoned"]) == cancelled
    assert sum(job.is_pending for job in provider.jobs.values()) == 3 - cancelled
