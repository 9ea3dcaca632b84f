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
    (tmp_path / "slo.yml").write_text(FREE)
    (tmp_path / "config.yml").write_text("objectives: [slo.yml]\n")
    here = site(load_configuration(tmp_path / "config.yml", {}), by.PROJECT)
    panels = [*planned(here), *purposes(here), spend_rate(here)]

    assert "Cost (28d)" in {panel.title for panel in panels}
    assert not any(panel.steps for panel in panels)
    assert not any(query.role is Role.LIMIT for panel in panels for query in panel.queries)


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
