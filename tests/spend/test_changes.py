"""What a change has to be: it goes, gives up as little as it can, and takes three steps at most."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qgm_observe.catalog import ExecutionMode
from qgm_observe.providers.cost import Cost
from qgm_observe.providers.protocol import (
    AccountUsage,
    DeviceState,
)
from qgm_observe.spend.changes import MOST_STEPS, cheapest, goes
from qgm_observe.spend.checks import Answer, Check, Finding, examine
from qgm_observe.spend.outlook import Outlook

from .situation import CLEAR, NOW, PLAN, STATUS


def quota(left: float) -> Outlook:
    """A clear outlook with so many seconds left."""
    usage = AccountUsage(provider="ibm", account="a", observed_at=NOW, remaining=left, unit="s")
    return replace(CLEAR, usage=usage)


def test_what_goes_needs_no_change() -> None:
    """Findings without a no have no steps, and so no change."""
    assert cheapest(PLAN, CLEAR, tuple(examine(PLAN, CLEAR))) is None


def test_what_no_step_answers_has_no_change() -> None:
    """A device that is off is answered by none of the changes."""
    off = replace(CLEAR, status=replace(STATUS, state=DeviceState.OFFLINE))

    assert cheapest(PLAN, off, tuple(examine(PLAN, off))) is None


def test_an_unknown_is_no_success() -> None:
    """What could be told before has to be told after, what could not does not."""
    told = [Finding(Check.QUOTA, Answer.UNKNOWN, "")]

    assert not goes(told, set())
    assert goes(told, {Check.QUOTA})
    assert not goes([*told, Finding(Check.LAYOUT, Answer.NO_GO, "")], {Check.QUOTA})


@settings(deadline=None, max_examples=40)
@given(left=st.floats(3.5, 19.9))
def test_a_change_goes_and_one_job_more_would_not(left: float) -> None:
    """Within a quota as many jobs as fit are kept, the whole interval counted."""
    outlook = quota(left)
    change = cheapest(PLAN, outlook, tuple(examine(PLAN, outlook)))

    assert change is not None
    assert goes(tuple(examine(change.plan, outlook)), set())
    assert 1 <= len(change.steps) <= MOST_STEPS
    assert change.gives_up == pytest.approx(1 - change.plan.all_shots / PLAN.all_shots)
    if change.plan.jobs < PLAN.jobs and change.plan.shots == PLAN.shots:
        more = replace(change.plan, jobs=change.plan.jobs + 1)
        assert not goes(tuple(examine(more, outlook)), set())


def test_another_mode_is_preferred_to_less_work() -> None:
    """A session that is paid for by the clock becomes what gives up no shot."""
    session = replace(
        PLAN, mode=ExecutionMode.SESSION, between=(10.0, 10.0), throttled=None, jobs=4
    )
    rich = replace(session, money=Cost(Decimal(30), "USD"))
    change = cheapest(rich, CLEAR, tuple(examine(rich, CLEAR)))

    assert change is not None
    assert change.gives_up == 0
    assert change.plan.mode is not ExecutionMode.SESSION
    assert change.bill is not None
    assert change.bill <= 30
    assert change.currency == "USD"
