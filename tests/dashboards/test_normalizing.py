"""The normalizer mends what grafanalib 0.7.1 writes."""

import copy
import json

from grafanalib import core
from hypothesis import given
from hypothesis import strategies as st

from qgm_observe.dashboards.normalizing import normal


def raw_board():
    """A board as grafanalib itself writes it."""
    stat = core.Stat(
        title="S",
        targets=[core.Target(expr="up", refId="A")],
        thresholds=[core.Threshold("red", 0, 0.0), core.Threshold("green", 1, 0.97)],
    )
    row = core.RowPanel(title="R", panels=[stat], collapsed=True)
    choice = core.Template(name="device", query="label_values(device)", dataSource="p")
    made = core.Dashboard(
        title="B", panels=[stat, row], templating=core.Templating(list=[choice])
    )  # fmt: skip
    return json.loads(json.dumps(made, default=lambda each: each.to_json_data()))


def test_the_base_threshold_is_null():
    """Grafanalib writes the text "null", by which every color is the worst; ours is null."""
    before = raw_board()
    told = before["panels"][0]["fieldConfig"]["defaults"]["thresholds"]["steps"]
    steps = normal(before)["panels"][0]["fieldConfig"]["defaults"]["thresholds"]["steps"]

    assert told[0]["value"] == "null"
    assert steps == [{"color": "red", "value": None}, {"color": "green", "value": 0.97}]


def test_thresholds_without_a_step_are_left_out():
    """Grafanalib writes an empty list of them, which colors nothing."""
    before = raw_board()
    before["panels"][0]["fieldConfig"]["defaults"]["thresholds"]["steps"] = []

    assert "thresholds" not in normal(before)["panels"][0]["fieldConfig"]["defaults"]


def keys(data):
    if isinstance(data, dict):
        yield from data
        for value in data.values():
            yield from keys(value)
    if isinstance(data, list):
        for value in data:
            yield from keys(value)


def test_keys_that_are_gone_are_left_out():
    """Keys that Grafana has dropped are in grafanalib's output and not in ours."""
    gone = {"rows", "hideControls", "sharedCrosshair", "style", "gnetId", "span", "minSpan",
            "intervalFactor", "metric", "useTags", "tagsQuery", "auto_count"}  # fmt: skip

    assert gone <= set(keys(raw_board()))
    assert gone & set(keys(normal(raw_board()))) == set()


def test_nothing_is_null_but_the_base():
    """A key without a value is absent."""

    def nulls(data, path=()):
        if isinstance(data, dict):
            for key, value in data.items():
                yield from nulls(value, (*path, key))
        elif isinstance(data, list):
            for value in data:
                yield from nulls(value, (*path, "[]"))
        elif data is None:
            yield path

    assert {path[-3:] for path in nulls(normal(raw_board()))} == {("steps", "[]", "value")}


def test_a_row_is_no_panel():
    """A row keeps its panels and loses what only panels have."""
    row = normal(raw_board())["panels"][1]

    assert set(row) <= {"collapsed", "gridPos", "id", "panels", "title", "type"}
    assert [panel["title"] for panel in row["panels"]] == ["S"]


def test_what_it_is_given_stays_as_it_is():
    """The normalizer makes a new board."""
    before = raw_board()
    copied = copy.deepcopy(before)
    normal(before)

    assert before == copied


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=4, unique=True))
def test_twice_is_once(values):
    """A board in today's form is left alone, whatever its thresholds."""
    board = raw_board()
    steps = [{"color": "red", "value": "null"}, *({"color": "red", "value": v} for v in values)]
    board["panels"][0]["fieldConfig"]["defaults"]["thresholds"]["steps"] = steps
    once = normal(board)

    assert normal(copy.deepcopy(once)) == once
