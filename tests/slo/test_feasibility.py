"""What cannot work is refused, what is weak is named."""

from dataclasses import replace
from decimal import Decimal

import pytest

from qgm_observe.slo.feasibility import judge
from qgm_observe.slo.loading import shipped
from qgm_observe.slo.window import Window

TRAINING = next(each for each in shipped() if each.name == "training-success")


def told(**changes):
    found = judge([replace(TRAINING, **changes)])
    return [(each.severity, each.message) for each in found]


def test_the_shipped_objectives_are_sound():
    """Nothing is to be said of the objectives that come with the package."""
    assert judge(shipped()) == []


def test_a_page_that_no_error_ratio_reaches_is_refused():
    """At 93 % a burn of 14.4 would need 100.8 % errors; at 28 days 13.44 it can still be."""
    dead = told(target=Decimal("0.93"), window=Window("30d"), method="burnrate")
    assert [(severity, "14.4x needs 100.8 %" in text) for severity, text in dead] == [
        ("refused", True)
    ]
    assert told(target=Decimal("0.93"), method="burnrate") == []


def test_a_tiny_budget_is_degraded_by_name():
    """Two runs a day at 99 % leave half a failure in 28 days: a ticket each, no page, 90 days."""
    ((severity, text),) = told(target=Decimal("0.99"), events_per_day=2)
    tiny = replace(TRAINING, target=Decimal("0.99"), events_per_day=2)

    assert severity == "weak"
    assert text.startswith("degraded: 0.6 bad ones")
    assert (tiny.is_degraded, tiny.score, tiny.burns, tiny.reported.days) == (True, None, (), 90)


@pytest.mark.parametrize(
    ("changes", "severity", "advice"),
    [
        ({"window": Window("120d")}, "refused", "longer than the 90 days"),
        ({"target": Decimal("0.4")}, "refused", "above 50 %"),
        ({"events_per_day": None}, "weak", "events_per_day"),
    ],
)
def test_each_weakness_has_its_advice(changes, severity, advice):
    """One line says what is wrong and what to write."""
    found = told(**changes)
    assert [each[0] for each in found] == [severity]
    assert advice in found[0][1]
