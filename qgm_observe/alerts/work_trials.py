"""What the alerts on trends and on the work are tried on."""

from collections.abc import Iterator

from qgm_observe.alerts.courses import (
    HEALTHY_STEPS,
    JOB_PLACES,
    STEP,
    Trials,
    absent,
    anew,
    course,
    reborn,
    short,
    silent,
    unborn,
)
from qgm_observe.alerts.scenario import BAD, HEALTHY, IDLE, Check, Scenario, Trial
from qgm_observe.catalog import provider_signals, signals


def trends(made: Trials) -> Iterator[Trial]:
    """Yield the trials of trends."""
    good = made.count(signals.ROOTS, 1, 0, outcome="success")
    bad = made.count(signals.ROOTS, 0, 1, outcome=("failure", "timeout", "lost"))
    between = Scenario(
        "a success in between: silent",
        [(IDLE, HEALTHY_STEPS), (BAD, 2), (HEALTHY, 1), (BAD, 2)],
        tuple(Check(HEALTHY_STEPS + step, False) for step in range(5)),
    )
    third = Scenario(
        "the third in a row: fires",
        [(IDLE, HEALTHY_STEPS), (BAD, 3)],
        (Check(HEALTHY_STEPS + 1, False), Check(HEALTHY_STEPS + 2, True)),
        unborn=True,
    )
    yield made.trial(
        "QgmConsecutiveFailures",
        ("pipeline",),
        good,
        bad,
        scenarios=(course(4), third, short(2), between, absent(), unborn(4), anew()),
    )
    yield made.trial(
        "QgmCompilationFailing",
        JOB_PLACES,
        made.count(signals.JOBS, 1, 0, outcome="success"),
        made.count(signals.JOBS, 0, 1, outcome="failure"),
        made.count(signals.JOB_ERRORS, 0, 1, stage="compile"),
        scenarios=(course(4), third, short(2), between, absent(), unborn(4), anew()),
    )
    yield made.trial(
        "QgmCompilationFailing",
        JOB_PLACES,
        made.count(signals.JOBS, 0, 1, outcome="cancelled"),
        made.count(signals.JOBS, 0, 1, outcome="failure"),
        made.count(signals.JOB_ERRORS, 0, 1, stage="compile"),
        scenarios=(third,),
    )
    stalled = made.level(signals.RUNS_STALLED, 0, 1)
    yield made.trial(
        "QgmRunStalled", ("pipeline",), stalled, scenarios=(course(3), short(1), absent())
    )
    yield made.trial(
        "QgmRunStalled",
        ("pipeline",),
        stalled,
        made.level(signals.JOB_OLDEST_WAITING, None, 300, execution_mode="!local"),
        made.level(provider_signals.DEVICE_WAIT, 400, 400, percentile="p95"),
        scenarios=(silent(4, "its job waits no longer than is usual"),),
    )
    waiting = made.level(signals.JOB_OLDEST_WAITING, None, 300, execution_mode="!local")
    short_wait = made.level(provider_signals.DEVICE_WAIT, 100, 100, percentile="p95")
    mean = made.level(provider_signals.DEVICE_WAIT, 900, 900, percentile="average")
    local = made.level(signals.JOB_OLDEST_WAITING, None, 300, execution_mode="local")
    usual = made.level(provider_signals.DEVICE_WAIT, 900, 900, percentile="p95")
    for lines in ((stalled, waiting, short_wait, mean), (stalled, local, usual)):
        yield made.trial("QgmRunStalled", ("pipeline",), *lines, scenarios=(course(3),))


def work(made: Trials) -> Iterator[Trial]:
    """Yield the trials of causes in the work itself."""
    yield made.trial(
        "QgmRunTooLong",
        JOB_PLACES,
        made.count(signals.JOB_ERRORS, 0, 1, error_class="run_timeout"),
        scenarios=(course(2, after=51), short(1), absent(), unborn(2), anew()),
        step=3 * STEP,
    )
    tries = made.thresholds.attempts_per_job
    attempts = made.count(signals.JOB_ATTEMPTS, 1, 3 * tries)
    jobs = made.count(signals.JOBS, 1, 1)
    yield made.trial(
        "QgmRetriesExcessive",
        JOB_PLACES,
        attempts,
        jobs,
        scenarios=(course(12, after=40), short(1), absent(), anew()),
    )
    few = Scenario(
        "too few jobs: silent", [(IDLE, 6), (BAD, 4)], (Check(8, False), Check(9, False))
    )
    yield made.trial("QgmRetriesExcessive", JOB_PLACES, attempts, jobs, scenarios=(few,))
    yield made.trial(
        "QgmSubmissionThrottled",
        JOB_PLACES,
        made.count(signals.JOB_ERRORS, 0, 1, error_class="rate_limit"),
        scenarios=(course(3), short(2), absent(), unborn(3), anew()),
        seen_by="jobs",
    )
    share = made.thresholds.throttled_share
    refused = made.count(provider_signals.PROVIDER_REQUESTS, 0, 5, result="rate_limit")
    enough = 10 if 3 * share < 1 else 0
    answered = made.count(provider_signals.PROVIDER_REQUESTS, 10, enough, result="ok")
    yield made.trial(
        "QgmSubmissionThrottled",
        ("provider",),
        refused,
        answered,
        scenarios=(course(4), absent(), anew(), reborn(4)),
        seen_by="exporter",
    )
    once = Scenario("a single refusal: silent", [(IDLE, 6), (BAD, 2)], (Check(7, False),))
    little = made.count(provider_signals.PROVIDER_REQUESTS, 0, 1, result="rate_limit")
    yield made.trial(
        "QgmSubmissionThrottled", ("provider",), little, scenarios=(once,), seen_by="exporter"
    )
