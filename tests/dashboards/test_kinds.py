"""Kinds of panels: words beside colors, what they rest on, and what they say of themselves."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgm_observe.catalog import labels as by
from qgm_observe.dashboards import kinds
from qgm_observe.dashboards.board import Board, Color, Query, Role, Row
from qgm_observe.dashboards.kinds import Told
from qgm_observe.dashboards.panels import board_json

TOLD = Told("It is.", "Much.", "https://runbooks.example.org/QgmWatchdog.md")
EVENTS = kinds.basis("n", "runs")
HIGH = kinds.higher_is_better(0.95, 0.97, ("low", "close", "good"))
LOW = kinds.lower_is_better(1.0, 2.0, ("none", "one", "several"))


def shown(panel, reading):
    """What Grafana shows for the verdict: the first mapping that fits, its ends included.

    Source: `getValueMappingResult` of npm @grafana/data 12.2.0, where no end means no bound.
    """
    board = board_json(Board(slug="x", title="X", brief="?", rows=(Row("R", (panel,)),)))
    overrides = board["panels"][1]["fieldConfig"]["overrides"]
    (mappings,) = [
        each["value"]
        for override in overrides
        for each in override["properties"]
        if each["id"] == "mappings"
    ]
    for mapping in mappings:
        told = mapping["options"]
        low, high = told.get("from"), told.get("to")
        fits = (low is None or low <= reading) and (high is None or reading <= high)
        if mapping["type"] == "range" and fits:
            return told["result"]
    return None


def reached(steps, reading):
    """Grafana's rule for thresholds: the last step whose value is not above the reading."""
    return [step for step in steps if step.value is None or step.value <= reading][-1]


@given(
    st.sampled_from([HIGH, LOW]),
    st.one_of(st.floats(-5, 5), st.sampled_from([0.95, 0.97, 1.0, 2.0])),
)
def test_the_word_says_what_the_color_says(steps, reading):
    """The verdict of a reading has the word and the color of its step, also at a limit."""
    panel = kinds.ratio_stat("T", TOLD, "x", EVENTS, steps=steps)
    found = shown(panel, reading)
    step = reached(steps, reading)

    assert (found["text"], found["color"]) == (step.word, step.color.value)


def test_no_number_is_insufficient_data_without_a_color():
    """A stat, its verdict and a chart say so where there is no number, and never in green."""
    stat = kinds.ratio_stat("T", TOLD, "x", EVENTS, steps=LOW)
    chart = kinds.ratio_timeseries("T", TOLD, (Query(expr="x", legend="x"),), EVENTS)
    for meanings in (stat.meanings, stat.queries[1].meanings, chart.meanings):
        (found,) = [each for each in meanings if each.value is None]
        assert (found.text, found.color) == ("insufficient data", Color.UNKNOWN)


def test_a_reading_comes_with_its_basis():
    """The last query of a stat counts what it rests on, at the same instant."""
    panel = kinds.ratio_stat("T", TOLD, "x", EVENTS, steps=HIGH)

    assert [query.role for query in panel.queries] == [Role.VALUE, Role.VERDICT, Role.BASIS]
    assert all(query.instant for query in panel.queries)
    assert (panel.basis.legend, panel.basis.unit) == ("runs", "short")


def test_a_description_tells_what_is_good_and_what_to_do():
    """It ends with the address of the runbook."""
    assert kinds.note("T", TOLD, "text").description == (
        "It is. Good: Much. [What to do](https://runbooks.example.org/QgmWatchdog.md)"
    )


def test_states_have_texts():
    """Each value of a label has its number, its words, and a color of its own choice."""
    found = kinds.meanings_of(by.CIRCUIT_STATE, {"closed": Color.GOOD, "open": Color.BAD})

    assert [(each.value, each.text, each.color.value) for each in found] == [
        (0, "untold", "text"),
        (1, "closed", "green"),
        (2, "open", "red"),
        (3, "half open", "blue"),
    ]


@pytest.mark.parametrize(("make", "worst"), [(HIGH, -math.inf), (LOW, math.inf)])
def test_the_worst_reading_is_red(make, worst):
    """Higher or lower is better, as its name says."""
    assert reached(make, worst).color is Color.BAD


def test_an_empty_list_of_faults_says_none():
    """No row is no fault where a list says so, and anywhere else too little to tell."""
    listed = [kinds.column("f > 0", "Failed", "short")]
    faults = kinds.table("Errors", TOLD, ("stage",), listed, empty=kinds.NONE)

    assert (faults.empty, kinds.table("Runs", TOLD, ("run",), listed).empty) == (
        "none",
        "insufficient data",
    )
