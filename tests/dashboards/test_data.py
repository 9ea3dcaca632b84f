"""Every query of every panel, answered by a real Prometheus in good days and in an outage.

What color a value has follows from the board's JSON, see `preview.fields`, which has its own tests.
"""

import math

import pytest

from qgm_observe.dashboards.preview.asking import Asker, panels_of
from qgm_observe.dashboards.preview.figures import shown

from .month import END, HEALTHY

pytestmark = pytest.mark.timeout(240)  # the month is recorded by whichever test comes first
ALL_IS_WELL = "there is nothing to list while nothing fails and no device is away"
NOT_HERE = "no Kubernetes, no series beyond the cap, no call held back"
UNANSWERED_WHEN_HEALTHY = {
    ("on-call", "Alerts that fire", "A"): ALL_IS_WELL,
    ("on-call", "Errors by stage and class", "A"): ALL_IS_WELL,
    ("on-call", "Failing pipelines", "A"): ALL_IS_WELL,
    ("on-call", "Failing pipelines", "B"): ALL_IS_WELL,
    ("on-call", "Devices", "F"): ALL_IS_WELL,
    ("on-call", "Accounts", "H"): NOT_HERE,
    ("debug", "Errors", "A"): ALL_IS_WELL,
    ("telemetry", "Telemetry lost", "D"): ALL_IS_WELL,
    ("telemetry", "Telemetry lost", "H"): NOT_HERE,
    ("telemetry", "Pod restarts", "A"): NOT_HERE,
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
    ("on-call", "Device state"),
    ("on-call", "Devices"),
    ("on-call", "Success (24 h)"),
    ("debug", "Verdict on training"),
    ("debug", "Verdicts on samples"),
    ("calibration", "Against a week before"),
    ("calibration", "Calibration age"),
    ("calibration", "Device state"),
    ("calibration", "Oldest in use"),
    ("slo", "Bad events left"),
    ("slo", "Budget lasts"),
    ("slo", "Budget left"),
    ("slo", "Objectives"),
    ("cost", "Cost against the cap (28d)"),
    ("cost", "Cost this week"),
    ("cost", "Forecast to week's end"),
    ("telemetry", "Telemetry coverage (30 d)"),
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


def test_a_budget_that_is_spent_is_gone(outage):
    """It lasts no second longer, and its word says so."""
    (panel, answers) = next(
        (panel, answers) for _, panel, answers in outage if panel["title"] == "Budget lasts"
    )

    assert answers[0].lines[0].last == 0
    assert [each.text for each in shown(panel, answers[1:2])] == ["gone"]


def test_the_statistic_that_is_shown_first_tells_good_from_bad(rendered_once, server):
    """The debug board opens with cross-entropy, and offers no test that any large sample fails."""
    board = rendered_once["debug"]
    (variable,) = [each for each in board["templating"]["list"] if each["name"] == "statistic"]

    assert Asker(board, server, END).variables["statistic"] == "linear_xeb"
    assert 'statistic!~"chi_square_p|g_test_p"' in str(variable["query"])


def test_a_table_keeps_no_labels_but_its_keys(outage):
    """What a query of a table returns is told apart by the columns that are shown, and no other."""
    tables = [(panel, answers) for _, panel, answers in outage if panel["type"] == "table"]

    assert len(tables) > 30
    for panel, answers in tables:
        shown = set(panel["transformations"][-1]["options"]["indexByName"])
        kept = {name for each in answers for line in each.lines for name in line.labels}
        assert kept <= shown, panel["title"]


def test_the_coupling_map_shows_both_devices_and_the_pair_that_broke(outage):
    """Every pair ends at qubits that are there; the one that no gate works on is dashed."""
    (nodes, edges) = next(a for _, panel, a in outage if panel["title"] == "Coupling map")
    qubits = {line.labels["id"]: line.labels for line in nodes.lines}
    pairs = {line.labels["id"]: line.labels for line in edges.lines}

    assert len(qubits) == len(nodes.lines) == 12 + 8
    assert len(pairs) == len(edges.lines) == 12 + 7
    assert {pair[end] for pair in pairs.values() for end in ("source", "target")} <= set(qubits)
    broken = [name for name, pair in pairs.items() if pair["mainstat"] == "disabled"]
    assert broken == ["ibm_fez 26-27"]
    assert pairs[broken[0]]["strokedasharray"]
    assert all(
        pair["mainstat"].endswith(" %") for pair in pairs.values() if pair["mainstat"] != "disabled"
    )
    assert {pair["color"] for pair in pairs.values()} == {"gray", "green", "orange"}


def test_the_alerts_that_fire_are_those_of_the_outage(server):
    """In good days the watchdog alone fires; in the outage the pages for it do."""
    query = 'ALERTS{alertstate="firing",severity="page"}'
    pages = {labels["alertname"] for labels, _ in server.vector(query, END)}

    assert server.vector(query, HEALTHY) == []
    assert pages == {"QgmSloBurnPage", "QgmProviderOutage", "QgmSpendCap"}
    assert len(server.vector('ALERTS{alertname="QgmWatchdog"}', HEALTHY)) == 1
