"""Lint finds nothing in the shipped boards, and each seeded fault by the name of its rule."""

import pytest

from qgm_observe.dashboards import grafana_rules, house_rules
from qgm_observe.dashboards.grafana_rules import panels
from qgm_observe.dashboards.lint import lint


def panel(board, title):
    (found,) = [each for each in panels(board) if each["title"] == title]
    return found


def test_the_shipped_boards_are_clean(rendered):
    """No rule finds anything on any board."""
    assert [str(found) for board in rendered.values() for found in lint(board)] == []


def wrong_unit(board):
    panel(board, "Success (24 h)")["fieldConfig"]["defaults"]["unit"] = "percent"


def seconds_as_count(board):
    panel(board, "Oldest job that waits")["fieldConfig"]["defaults"]["unit"] = "short"


def ratio_as_seconds(board):
    panel(board, "Attempts that failed")["fieldConfig"]["defaults"]["unit"] = "s"


def missing_metric(board):
    target = panel(board, "Queue depth")["targets"][0]
    target["expr"] = target["expr"].replace("qgm_device_queue_jobs", "qgm_device_queue_lenght")


def bare_missing_metric(board):
    panel(board, "Queue depth")["targets"][0]["expr"] = "max(node_load1)"


def missing_label(board):
    panel(board, "Queue depth")["targets"][0]["expr"] = (
        'max by (device) (qgm_device_queue_jobs{provider=~"$provider",device=~"$device",shots="1"})'
    )


def illegal_value(board):
    target = panel(board, "Compilation failures")["targets"][0]
    target["expr"] = target["expr"].replace('stage="compile"', 'stage="complie"')


def kept_label(board):
    target = panel(board, "Queue depth")["targets"][0]
    target["expr"] = target["expr"].replace("by (device)", "by (device, backend)")


def hard_coded(board):
    target = panel(board, "Queue depth")["targets"][0]
    target["expr"] = target["expr"].replace('device=~"$device"', 'device="ibm_torino"')


def unscoped(board):
    target = panel(board, "Queue depth")["targets"][0]
    target["expr"] = target["expr"].replace(',device=~"$device"', "")


def overlapping(board):
    panel(board, "Queue depth")["gridPos"]["x"] += 4


def too_wide(board):
    panel(board, "Time in the queue")["gridPos"]["w"] += 4


def text_null(board):
    steps = panel(board, "Success (24 h)")["fieldConfig"]["defaults"]["thresholds"]["steps"]
    steps[0]["value"] = "null"


def descending(board):
    steps = panel(board, "Success (24 h)")["fieldConfig"]["defaults"]["thresholds"]["steps"]
    steps[1]["value"] = 0.99


def same_ref(board):
    for target in panel(board, "Success (24 h)")["targets"]:
        target["refId"] = "A"


def same_id(board):
    panel(board, "Queue depth")["id"] = panel(board, "Success (24 h)")["id"]


def no_word(board):
    config = panel(board, "Success (24 h)")["fieldConfig"]
    config["overrides"] = [
        each for each in config["overrides"] if each["matcher"]["options"] != "B"
    ]


def green_without_data(board):
    panel(board, "Success (24 h)")["fieldConfig"]["defaults"]["mappings"] = []


def no_basis(board):
    panel(board, "Success (24 h)")["targets"].pop()


def no_runbook(board):
    panel(board, "Success (24 h)")["description"] = "Share of runs. Good: all."


def no_title(board):
    panel(board, "Queue depth")["title"] = ""


def bare_datasource(board):
    panel(board, "Queue depth")["datasource"] = "${datasource}"


def nothing_asked(board):
    panel(board, "Queue depth")["targets"] = []


def open_bracket(board):
    panel(board, "Queue depth")["targets"][0]["expr"] += "("


def fixed_rate(board):
    panel(board, "Queue depth")["targets"][0]["expr"] = "sum(rate(qgm_steps_total[5m]))"


def bare_counter(board):
    panel(board, "Queue depth")["targets"][0]["expr"] = "sum(qgm_steps_total)"


def endless_edges(board):
    graph = panel(board, "Queue depth")
    graph["type"] = "nodeGraph"
    graph["targets"][0] |= {
        "format": "table",
        "expr": 'label_replace(qgm_device_queue_jobs, "id", "$1", "device", "(.+)")',
    }


def editable(board):
    board["editable"] = True


def other_datasource_variable(board):
    board["templating"]["list"][0]["name"] = "prometheus"


def stale_variable(board):
    board["templating"]["list"][1]["refresh"] = 1


def odd_variable(board):
    board["templating"]["list"][1]["query"] = "select device"


def crowded(board):
    shown = [each for each in board["panels"] if each["type"] != "row"]
    board["panels"] += shown[:5] * 2


FAULTS = {
    wrong_unit: "panel-units-rule",
    seconds_as_count: "unit-fits",
    ratio_as_seconds: "unit-fits",
    missing_metric: "known-metrics",
    bare_missing_metric: "known-metrics",
    missing_label: "known-labels",
    illegal_value: "known-labels",
    kept_label: "known-groupings",
    hard_coded: "no-hard-coded-place",
    unscoped: "scope-variables",
    overlapping: "grid",
    too_wide: "grid",
    text_null: "threshold-base",
    descending: "threshold-base",
    same_ref: "unique-refs",
    same_id: "unique-ids",
    no_word: "word-beside-color",
    green_without_data: "says-insufficient",
    no_basis: "rests-on-events",
    no_runbook: "explains",
    no_title: "panel-title-description-rule",
    bare_datasource: "panel-datasource-rule",
    nothing_asked: "panel-no-targets-rule",
    open_bracket: "target-promql-rule",
    fixed_rate: "target-rate-interval-rule",
    bare_counter: "target-counter-agg-rule",
    endless_edges: "graph-fields",
    editable: "uneditable-dashboard",
    other_datasource_variable: "template-datasource-rule",
    stale_variable: "template-on-time-change-reload-rule",
    odd_variable: "template-label-promql-rule",
    crowded: "few-panels",
}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda each: each.__name__)
def test_a_seeded_fault_is_caught_by_name(rendered, fault):
    """Each fault, put into a clean board, is found by the rule that is there for it."""
    board = rendered["on-call"]
    fault(board)

    assert FAULTS[fault] in {found.rule for found in lint(board)}


def test_no_rule_is_without_a_fault():
    """Every rule is proven to find something, or is excluded with a reason."""
    rules = set(grafana_rules.RULES) | set(house_rules.RULES)

    assert len(grafana_rules.RULES) == 15
    assert set(FAULTS.values()) | set(grafana_rules.EXCLUDED) == rules
    assert all(len(reason) > 20 for reason in grafana_rules.EXCLUDED.values())


@pytest.mark.parametrize("name", grafana_rules.EXCLUDED)
def test_an_excluded_rule_would_find_something(rendered, name):
    """What is excluded is excluded because our boards break it, not because it never bites."""
    assert list(grafana_rules.RULES[name](rendered["on-call"]))


def test_a_finding_is_one_line_that_tells_where(rendered):
    """Rule, board, panel and what is wrong."""
    board = rendered["on-call"]
    text_null(board)

    assert "threshold-base: On-call, Success (24 h): its base threshold is 'null', not null" in {
        str(found) for found in lint(board)
    }
