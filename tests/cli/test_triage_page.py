"""Tests of whose work `qgm-observe triage` judges, and of what it says of it."""

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from qgm_observe.cli import main
from qgm_observe.journal import Event

from ..runbooks import incidents
from ..runbooks.serving import journal_exporter, prometheus, provider_exporter

HOUR = 3600.0
FIRST = 3 * HOUR - 25
"""Seconds since the first failure: told as three hours for the next minute nearly."""
OWN = """\
objectives:
  - name: chem-training
    service: chem
    brief: Trainings of project chem reach their end.
    unit: run
    good: {signal: qgm.roots, match: {project: chem, outcome: success}}
    total: {signal: qgm.roots, match: {project: chem, outcome: [success, failure]}}
    target: 95 %
    window: 28d
    events_per_day: 20
"""


def two_teams(now: float) -> Iterable[Event]:
    """Chem's script raises on a simulator; of demo's runs on a device two failed before."""
    other = {"project": "demo", "pipeline": "ibm_qcbm"}
    yield from incidents.ran(now - 9 * HOUR, model_version="3", **other)
    error = ("network", "queue")
    yield from incidents.ran(now - 8 * HOUR, "failure", error=error, model_version="4", **other)
    yield from incidents.ran(now - 7 * HOUR, model_version="4", **other)
    yield from incidents.ran(now - 6 * HOUR, "failure", error=("auth", "submit"), **other)
    for number in range(3):
        yield from incidents.ran(now - 3 * HOUR - number, place=incidents.AER)
    for number in range(6):
        *jobs, run = incidents.ran(now - HOUR - number, place=incidents.AER)
        error = {"class": "other", "stage": None, "type": "builtins.RuntimeError"}
        yield from jobs
        yield replace(run, body={**run.body, "outcome": "failure", "error": error})


@pytest.fixture
def exporter(tmp_path: Path) -> Iterator[str]:
    """Serves the journal of both teams."""
    path = incidents.written(tmp_path / "both.db", two_teams(time.time()))
    with journal_exporter(path) as url:
        yield url


@pytest.fixture
def own(tmp_path: Path) -> str:
    """A file of one's own objective."""
    path = tmp_path / "own.yml"
    path.write_text(OWN)
    return str(path)


def told(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    main(["triage", "QgmSloBurnPage", *words, "--json"])
    return json.loads(capsys.readouterr().out)


def test_an_objective_of_ones_own_is_judged_by_its_own_work(exporter, own, capsys):
    """Ours, by the script's error: neither the other team's failures nor its versions are told."""
    words = ("--url", exporter, "--slo", "chem-training", "--objectives", own)
    found = told(capsys, *words)

    assert (found["side"], found["cause"]) == ("ours", "code")
    assert (found["pipelines"], found["failed"], found["changes"]) == (["nightly"], 6, [])
    assert found["for"] == ["6 of 6 failed beside jobs that went well: RuntimeError"]
    assert found["budget_left"] == {"chem-training": pytest.approx(1 - 6 / (9 * 0.05))}
    assert found["next"]["command"].endswith(
        f"--slo chem-training --objectives {own} --show failures"
    )


def test_an_objective_that_is_not_known_is_asked_for(exporter, capsys):
    """Its name alone does not tell which work it is about: that is said, and no other's budget."""
    found = told(capsys, "--url", exporter, "--slo", "chem-training")

    assert found["slo"] == []
    assert found["budget_left"] == {}
    assert found["not_known"] == [
        "which work chem-training is about: give its file with --objectives"
    ]


def test_the_page_says_whose_work_it_is(exporter, own, capsys):
    """The objective with how much of what is known it is about, and failures by pipeline."""
    words = ["--url", exporter, "--slo", "chem-training", "--objectives", own]
    main(["triage", "QgmSloBurnPage", *words])
    text = " ".join(capsys.readouterr().out.split())

    assert "about chem-training: 9 of 13 known runs and requests" in text
    assert "pipelines nightly 6 " in text
    assert "budget chem-training: gone, spent 13.3 times (6 of 9 bad)" in text


def a_device_after_an_update(now: float) -> Iterable[Event]:
    """Nine good runs; then three with a new Qiskit, the last in this hour, that a device fails."""
    for hour in range(30, 5, -3):
        yield from incidents.ran(now - hour * HOUR, versions={"qiskit": "2.5.1"})
    for ago in (FIRST, 2 * HOUR, HOUR / 2):
        error, versions = ("execution", "execute"), {"qiskit": "2.6.0"}
        yield from incidents.ran(now - ago, "failure", error=error, versions=versions)


def test_the_whole_page_of_an_incident(tmp_path, capsys, monkeypatch):
    """Each row of it, word by word: both sides, since when, whose jobs, money, and what is next."""
    monkeypatch.setenv("COLUMNS", "200")
    now = float(int(time.time()))
    events = list(a_device_after_an_update(now))
    path = incidents.written(tmp_path / "page.db", events)
    with journal_exporter(path) as url, provider_exporter() as provider:
        assert main(["triage", "QgmSloBurnPage", "--url", url, "--url", provider]) == 0
    page = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    failed = [e for e in events if e.noun == "job" and e.body["outcome"] == "failure"]
    ids = ", ".join(e.body["attempts"][0]["provider_job_id"] for e in reversed(failed))
    good = [e for e in events if e.noun == "run" and e.body["outcome"] == "success"][-1]
    advice = (
        "Send nothing more to this device; look which others are online, "
        "and tell the provider with --vendor."
    )
    look = f"qgm-observe triage QgmSloBurnPage --url {url} --url {provider} --show devices"

    assert page == [
        "QgmSloBurnPage theirs: the device is not available or fails jobs",
        "for ibm ibm_fez is offline",
        "3 of 3 failures are execution",
        "against qiskit of nightly went from 2.5.1 to 2.6.0 before it failed",
        f"since {told_at(now - FIRST)}, 3 h 00 min ago",
        "failed 3 of the 3 that ended since then",
        "pipelines nightly 3",
        "devices ibm ibm_fez",
        f"job ids {ids}",
        f"changed since run {good.subject} went well at {told_at(now - 6 * HOUR)}:",
        f"qiskit of nightly: 2.5.1 -> 2.6.0, {told_at(now - FIRST - 30)}",
        "budget training-success: gone, spent 5.0 times (3 of 12 bad)",
        "spend 0.50 USD in the last hour, 1 without a bill yet, no remote jobs still wait or run",
        f"next {advice}",
        look,
    ]


def told_at(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} UTC"


def test_a_prometheus_knows_the_budget_best(tmp_path, capsys, monkeypatch):
    """10 good of 10 by the Prometheus: the page tells its budget and cost, not the records'."""
    monkeypatch.setenv("COLUMNS", "200")
    events = a_device_after_an_update(time.time())
    path = incidents.written(tmp_path / "both.db", events)
    with journal_exporter(path) as url, prometheus() as server:
        main(["triage", "QgmSloBurnPage", "--url", url, "--prometheus", server])
    text = " ".join(capsys.readouterr().out.split())

    assert "budget training-success: 100% left (0 of 10 bad)" in text
    assert "spend about 10.00 USD in the last hour, 1 without a bill yet" in text
    assert "3 of 12 bad" not in text
