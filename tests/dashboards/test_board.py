"""The model refuses what could not be drawn."""

import pytest

from qgm_observe.dashboards.board import (
    Board,
    Color,
    Kind,
    Panel,
    Query,
    Role,
    Step,
)
from qgm_observe.errors import UsageError


def panel(**other):
    told = {"title": "T", "description": "D", "unit": "s", "kind": Kind.STAT} | other
    return Panel(**told)


def test_a_panel_needs_words():
    """Without a title or a description there is no panel."""
    for field in ("title", "description"):
        with pytest.raises(UsageError, match="write a title and a description"):
            panel(**{field: ""})


@pytest.mark.parametrize("width", [0, 25])
def test_a_panel_fits_the_grid(width):
    """A width outside 1 to 24 columns is refused."""
    with pytest.raises(UsageError, match="width from 1 to 24"):
        panel(width=width)


@pytest.mark.parametrize(
    "steps",
    [
        (Step(0.0, Color.BAD, "low"), Step(1.0, Color.GOOD, "high")),
        (Step(None, Color.BAD, "low"), Step(2.0, Color.WATCH, "mid"), Step(1.0, Color.GOOD, "hi")),
        (Step(None, Color.BAD, "low"), Step(None, Color.GOOD, "high")),
        (Step(None, Color.BAD, "low"), Step(1.0, Color.WATCH, "mid"), Step(1.0, Color.GOOD, "hi")),
    ],
    ids=["no base", "descends", "two bases", "twice"],
)
def test_steps_ascend_from_a_base(steps):
    """The first step has no value and the others ascend, of a panel as of a query."""
    with pytest.raises(UsageError, match="the first step has no value"):
        panel(steps=steps)
    with pytest.raises(UsageError, match="the first step has no value"):
        panel(queries=(Query(expr="x", legend="x", steps=steps),))


def test_the_basis_is_found_by_its_role():
    """A panel tells which query counts what it rests on; one without has none."""
    counted = Query(expr="n", legend="runs", role=Role.BASIS)

    assert panel(queries=(Query(expr="x", legend="x"), counted)).basis is counted
    assert panel().basis is None


def test_alerts_find_a_board_by_its_uid():
    """The uid is the one that alerts link by the slug."""
    assert Board(slug="on-call", title="On-call", brief="B", rows=()).uid == "qgm-on-call"
