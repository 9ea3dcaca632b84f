"""Colors computed from the emitted JSON by Grafana's rule, against those that are meant.

Grafana, `getActiveThreshold`: the last step whose value is not above the reading; the first is null
and counts as minus infinity. Source: grafana/grafana, packages/grafana-data/src/field/thresholds.ts
"""

import pytest

from qgm_observe.dashboards.grafana_rules import panels
from qgm_observe.dashboards.house_rules import thresholds

HOUR, DAY = 3600.0, 86400.0
SUCCESS = {0.5: "red", 0.949: "red", 0.95: "orange", 0.969: "orange", 0.97: "green", 1.0: "green"}
LEFT = {-0.5: "red", -0.001: "red", 0.0: "orange", 0.249: "orange", 0.25: "green", 1.0: "green"}
READOUT = {0.0: "green", 0.029: "green", 0.03: "orange", 0.099: "orange", 0.1: "red", 0.5: "red"}
GATES = {0.001: "green", 0.0099: "green", 0.01: "orange", 0.049: "orange", 0.05: "red", 1.0: "red"}
OLD = {DAY: "green", 2.9 * DAY: "green", 3 * DAY: "orange", 6.9 * DAY: "orange", 7 * DAY: "red"}
WEEK = {0.0: "green", 199.9: "green", 200.0: "orange", 249.9: "orange", 250.0: "red", 900.0: "red"}
MEANT = {
    ("executive", "Success (30 d)"): SUCCESS,
    ("executive", "Objectives breached"): {0: "green", 1: "orange", 2: "red", 5: "red"},
    ("executive", "Telemetry coverage (30 d)"): {0.9: "red", 0.96: "orange", 0.99: "green"},
    ("executive", "Error budgets"): LEFT,
    ("executive", "Valid shots (7 d)"): {0.5: "red", 0.7: "orange", 0.79: "orange", 0.8: "green"},
    ("executive", "Diversity against baseline"): {0.7: "red", 0.85: "orange", 0.9: "green"},
    ("executive", "Device time used"): {0.0: "green", 0.79: "green", 0.8: "orange", 1.0: "red"},
    ("executive", "Cost this week"): WEEK,
    ("executive", "Forecast to week's end"): WEEK,
    ("executive", "Cost against the cap (28d)"): {0.79: "green", 0.8: "orange", 1.0: "red"},
    ("on-call", "Success (24 h)"): SUCCESS,
    ("on-call", "Telemetry up"): {0.0: "red", 0.5: "orange", 0.99: "orange", 1.0: "green"},
    ("on-call", "Stalled runs"): {0: "green", 1: "orange", 2: "red"},
    ("on-call", "Evidence against objectives"): {-3.0: "green", 0.5: "orange", 1.0: "red"},
    ("on-call", "Devices"): OLD,
    ("debug", "Worst pairs"): GATES,
    ("debug", "Readout error by qubit"): READOUT,
    ("calibration", "Oldest in use"): OLD,
    ("calibration", "Last told"): {60.0: "green", HOUR: "orange", 6 * HOUR: "red"},
    ("calibration", "Faulty qubits"): {0: "green", 1: "orange", 9: "orange", 10: "red"},
    ("calibration", "Calibration age"): OLD,
    ("calibration", "Against a week before"): {-0.5: "green", 0.1: "orange", 0.25: "red"},
    ("calibration", "Readout error by qubit"): READOUT,
    ("calibration", "Worst qubits"): READOUT,
    ("calibration", "Two-qubit gate error"): GATES,
    ("calibration", "Gates"): GATES,
    ("calibration", "Worst pairs"): GATES,
    ("slo", "Budget left"): LEFT,
    ("slo", "Bad events left"): {-1.0: "red", 0.0: "orange", 4.9: "orange", 5.0: "green"},
    ("slo", "Budget lasts"): {DAY / 2: "red", DAY: "orange", 3 * DAY: "green", 90 * DAY: "green"},
    ("slo", "Events by window"): {0: "text", 4: "text", 5: "blue", 19: "blue", 20: "green"},
    ("slo", "Objectives"): LEFT,
    ("cost", "Cost this week"): WEEK,
    ("cost", "Forecast to week's end"): WEEK,
    ("cost", "Cost against the cap (28d)"): {0.79: "green", 0.8: "orange", 1.0: "red"},
    ("telemetry", "Telemetry up"): {0.0: "red", 0.5: "orange", 0.99: "orange", 1.0: "green"},
    ("telemetry", "Telemetry coverage (30 d)"): {0.9: "red", 0.96: "orange", 0.99: "green"},
}
"""What a reading is meant to look like, panel by panel."""


def color(steps, reading):
    """By Grafana's rule; what cannot be compared is skipped, as in JavaScript."""
    active = steps[0]
    for step in steps[1:]:
        if step["value"] <= reading:
            active = step
    return active["color"]


def colored(boards):
    for slug, board in boards.items():
        for panel in panels(board):
            for steps in thresholds(panel):
                if len(steps) > 1:
                    yield (slug, panel["title"]), steps


def test_every_colored_panel_is_looked_at(rendered):
    """A panel with thresholds stands in the table above, and none of the table is gone."""
    assert {place for place, _ in colored(rendered)} == set(MEANT)


@pytest.mark.parametrize("place", MEANT, ids=" ".join)
def test_readings_have_the_color_that_is_meant(rendered, place):
    """Each reading has the color that is meant, at the edges too."""
    found = [steps for where, steps in colored(rendered) if where == place]

    assert found
    for steps in found:
        assert {each: color(steps, each) for each in MEANT[place]} == MEANT[place]
        assert steps[0]["value"] is None
