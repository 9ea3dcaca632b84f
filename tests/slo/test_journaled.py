"""Status from a journal: budget, burn, how long it lasts and by whom it was spent."""

from dataclasses import replace
from decimal import Decimal

import pytest

from qgm_observe.journal import Event, Journal, open_journal
from qgm_observe.slo.journaled import statuses
from qgm_observe.slo.loading import shipped

DAY = 86400.0
NOW = 1_800_000_000.0
OBJECTIVES = shipped()
QUOTA = {"class": "quota", "type": "x.Q", "stage": "submit"}


@pytest.fixture
def stands(recorded):
    """Judges events by the shipped objectives, by name."""

    def judge(events, excluded=()):
        with open_journal(recorded(events), read_only=True) as journal:
            found = statuses(OBJECTIVES, journal, NOW, excluded)
        return {each.objective.name: each for each in found}

    return judge


@pytest.fixture
def stands_late(tmp_path):
    """Judges training runs by events and the times at which the journal took them."""

    def judge(taken, excluded=(), **changes):
        path, moment = tmp_path / "late.db", NOW
        with Journal.open(path, clock=lambda: moment) as journal:
            for at, event in sorted(taken, key=lambda each: each[0]):
                moment = at
                journal.append([event])
        (training,) = (each for each in OBJECTIVES if each.name == "training-success")
        with open_journal(path, read_only=True) as journal:
            (found,) = statuses([replace(training, **changes)], journal, NOW, excluded)
        return found

    return judge


def fortnight(ended, bad_days=()):
    """Ten runs a day for fourteen days; on bad days the first one fails."""
    return [
        ended(
            "run",
            NOW - day * DAY - hour * 3600 - 60,
            **({"outcome": "failure", "error": QUOTA} if day in bad_days and not hour else {}),
        )
        for day in range(14)
        for hour in range(10)
    ]


def test_the_budget_is_of_what_counted(stands, ended):
    """3 bad ones of 140 at 95 % leave 4 of 7: 57 % of the budget."""
    found = stands(fortnight(ended, (0, 5, 9)))["training-success"]

    assert (found.bad, found.total) == (3, 140)
    assert found.ratio == pytest.approx(137 / 140)
    assert found.left == pytest.approx(1 - 3 / 7)
    assert found.spent_by["cause"] == {"quota": 3}


def test_burn_and_exhaustion_follow_the_pace(stands, ended):
    """1 bad one of 30 in three days burns 0.67 of the plan, so the rest lasts 24 days."""
    found = stands(fortnight(ended, (0, 5, 9)))["training-success"]

    assert found.burn[3 * DAY] == pytest.approx(1 / 30 / 0.05)
    assert found.burn[DAY] == pytest.approx(2)
    assert found.exhausted_in == pytest.approx((1 - 3 / 7) * 28 * DAY / (1 / 30 / 0.05))


def test_more_good_ones_than_were_paid_for_are_none_bad(stands):
    """A dollar that bought 500 valid samples leaves the whole budget, and no more than that."""
    facts = {"kind": "inference"}
    bill = facts | {"cost": "1", "currency": "USD"}
    judged = facts | {"name": "valid_shot_ratio", "value": 1.0, "n": 500}
    at = NOW - DAY
    found = stands(
        [
            Event(verb="billed", noun="attempt", subject="1.1", at=at, body=bill, id="b"),
            Event(verb="estimate", noun="job", subject="1", at=at, body=judged, id="e"),
        ]
    )["inference-sample-cost"]

    assert (found.bad, found.total, found.left) == (0, 200, 1)


def test_a_budget_that_is_gone_is_gone(stands, ended):
    """Nine bad ones overdraw a budget of seven: it is gone now."""
    found = stands(fortnight(ended, range(9)))["training-success"]
    assert found.left == pytest.approx(1 - 9 / 7)
    assert found.exhausted_in == 0


def test_maintenance_does_not_count(stands, ended):
    """What happened during maintenance, good or bad, is left out."""
    found = stands(fortnight(ended, (0, 5, 9)), [(NOW - 6 * DAY, NOW - 5 * DAY)])[
        "training-success"
    ]
    assert (found.bad, found.total) == (2, 130)


def test_evidence_is_told_beside_its_threshold(stands, ended):
    """Evidence of the worst window, and the threshold for the traffic of 28 days."""
    found = stands(fortnight(ended, (0,)))["training-success"]
    assert found.score == pytest.approx(1.845827 - 0.236389, abs=1e-5)
    assert found.threshold == pytest.approx(2.9708, abs=1e-3)


def test_no_number_has_its_reason(stands, ended):
    """Without events, and for minutes, the reason is told in place of a number."""
    found = stands(fortnight(ended))
    assert found["inference-success"].reason == "nothing counted in its window"
    assert found["inference-success"].left is None
    assert "--prometheus" in found["calibration-age"].reason


def test_what_was_recorded_late_counts_when_it_was_recorded(stands_late, ended):
    """A run of 29 days ago that the journal took yesterday is one of 28 days, and of three."""
    good = [(NOW - 2 * DAY, ended("run", NOW - 2 * DAY)) for _ in range(9)]
    late = ended("run", NOW - 29 * DAY, outcome="failure", error=QUOTA)
    found = stands_late([*good, (NOW - DAY, late)])

    assert (found.bad, found.total) == (1, 10)
    assert found.burn[3 * DAY] == pytest.approx(2)


def test_maintenance_is_when_it_happened(stands_late, ended):
    """A failure within maintenance is left out though recorded after it; one before it is not."""
    failed = {"outcome": "failure", "error": QUOTA}
    within = (NOW - 4 * DAY, ended("run", NOW - 5.5 * DAY, **failed))
    before = (NOW - 5.5 * DAY, ended("run", NOW - 7 * DAY, **failed))
    good = [(NOW - DAY, ended("run", NOW - DAY)) for _ in range(8)]
    maintenance = [(NOW - 6 * DAY, NOW - 5 * DAY)]

    found = stands_late([within, *good], maintenance)
    assert (found.bad, found.total) == (0, 8)
    found = stands_late([before], maintenance)
    assert (found.bad, found.total) == (1, 9)


def test_a_degraded_budget_lasts_over_its_90_days(stands_late, ended):
    """1 of 200 in 90 days leaves half of 99 %; burnt 100 times too fast it lasts 0.45 days."""
    taken = [(NOW - day * DAY, ended("run", NOW - day * DAY)) for day in range(10, 80)]
    taken += [(NOW - 50 * DAY, ended("run", NOW - 50 * DAY)) for _ in range(129)]
    taken.append((NOW - DAY, ended("run", NOW - DAY, outcome="failure", error=QUOTA)))
    found = stands_late(taken, target=Decimal("0.99"), events_per_day=2.0)

    assert (found.bad, found.total) == (1, 200)
    assert found.exhausted_in == pytest.approx(0.45 * DAY)
