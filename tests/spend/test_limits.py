"""What a line of limits says."""

from decimal import Decimal

import pytest

from qgm_observe.errors import UsageError
from qgm_observe.providers.cost import Cost
from qgm_observe.spend.limits import Limits, limits


def test_a_line_holds_every_limit():
    """Money, device time, shots, idle share, retries, time to live and rate in one line."""
    assert limits("20.50 USD, 10 min, 1e5 shots, 30 % idle, 3 retries, ttl 2 h, 5/min") == Limits(
        money=Cost(Decimal("20.50"), "USD"),
        seconds=600.0,
        shots=100_000,
        idle_share=0.3,
        retries=3,
        job_seconds=7200.0,
        submissions=5.0,
    )


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("600 s", Limits(seconds=600.0)),
        ("600s", Limits(seconds=600.0)),
        ("1 retry", Limits(retries=1)),
        ("0 retries", Limits(retries=0)),
        ("throttle", Limits(submissions=0.0)),
        ("3 EUR,", Limits(money=Cost(Decimal(3), "EUR"))),
    ],
)
def test_each_limit_may_stand_alone(line, expected):
    """A part is enough; spaces and a last comma do not matter."""
    assert limits(line) == expected


@pytest.mark.parametrize(
    "line",
    [
        "twenty USD",
        "20",
        "20 usd",
        "1.5 shots",
        "ttl 20 USD",
        "0/min",
        "-3 USD",
        "5 dollars",
        "1..2 s",
    ],
)
def test_what_cannot_be_read_says_what_to_write(line):
    """A part that makes no sense is refused with a line that would do."""
    with pytest.raises(UsageError, match="write for instance '20 USD, 600 s"):
        limits(line)


@pytest.mark.parametrize(
    ("line", "why"),
    [("", "without a limit"), ("3 s, 4 s", "stands twice"), ("100 % idle", "below 100 %")],
)
def test_what_cannot_be_meant_is_refused(line, why):
    """No limit at all, one that stands twice, and a share that limits nothing are refused."""
    with pytest.raises(UsageError, match=why):
        limits(line)
