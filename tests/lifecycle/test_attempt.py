"""Attempts: the intent before the submit, the provider's id after it, times from the provider."""

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import qgm_observe as qgm
from qgm_observe.catalog import ExecutionMode, observe_signals
from qgm_observe.journal import Event, open_journal
from qgm_observe.lifecycle import Device, Recorder

Rows = Callable[..., list[Event]]
pytestmark = pytest.mark.usefixtures("recorder")
REMOTE = Device("ibm", "ibm_fez", "us-east", ExecutionMode.JOB)


class RemoteJob:
    """A provider's job that tells its times."""

    def __init__(self, metrics: dict[str, Any] | None = None) -> None:
        self._metrics = metrics

    def job_id(self) -> str:
        return "d1abc"

    def result(self) -> dict[str, int]:
        return {"00": 5}

    def metrics(self) -> Any:
        return self._metrics


TIMES = {
    "timestamps": {
        "created": "2026-11-23T10:00:00Z",
        "running": "2026-11-23T10:01:30.5Z",
        "finished": "2026-11-23T10:01:34Z",
    }
}


def test_the_intent_is_on_disk_before_a_remote_submission(path: Path, rows: Rows) -> None:
    """While the provider is asked, another process could already read that we meant to ask."""
    seen: list[str] = []

    def submit() -> RemoteJob:
        journal = open_journal(path, read_only=True)
        seen.extend(event.verb for event in journal.events(nouns=("attempt",)))
        journal.close()
        return RemoteJob()

    with qgm.job(REMOTE) as job:
        job.attempt(submit)
        after = [event.verb for event in rows(nouns=("attempt",))]

    (submitted,) = rows(verbs=("submitted",))
    assert seen == ["intent"]
    assert after == ["intent", "submitted", "estimated"]
    assert ("d1abc", job.id) == (submitted.body["provider_job_id"], submitted.body["job"])


def test_a_local_submission_writes_no_intent(rows: Rows) -> None:
    """Local work costs no extra rows."""
    with qgm.job("aer") as job:
        job.attempt(RemoteJob)

    assert [event.verb for event in rows()] == ["finished"]


def test_queue_and_execute_come_from_the_provider(rows: Rows) -> None:
    """Where the provider tells its times, they are the stages, and say whose clock it was."""
    with qgm.job(REMOTE) as job:
        counts = job.results(job.attempt(lambda: RemoteJob(TIMES)))

    (event,) = rows(verbs=("finished",))
    stages = {name: (duration, clock) for name, _, duration, clock in event.body["stages"]}

    assert counts == {"00": 5}
    assert stages["queue"] == (90.5, "provider")
    assert stages["execute"] == (3.5, "provider")
    assert event.body["attempts"][0]["queue_seconds"] == 90.5


@pytest.mark.parametrize(
    "metrics",
    [
        None,
        {},
        {"timestamps": None},
        {"timestamps": {**TIMES["timestamps"], "running": "2020-01-01"}},
    ],
)
def test_times_that_are_not_told_stay_unknown(rows: Rows, metrics: Any) -> None:
    """Missing or contradictory provider times give no queue and no execute stage, never 0."""
    with qgm.job(REMOTE) as job:
        job.results(job.attempt(lambda: RemoteJob(metrics)), decode=None)

    (event,) = rows(verbs=("finished",))

    assert [stage[0] for stage in event.body["stages"]] == ["submit"]


def test_a_submission_does_not_wait_for_a_stuck_journal(
    path: Path, recorder: Recorder, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the intent cannot be written in time, the work goes ahead and the gap is counted."""
    object.__setattr__(recorder.settings, "intent_timeout", 0.05)
    open_journal(path).close()
    monkeypatch.setattr(type(recorder.writer), "wake", lambda _: None)
    monkeypatch.setattr(type(recorder.writer), "start", lambda _: None)
    holder = sqlite3.connect(path)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        with qgm.job(REMOTE) as job:
            job.attempt(RemoteJob)
    finally:
        holder.rollback()
        holder.close()

    assert recorder.gaps == 2
    (noted,) = rows(verbs=("noted",))
    assert noted.body[observe_signals.GAPS.name] == [[[], 2]]


def test_asynchronous_attempts_do_as_the_others(rows: Rows) -> None:
    """A coroutine submits and waits off the event loop with the same rows."""

    async def submit() -> RemoteJob:
        await asyncio.sleep(0)
        return RemoteJob(TIMES)

    async def main() -> Any:
        async with qgm.job(REMOTE) as job:
            return await job.results_async(await job.attempt(submit))

    assert asyncio.run(main()) == {"00": 5}
    assert [e.verb for e in rows()] == ["intent", "submitted", "estimated", "finished"]


def test_sessions_keep_their_jobs_and_their_usage(rows: Rows) -> None:
    """A session records mode, device and usage, and its jobs carry its id and mode."""

    class Session:
        session_id = "s-9"

        def usage(self) -> float:
            return 12.5

    with (
        qgm.run() as run,
        run.session(REMOTE, mode="batch", provider=Session()) as session,
        session.job(),
    ):
        pass

    (job,) = rows(verbs=("finished",), nouns=("job",))
    (ended,) = rows(verbs=("finished",), nouns=("session",))

    assert (session.id, "batch", "ibm_fez") == tuple(
        job.body[key] for key in ("session", "execution_mode", "device")
    )
    assert ended.body["provider_session_id"] == "s-9"
    assert (ended.body["usage_seconds"], ended.body["execution_mode"]) == (12.5, "batch")


class Sampler:
    """A provider's sampler that takes tags, as qiskit-ibm-runtime's do."""

    def __init__(self, tags: list[str] | None) -> None:
        self.options = SimpleNamespace(environment=SimpleNamespace(job_tags=tags))
        self.sent: list[str] | None = None

    def run(self) -> RemoteJob:
        self.sent = self.options.environment.job_tags
        return RemoteJob()


def test_a_remote_submission_carries_our_id_as_a_tag() -> None:
    """The tag is sent beside the user's own, whose options are then as they were."""
    plain, full = Sampler(["mine"]), Sampler([str(n) for n in range(8)])
    with qgm.job(REMOTE) as job:
        job.attempt(plain.run)
        job.attempt(full.run)

    assert plain.sent == ["mine", f"qgm-{job.id}"]
    assert plain.options.environment.job_tags == ["mine"]
    assert full.sent == [str(n) for n in range(8)]


def test_tags_can_be_turned_off(recorder: Recorder) -> None:
    """With submit_tags off nothing is added; local work never is."""
    untouched = Sampler(None)
    with qgm.job("aer") as job:
        job.attempt(untouched.run)
    assert untouched.sent is None
    object.__setattr__(recorder.settings, "submit_tags", False)
    with qgm.job(REMOTE) as job:
        job.attempt(untouched.run)

    assert untouched.sent is None
