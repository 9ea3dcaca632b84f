"""Tests of whose work `qgm-observe triage` judges, and of what it says of it."""

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from qgm_observe.cli import main
from qgm_observe.journal import Event

from ..runbooks import incidents
from ..runbooks.serving import journal_exporter

HOUR = 3600.0
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
