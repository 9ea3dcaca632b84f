"""From the model to JSON: layout, ids, roles, tables, and the same bytes each time."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgm_observe.dashboards import kinds
from qgm_observe.dashboards.board import Annotation, Board, Color, Link, Query, Role, Row, Variable
from qgm_observe.dashboards.house_rules import RULES
from qgm_observe.dashboards.kinds import Told
from qgm_observe.dashboards.panels import board_json, canonical

TOLD = Told("It is.", "Much.", "https://runbooks.example.org/QgmWatchdog.md")
EVENTS = kinds.basis("n", "runs")


def chart(width=8, **other):
    queries = other.pop("queries", (Query(expr="x", legend="x"),))
    return kinds.lines("T", TOLD, "s", queries, EVENTS, width=width, **other)


def board(*rows, **other):
    return board_json(Board(slug="b", title="B", brief="Why?", rows=rows, **other))


def only(made):
    return next(each for each in made["panels"] if each["type"] != "row")


@given(
    st.lists(
        st.tuples(
            st.lists(st.tuples(st.integers(1, 24), st.integers(1, 12)), max_size=6), st.booleans()
        ),
        max_size=4,
    )
)
def test_panels_never_overlap(rows):
    """Whatever the sizes, panels stay in the grid, side by side, with ids that count up."""
    made = board(
        *(
            Row("R", tuple(chart(width, height=height) for width, height in sizes), collapsed)
            for sizes, collapsed in rows
        )
    )
    ids = [each["id"] for panel in made["panels"] for each in (panel, *panel.get("panels", ()))]

    assert list(RULES["grid"](made)) == []
    assert ids == list(range(1, len(ids) + 1))


def test_the_text_is_the_same_each_time_and_valid_json():
    """Keys are sorted, and the text means what the data mean."""
    made = board(Row("R", (chart(), chart())))
    text = canonical(made)

    assert json.loads(text) == made
    assert text == canonical(json.loads(text))
    assert text.endswith("\n}\n")


def test_a_changed_field_is_one_changed_line():
    """A diff shows the field that changed and no other."""
    before = canonical(board(Row("R", (chart(),)))).splitlines()
    after = canonical(board(Row("R", (chart(log=True),)))).splitlines()
    changed = [line for line, other in zip(before, after, strict=True) if line != other]

    assert [line.split(":")[0].strip() for line in changed] == ['"fieldConfig"']


def test_no_time_and_no_server_id_is_in_it():
    """Nothing depends on when or where it was rendered."""
    made = board(Row("R", (chart(),)))

    assert made["uid"] == "qgm-b"
    assert {"id", "version", "iteration"} & set(made) <= {"version"}
    assert made.get("version", 0) == 0


def test_what_it_rests_on_is_gray_bars_on_an_axis_of_its_own():
    """So that it is not read as another reading, and not held to the reading's scale."""
    (override,) = only(board(Row("R", (chart(),))))["fieldConfig"]["overrides"]
    drawn = {each["id"]: each.get("value") for each in override["properties"]}

    assert override["matcher"] == {"id": "byFrameRefID", "options": "B"}
    assert drawn["unit"] == "short"
    assert drawn["custom.drawStyle"] == "bars"
    assert drawn["custom.axisPlacement"] == "right"
    assert drawn["color"] == {"mode": "fixed", "fixedColor": "text"}
    assert "max" in drawn
    assert drawn["max"] is None


def test_an_interval_is_filled_between_its_ends():
    """The upper end is filled down to the lower one, by its name."""
    queries = (
        Query(expr="x", legend="median"),
        Query(expr="l", legend="lower", role=Role.LOW),
        Query(expr="h", legend="upper", role=Role.HIGH),
    )
    overrides = only(board(Row("R", (chart(queries=queries),))))["fieldConfig"]["overrides"]
    drawn = {each["matcher"]["options"]: each["properties"] for each in overrides}

    assert {"id": "custom.fillBelowTo", "value": "lower"} in drawn["C"]


def test_of_several_intervals_the_ends_are_dots():
    """Grafana finds the lower end by its name, so a name with labels is never filled down to."""
    queries = (
        Query(expr="x", legend="{{model}}"),
        Query(expr="l", legend="{{model}} low", role=Role.LOW),
        Query(expr="h", legend="{{model}} high", role=Role.HIGH),
    )
    overrides = only(board(Row("R", (chart(queries=queries),))))["fieldConfig"]["overrides"]
    drawn = {
        each["matcher"]["options"]: {p["id"]: p["value"] for p in each["properties"]}
        for each in overrides[:2]
    }

    assert set(drawn) == {"B", "C"}
    for each in drawn.values():
        assert each["custom.lineStyle"]["fill"] == "dot"
        assert each["custom.hideFrom"] == {"legend": True, "tooltip": False, "viz": False}
        assert not {"custom.fillBelowTo", "custom.lineWidth"} & set(each)


def test_bars_of_what_it_rests_on_begin_at_none():
    """Also beside readings on a logarithmic scale."""
    (override,) = only(board(Row("R", (chart(log=True, minimum=None),))))["fieldConfig"][
        "overrides"
    ]
    drawn = {each["id"]: each.get("value") for each in override["properties"]}

    assert (drawn["custom.scaleDistribution"], drawn["min"]) == ({"type": "linear"}, 0)


def test_a_stat_that_nobody_judges_is_not_green():
    """Grafana's palette begins with green; a plain step has a color that praises nothing."""
    told = only(board(Row("R", (kinds.stat("T", TOLD, "s", "x", EVENTS),))))["fieldConfig"][
        "defaults"
    ]

    assert told["color"] == {"mode": "thresholds"}
    assert told["thresholds"]["steps"] == [{"color": "blue", "value": None}]


def test_a_limit_is_a_dashed_line():
    """It is told from a reading without its color."""
    queries = (Query(expr="x", legend="x"), kinds.limit("vector(1)", "promised"))
    override = only(board(Row("R", (chart(queries=queries),))))["fieldConfig"]["overrides"][0]

    assert override["matcher"]["options"] == "B"
    assert {"id": "custom.lineStyle", "value": {"fill": "dash", "dash": [8, 6]}} in override[
        "properties"
    ]


@pytest.mark.parametrize(("count", "fields"), [(1, ["Value"]), (2, ["Value #A", "Value #B"])])
def test_a_table_names_its_columns(count, fields):
    """Grafana numbers the values of several queries; each gets the title of its column."""
    columns = [kinds.column("x", f"Column {number}", "s") for number in range(count)]
    panel = only(board(Row("R", (kinds.table("T", TOLD, ("device",), columns),))))
    organize = panel["transformations"][-1]["options"]

    assert [each["id"] for each in panel["transformations"]] == ["merge", "organize"]
    assert organize["excludeByName"] == {"Time": True}
    assert organize["renameByName"] == {
        name: f"Column {number}" for number, name in enumerate(fields)
    }
    assert organize["indexByName"]["device"] == 0
    assert {target["format"] for target in panel["targets"]} == {"table"}


def test_a_heatmap_asks_for_buckets_and_exemplars():
    """Its cells are what Grafana takes out of cumulated buckets; points lead to traces."""
    panel = only(board(Row("R", (kinds.bucket_heatmap("T", TOLD, "s", "x"),))))

    assert panel["options"]["calculate"] is False
    assert [(each["format"], each["exemplar"]) for each in panel["targets"]] == [("heatmap", True)]


def test_links_take_time_and_choices_along():
    """Whoever follows a link to another board keeps what was chosen."""
    (link,) = board(links=(Link("On-call", "/d/qgm-on-call"),))["links"]

    assert (link["url"], link["includeVars"], link["keepTime"]) == ("/d/qgm-on-call", True, True)


def test_choices_begin_with_all_but_single_ones():
    """A choice of several values begins with all of them, also those without the label."""
    choices = (
        Variable(name="device", title="Device", query="label_values(up, device)"),
        Variable(name="slo", title="Objective", query="label_values(up, slo)", single=True),
    )
    source, device, slo = board(variables=choices)["templating"]["list"]

    assert source["current"]["value"] == "prometheus"
    assert (device["current"]["value"], device["allValue"]) == (["$__all"], ".*")
    assert "current" not in slo
    assert not slo["multi"]


def test_an_annotation_asks_prometheus():
    """It has a name, a query, a text and a color."""
    told = Annotation(name="Pages", expr="ALERTS", title="{{alertname}}", color=Color.BAD)
    (made,) = board(annotations=(told,))["annotations"]["list"]

    assert (made["name"], made["expr"], made["titleFormat"], made["iconColor"]) == (
        "Pages", "ALERTS", "{{alertname}}", "red",
    )  # fmt: skip


def test_a_table_begins_with_the_worst():
    """It is sorted by its first query, highest first, or by a column that is told, lowest first."""
    columns = (kinds.column("x", "Left", "percentunit"),)
    tables = (
        kinds.table("T", TOLD, ("slo",), columns),
        kinds.table("T", TOLD, ("slo",), columns, lowest_first="Left"),
    )
    orders = [only(board(Row("R", (each,))))["options"]["sortBy"] for each in tables]

    assert orders == [
        [{"displayName": "Left", "desc": True}],
        [{"displayName": "Left", "desc": False}],
    ]


def test_series_that_mean_something_have_their_color():
    """A success is green in every chart, whatever else is in it."""
    bars = kinds.counted_bars("T", TOLD, "x", "{{outcome}}", colors=(("success", Color.GOOD),))
    (override,) = only(board(Row("R", (bars,))))["fieldConfig"]["overrides"]

    assert override == {
        "matcher": {"id": "byName", "options": "success"},
        "properties": [{"id": "color", "value": {"mode": "fixed", "fixedColor": "green"}}],
    }


def test_short_panels_stack_beside_tall_ones():
    """Two stats of half the height stand one below the other, and leave no hole."""
    low = [kinds.stat("T", TOLD, "s", "x", EVENTS, width=8, height=4) for _ in range(2)]
    made = board(Row("R", (low[0], chart(16, height=8), low[1])))
    places = [(each["gridPos"]["x"], each["gridPos"]["y"]) for each in made["panels"][1:]]

    assert places == [(0, 1), (8, 1), (0, 5)]
