"""What is to be expected of a page: the shipped table, between its rows, and simulated."""

from decimal import Decimal

import pytest

from qgm_observe.slo.characteristics import characterize, expected


def test_the_table_keeps_the_promise_of_95_percent():
    """In the shipped table 95 % and 99 % have at most 0.3 false pages in 28 days at any traffic."""
    for target in ("0.95", "0.99"):
        for rate in (2, 5, 10, 20, 50, 100, 200, 500, 1000):
            assert expected(Decimal(target), rate).false_pages <= 0.3


def test_more_traffic_is_faster():
    """The more events a day, the sooner an incident is noticed."""
    hours = [expected(Decimal("0.95"), rate).hours[1] for rate in (2, 10, 50, 200, 1000)]
    assert hours == sorted(hours, reverse=True)


def test_between_two_rates_lies_between_their_figures():
    """A rate between two of the table has figures between theirs."""
    low, middle, high = (expected(Decimal("0.95"), rate) for rate in (10, 14, 20))
    for a, b, c in zip(low.hours, middle.hours, high.hours, strict=True):
        assert c < b < a


def test_the_table_agrees_with_the_simulation():
    """A cell simulated anew with other random numbers has the table's figures."""
    anew = characterize(Decimal("0.95"), 10, repetitions=80, seed=99)
    told = expected(Decimal("0.95"), 10)
    assert anew.false_pages == pytest.approx(told.false_pages, abs=0.15)
    assert anew.hours[2] == pytest.approx(told.hours[2], rel=0.3)


def test_a_target_beside_the_table_is_simulated():
    """A target that the table does not have is answered all the same."""
    found = expected(Decimal("0.97"), 5)
    assert found.target == "0.97"
    assert 0 <= found.false_pages <= found.false_at_budget
