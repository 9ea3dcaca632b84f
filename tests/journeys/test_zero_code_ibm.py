"""Scripts for IBM's client that know nothing of us, against a provider over HTTP."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from qgm_observe.journal import Event, open_journal
from qgm_observe.records import Job
from qgm_observe.testing.provider import IBMProvider

COMMAND = str(Path(sys.executable).with_name("qgm-observe"))

CIRCUIT = """
import sys, warnings
from math import pi
warnings.simplefilter("ignore")
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit_ibm_runtime import Batch, QiskitRuntimeService, SamplerV2, Session
from qiskit_ibm_runtime.executor_sampler import Sampler

counts = ClassicalRegister(2, "meas")
bell = QuantumCircuit(QuantumRegister(5), counts)
bell.rz(pi / 2, 0)
bell.sx(0)
bell.rz(pi / 2, 0)
bell.cx(0, 1)
bell.measure([0, 1], counts)
backend = QiskitRuntimeService().backend("ibmq_manila")
"""

MODES = """
for mode in (Session, Batch):
    with mode(backend=backend) as opened:
        jobs = [kind(mode=opened).run([bell], shots=100) for kind in (SamplerV2, Sampler)]
        for job in jobs:
            print(sorted(job.result()[0].data.meas.get_counts().items()))
"""

DIES = """
import os, signal
job = SamplerV2(mode=backend).run([bell], shots=64)
print(job.job_id(), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""

DIES_WITH_THE_ANSWER = """
import os, signal
from qiskit_ibm_runtime.api.rest.runtime import Runtime
own = Runtime.program_run
def program_run(*args, **kwargs):
    own(*args, **kwargs)
    os.kill(os.getpid(), signal.SIGKILL)
Runtime.program_run = program_run
SamplerV2(mode=backend).run([bell], shots=64)
"""

NOT_WAITED_FOR = """
print(SamplerV2(mode=backend).run([bell], shots=64).job_id())
"""

CONFIG = """
providers:
- provider: ibm
  account: team
  options: {api_url: "URL/api/v1"}
"""


@pytest.fixture
def provider() -> Iterator[IBMProvider]:
    """A provider with one small device; each request lets five seconds pass."""
    with IBMProvider(["fake_manila"], seed=7) as made:
        yield made


@pytest.fixture
def call(
    tmp_path: Path, provider: IBMProvider
) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Runs a script in an empty folder, where the client finds the provider."""
    environment = {
        **os.environ,
        **provider.env,
        "USAGE_DATA_OPT_OUT": "True",
        "HOME": str(tmp_path),
    }

    def run(*words: str, script: str = "") -> "subprocess.CompletedProcess[str]":
        (tmp_path / "train.py").write_text(CIRCUIT + script)
        return subprocess.run(
            words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )

    return run


@pytest.fixture
def observed(call: Callable[..., Any]) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Runs a script under the command."""
    words = (COMMAND, "run", "--journal", "journal.db", "--no-summary", "train.py")
    return lambda script: call(*words, script=script)


@pytest.fixture
def events(tmp_path: Path) -> Callable[..., list[Event]]:
    """Reads what the journal has of a verb and a noun."""

    def read(verb: str, noun: str) -> list[Event]:
        with open_journal(tmp_path / "journal.db", read_only=True) as journal:
            return list(journal.events(verbs=[verb], nouns=[noun]))

    return read


@pytest.fixture
def reconcile(call: Callable[..., Any], tmp_path: Path, provider: IBMProvider) -> Any:
    """Asks the provider how jobs ended; returns what the command told and the records."""

    def ask() -> tuple[dict[str, Any], list[Job]]:
        (tmp_path / "config.yml").write_text(CONFIG.replace("URL", provider.url))
        told = call(COMMAND, "reconcile", "journal.db", "--config", "config.yml", "--json")
        assert told.returncode in (0, 1), told.stderr  # 1: a bill is not settled yet
        with open_journal(tmp_path / "journal.db", read_only=True) as journal:
            return json.loads(told.stdout), list(journal.records(Job))

    return ask


def test_sessions_and_batches_are_recorded_completely(
    observed: Callable[..., Any],
    call: Callable[..., Any],
    events: Callable[..., list[Event]],
    provider: IBMProvider,
) -> None:
    """Samplers old and new in a session and a batch: same output, every stage once, usage."""
    ours = observed(MODES)

    with IBMProvider(["fake_manila"], seed=7) as again:
        theirs = call(
            "env", *(f"{name}={value}" for name, value in again.env.items()), sys.executable,
            "train.py", script=MODES,
        )  # fmt: skip
    assert (ours.returncode, ours.stdout) == (0, theirs.stdout)
    assert ours.stdout.count("\n") == 4
    jobs, sessions = events("finished", "job"), events("finished", "session")
    assert [each.body["execution_mode"] for each in jobs] == ["session"] * 2 + ["batch"] * 2
    assert [each.body["attempts"][0]["provider_job_id"] for each in jobs] == list(provider.jobs)
    for job in jobs:
        assert job.body["outcome"] == "success"
        assert [(stage[0], stage[3]) for stage in job.body["stages"]] == [
            ("submit", "local"),
            ("queue", "provider"),
            ("execute", "provider"),
        ]
    first, second = sessions
    assert {job.body["session"] for job in jobs[:2]} == {first.subject}
    assert {job.body["session"] for job in jobs[2:]} == {second.subject}
    told = [(each.body["provider_session_id"], each.body["usage_seconds"]) for each in sessions]
    assert told == [(each.id, each.usage_seconds) for each in provider.sessions.values()]


def test_a_killed_script_is_completed_later(
    observed: Callable[..., Any], reconcile: Any, provider: IBMProvider
) -> None:
    """Submit, kill -9: the reconciler finds the job by its id, with state, times and bill."""
    ended = observed(DIES)
    (submitted,) = provider.jobs.values()
    provider.clock.advance(3600)
    told, (job,) = reconcile()

    assert (ended.returncode, ended.stdout.strip()) == (-signal.SIGKILL, submitted.id)
    assert told["unsettled"] == {}
    assert job.outcome == "success"
    (attempt,) = job.attempts
    assert attempt.provider_job_id == submitted.id
    assert attempt.device_seconds == submitted.charged(provider.clock.now)
    stages = {stage.stage: stage for stage in job.stages}
    assert stages["execute"].clock == "provider"
    assert stages["execute"].duration == submitted.finished - submitted.started


def test_a_script_killed_before_the_answer_is_found_by_its_tag(
    observed: Callable[..., Any], reconcile: Any, provider: IBMProvider
) -> None:
    """Killed between submission and answer, the job is found by the tag that we sent with it."""
    observed(DIES_WITH_THE_ANSWER)
    (submitted,) = provider.jobs.values()
    provider.clock.advance(3600)
    _, (job,) = reconcile()

    assert submitted.tags == [f"qgm-{job.id}"]
    assert [attempt.provider_job_id for attempt in job.attempts] == [submitted.id]
    assert job.outcome == "success"


def test_a_job_that_nobody_waits_for_is_found_later(
    observed: Callable[..., Any], reconcile: Any, provider: IBMProvider
) -> None:
    """A script may submit and leave: its job stays open and is completed by the reconciler."""
    ended = observed(NOT_WAITED_FOR)
    provider.clock.advance(3600)
    _, (job,) = reconcile()

    assert ended.returncode == 0
    assert job.outcome == "success"
    assert [each.provider_job_id for each in job.attempts] == [ended.stdout.strip()]
