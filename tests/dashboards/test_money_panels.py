"""Panels of money: bills and estimates apart, the cap as configured, words where none came."""

import math

import pytest

from qgm_observe.alerts.configuration import load_configuration
from qgm_observe.catalog import labels as by
from qgm_observe.dashboards.board import Role
from qgm_observe.dashboards.money_panels import planned, purposes, spend_rate
from qgm_observe.dashboards.preview.asking import Asker
from qgm_observe.dashboards.site import site

from .month import END, REQUEST, RUNAWAY

FREE = """\
objectives:
  - name: runs
    service: training
    brief: Runs end well.
    unit: run
    good: {signal: qgm.roots, match: {kind: training, outcome: success}}
    total: {signal: qgm.roots, match: {kind: training}}
    target: 95 %
    window: 28d
    events_per_day: 10
"""


OWN = """\
objectives:
  - name: chem-spend
    service: chem
    brief: Chem spends at most 20 USD a day.
    unit: money
    spent: {signal: qgm.cost, match: {project: chem, basis: BASIS}}
    cap: 20
    window: 1d
"""


def panels_of(folder, objectives):
    """The panels of money, by title, where these objectives are all."""
    (folder / "slo.yml").write_text(objectives)
    (folder / "config.yml").write_text("objectives: [slo.yml]\n")
    here = site(load_configuration(folder / "config.yml", {}), by.PROJECT)
    return {panel.title: panel for panel in (*planned(here), *purposes(here), spend_rate(here))}


@pytest.fixture(scope="module")
def shown():
    """The panels of the shipped configuration, by title."""
    here = site(load_configuration(None, {}), by.PROJECT)
    return {panel.title: panel for panel in (*planned(here), *purposes(here), spend_rate(here))}


def test_estimates_and_bills_are_never_added(shown):
    """No query asks for two of them, but to tell whether any came."""
    for panel in shown.values():
        for query in panel.queries:
            if query.role is not Role.VERDICT:
                asked = [f'basis="{each}"' in query.expr for each in ("billed", "estimated")]
                assert sum(asked) <= 1, panel.title


def test_every_reading_tells_its_bills(shown):
    """Each panel says what it rests on: bills, or the jobs that a guard stopped."""
    told = {title: panel.basis.legend for title, panel in shown.items() if panel.basis}

    assert told.pop("Prevented by guards (30 d)") == "jobs stopped"
    assert {each.lower() for each in told.values()} == {"bills"}
    assert set(shown) - set(told) == {"Prevented by guards (30 d)", "Wasted cost by reason (30 d)"}


def test_estimates_without_a_bill_are_pending(shown):
    """The word of a reading is `pending` for -1, which no bill is."""
    for title in ("Cost this week", "Forecast to week's end", "Cost against the cap (28d)"):
        (word,) = [each for each in shown[title].queries if each.role is Role.VERDICT]
        assert {each.value: each.text for each in word.meanings}[-1] == "pending"
        assert "* 0 - 1" in word.expr
        assert shown[title].queries[0].expr.endswith("or on () vector(NaN)")


def test_without_a_cap_money_is_told_and_not_judged(tmp_path):
    """Where no objective names a cap nothing is red, and no line is drawn."""
    panels = panels_of(tmp_path, FREE)

    assert "Cost (28d)" in panels
    assert not any(panel.steps for panel in panels.values())
    assert not any(q.role is Role.LIMIT for panel in panels.values() for q in panel.queries)


@pytest.mark.parametrize("basis", ["estimated", "billed"])
def test_a_cap_is_held_against_the_money_of_its_objective(tmp_path, basis):
    """The reading is what the objective's rules record; what is beside it is of the same work."""
    panel = panels_of(tmp_path, OWN.replace("BASIS", basis))["Cost against the cap (1d)"]
    reading, *others = panel.queries

    assert reading.expr.startswith('(max(qgm:slo_spent:usd{slo="chem-spend",window="1d"}) / 20)')
    assert "Chem spends at most 20 USD a day." in panel.description
    assert [reading.legend, others[-1].legend] == sorted(
        ["estimated", "billed"], key=lambda each: each != basis
    )
    assert panel.basis.legend == {"estimated": "estimates", "billed": "bills"}[basis]
    assert f'project="chem",basis="{basis}"' in panel.basis.expr
    assert not any("$project" in query.expr for query in panel.queries)
    assert 'project="chem",basis="' in others[-1].expr


def test_a_cap_on_some_money_judges_no_other(tmp_path):
    """A project's cap draws no line and no color where all bills are shown."""
    panels = panels_of(tmp_path, OWN.replace("BASIS", "billed"))

    assert [title for title, panel in panels.items() if panel.steps] == [
        "Cost against the cap (1d)"
    ]
    assert not any(q.role is Role.LIMIT for panel in panels.values() for q in panel.queries)
    assert "no cap is on all" in panels["Cost this week"].description


@pytest.mark.timeout(240)  # the month is recorded by whichever test comes first
def test_the_week_is_what_was_billed_since_monday(rendered_once, server):
    """Two days of runs and requests, and the runs of the outage at their price."""
    board = rendered_once["executive"]
    (panel,) = [each for each in board["panels"] if each["title"] == "Cost this week"]
    answers = Asker(board, server, END).answers(panel)
    billed, estimated = answers[0].lines[0].last, answers[-1].lines[0].last
    outage = 59 * (RUNAWAY + REQUEST)

    assert outage < billed < outage + 2 * 10 * 2 + 2 * 31 * REQUEST
    assert math.isclose(estimated, 1.1 * billed, rel_tol=0.01)


@pytest.mark.timeout(240)
def test_the_share_of_the_cap_is_what_was_billed(rendered_once, server):
    """In a month of 1,000 USD allowed it is a thousandth of the bills of 28 days."""
    board = rendered_once["cost"]
    (panel,) = [each for each in board["panels"] if each["title"] == "Cost against the cap (28d)"]
    share, _, bills, estimated = (
        answer.lines[0].last for answer in Asker(board, server, END).answers(panel)
    )

    assert bills > 28 * (10 + 30)
    assert math.isclose(estimated, 1.1 * 1000 * share, rel_tol=0.01)


@pytest.mark.timeout(240)
def test_a_bill_without_a_price_is_told_as_unpriced(rendered_once, server):
    """One a day is in euro, one has no price; neither is in any figure of money."""
    board = rendered_once["cost"]
    (panel,) = [each for each in board["panels"] if each["title"].startswith("Bills unpriced")]
    (answer,) = Asker(board, server, END).answers(panel)
    told = {line.labels["currency"]: line.last for line in answer.lines}

    assert set(told) == {"EUR", "unpriced"}
    assert told["EUR"] == told["unpriced"] >= 29
