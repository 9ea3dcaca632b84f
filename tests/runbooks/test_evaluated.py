"""Tests of objectives read back from the rules that we render of them."""

from dataclasses import replace
from typing import Any

import pytest

from qgm_observe.alerts.configuration import Configuration, load_configuration
from qgm_observe.alerts.shelf import rule_groups
from qgm_observe.catalog import signals
from qgm_observe.runbooks.evaluated import evaluated
from qgm_observe.slo.indicator import Matcher, Ratio, Selection, Unit
from qgm_observe.slo.objective import Objective

AWKWARD = ('a"b', "c|d", r"e\f", "g}{h.*")


class Server:
    """Tells the rules of a configuration, as a Prometheus' API does."""

    def __init__(self, configuration: Configuration) -> None:
        groups = rule_groups(configuration)
        self.found = [
            {
                "name": rule.get("record", rule.get("alert")),
                "query": rule["expr"],
                "labels": rule.get("labels", {}),
            }
            for group in groups.values()
            for rule in group.get("rules", ())
        ]

    def rules(self) -> list[dict[str, Any]]:
        return self.found


@pytest.fixture(scope="module")
def shipped() -> Configuration:
    """What is rendered where nobody configured anything."""
    return load_configuration()


def of(configuration: Configuration, *objectives: Objective) -> Server:
    """Tells the rules of these objectives."""
    return Server(replace(configuration, objectives=objectives))


def named(configuration: Configuration, name: str) -> Objective:
    return next(each for each in configuration.objectives if each.name == name)


def sets(selections: tuple[Selection, ...]) -> list[Any]:
    """Selections without the order of their conditions."""
    return [
        (
            each.signal,
            each.at_most,
            {(m.label, frozenset(m.values), m.negated) for m in each.matchers},
        )
        for each in selections
    ]


def test_shipped_objectives_on_counts_are_read_back(shipped):
    """Selections, target and window of every one by score whose counts have no factor."""
    ours = {
        each.name: each
        for each in shipped.objectives
        if isinstance(each.indicator, Ratio)
        and each.score is not None
        and all(one.factor == 1 for one in (*each.indicator.total, *each.indicator.good))
    }
    found = {each.name: each for each in evaluated(Server(shipped), ())[0]}

    assert {"training-success", "inference-success", "inference-latency"} <= ours.keys()
    assert ours.keys() <= found.keys()
    for name, each in ours.items():
        told = found[name]
        assert sets(told.indicator.total) == sets(each.indicator.total), name
        assert sets(told.indicator.good) == sets(each.indicator.good), name
        assert (told.target, told.window) == (each.target, each.window)


@pytest.mark.parametrize("negated", [False, True])
@pytest.mark.parametrize("values", [AWKWARD[:1], AWKWARD[1:2], AWKWARD[2:3], AWKWARD])
def test_values_of_labels_are_read_back_whatever_they_hold(shipped, values, negated):
    """Quotes, bars, backslashes and braces survive the way through PromQL."""
    matchers = (Matcher("pipeline", values, negated), Matcher("outcome", ("success", "failure")))
    total = Selection(signals.ROOTS, matchers)
    good = Selection(signals.ROOTS, (*matchers[:1], Matcher("outcome", ("success",))))
    own = replace(
        named(shipped, "training-success"), name="own", indicator=Ratio(Unit.RUN, (good,), (total,))
    )
    ((found,), _) = evaluated(of(shipped, own), ())

    assert found.indicator.total == (total,)
    assert found.indicator.good == (good,)


def test_own_objectives_take_the_place_of_the_shipped(shipped):
    """Where rules of others are evaluated these are told, and by name what only a file tells."""
    own = replace(named(shipped, "training-success"), name="chem-training")
    spend = replace(named(shipped, "quantum-spend"), name="chem-spend")
    found, unknown = evaluated(of(shipped, own, spend), shipped.objectives)

    assert [each.name for each in found] == ["chem-training"]
    assert unknown == ["chem-spend"]


def test_shipped_rules_leave_the_shipped_objectives_as_they_are(shipped):
    """Nothing is lost where the rules are those of the objectives, or there are none of ours."""
    for server in (Server(shipped), of(shipped)):
        found, unknown = evaluated(server, shipped.objectives)

        assert found == list(shipped.objectives)
        assert unknown == []


def test_another_promise_under_a_shipped_name_is_the_one_that_counts(shipped):
    """The rules decide: a file of one's own may use a shipped objective's name."""
    mine = replace(
        named(shipped, "training-success"), target=named(shipped, "telemetry-coverage").target
    )
    found, _ = evaluated(of(shipped, mine), shipped.objectives)

    assert next(each for each in found if each.name == mine.name).target == mine.target


def test_rules_of_other_hands_are_passed_over(shipped):
    """Unknown signals and labels, and queries that are not ours, are no objective."""
    server = of(shipped, named(shipped, "training-success"))
    for old, new in (("qgm_roots_total", "qgm_nothing_total"), ("kind=", "color=")):
        other = of(shipped)
        other.found = [{**rule, "query": rule["query"].replace(old, new)} for rule in server.found]
        assert evaluated(other, ())[0] == []
    assert len(evaluated(server, ())[0]) == 1
