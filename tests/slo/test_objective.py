"""Objectives: what follows from target and window."""

from dataclasses import replace
from decimal import Decimal

import pytest

from qgm_observe.errors import UsageError
from qgm_observe.slo.loading import shipped
from qgm_observe.slo.window import Window

TRAINING = next(each for each in shipped() if each.name == "training-success")


def test_the_budget_is_exact():
    """A budget is what the target leaves, without a float's rest, and so many bad ones."""
    assert TRAINING.budget == Decimal("0.05")
    assert TRAINING.budget_events == pytest.approx(14)


def test_an_objective_is_judged_by_one_method():
    """A score has no burn rates, burn rates no score, and none neither."""
    burning, silent = (replace(TRAINING, method=method) for method in ("burnrate", "none"))
    assert (TRAINING.score is not None, TRAINING.burns) == (True, ())
    assert (burning.score, len(burning.burns)) == (None, 4)
    assert (silent.score, silent.burns) == (None, ())


def test_a_ticket_objective_never_pages():
    """With severity ticket the paging windows are left out."""
    quiet = replace(TRAINING, method="burnrate", severity="ticket")
    assert {each.severity for each in quiet.burns} == {"ticket"}


@pytest.mark.parametrize(("a_day", "degraded"), [(3.5, True), (3.6, False), (None, False)])
def test_under_five_bad_ones_it_is_degraded(a_day, degraded):
    """5 bad ones in 28 days at 95 % take 3.57 events a day; unknown traffic is not judged."""
    assert replace(TRAINING, events_per_day=a_day).is_degraded == degraded


def test_a_budget_of_exactly_five_is_enough():
    """5 a day in 20 days at 95 % may fail five times: not degraded, and told over 20 days."""
    exact = replace(TRAINING, events_per_day=5.0, window=Window("20d"))
    assert (exact.budget_events, exact.is_degraded, exact.reported.text) == (5, False, "20d")


@pytest.mark.parametrize(
    ("changes", "advice"),
    [
        ({"target": Decimal(1)}, "between 0 and 1"),
        ({"target": None}, "cap"),
        ({"method": "luck"}, "score, burnrate, none"),
        ({"severity": "sms"}, "page, ticket"),
        ({"events_per_day": 0.0}, "above 0"),
    ],
)
def test_what_promises_nothing_is_refused(changes, advice):
    """A complaint says what to write instead."""
    with pytest.raises(UsageError, match=advice):
        replace(TRAINING, **changes)
