"""The pieces that checks are made of; what each check says is in `test_preflight.py`."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgm_observe.errors import UsageError
from qgm_observe.providers.cost import Cost
from qgm_observe.spend.checks import (
    Answer,
    Check,
    Finding,
    answer_of,
    checked_window,
    clock,
    most_in_a_minute,
    named,
    seconds,
    shots_needed,
)
from qgm_observe.spend.forecast import Span
from qgm_observe.spend.plan import Plan

PLAN = Plan(device="ibm_fez", jobs=30)
GO, NO, UNKNOWN, NOTE = Answer.GO, Answer.NO_GO, Answer.UNKNOWN, Answer.NOTE


@pytest.mark.parametrize(
    ("answers", "verdict"),
    [
        ([], GO),
        ([GO, NOTE], GO),
        ([GO, UNKNOWN, NOTE], UNKNOWN),
        ([UNKNOWN, NO, GO], NO),
    ],
    ids=["nothing", "notes", "unknown", "no"],
)
def test_one_no_decides_then_one_unknown(answers: list[Answer], verdict: Answer) -> None:
    """A note changes nothing, whatever the order."""
    assert answer_of([Finding(Check.DEVICE, each, "") for each in answers]) is verdict


def submissions(spacing: float, throttled: float | None) -> list[float]:
    """When the jobs of a plan are submitted, one by one: from the definition alone."""
    at: list[float] = []
    for index in range(PLAN.jobs):
        due = at[-1] + spacing if at else 0.0
        if throttled is not None and index >= int(throttled):
            due = max(due, at[index - int(throttled)] + 60.0)
        at.append(due)
    return at


@given(
    ages=st.lists(st.integers(1, 120), max_size=6),
    spacing=st.integers(1, 40),
    throttled=st.one_of(st.none(), st.integers(1, 8)),
    limit=st.integers(3, 8),
)
def test_submissions_in_the_worst_minute(
    ages: list[int], spacing: int, throttled: int | None, limit: int
) -> None:
    """Beyond the limit or not is what counting each minute of all submissions says."""
    told = most_in_a_minute(
        ages, spacing, Plan(device="d", jobs=PLAN.jobs, throttled=throttled), limit
    )
    own = submissions(spacing, throttled)
    everything = [*(-age for age in ages), *own]
    counted = max(sum(end - 60 < each <= end for each in everything) for end in own)

    assert (told > limit) == (counted > limit)
    assert told == counted or min(told, counted) > limit


def test_the_least_shots_are_the_larger_demand() -> None:
    """An interval of 0.01 around a ratio takes 9,604 shots; a weak gradient may take more."""
    assert shots_needed(PLAN) == 1
    assert shots_needed(Plan(device="d", half_width=0.01)) == 9_604
    weak = Plan(device="d", half_width=0.01, gradient_variance=1e-5, gradient_snr=1.0)
    assert shots_needed(weak) == 50_000


def test_many_qubits_are_named_in_part() -> None:
    """Four are named, each once, and how many more there are."""
    assert named([3, 3, 1], [(0, 1)]) == "q3 q1 0-1"
    assert named(range(6), []) == "q0 q1 q2 q3 and 2 more"
    assert named([], []) == ""


def test_numbers_are_shown_as_far_as_they_are_known() -> None:
    """A span without a level is `about`, one without a width has no interval."""
    assert seconds(Span(10.0, 10.0, 10.0, 0.9)) == "10 s"
    assert seconds(Span(8.0, 10.0, 1234.0, 0.9)) == "10 s (8 to 1,234)"
    assert seconds(Span(8.0, 10.0, 12.0)) == "about 10 s"
    assert clock(1_777_852_800.0) == "2026-05-04 00:00 UTC"


def test_a_window_has_a_length() -> None:
    """Maintenance that ends before it begins is refused with both instants."""
    assert checked_window(1.0, 2.0) == (1.0, 2.0)
    with pytest.raises(UsageError, match="1970-01-01 00:01 UTC: write the earlier first"):
        checked_window(120.0, 60.0)


def test_a_limit_keeps_its_currency() -> None:
    """Money of a plan is an amount and a currency, never a bare number."""
    limit = Plan(device="d", money=Cost(Decimal("2.50"), "EUR")).money
    assert limit is not None
    assert (limit.amount, limit.currency) == (Decimal("2.50"), "EUR")
