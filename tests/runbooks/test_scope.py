"""Tests of which work an alert is about."""

from decimal import Decimal

import pytest

from qgm_observe.catalog import signals
from qgm_observe.runbooks.roots import Root
from qgm_observe.runbooks.scope import Scope
from qgm_observe.slo.indicator import Matcher, Ratio, Selection, Spend, Unit
from qgm_observe.slo.objective import Objective
from qgm_observe.slo.window import Window

from .situations import AER, FEZ, a_job, roots

OUTCOME = Matcher("outcome", ("success", "failure"))


def objective(*matchers: Matcher) -> Objective:
    """Good roots of some work."""
    total = Selection(signals.ROOTS, (*matchers, OUTCOME))
    good = Selection(signals.ROOTS, (*matchers, Matcher("outcome", ("success",))))
    return Objective(
        name="chem-training",
        service="chem",
        brief="",
        indicator=Ratio(Unit.RUN, (good,), (total,)),
        target=Decimal("0.95"),
        window=Window("28d"),
    )


def root(**facts: object) -> Root:
    (found,) = roots([a_job(1.0, **facts)])  # type: ignore[arg-type]
    return found


@pytest.mark.parametrize(
    ("matcher", "facts", "is_about"),
    [
        (Matcher("project", ("chem",)), {"project": "chem"}, True),
        (Matcher("project", ("chem",)), {"project": "demo"}, False),
        (Matcher("project", ("demo",), negated=True), {"project": "demo"}, False),
        (Matcher("pipeline", ("a", "nightly")), {}, True),
        (Matcher("kind", ("inference",)), {}, False),
        (Matcher("model_version", ("4",)), {}, False),
        (Matcher("model", ("qcbm",)), {}, True),
    ],
)
def test_an_objective_is_about_what_it_selects(matcher, facts, is_about):
    """Labels of work decide; that only ended ones count says nothing of whose they are."""
    assert Scope([objective(matcher)]).admits(root(**facts)) is is_about


def test_any_of_several_objectives_will_do():
    """Two objectives that fire under one name are about the work of both."""
    scope = Scope([objective(Matcher("project", (name,))) for name in ("chem", "demo")])

    assert [scope.admits(root(project=name)) for name in ("chem", "demo", "bio")] == [1, 1, 0]


def test_money_is_about_the_work_that_spends_it():
    """A cap on a device's cost is about roots that ran there, or of which nobody knows where."""
    spent = Selection(
        signals.COST, (Matcher("device", ("ibm_fez",)), Matcher("basis", ("billed",)))
    )
    cap = Objective(
        name="fez-spend",
        service="chem",
        brief="",
        indicator=Spend((spent,), 20.0),
        target=None,
        window=Window("1d"),
    )

    assert Scope([cap]).admits(root(place=FEZ))
    assert not Scope([cap]).admits(root(place=AER))
    assert Scope([cap]).admits(Root(id="1", began_at=0.0, ended_at=1.0, outcome="failure"))


def test_an_alerts_own_labels_narrow_it():
    """Pipeline, provider and device of any alert that is active; `all` is about every one."""
    one = {"pipeline": "nightly", "device": "all", "provider": "all"}
    other = {"pipeline": "all", "device": "ibm_fez"}

    assert Scope(labels=[one]).admits(root(place=AER))
    assert not Scope(labels=[one]).admits(root(pipeline="serving"))
    assert Scope(labels=[one, other]).admits(root(pipeline="serving", place=FEZ))
    assert not Scope(labels=[other]).admits(root(place=AER))
    assert Scope(labels=[{"pipeline": "all"}]).admits(root(pipeline="serving"))
    assert Scope().admits(root())
