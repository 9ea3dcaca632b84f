"""From a fault in a journal to whoever is told, through real servers on settings of a second."""

import itertools
import re
import time

import pytest

from qgm_observe.journal import Event, Journal

from .stack import Stack

WORK = {"project": "chem", "pipeline": "nightly", "model": "qcbm", "kind": "training"}
PLACE = {"provider": "ibm", "region": "us-east", "execution_mode": "job", "shot_class": "1k"}
_numbers = itertools.count(1)


def job(device="ibm_fez", version="3", outcome="failure"):
    """A job by itself; one that fails does so at compiling."""
    subject, now = f"{next(_numbers):016x}", time.time()
    body = {**WORK, **PLACE, "model_version": version, "device": device}
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
    """A journal in which a job was cancelled on each device: its outcomes are known."""
    with Journal.open(tmp_path / "journal.db") as opened:
        for device in ("ibm_fez", "ibm_oslo"):
            opened.append([job(device, outcome="cancelled")])
        yield opened


@pytest.fixture
def stack(tmp_path, journal, tools):
    """Everything, scraped once."""
    running = Stack(tmp_path, tmp_path / "journal.db", tools)
    try:
        counted = 'sum(qgm_jobs_total{source="journal"}) == 2'
        running.until(lambda: bool(running.series(counted)), "first jobs are counted")
        running.until(lambda: bool(running.series("qgm:jobs_ended:count")), "rules are evaluated")
        yield running
    finally:
        running.stop()


def of(alert, status="firing", **group):
    """Whether a notification is of an alert, of its status, and of a group."""

    def fits(told):
        labels = told.body["groupLabels"]
        return (
            labels["alertname"] == alert
            and told.body["status"] == status
            and all(labels[name] == value for name, value in group.items())
        )

    return fits


@pytest.mark.slow
def test_a_fault_reaches_the_on_call_and_what_follows_from_it_does_not(stack, journal):
    """Compilations failing on two devices page each within 3 s, and their tickets are inhibited."""
    began = time.monotonic()
    versions = ("3", "4", "3")
    faults = [job(device, version) for device in ("ibm_fez", "ibm_oslo") for version in versions]
    journal.append(faults)

    pages = [
        stack.receiver.wait(of("QgmCompilationFailing", device=device))
        for device in ("ibm_fez", "ibm_oslo")
    ]
    assert pages[0].at - began < 3
    for page in pages:
        assert page.receiver == "on-call"
        (alert,) = page.alerts  # two versions of a model are one alert
        assert alert["labels"]["pipeline"] == "nightly"
        said = alert["annotations"]["description"]
        assert "The last 3 compilations failed, all of them in the last 5m." in said

    followers = {"QgmConsecutiveFailures", "QgmSloBurnTicket"}
    stack.until(lambda: followers | {"QgmSloBurnPage"} <= stack.firing(), "what follows fires")
    stack.until(lambda: followers <= stack.suppressed().keys(), "Alertmanager has what follows")
    paged = stack.receiver.wait(of("QgmSloBurnPage"))
    (alert,) = paged.alerts
    told = alert["annotations"]["description"]
    assert re.search(r"^([2-6]) of \1 runs failed in the last 30m\.$", told, re.MULTILINE)
    stack.until(lambda: all(stack.suppressed()[name] for name in followers), "inhibited")

    journal.append([job(device, outcome="success") for device in ("ibm_fez", "ibm_oslo")])
    stack.receiver.wait(of("QgmCompilationFailing", "resolved", device="ibm_fez"))
    heard = {(each.receiver, each.body["groupLabels"]["alertname"]) for each in stack.receiver.told}
    assert heard >= {("on-call", "QgmCompilationFailing"), ("on-call", "QgmSloBurnPage")}
    assert {name for _, name in heard} & followers == set()
    assert "quantum-expert" not in {receiver for receiver, _ in heard}
