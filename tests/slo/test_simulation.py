"""The simulation: counts against counting one by one, and the promises of the rule in small."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from qgm_observe.slo.burn import TICKET, burns
from qgm_observe.slo.evaluation import BurnRule, Counts, ScoreRule, TicketRule, episodes
from qgm_observe.slo.score import TRAFFIC_WINDOW, WINDOWS, score_of
from qgm_observe.slo.simulation import delays, false_alerts, leaking, poisson, sessions

PERIOD = 28 * 86400.0
SCORE = score_of(Decimal("0.95"))
RULES = [ScoreRule(SCORE), BurnRule(0.05, burns(PERIOD))]
EVENTS = st.lists(st.tuples(st.integers(0, 20_000), st.booleans()), max_size=40)


def by_hand(events, minute, score):
    """The decision, clause by clause as the rules state it, and three days of what threatened."""
    days = (0, 3, 7, 28)
    moments = {minute - 3 * 1440, *(at + each * 1440 for at, _ in events for each in days)}
    return is_evident(counted(events, minute), score) or any(
        is_threatened(counted(events, each), score.budget)
        for each in moments
        if minute - 3 * 1440 <= each <= minute
    )


def counted(events, minute):
    """Bad and all events by window (s)."""

    def count(window):
        inside = [bad for at, bad in events if minute - window // 60 < at <= minute]
        return sum(inside), len(inside)

    return count


def is_evident(count, score):
    recovered, highest = False, float("-inf")
    for window in WINDOWS:
        errors, total = count(window)
        if not recovered:
            highest = max(highest, score.page.error * errors - score.page.event * total)
        recovered |= score.recovery.error * errors - score.recovery.event * total < -2
    traffic = max(56, count(TRAFFIC_WINDOW)[1])
    return highest > 0.5 + 0.5 * np.log(traffic)


def is_threatened(count, budget):
    """The budget of four weeks is spent, beyond chance; so is the week's, and it was before."""
    (errors, total), (late, of_late), (newest, of_newest) = (
        count(days * 86400) for days in (28, 7, 3)
    )
    return (
        errors >= 5
        and errors - budget * total > 3 * (budget * total) ** 0.5
        and late - budget * of_late > (budget * of_late) ** 0.5
        and newest - budget * of_newest > (budget * of_newest) ** 0.5
        and errors - late > budget * (total - of_late)
    )


@settings(max_examples=40)
@example([*((0, True) for _ in range(4)), (5761, True), (9360, False)], "0.95")
@given(EVENTS, st.sampled_from(["0.95", "0.99"]))
def test_the_page_is_decided_as_the_rules_state_it(events, target):
    """At every minute of change the vectorized decision is that of the clauses."""
    score = score_of(Decimal(target))
    ordered = sorted(events)
    counts = Counts(
        np.array([at for at, _ in ordered], np.int64),
        np.array([bad for _, bad in ordered], bool),
        25_000,
    )
    at = counts.changes(WINDOWS)[:300:7]
    expected = [bool(by_hand(ordered, minute, score)) for minute in at]
    assert ScoreRule(score).fires(counts, at).tolist() == expected


def line(bad, minutes):
    return Counts(np.array(sorted(bad), np.int64), np.ones(len(bad), bool), minutes)


def test_one_failure_pages_by_the_standard_rule_and_not_by_score():
    """A single failure is 20 times the budget to a burn rate, and no evidence to a score."""
    counts = line([600], 30_000)
    assert [episodes(rule, counts).size for rule in RULES] == [0, 1]


def test_a_second_failure_pages_by_score():
    """Two failures in a row and no success are evidence enough; they page once."""
    assert episodes(RULES[0], line([600, 900], 30_000)).tolist() == [900]


def test_a_ticket_needs_less():
    """Three failures in a week make a ticket, and one does not."""
    rule = TicketRule(SCORE)
    assert episodes(rule, line([600], 30_000)).size == 0
    assert episodes(rule, line([600, 3600, 7200], 30_000)).tolist() == [7200]


def every(days, upto, bad_of=10):
    """Ten events a day, of which every so many is bad."""
    times = np.arange(144, upto * 1440, 144)
    bad = np.arange(1, times.size + 1) % bad_of == 0
    return Counts(times, bad, days * 1440)


def test_a_steady_burn_of_twice_the_budget_is_told_at_last():
    """Every tenth run fails, and no week is evidence: when chance is out, a ticket and a page."""
    counts = every(28, 28)
    page, ticket = (episodes(rule(SCORE), counts) // 1440 for rule in (ScoreRule, TicketRule))

    weighed = [SCORE.page.of(7, 70), SCORE.ticket.of(7, 70)]
    assert weighed[0] < 0 < weighed[1] < 2
    assert [page[0], ticket[0]] == [19, 19]


def test_a_spent_budget_pages_no_more_when_the_burn_has_ended():
    """Three days after it has, the page is over, the ticket a few days later."""
    counts = every(60, 29)
    at = np.array([28, 31, 33, 40]) * 1440
    assert ScoreRule(SCORE).fires(counts, at).tolist() == [True, True, False, False]
    assert TicketRule(SCORE).fires(counts, at).tolist() == [True, True, True, False]


def test_a_leak_that_lasts_pages_while_it_lasts_and_hardly_anew():
    """Twice the budget of 99 %: what has paged goes on firing; the standard rule pages each day."""
    score = score_of(Decimal("0.99"))
    rules = [ScoreRule(score), BurnRule(0.01, burns(PERIOD))]
    ours, standard = leaking(rules, 0.005, 0.02, 50, leaks=20, seed=5)
    assert 0.5 < ours.early + ours.late < 5
    assert ours.late < 2.5
    assert ours.after < 0.5
    assert standard.late > 4 * ours.late


def test_a_threat_is_held_for_three_days():
    """The page of a spent budget that no evidence supports ends three days after its condition."""
    counts = every(60, 29)
    at = np.arange(28 * 1440, 60 * 1440)
    firing = ScoreRule(SCORE).fires(counts, at)
    (end,) = np.flatnonzero(firing[:-1] & ~firing[1:]) + 1
    before = at[end] - 3 * 1440
    threats = [is_threatened(counted(listed(counts), int(at)), 0.05) for at in (before - 1, before)]
    assert threats == [True, False]


def listed(counts):
    """Events as they were given: at which minute, and whether it was bad."""
    each = np.arange(1, counts.entered.size + 1) % 10 == 0
    return list(zip(counts.entered.tolist(), each.tolist(), strict=True))


def test_tickets_burn_slower_than_pages():
    """The ticket's windows are a day and three days with their short ones."""
    assert BurnRule(0.05, burns(PERIOD), TICKET).windows == (7200, 21600, 86400, 259200)


@pytest.mark.parametrize("rate", [2, 10, 50])
def test_in_small_the_promise_holds(rate):
    """At half the budget of 95 %: at most 0.3 false pages in 28 days, 8 times fewer than usual."""
    ours, standard = false_alerts(RULES, 0.025, rate, periods=60, seed=rate)
    assert ours.value <= 0.3
    assert standard.value >= 8 * ours.value
    assert ours.low <= ours.value <= ours.high


def test_from_200_a_day_an_incident_is_noticed_sooner():
    """At 95 % and 200 a day a quarter failing is noticed sooner than by burn rates."""
    ours, standard = delays(RULES, 0.025, 0.25, 200, incidents=20, seed=3)
    assert ours.value < standard.value
    assert ours.low <= ours.value <= ours.high


def test_what_is_never_noticed_takes_forever():
    """Where nothing ever fails, no alert comes."""
    (found,) = delays(RULES[:1], 0.0, 0.0, 5, incidents=4, seed=1)
    assert found.value == float("inf")
    assert found.incidents == 4


@pytest.mark.parametrize("traffic", [poisson, sessions])
def test_traffic_has_its_rate_and_order(traffic):
    """Both kinds of traffic bring the events a day that were asked for, in order."""
    times = traffic(40, 2000, np.random.default_rng(5))
    assert times.size / 2000 == pytest.approx(40, rel=0.05)
    assert (np.diff(times) >= 0).all()
    assert times[0] >= 0
    assert times[-1] < 2000 * 1440


def test_sessions_come_together_and_by_day():
    """Half of all gaps in sessions are under ten minutes; the middle of the day is busier."""
    times = sessions(20, 2000, np.random.default_rng(5))
    hours = times % 1440 / 60
    assert (
        np.median(np.diff(times))
        < 10
        < np.median(np.diff(poisson(20, 2000, np.random.default_rng(5))))
    )
    assert (hours < 12).sum() > 2 * (hours >= 12).sum()
