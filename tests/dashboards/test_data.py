"""Every query of every panel, answered by a real Prometheus in good days and in an outage.

What color a value has follows from the board's JSON, see `preview.fields`, which has its own tests.
"""

import math

import pytest

from qgm_observe.dashboards.preview.asking import Asker, panels_of
from qgm_observe.dashboards.preview.figures import shown

from .month import END, HEALTHY

pytestmark = pytest.mark.timeout(240)  # the month is recorded by whichever test comes first
ALL_IS_WELL = "there is nothing to list while nothing fails"
NOT_HERE = "no Kubernetes, no series beyond the cap"
UNANSWERED_WHEN_HEALTHY = {
    ("on-call", "Alerts that fire", "A"): ALL_IS_WELL,
    ("on-call", "Errors by stage and class", "A"): ALL_IS_WELL,
    ("on-call", "Failing pipelines", "A"): ALL_IS_WELL,
    ("debug", "Errors", "A"): ALL_IS_WELL,
    ("debug", "Telemetry lost", "D"): ALL_IS_WELL,
    ("debug", "Telemetry lost", "H"): NOT_HERE,
    ("debug", "Pod restarts", "A"): NOT_HERE,
}
UNANSWERED_IN_OUTAGE = {place for place, why in UNANSWERED_WHEN_HEALTHY.items() if why == NOT_HERE}
RED_WHEN_HEALTHY: set[tuple[str, str]] = set()

RED_IN_OUTAGE = {
    ("executive", "Cost against the cap (28d)"),
    ("executive", "Cost this week"),
    ("executive", "Diversity against baseline"),
    ("executive", "Error budgets"),
    ("executive", "Forecast to week's end"),
    ("executive", "Objectives breached"),
    ("executive", "Success (30 d)"),
    ("executive", "Telemetry coverage (30 d)"),
    ("on-call", "Calibration age"),
    ("on-call", "Device state"),
    ("on-call", "Success (24 h)"),
    ("debug", "Cause of a drop"),
    ("debug", "Encoding"),
    ("debug", "Inputs"),
    ("debug", "Modes"),
    ("debug", "Training"),
    ("calibration", "Against a week before"),
    ("calibration", "Calibration age"),
    ("calibration", "Device state"),
    ("calibration", "Oldest parameter"),
    ("slo", "Bad events left"),
    ("slo", "Budget lasts"),
    ("slo", "Budget left"),
    ("slo", "Objectives"),
}


def panels(rendered):
    """Every panel that asks, with its board."""
    return [
        (slug, board, panel)
        for slug, board in rendered.items()
        for panel in panels_of(board)
        if panel.get("targets")
    ]


def answered(rendered, server, now):
    """The answers of each panel, by board and panel."""
    chosen = {"slo": "training-success"}  # of those that are judged by evidence
    askers = {slug: Asker(board, server, now, chosen) for slug, board in rendered.items()}
    return [(slug, panel, askers[slug].answers(panel)) for slug, _, panel in panels(rendered)]


@pytest.fixture(scope="module")
def healthy(rendered_once, server):
    return answered(rendered_once, server, HEALTHY)


@pytest.fixture(scope="module")
def outage(rendered_once, server):
    return answered(rendered_once, server, END)


def unanswered(told):
    return {
        (slug, panel["title"], answer.ref)
        for slug, panel, answers in told
        for answer in answers
        if not any(math.isfinite(v) for line in answer.lines for _, v in line.points)
    }


def red(told):
    """Panels of which any value is red; lines that values are held against do not count."""
    found = set()
    for slug, panel, answers in told:
        limits = {
            override["matcher"]["options"]
            for override in panel["fieldConfig"].get("overrides", ())
            for each in override["properties"]
            if each["id"] == "custom.lineStyle"
        }
        values = [answer for answer in answers if answer.ref not in limits]
        if any(value.color == "red" for value in shown(panel, values)):
            found.add((slug, panel["title"]))
    return found


def test_prometheus_understands_every_query(healthy, outage):
    """No query is refused."""
    told = [*healthy, *outage]

    assert len(told) > 100
    assert [answer.error for _, _, answers in told for answer in answers if answer.error] == []


def test_every_query_is_answered_in_good_days(healthy):
    """No panel is without data but those that say so: nothing failed, or there is no Kubernetes."""
    assert unanswered(healthy) == set(UNANSWERED_WHEN_HEALTHY)


def test_every_query_is_answered_in_an_outage(outage):
    """When things fail, what was empty in good days fills."""
    assert unanswered(outage) == UNANSWERED_IN_OUTAGE


def test_nothing_is_red_in_good_days(healthy):
    """No value is in a red range, but for the count of events that are too few to judge by."""
    assert red(healthy) == RED_WHEN_HEALTHY


def test_the_outage_is_red(outage):
    """Every panel that must turn red does, and no other."""
    assert red(outage) == RED_IN_OUTAGE


def test_the_alerts_that_fire_are_those_of_the_outage(server):
    """In good days the watchdog alone fires; in the outage the pages for it do."""
    query = 'ALERTS{alertstate="firing",severity="page"}'
    pages = {labels["alertname"] for labels, _ in server.vector(query, END)}

    assert server.vector(query, HEALTHY) == []
    assert pages == {"QgmSloBurnPage", "QgmProviderOutage", "QgmSpendCap"}
    assert len(server.vector('ALERTS{alertname="QgmWatchdog"}', HEALTHY)) == 1
