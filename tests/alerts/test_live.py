"""From a fault in a journal to whoever is told, through real servers on settings of a second."""

import itertools
import re
import time

import pytest

from qgm_observe.journal import Event, Journal

from .stack import Stack

WORK = {"project": "chem", "model": "qcbm", "kind": "training"}
PLACE = {"provider": "ibm", "execution_mode": "job", "shot_class": "1k"}
PLACES = (("nightly", "ibm_fez", "us-east"), ("nightly", "ibm_fez", "eu-de"))
"""Pipeline, device and region: a device's name may be the same in two regions."""

WHOLE = 25
"""Seconds in which all servers start, and a fault is told and is over."""

GROUPED = ["alertname", "device", "pipeline", "region", "slo"]
_numbers = itertools.count(1)


def job(place, version="3", outcome="failure"):
    """A job by itself; one that fails does so at compiling."""
    subject, now = f"{next(_numbers):016x}", time.time()
    body = {**WORK, **PLACE, "model_version": version}
    body |= dict(zip(("pipeline", "device", "region"), place, strict=True))
    body |= {"start": now - 1, "duration": 1.0, "outcome": outcome}
    if outcome == "failure":
        body["error"] = {"class": "compile", "stage": "compile", "type": "qiskit.TranspilerError"}
    return Event(
        verb="finished",
        noun="job",
        subject=subject,
        at=now,
        body=body,
        id=f"{subject}/finished",
    )


@pytest.fixture
def journal(tmp_path):
    """A journal in which a job was cancelled at each place: its outcomes are known."""
    with Journal.open(tmp_path / "journal.db") as opened:
        opened.append([job(place, outcome="cancelled") for place in PLACES])
        yield opened


@pytest.fixture
def stack(tmp_path, journal, tools):
    """Everything, scraped once; all of it and the test take no longer than is stated."""
    began = time.monotonic()
    running = Stack(tmp_path, tmp_path / "journal.db", tools)
    try:
        counted = f'sum(qgm_jobs_total{{source="journal"}}) == {len(PLACES)}'
        running.until(lambda: bool(running.series(counted)), "first jobs are counted")
        running.until(lambda: bool(running.series("qgm:jobs_ended:count")), "rules are evaluated")
        yield running
        assert time.monotonic() - began <= WHOLE
    finally:
        running.stop()


def of(alert, status="firing", place=None):
    """Whether a notification is of an alert, of its status, and of the group of a place."""

    def fits(told):
        labels = told.body["groupLabels"]
        grouped = tuple(labels[name] for name in ("pipeline", "device", "region"))
        return (
            labels["alertname"] == alert
            and told.body["status"] == status
            and place in (None, grouped)
        )

    return fits


@pytest.mark.slow
def test_a_fault_reaches_the_on_call_and_what_follows_from_it_does_not(stack, journal):
    """Compilations failing in two regions page each within 3 s, and their tickets are inhibited.

    Pages are told apart by pipeline, device and region, and not by the version of the model.
    """
    began = time.monotonic()
    faults = [job(place, version) for place in PLACES for version in ("3", "4", "3")]
    journal.append(faults)

    pages = [stack.receiver.wait(of("QgmCompilationFailing", place=place)) for place in PLACES]
    assert pages[0].at - began < 3
    for page, (pipeline, _, region) in zip(pages, PLACES, strict=True):
        assert page.receiver == "on-call"
        assert sorted(page.body["groupLabels"]) == GROUPED
        (alert,) = page.alerts  # two versions of a model are one alert
        assert (alert["labels"]["pipeline"], alert["labels"]["region"]) == (pipeline, region)
        said = alert["annotations"]["description"]
        assert "The last 3 compilations failed, all of them in the last 5m." in said

    followers = {"QgmConsecutiveFailures", "QgmSloBurnTicket"}
    stack.until(lambda: followers | {"QgmSloBurnPage"} <= stack.firing(), "what follows fires")
    stack.until(lambda: followers <= stack.suppressed().keys(), "Alertmanager has what follows")
    paged = stack.receiver.wait(of("QgmSloBurnPage"))
    (alert,) = paged.alerts
    told = alert["annotations"]["description"].splitlines()[2]
    assert re.fullmatch(r"([2-6]) of \1 runs failed in the last 30m\.", told)
    stack.until(lambda: all(stack.suppressed()[name] for name in followers), "inhibited")

    journal.append([job(place, outcome="success") for place in PLACES])
    stack.receiver.wait(of("QgmCompilationFailing", "resolved", PLACES[0]))
    heard = {(each.receiver, each.body["groupLabels"]["alertname"]) for each in stack.receiver.told}
    assert heard >= {("on-call", "QgmCompilationFailing"), ("on-call", "QgmSloBurnPage")}
    assert {name for _, name in heard} & followers == set()
    assert "quantum-expert" not in {receiver for receiver, _ in heard}
