"""The numbers that stand in the rules of an objective by score, against the formulas they are of.

Every expected number is a literal, or arithmetic of this file: log-likelihood ratios of failing far
too often against spending the budget as planned.
"""

import math
import re
from dataclasses import replace
from decimal import Decimal

import pytest

from qgm_observe.alerts.configuration import Configuration, Written
from qgm_observe.alerts.rules import rules as rules_of
from qgm_observe.slo.loading import shipped

TRAINING = next(each for each in shipped() if each.name == "training-success")
TARGETS = ("0.9", "0.95", "0.98", "0.99", "0.999")
COUNTS = r'qgm:slo_(errors|events):count{slo="training-success"(?:,window=[^}]*)?}'
NUMBER = r"(\d+(?:\.\d+)?)"


def texts(target, design_effect=1.0):
    """The expressions of an objective's rules by their names, with `errors` and `events` in them.

    A thousand a day, so that a budget of 0.1 % is large enough to be judged at all.
    """
    changed = {"target": Decimal(target), "design_effect": design_effect}
    objective = replace(TRAINING, **changed, events_per_day=1000.0)
    made = rules_of(objective, Configuration(Written(), (objective,)))
    found = {rule.get("record", rule.get("alert")): rule["expr"] for rule in made}
    return {name: re.sub(COUNTS, r"\1", text) for name, text in found.items()}


def weights(text):
    """The two numbers of `a * errors - on (window) k * events`."""
    (found,) = re.findall(rf"{NUMBER} \* errors - on \(window\) {NUMBER} \* events", text)
    return tuple(map(float, found))


def ratio(budget, failing):
    """What an error adds and an event takes: ln of the odds, and of the chance of a good one."""
    a = math.log(failing / (1 - failing)) - math.log(budget / (1 - budget))
    return a, math.log((1 - budget) / (1 - failing))


@pytest.mark.parametrize("design_effect", [1.0, 4.0])
@pytest.mark.parametrize("target", TARGETS)
def test_weights_are_log_likelihood_ratios(target, design_effect):
    """Page: five times the budget; recovery: a quarter at least; ticket: twice; by the effect."""
    told, budget = texts(target, design_effect), 1 - float(target)
    five = min(5 * budget, 0.5)
    for name, failing in (
        ("qgm:slo_score:llr", five),
        ("qgm:slo_recovery:llr", max(five, 0.25)),
        ("QgmSloBurnTicket", 2 * budget),
    ):
        expected = [each / design_effect for each in ratio(budget, failing)]
        assert weights(told[name]) == pytest.approx(expected, abs=6e-7), name


@pytest.mark.parametrize(
    ("target", "page", "recovery", "ticket"),
    [
        # ln 9, ln 1.8; ln(9 / 4), ln(9 / 8)
        ("0.9", (2.197225, 0.587787), (2.197225, 0.587787), (0.81093, 0.117783)),
        # ln(19 / 3), ln(19 / 15); ln(19 / 9), ln(19 / 18)
        ("0.95", (1.845827, 0.236389), (1.845827, 0.236389), (0.747214, 0.054067)),
        # ln(49 / 9), ln(49 / 45); ln(49 / 3), ln(98 / 75); ln(49 / 24), ln(49 / 48)
        ("0.98", (1.694596, 0.085158), (2.793208, 0.267479), (0.713766, 0.020619)),
        # ln(99 / 19), ln(99 / 95); ln 33, ln(99 / 75); ln(99 / 49), ln(99 / 98)
        ("0.99", (1.650681, 0.041243), (3.496508, 0.277632), (0.7033, 0.010152)),
        # ln(999 / 199), ln(999 / 995); ln 333, ln(999 / 750); ln(999 / 499), ln(999 / 998)
        ("0.999", (1.61345, 0.004012), (5.808142, 0.286682), (0.694149, 0.001002)),
    ],
)
def test_weights_are_written_out(target, page, recovery, ticket):
    """The six numbers of each target stand in its rules to six decimals."""
    told = texts(target)

    assert weights(told["qgm:slo_score:llr"]) == page
    assert weights(told["qgm:slo_recovery:llr"]) == recovery
    assert weights(told["QgmSloBurnTicket"]) == ticket
    assert re.search(r"^max\(.*\) > 2$", told["QgmSloBurnTicket"], re.MULTILINE)


@pytest.mark.parametrize(
    ("design_effect", "traffic"), [(1.0, "sum(events)"), (4.0, "sum(events) * 0.25")]
)
@pytest.mark.parametrize("target", TARGETS)
def test_the_threshold_grows_with_independent_events(target, design_effect, traffic):
    """A half and half the ln of four weeks' events, 56 at least; four that fail together are 1."""
    told = texts(target, design_effect)["qgm:slo_score:threshold"]

    assert told == f"0.5 + 0.5 * ln(clamp_min({traffic}, 56))"


@pytest.mark.parametrize(
    ("target", "design_effect", "budget", "variance"),
    [
        ("0.9", 1.0, "0.1", "0.1"),
        ("0.95", 1.0, "0.05", "0.05"),
        ("0.98", 1.0, "0.02", "0.02"),
        ("0.99", 1.0, "0.01", "0.01"),
        ("0.999", 1.0, "0.001", "0.001"),
        ("0.9", 4.0, "0.1", "0.4"),
        ("0.95", 4.0, "0.05", "0.2"),
        ("0.98", 4.0, "0.02", "0.08"),
        ("0.99", 4.0, "0.01", "0.04"),
        ("0.999", 4.0, "0.001", "0.004"),
    ],
)
def test_what_is_spent_is_more_than_planned_and_chance(target, design_effect, budget, variance):
    """Three deviations of a Poisson count in all, one in the last days; batches vary more."""
    told = texts(target, design_effect)
    planned, deviation = f"{budget} * events", f"sqrt({variance} * events)"
    spent = f"errors > on (window) clamp_min({planned} + 3 * {deviation}, 4)"
    burning = f"errors > on (window) {planned} + {deviation}"

    assert told["QgmSloBurnTicket"].endswith(f"\nor max({spent})")
    assert told["qgm:slo_threatened:count"] == (
        f"max(\n  {spent}\n  and on () {burning}\n  and on () {burning}\n"
        f"  and on () errors - on () errors > {budget} * (events - on () events)\n)"
    )


@pytest.mark.parametrize("target", TARGETS)
def test_a_veto_is_evidence_of_two(target):
    """Each longer window is not believed where a shorter one has recovered, below -2."""
    text = texts(target)["qgm:slo_score:max"]

    assert (
        re.findall(r"unless on \(\) qgm:slo_recovery:llr\{[^}]*\} < ([^)\n]+)", text) == ["-2"] * 7
    )
