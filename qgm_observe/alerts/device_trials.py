"""What the alerts on devices and queues are tried on."""

from collections.abc import Iterator

from qgm_observe.alerts.courses import (
    DEVICE_PLACES,
    JOB_PLACES,
    SOME,
    Trials,
    absent,
    course,
    short,
    silent,
)
from qgm_observe.alerts.scenario import BAD, HEALTHY, LEVEL, Check, Line, Scenario, Trial
from qgm_observe.catalog import provider_signals, signals
from qgm_observe.slo.window import HOUR


def devices(made: Trials) -> Iterator[Trial]:
    """Yield the trials of causes in devices."""
    yield from _outages(made)
    state = provider_signals.DEVICE_STATE
    paused = made.level(state, 0, 1, device_state="paused")
    yield made.trial("QgmDeviceMaintenance", DEVICE_PLACES, paused, scenarios=(course(2), absent()))
    yield from _queues(made)
    edge = made.level(provider_signals.EDGE_ENABLED, 1, 0)
    yield made.trial("QgmLayoutEdgeDisabled", DEVICE_PLACES, edge, scenarios=(course(2), absent()))
    worse = 0.01 * (made.thresholds.calibration_worse + 0.5)
    error = made.level(provider_signals.DEVICE_GATE_ERROR, 0.01, worse, aggregate="median")
    yield made.trial(
        "QgmCalibrationChanged",
        DEVICE_PLACES,
        error,
        scenarios=(course(3, before=14), short(1, before=14), absent()),
        step=2 * HOUR,
    )
    old = made.thresholds.calibration_hours * HOUR
    age = made.ago(provider_signals.CALIBRATION_TIME, HOUR, old + HOUR, aggregate="worst")
    yield made.trial(
        "QgmCalibrationStale", DEVICE_PLACES, age, scenarios=(course(8), short(3), absent())
    )


def _outages(made: Trials) -> Iterator[Trial]:
    state, up = provider_signals.DEVICE_STATE, provider_signals.PROVIDER_UP
    running = made.level(provider_signals.DEVICE_PROCESSING, 1, 1)
    answers = made.level(up, 1, 1)
    unreachable = made.level(up, 1, 0)
    online = made.level(state, 1, 1, device_state="online")
    offline = made.level(state, 1, 0, device_state="online")
    broken = made.level(state, 0, 1, device_state="offline")
    paused = made.level(state, 0, 1, device_state="paused")
    halted = made.level(provider_signals.DEVICE_PROCESSING, 1, 0)
    scenarios = (course(3), short(1), absent())
    for lines in (
        (unreachable, online, running),
        (answers, offline, broken),
        (answers, online, halted),
    ):
        yield made.trial("QgmProviderOutage", ("provider",), *lines, scenarios=scenarios)
    yield made.trial(
        "QgmProviderOutage",
        ("provider",),
        answers,
        offline,
        paused,
        scenarios=(silent(4, "all devices are paused, for maintenance"),),
    )
    fallback = tuple(
        Line(line.series.replace(f'provider="{SOME}"', 'provider="other"'), LEVEL, 1, 1)
        for line in (answers, online)
    )
    yield made.trial(
        "QgmProviderOutage",
        ("provider",),
        unreachable,
        online,
        *fallback,
        scenarios=(silent(4, "another provider's device can be used"),),
    )
    local = tuple(
        Line(line.series.replace('provider="other"', 'provider="local"'), LEVEL, 1, 1)
        for line in fallback
    )
    yield made.trial(
        "QgmProviderOutage", ("provider",), unreachable, online, *local, scenarios=(course(3),)
    )


def _queues(made: Trials) -> Iterator[Trial]:
    told = made.thresholds
    few = told.queue_jobs
    queue = made.level(provider_signals.DEVICE_QUEUE, few, 2 * few * told.queue_times)
    usual = Scenario(
        "as long on this weekday a week ago: silent",
        [(HEALTHY, 84), (BAD, 12), (HEALTHY, 72), (BAD, 4)],
        (Check(171, False),),
    )
    before = Scenario(
        "as long on this weekday two weeks ago: silent",
        [(BAD, 12), (HEALTHY, 156), (BAD, 4)],
        (Check(171, False),),
    )
    yield made.trial(
        "QgmQueueAbnormal",
        DEVICE_PLACES,
        queue,
        scenarios=(course(3, before=174), short(1, before=174), usual, before, absent()),
        step=2 * HOUR,
    )
    little = made.level(provider_signals.DEVICE_QUEUE, 1, few - 1)
    yield made.trial(
        "QgmQueueAbnormal",
        DEVICE_PLACES,
        little,
        scenarios=(
            Scenario("a short queue: silent", [(HEALTHY, 90), (BAD, 4)], (Check(93, False),)),
        ),
        step=2 * HOUR,
    )
    long = 2 * told.stuck_hours * HOUR
    oldest = made.level(signals.JOB_OLDEST_WAITING, 60, long, execution_mode="!local")
    yield made.trial("QgmJobsStuck", JOB_PLACES, oldest, scenarios=(course(3), short(1), absent()))
    wait = made.level(provider_signals.DEVICE_WAIT, long, long, percentile="p95")
    brief = made.level(provider_signals.DEVICE_WAIT, long / 10, long / 10, percentile="p95")
    mean = made.level(provider_signals.DEVICE_WAIT, long, long, percentile="average")
    yield made.trial("QgmJobsStuck", JOB_PLACES, oldest, brief, mean, scenarios=(course(3),))
    yield made.trial(
        "QgmJobsStuck",
        JOB_PLACES,
        oldest,
        wait,
        scenarios=(silent(4, "jobs on this device wait as long"),),
    )
