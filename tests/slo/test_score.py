"""The score: its constants, and that a single failure never pages."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgm_observe.errors import UsageError
from qgm_observe.slo.score import score_of

TARGETS = st.decimals("0.51", "0.9999", places=4)


@pytest.mark.parametrize(
    ("target", "page", "recovery", "ticket"),
    [
        ("0.95", (1.845827, 0.236389), (1.845827, 0.236389), (0.747214, 0.054067)),
        ("0.99", (1.650681, 0.041243), (3.496508, 0.277632), (0.703300, 0.010152)),
    ],
)
def test_the_constants_are_those_of_the_tested_rules(target, page, recovery, ticket):
    """For 95 % and 99 % the constants equal the ones that promtool tested, to six digits."""
    score = score_of(Decimal(target))
    for weights, (error, event) in (
        (score.page, page),
        (score.recovery, recovery),
        (score.ticket, ticket),
    ):
        assert weights.error == pytest.approx(error, abs=1e-6)
        assert weights.event == pytest.approx(event, abs=1e-6)


def test_the_threshold_starts_at_56_events():
    """A cold start has the threshold of 56 events; it grows with half their logarithm."""
    score = score_of(Decimal("0.95"))
    assert score.threshold(0) == score.threshold(56) == pytest.approx(2.5127, abs=1e-4)
    assert score.threshold(56 * 100) - score.threshold(56) == pytest.approx(2.3026, abs=1e-4)


@given(TARGETS)
def test_a_single_failure_never_pages(target):
    """At any target one failed event of one is less evidence than the lowest threshold."""
    score = score_of(target)
    assert score.page.of(1, 1) < score.threshold(0)


@given(TARGETS)
def test_planned_spending_is_no_evidence(target):
    """Failing exactly as budgeted drives the evidence down, whatever the target."""
    score = score_of(target)
    budget = float(1 - target)
    assert score.page.of(budget * 1000, 1000) < 0
    assert score.ticket.of(budget * 1000, 1000) < 0


@given(TARGETS, st.floats(1, 50))
def test_a_design_effect_divides_counts(target, effect):
    """Evidence with a design effect is that of so many fewer events."""
    plain, divided = score_of(target), score_of(target, effect)
    assert divided.page.of(7, 40) == pytest.approx(plain.page.of(7 / effect, 40 / effect))
    assert divided.threshold(5000 * effect) == pytest.approx(plain.threshold(5000))


@pytest.mark.parametrize(("target", "effect"), [("0.5", 1), ("1", 1), ("0.2", 1), ("0.95", 0.5)])
def test_what_has_no_rule_is_refused(target, effect):
    """A target outside (0.5, 1) and a design effect below 1 have no score."""
    with pytest.raises(UsageError, match=r"target|design_effect"):
        score_of(Decimal(target), effect)


def test_what_chance_allows_is_the_plan_and_its_standard_deviations():
    """Of 3,920 events 196 are planned to fail, with a deviation of 14, or of 28 in batches."""
    assert score_of(Decimal("0.95")).allowed(3920, 3) == pytest.approx(196 + 3 * 14)
    assert score_of(Decimal("0.95"), 4).allowed(3920, 1) == pytest.approx(196 + 28)
    assert score_of(Decimal("0.95")).allowed(0, 3) == 0
