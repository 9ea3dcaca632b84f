"""Tests of what is seen of alerts on work, money, samples and telemetry."""

from typing import Any

import pytest

from qgm_observe.catalog import Signal, observe_signals, signals
from qgm_observe.catalog import provider_signals as provided
from qgm_observe.runbooks.conditions import shipped_thresholds
from qgm_observe.runbooks.situation import Situation
from qgm_observe.runbooks.work_sightings import LOOKS

from .situations import AER, HOUR, NOW, a_job, failures, good_days, level, roots

CHART = {"statistic": "valid_shot_ratio", "chart": "cusum"}


def seen(alert: str, jobs: list[Any] | None = None, **known: Any) -> bool | str | None:
    """Whether the condition holds by these jobs and levels; a word where nothing is seen of it."""
    jobs = jobs or []
    known = {"jobs": jobs, "roots": roots(jobs), "thresholds": shipped_thresholds()} | known
    told = LOOKS[alert](Situation(alert=alert, now=NOW, **known))
    return "nothing" if told is None else told.holds


def verdict(question: str, answer: str) -> dict[str, Any]:
    return {"samples": [level(signals.QUALITY_VERDICT, 1.0, question=question, answer=answer)]}


def one(signal: Signal, value: float, **labels: str) -> dict[str, Any]:
    return {"samples": [level(signal, value, **labels)]}


def chart(value: float) -> dict[str, Any]:
    limit = level(signals.QUALITY_DRIFT_LIMIT, 5.0, **CHART)
    return {"samples": [level(signals.QUALITY_DRIFT_LEVEL, value, **CHART), limit]}


def collector(up: float, minutes_ago: float) -> dict[str, Any]:
    part = {"provider": "ibm", "collector": "queue"}
    last = level(provided.LAST_SUCCESS, NOW - minutes_ago * 60, **part)
    return {"samples": [level(provided.COLLECTOR_UP, up, **part), last]}


def attempts(number: int, jobs: int) -> list[Any]:
    return [a_job(n / 2 + 0.1, attempts=[{"number": 1}] * number) for n in range(jobs)]


WAITING = {"provider": "ibm", "device": "ibm_fez", "execution_mode": "job"}
COMPILE = failures("compile", "compile")
HOLDS: dict[str, tuple[list[Any], dict[str, Any]]] = {
    "QgmCompilationFailing": ([*good_days(), *COMPILE], {}),
    "QgmRunStalled": ([], one(signals.RUNS_STALLED, 1.0)),
    "QgmTelemetryLost": ([], one(observe_signals.DROPPED, 4.0)),
    "QgmQualityDrift": ([], chart(7.0)),
    "QgmWatchdog": ([], {"is_inactive": True}),
    "QgmReadingsStale": ([], collector(0.0, 31)),
    "QgmJournalDisk": ([], one(observe_signals.DISK_FREE, 1e9)),
    "QgmJobsStuck": ([], one(signals.JOB_OLDEST_WAITING, 7 * HOUR, **WAITING)),
    "QgmRunTooLong": (failures("run_timeout", number=2), {}),
    "QgmRetriesExcessive": (attempts(3, 5), {}),
    "QgmSubmissionThrottled": (
        [a_job(n / 10, "failure", "rate_limit", "submit") for n in (1, 2, 3)],
        {},
    ),
    "QgmModeCollapse": ([], verdict("collapse", "collapsed")),
    "QgmInputDrift": ([], verdict("inputs", "drifted")),
    "QgmEncodingMismatch": ([], verdict("encoding", "mismatched")),
    "QgmTrainingStuck": ([], verdict("training", "barren_plateau")),
}


@pytest.mark.parametrize("alert", HOLDS)
def test_a_condition_that_holds_is_seen(alert: str) -> None:
    """By the shipped thresholds, what makes the alert fire is seen to hold."""
    jobs, known = HOLDS[alert]

    assert seen(alert, jobs, **known) is True


REFUTED: dict[str, tuple[list[Any], dict[str, Any]]] = {
    "QgmSloBurnPage": (good_days(), {}),
    "QgmConsecutiveFailures": (good_days(), {}),
    "QgmCompilationFailing": ([*good_days(), *failures("execution")], {}),
    "QgmRunStalled": ([], one(signals.RUNS_STALLED, 0.0)),
    "QgmQualityDrift": ([], chart(4.9)),
    "QgmWatchdog": ([], {}),
    "QgmReadingsStale": ([], collector(0.0, 29)),
    "QgmJournalDisk": ([], one(observe_signals.DISK_FREE, 3e9)),
    "QgmJobsStuck": (good_days(), {}),
    "QgmRunTooLong": (failures("run_timeout", number=1), {}),
    "QgmRetriesExcessive": (attempts(2, 5), {}),
    "QgmModeCollapse": ([], verdict("collapse", "whole")),
    "QgmInputDrift": ([], verdict("inputs", "steady")),
    "QgmEncodingMismatch": ([], verdict("encoding", "matching")),
    "QgmTrainingStuck": ([], verdict("training", "improving")),
}


@pytest.mark.parametrize("alert", REFUTED)
def test_a_condition_that_does_not_hold_is_seen(alert: str) -> None:
    """Where it can be known from records or levels, the alert is seen not to hold."""
    jobs, known = REFUTED[alert]

    assert seen(alert, jobs, **known) is False


UNKNOWN: dict[str, tuple[list[Any], dict[str, Any]]] = {
    "QgmSloBurnTicket": (good_days(), {}),
    "QgmCompilationFailing": ([*failures("compile", "compile", 2), a_job(0.1)], {}),
    "QgmSpendCap": ([a_job(1.0, place=AER)], {}),
    "QgmCostAnomaly": ([a_job(1.0, place=AER)], {}),
    "QgmTelemetryLost": ([], one(provided.EXPORTER_FOLLOWED, 1.0, journal="a.db")),
    "QgmQualityDrift": ([], {}),
    "QgmExporterDown": ([], {}),
    "QgmSubmissionThrottled": (good_days(), {}),
    "QgmModeCollapse": ([], verdict("inputs", "steady")),
}


@pytest.mark.parametrize("alert", UNKNOWN)
def test_what_cannot_be_known_is_not_claimed(alert: str) -> None:
    """What needs a history, other objectives or a judgment that nobody made stays open."""
    jobs, known = UNKNOWN[alert]

    assert seen(alert, jobs, **known) is None


@pytest.mark.parametrize("alert", sorted(LOOKS.keys() - UNKNOWN.keys() - {"QgmWatchdog"}))
def test_without_anything_known_nothing_is_seen(alert: str) -> None:
    """No job, no level, no threshold: nothing is said of the condition, or that nothing is."""
    assert seen(alert) in {"nothing", None}
    assert seen(alert, thresholds={}) in {"nothing", None}


def test_a_wait_that_is_usual_on_its_device_is_not_stuck() -> None:
    """Seven hours where p95 is four hours are less than twice that."""
    usual = level(provided.DEVICE_WAIT, 4 * HOUR, device="ibm_fez", percentile="p95")
    oldest = level(signals.JOB_OLDEST_WAITING, 7 * HOUR, **WAITING)

    assert seen("QgmJobsStuck", samples=[oldest, usual]) is False


def test_remote_jobs_leave_money_open() -> None:
    """Where a job ran at a provider, nothing is said against an alert on money."""
    assert seen("QgmSpendCap", good_days()) == "nothing"


def test_a_failure_to_compile_on_another_device_ends_no_row() -> None:
    """Rows are of a pipeline on a device: good ones elsewhere do not end them."""
    elsewhere = [a_job(0.1, place=AER), a_job(0.2, pipeline="serving")]

    assert seen("QgmCompilationFailing", [*COMPILE, *elsewhere]) is True
