"""Targets from history."""

from decimal import Decimal

import pytest

from qgm_observe.journal import open_journal
from qgm_observe.slo.loading import shipped
from qgm_observe.slo.suggesting import suggestions, waits

DAY = 86400.0
NOW = 1_800_000_000.0


def history(ended, failing):
    """Twenty runs a day for sixty days, one of `failing` failed."""
    return [
        ended(
            "run",
            NOW - number * DAY / 20 - 60,
            outcome="success" if number % failing else "failure",
        )
        for number in range(1, 1200)
    ]


def suggested(recorded, events):
    with open_journal(recorded(events), read_only=True) as journal:
        return {each.objective: each for each in suggestions(shipped(), journal, NOW, 90)}


def test_the_highest_target_that_was_kept_is_suggested(recorded, ended):
    """With 1 failure in 40, 95 % was kept on every day at half its budget, 98 % on none."""
    found = suggested(recorded, history(ended, 40))["training-success"]
    options = {option.target: option for option in found.options}

    assert found.suggested == Decimal("0.95")
    assert found.events_per_day == pytest.approx(20, rel=0.01)
    assert options[Decimal("0.95")].days_kept == 1
    assert options[Decimal("0.95")].worst == pytest.approx(0.5, abs=0.05)
    assert options[Decimal("0.98")].days_kept < 0.5


def test_a_stricter_target_costs_pages(recorded, ended):
    """Each target is told with the pages that the score would have sent."""
    pages = [
        each.pages for each in suggested(recorded, history(ended, 40))["training-success"].options
    ]
    assert pages[0] == 0
    assert pages[-1] > 0


def test_a_target_kept_on_most_days_only_is_not_suggested(recorded, ended):
    """1 of 10 failed in the first of two months' fortnights: 95 % was kept later, 90 % always."""
    events = [
        ended(
            "run",
            NOW - 60 * DAY + number * DAY / 20,
            outcome="failure" if number < 14 * 20 and number % 10 == 0 else "success",
        )
        for number in range(60 * 20)
    ]
    found = suggested(recorded, events)["training-success"]
    kept = {option.target: option.days_kept for option in found.options}

    assert 0.6 < kept[Decimal("0.95")] < 0.8
    assert (kept[Decimal("0.9")], found.suggested) == (1, Decimal("0.9"))


def test_a_budget_below_five_is_not_suggested(recorded, ended):
    """History without a failure suggests the highest target whose budget holds five events."""
    found = suggested(recorded, history(ended, 10**6))["training-success"]
    assert found.suggested == Decimal("0.99")  # 560 events in 28 days leave 5.6


@pytest.mark.parametrize(
    ("days", "a_day", "is_founded"), [(6, 20, False), (8, 2, False), (8, 3, True)]
)
def test_little_history_suggests_nothing(recorded, ended, days, a_day, is_founded):
    """Below a week or twenty events there is no target, however good the few were."""
    events = [ended("run", NOW - n * DAY / a_day) for n in range(days * a_day, 0, -1)]
    found = suggested(recorded, events)["training-success"]

    assert (found.events, found.days) == (days * a_day, pytest.approx(days))
    assert found.is_founded is is_founded
    assert (found.suggested is not None) is is_founded


def test_waits_are_told_apart_by_device(recorded, ended):
    """Queue and all the rest are told apart, with the bound that 95 % are within."""
    jobs = [
        ended("job", NOW - n, stages=[["queue", 1.0, 600.0 + n, "provider"]], duration=700.0 + n)
        for n in range(100)
    ]
    local = ended("job", NOW, execution_mode="local", duration=5.0)
    with open_journal(recorded([*jobs, local]), read_only=True) as journal:
        rest, queue = waits(journal, NOW - DAY)

    assert (queue.part, queue.jobs, queue.device) == ("queue", 100, "ibm_fez")
    assert queue.median == pytest.approx(649.5)
    assert queue.bound == 1200
    assert rest.part == "not queue"
    assert rest.p95 == pytest.approx(100)


def test_who_failed_does_not_tell_how_long_to_wait(recorded, ended):
    """Failed jobs that queued for hours are left out of waits: thirty of 60 s remain."""
    good, bad = (
        {"outcome": outcome, "stages": [["queue", 1.0, seconds, "provider"]], "duration": seconds}
        for outcome, seconds in (("success", 60.0), ("failure", 7200.0))
    )
    jobs = [ended("job", NOW - n, **facts) for n in range(30) for facts in (good, bad)]
    with open_journal(recorded(jobs), read_only=True) as journal:
        found = {each.part: each for each in waits(journal, NOW - DAY)}

    assert (found["queue"].jobs, found["queue"].p95) == (30, 60)
