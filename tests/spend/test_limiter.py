"""Our own limit of submissions a minute."""

from hypothesis import given
from hypothesis import strategies as st

from qgm_observe.spend.limiter import Limiter


def test_the_sixth_submission_of_a_minute_waits():
    """Five go at once; the sixth waits until a minute after the first, the seventh likewise."""
    limiter = Limiter(5)

    waits = [limiter.book(100.0 + second) for second in range(7)]

    assert waits == [0, 0, 0, 0, 0, 160.0 - 105.0, 161.0 - 106.0]


@given(
    limit=st.integers(1, 8),
    gaps=st.lists(st.floats(0, 40, allow_nan=False), min_size=1, max_size=60),
)
def test_no_minute_holds_more_than_the_limit(limit, gaps):
    """Whenever submissions come, no window of a minute gets more than the limit through."""
    limiter, now, sent = Limiter(limit), 1000.0, []
    for gap in gaps:
        now += gap
        sent.append(now + limiter.book(now))

    for at in sent:
        assert sum(at - 60 + 1e-6 < other <= at for other in sent) <= limit


def test_a_refusal_teaches_the_limit():
    """Refused at the fourth within a minute, three go through a minute from then on."""
    limiter = Limiter(5)
    for second in range(4):
        limiter.book(float(second))
    limiter.refused(3.0)

    assert limiter.limit == 3
    assert limiter.book(4.0) == 57.0  # a minute after the second of those three
    assert [limiter.book(200.0) for _ in range(4)] == [0, 0, 0, 60.0]


def test_time_without_a_refusal_raises_the_limit_again():
    """Ten minutes later one more is tried, never more than was meant at first."""
    limiter = Limiter(5)
    for second in range(5):
        limiter.book(float(second))
    limiter.refused(4.0)
    learned = limiter.limit
    limiter.book(604.0)
    later = limiter.limit
    limiter.book(5_000.0)

    assert (learned, later, limiter.limit) == (4, 5, 5)


def test_somebody_else_may_have_used_up_the_minute():
    """A refusal of the only submission still leaves one a minute."""
    limiter = Limiter(5)
    limiter.book(0.0)
    limiter.refused(0.0)

    assert limiter.limit == 1
    assert limiter.book(10.0) == 50.0
