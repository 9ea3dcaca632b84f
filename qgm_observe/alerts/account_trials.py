"""What the alerts on accounts, samples, inputs and training are tried on."""

import math
from collections.abc import Iterator
from dataclasses import replace

from qgm_observe.alerts.courses import (
    DEVICE_PLACES,
    JOB_PLACES,
    SOME,
    Trials,
    absent,
    course,
    short,
)
from qgm_observe.alerts.quota_trials import quota
from qgm_observe.alerts.scenario import (
    BAD,
    GONE,
    HEALTHY,
    IDLE,
    LEVEL,
    Check,
    Line,
    Scenario,
    Trial,
)
from qgm_observe.catalog import provider_signals, signals
from qgm_observe.slo.window import DAY, HOUR


def accounts(made: Trials) -> Iterator[Trial]:
    """Yield the trials of causes in accounts."""
    used = made.level(provider_signals.ACCOUNT_USED, 1000, 2000)
    left = made.level(
        provider_signals.ACCOUNT_REMAINING, 1e6, 500 * made.thresholds.quota_hours / 24
    )
    others = [Line(line.sibling("account"), LEVEL, 1e6, 1e6) for line in (used, left)]
    a_day = Scenario(
        "half a day is left at the pace of the last day: fires for that day",
        [(HEALTHY, 14), (BAD, 16)],
        (Check(13, False), Check(16, True), Check(19, True), Check(29, False)),
    )
    yield made.trial(
        "QgmQuotaLow",
        ("provider",),
        *(used, left, *others),
        scenarios=(a_day, absent()),
        step=2 * HOUR,
        carries={"account": SOME},
    )
    plenty = made.level(
        provider_signals.ACCOUNT_REMAINING, 1e6, 1000 * made.thresholds.quota_hours / 24
    )
    lasting = Scenario(
        "what is left just lasts: silent",
        [(HEALTHY, 14), (BAD, 4)],
        (Check(15, False), Check(17, False)),
    )
    yield made.trial(
        "QgmQuotaLow", ("provider",), used, plenty, scenarios=(lasting,), step=2 * HOUR
    )
    unused = made.level(provider_signals.ACCOUNT_USED, 1000, 1000)
    nearly_none = made.level(provider_signals.ACCOUNT_REMAINING, 0.5, 0.5)
    still = Scenario(
        "hardly any is left, and none is used: silent", [(HEALTHY, 16)], (Check(15, False),)
    )
    yield made.trial(
        "QgmQuotaLow", ("provider",), unused, nearly_none, scenarios=(still,), step=2 * HOUR
    )
    reached = made.level(provider_signals.ACCOUNT_LIMIT_REACHED, 0, 1)
    yield made.trial("QgmQuotaLow", ("provider",), reached, scenarios=(course(3), short(1)))
    yield from quota(made)
    yield from _work_left(made)


def _work_left(made: Trials) -> Iterator[Trial]:
    days = made.thresholds.credentials_days * DAY
    ends = made.ago(provider_signals.CREDENTIALS_EXPIRE, -days, -days + HOUR / 2)
    ends = replace(ends, replica=-days)
    account = {"account": SOME}
    yield made.trial(
        "QgmCredentialsExpire",
        ("provider",),
        ends,
        scenarios=(course(2), absent()),
        carries=account,
    )
    lost = made.level(provider_signals.ACCOUNT_ABANDONED, 0, 1)
    yield made.trial(
        "QgmJobsAbandoned",
        DEVICE_PLACES,
        lost,
        scenarios=(course(3), short(2), absent()),
        carries=account,
    )
    yield from _costs(made)


def _costs(made: Trials) -> Iterator[Trial]:
    usd = made.thresholds.cost_usd
    cost = made.count(signals.COST, usd / 10, 2 * usd, basis="estimated")
    small = made.count(signals.COST, usd / 1000, usd / 20, basis="estimated")
    little = made.count(signals.COST, usd / 1000, 0.75 * usd, basis="estimated")
    week = 7 * 12 + 6
    young = Scenario(
        "a pipeline of a few days, beside one of weeks: silent",
        [(GONE, week), (HEALTHY, 30), (BAD, 2)],
        (Check(week + 29, False), Check(week + 31, False)),
        further=((cost.sibling("pipeline"), f"0+0.01x{week + 31}"),),
    )
    usual = Scenario(
        "less than three times the usual: silent; more: fires",
        [(HEALTHY, week), (BAD, 2), (HEALTHY, 14)],
        tuple(Check(week + at, fires) for at, fires in ((-1, False), (0, False), (1, True))),
    )
    enough = Scenario(
        "less than is worth a word: silent; more: fires for a day, whatever it was weeks ago",
        [((4000.0, 0.0), 1), (HEALTHY, week), (BAD, 2), (HEALTHY, 14)],
        tuple(
            Check(week + 1 + at, fires)
            for at, fires in ((0, False), (1, True), (6, True), (15, False))
        ),
    )
    steady = Scenario(
        "as much each day: silent", [(HEALTHY, week)], (Check(week - 1, False),), spread=True
    )
    for line, scenarios in (
        (cost, (usual, young, absent(), steady)),
        (little, (enough,)),
    ):
        yield made.trial("QgmCostAnomaly", ("pipeline",), line, scenarios=scenarios, step=2 * HOUR)
    cheap = Scenario(
        "more than usual, and little money: silent",
        [(HEALTHY, week), (BAD, 4)],
        (Check(week + 3, False),),
    )
    yield made.trial("QgmCostAnomaly", ("pipeline",), small, scenarios=(cheap,), step=2 * HOUR)
    billed = Scenario(
        "bills come late and count nothing: silent",
        [(IDLE, week), (BAD, 2)],
        (Check(week + 1, False),),
        decoyed=BAD,
    )
    yield made.trial("QgmCostAnomaly", ("pipeline",), cost, scenarios=(billed,), step=2 * HOUR)
    yield from _costs_at_the_edge(made, usd, week)


def _costs_at_the_edge(made: Trials, usd: float, week: int) -> Iterator[Trial]:
    times = made.thresholds.cost_times / 6
    week_before = 1024.0 * math.ceil(usd)
    just_times = made.count(
        signals.COST, week_before, math.floor(week_before * times), basis="estimated"
    )
    just = Scenario(
        "just so many times the usual: silent",
        [(IDLE, week - 24), (HEALTHY, 1), (IDLE, 23), (BAD, 1)],
        (Check(week, False),),
    )
    half = made.count(signals.COST, 0, usd / 2, basis="estimated")
    just_enough = Scenario(
        "just enough to be worth a word: fires",
        [(HEALTHY, week), (BAD, 2)],
        (Check(week, False), Check(week + 1, True)),
    )
    fifth = made.count(signals.COST, 0, usd / 5, basis="estimated")
    each = Scenario(
        "too little each, and enough together: fires",
        [(HEALTHY, week), (BAD, 1)],
        (Check(week, True),),
        spread=True,
    )
    for line, scenario in ((just_times, just), (half, just_enough), (fifth, each)):
        yield made.trial(
            "QgmCostAnomaly", ("pipeline",), line, scenarios=(scenario,), step=2 * HOUR
        )


def quality(made: Trials) -> Iterator[Trial]:
    """Yield the trials of causes in samples, inputs and training."""
    level = made.level(signals.QUALITY_DRIFT_LEVEL, 3, 5)
    limit = made.level(signals.QUALITY_DRIFT_LIMIT, 3, 3)
    others = [
        Line(series, LEVEL, value, value)
        for line, value in ((level, 1), (limit, 100))
        for series in (line.sibling("statistic"), line.sibling("chart"))
    ]
    others += [Line(series, LEVEL, 100, 100) for series in limit.decoys]
    yield made.trial(
        "QgmQualityDrift",
        JOB_PLACES,
        level,
        limit,
        *others,
        scenarios=(course(2), absent()),
        carries={"statistic": SOME},
    )
    for alert, question, answer in (
        ("QgmModeCollapse", "collapse", "collapsed"),
        ("QgmInputDrift", "inputs", "drifted"),
        ("QgmEncodingMismatch", "encoding", "mismatched"),
        ("QgmTrainingStuck", "training", "diverging"),
        ("QgmTrainingStuck", "training", "barren_plateau"),
        ("QgmTrainingStuck", "training", "stuck"),
    ):
        verdict = made.level(signals.QUALITY_VERDICT, None, 1, question=question, answer=answer)
        scenarios = (course(2), short(1), absent())
        yield made.trial(
            alert, JOB_PLACES, verdict, scenarios=scenarios, carries={"answer": answer}
        )
