"""Indicators: selections of signals that exist, and what can never be counted is refused."""

import pytest

from qgm_observe.catalog import signals
from qgm_observe.errors import UsageError
from qgm_observe.slo.indicator import (
    Level,
    Matcher,
    Ratio,
    Selection,
    Spend,
    Unit,
    signal_named,
)

COMPILE = Matcher("stage", ("compile",))


def test_a_selection_admits_label_sets_that_fit_every_matcher():
    """All matchers have to fit; a negated one admits any other value."""
    chosen = Selection(
        signals.RUNS,
        (Matcher("outcome", ("success", "failure")), Matcher("project", ("test",), negated=True)),
    )
    assert chosen.admits(("chem", "p", "m", "1", "training", "failure"))
    assert not chosen.admits(("chem", "p", "m", "1", "training", "lost"))
    assert not chosen.admits(("test", "p", "m", "1", "training", "failure"))


def test_five_seconds_of_a_job_and_thirty_of_compiling_can_be_promised():
    """The bounds that the shipped objectives promise are bucket bounds."""
    assert Selection(signals.JOB_DURATION, (), 5.0).holds(5.0)
    assert not Selection(signals.JOB_STAGE_DURATION, (COMPILE,), 30.0).holds(30.1)


@pytest.mark.parametrize(
    ("make", "advice"),
    [
        (lambda: Selection(signals.RUNS, (Matcher("device", ("x",)),)), "no label 'device'"),
        (lambda: Selection(signals.RUNS, (Matcher("outcome", ("good",)),)), "write one of success"),
        (lambda: Selection(signals.RUNS, (), 5.0), "no histogram"),
        (lambda: Selection(signals.JOB_DURATION, (), 6.0), "write 5 or 10"),
        (lambda: Selection(signals.JOB_STAGE_DURATION, (COMPILE,), 601.0), "write 600"),
        (lambda: signal_named("qgm.run"), "such as qgm.runs"),
        (lambda: Ratio(Unit.RUN, (Selection(signals.STEP_LOSS),), ()), "needs good and total"),
        (lambda: Ratio(Unit.RUN, *[(Selection(signals.RUNS),)] * 2), "nothing could ever be bad"),
        (
            lambda: Ratio(Unit.RUN, (Selection(signals.STEP_LOSS),), (Selection(signals.RUNS),)),
            "good_when",
        ),
        (lambda: Level(Selection(signals.RUNS)), "good and total"),
        (lambda: Level(Selection(signals.JOB_DURATION)), "quantile and over"),
        (lambda: Level(Selection(signals.STEP_LOSS), age=True), "remove age"),
        (lambda: Spend((Selection(signals.RUNS),), 5.0), "USD"),
        (lambda: Spend((), 0.0), "above 0"),
    ],
)
def test_what_can_never_be_counted_is_refused(make, advice):
    """A complaint says what to write instead."""
    with pytest.raises(UsageError, match=advice):
        make()
