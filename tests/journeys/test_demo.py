"""The newcomer's first command, as a process, looked at from outside."""

import json
import os
import signal
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from qgm_observe.catalog import STAGES
from qgm_observe.cli.replay import recorded
from qgm_observe.journal import open_journal
from qgm_observe.providers import open_provider
from qgm_observe.records import Job, Run, Step

from .conftest import COMMAND

Shell = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path, str]]:
    """A demo that has trained and goes on serving: its endpoint, its journal, its output."""
    folder = tmp_path_factory.mktemp("demo")
    journal = folder / "journal.db"
    words = ["--port", "0", "--serve", "--iterations", "6", "--journal", str(journal)]
    environment = {**os.environ, "HOME": str(folder), "COLUMNS": "100"}
    process = subprocess.Popen(
        [COMMAND, "demo", *words],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        assert process.stdout is not None
        url = process.stderr.readline().split()[-1]
        while "serving" not in process.stderr.readline():
            assert process.poll() is None
        yield url, journal, os.read(process.stdout.fileno(), 65536).decode()
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)


def test_the_demo_shows_every_stage(demo: tuple[str, Path, str]) -> None:
    """The endpoint has a duration series of each of the ten stages."""
    with urllib.request.urlopen(demo[0], timeout=10) as reply:
        text = reply.read().decode()

    for stage in STAGES:
        assert f'stage="{stage}"' in text


def test_promtool_accepts_the_endpoint(
    demo: tuple[str, Path, str], tools: Callable[[str], Path]
) -> None:
    """`promtool check metrics` finds nothing to complain about."""
    with urllib.request.urlopen(demo[0], timeout=10) as reply:
        text = reply.read()
    done = subprocess.run(
        [tools("promtool"), "check", "metrics"], input=text, capture_output=True, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_our_own_check_accepts_the_endpoint(demo: tuple[str, Path, str], shell: Shell) -> None:
    """`qgm-observe check` finds no duplicate and no difference to the catalog."""
    done = shell("check", demo[0])

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_summary_tells_what_happened(demo: tuple[str, Path, str]) -> None:
    """The summary names jobs, steps, stages, quality with its interval, cost and the journal."""
    _, journal, text = demo

    for words in ("7 success", "6, loss", "execute", "p95", "at 95%", "simulated here"):
        assert words in text
    assert str(journal) in text


def test_the_journal_holds_every_job_of_every_step(demo: tuple[str, Path, str]) -> None:
    """One run, six steps with one job each, and the sampling job, all successful."""
    with open_journal(demo[1], read_only=True) as journal:
        (run,) = journal.records(Run)
        steps = list(journal.records(Step))
        jobs = list(journal.records(Job))

    assert (run.outcome, run.steps) == ("success", 6)
    assert [step.id for step in steps] == [job.step for job in jobs[:-1]]
    assert {"success"} == {str(job.outcome) for job in jobs}
    assert {"fake_fez"} == {job.device for job in jobs}


def test_the_journal_keeps_what_the_run_rests_on(demo: tuple[str, Path, str]) -> None:
    """The compiled circuit, each step's parameters and the whole calibration can be had again."""
    with open_journal(demo[1], read_only=True) as journal:
        bodies = [event.body.get("blobs", {}) for event in journal.events(verbs=("finished",))]
        kept = {kind: hashes for body in bodies for kind, hashes in body.items()}
        calibration = json.loads(journal.blob(kept["calibration"][0]) or b"")
        circuit = journal.blob(kept["circuits"][0])
        parameters = json.loads(journal.blob(kept["parameters"][0]) or b"")

    assert len(calibration["qubits"]) == 156
    assert circuit is not None
    assert circuit.startswith(b"QISKIT")
    assert all(isinstance(angle, float) for angle in parameters)


def test_the_replay_needs_no_training_library(shell: Shell) -> None:
    """`demo --replay` shows the recorded run without importing numpy or qiskit."""
    done = shell("demo", "--replay", "--port", "0", "--json", PYTHONPROFILEIMPORTTIME="1")
    imported = {line.split("|")[-1].strip() for line in done.stderr.splitlines() if "|" in line}
    summary = json.loads(done.stdout)

    assert done.returncode == 0
    assert imported.isdisjoint({"numpy", "qiskit", "scipy", "prometheus_client"})
    assert "qgm_observe.cli.replay" in imported
    assert summary["outcome"] == "success"
    assert summary["steps"] == 40


def test_the_recorded_jobs_join_with_the_readings_of_their_device() -> None:
    """The provider `local` tells of the recorded run's device by the labels that its jobs bear."""
    jobs = [event.body for event in recorded() if event.noun == "job"]

    told = {(info.provider, info.name) for info, _ in open_provider("local").devices()}
    assert {(body["provider"], body["device"]) for body in jobs} == {("local", "fake_fez")}
    assert ("local", "fake_fez") in told


def test_a_training_is_the_same_to_the_last_bit() -> None:
    """Seeded parameters and losses are equal, bit for bit, with and without observation."""
    import qgm_observe as qgm
    from qgm_observe.training.devices import load_device
    from qgm_observe.training.qcbm import QCBM
    from qgm_observe.training.targets import bars_and_stripes

    def train(core: QCBM) -> tuple[bytes, tuple[float, ...], dict[str, int]]:
        result = core.fit(bars_and_stripes(), iterations=3)
        return result.parameters.tobytes(), result.losses, core.sample(100)

    plain = train(QCBM(load_device("manila", 4), seed=3))
    watched = train(qgm.observe(QCBM(load_device("manila", 4), seed=3)))
    qgm.flush(10)

    assert plain == watched
