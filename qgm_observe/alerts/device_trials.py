"""What the alerts on devices and queues are tried on."""

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
    silent,
)
from qgm_observe.alerts.scenario import BAD, HEALTHY, LEVEL, Check, Line, Scenario, Trial
from qgm_observe.catalog import provider_signals, signals
from qgm_observe.slo.window import DAY, HOUR, MINUTE


def devices(made: Trials) -> Iterator[Trial]:
    """Yield the trials of causes in devices."""
    yield from _outages(made)
    yield from _beside(made)
    state = provider_signals.DEVICE_STATE
    paused = made.level(state, 0, 1, device_state="paused")
    yield made.trial("QgmDeviceMaintenance", DEVICE_PLACES, paused, scenarios=(course(2), absent()))
    yield from _queues(made)
    in_use = made.level(signals.LAYOUT_EDGES_DISABLED, 0, 1)
    watched = made.level(provider_signals.EDGE_ENABLED, 1, 0)
    beside = Line(watched.sibling("edge"), LEVEL, 1, 1)
    for edges in ((in_use,), (watched, beside)):
        yield made.trial(
            "QgmLayoutEdgeDisabled", DEVICE_PLACES, *edges, scenarios=(course(2), absent())
        )
    worse = 0.5 * made.thresholds.calibration_worse
    error, allowed = (
        made.level(provider_signals.DEVICE_GATE_ERROR, 0.5, bad, aggregate="median")
        for bad in (worse + 0.1, worse)
    )
    far = Line(error.sibling("gate"), LEVEL, 1, 1)
    a_day = round(DAY / (2 * HOUR))
    lasts = Scenario(
        "worse than a day ago: told for a day",
        [(HEALTHY, 14), (BAD, 2 * a_day)],
        tuple(
            Check(14 + step, fires) for step, fires in ((1, True), (6, True), (a_day + 1, False))
        ),
    )
    yield made.trial(
        "QgmCalibrationChanged",
        DEVICE_PLACES,
        error,
        far,
        scenarios=(lasts, short(1, before=14), absent()),
        step=2 * HOUR,
        carries={"gate": SOME},
    )
    just = silent(4, "just as much worse as is allowed", before=14)
    yield made.trial(
        "QgmCalibrationChanged", DEVICE_PLACES, allowed, scenarios=(just,), step=2 * HOUR
    )
    old = made.thresholds.calibration_hours * HOUR
    age = replace(made.ago(signals.LAYOUT_CALIBRATION_TIME, old, old + HOUR), replica=old)
    yield made.trial(
        "QgmCalibrationStale", DEVICE_PLACES, age, scenarios=(course(7), short(3), absent())
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
    scenarios = (course(2), short(1), absent())
    for lines in (
        (unreachable, online, running),
        (answers, offline, broken),
        (answers, online, halted),
    ):
        yield made.trial("QgmProviderOutage", ("provider",), *lines, scenarios=scenarios)
    flap = Scenario(
        "one poll of a minute fails, then two do: silent; the fourth in a row: fires",
        [(HEALTHY, 4), (BAD, 1), (HEALTHY, 2), (BAD, 2), (HEALTHY, 2), (BAD, 4)],
        (*(Check(step, False) for step in (4, 5, 7, 8, 9, 13)), Check(14, True)),
    )
    yield made.trial(
        "QgmProviderOutage",
        ("provider",),
        *(unreachable, online, running),
        scenarios=(flap,),
        step=MINUTE,
        decoyed=False,
    )
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


def _beside(made: Trials) -> Iterator[Trial]:
    """Devices that share a name, or a provider, and are not the same."""
    state, processing = provider_signals.DEVICE_STATE, provider_signals.DEVICE_PROCESSING
    answers = made.level(provider_signals.PROVIDER_UP, 1, 1)
    online = made.level(state, 1, 1, device_state="online")
    runs, halts = made.level(processing, 1, 1), made.level(processing, 1, 0)
    broken = made.level(state, 0, 1, device_state="offline")
    for name in DEVICE_PLACES:
        halted = Line(halts.sibling(name), LEVEL, 1, 0)
        told = silent(4, f"one of another {name} is halted, this one can be used")
        yield made.trial(
            "QgmProviderOutage", ("provider",), answers, online, runs, halted, scenarios=(told,)
        )
    runs_beside = Line(runs.sibling("device"), LEVEL, 1, 1)
    scenarios = (course(2),)
    yield made.trial(
        "QgmProviderOutage",
        ("provider",),
        *(answers, online, halts, runs_beside),
        scenarios=scenarios,
    )
    unreachable = made.level(provider_signals.PROVIDER_UP, 1, 0)
    yield made.trial("QgmProviderOutage", ("provider",), unreachable, scenarios=scenarios)
    for other in ("retired", "unknown"):
        gone = made.level(state, 0, 1, device_state=other)
        yield made.trial("QgmProviderOutage", ("provider",), answers, gone, scenarios=scenarios)
    other_up = Line(answers.sibling("provider"), LEVEL, 1, 1)
    yield made.trial(
        "QgmProviderOutage",
        ("provider",),
        *(unreachable, online, runs, other_up),
        scenarios=scenarios,
    )
    here = [
        Line(line.series.replace(f'provider="{SOME}"', 'provider="local"'), LEVEL, 1, bad)
        for line, bad in ((unreachable, 0), (broken, 1))
    ]
    for line in here:
        told = silent(4, "what runs on this machine is no provider")
        yield made.trial("QgmProviderOutage", ("provider",), line, scenarios=(told,))


def _queues(made: Trials) -> Iterator[Trial]:
    told = made.thresholds
    few = told.queue_jobs
    queue = made.level(provider_signals.DEVICE_QUEUE, 0.9 * few / told.queue_times, few)
    usual = Scenario(
        "as long on this weekday a week ago: silent",
        [(HEALTHY, 84), (BAD, 5), (HEALTHY, 79), (BAD, 4)],
        (Check(171, False),),
    )
    other_day = Scenario(
        "as long on another day of the week: fires",
        [(HEALTHY, 50), (BAD, 10), (HEALTHY, 108), (BAD, 4)],
        (Check(171, True),),
    )
    before = Scenario(
        "as long on this weekday two weeks ago: silent",
        [(HEALTHY, 2), (BAD, 4), (HEALTHY, 162), (BAD, 4)],
        (Check(171, False),),
    )
    yield made.trial(
        "QgmQueueAbnormal",
        DEVICE_PLACES,
        queue,
        scenarios=(course(2, before=174), short(1, before=174), usual, before, other_day, absent()),
        step=2 * HOUR,
    )
    many = 2.0 ** math.ceil(math.log2(few))
    more = made.level(provider_signals.DEVICE_QUEUE, many, many * told.queue_times)
    yield made.trial(
        "QgmQueueAbnormal",
        DEVICE_PLACES,
        more,
        scenarios=(
            Scenario(
                "longer, but not by more: silent", [(HEALTHY, 90), (BAD, 4)], (Check(93, False),)
            ),
        ),
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
    yield from _stuck(made)


def _stuck(made: Trials) -> Iterator[Trial]:
    edge = made.thresholds.stuck_hours * HOUR
    waits, long = signals.JOB_OLDEST_WAITING, 1.5 * edge
    oldest = made.level(waits, edge, long, execution_mode="!local")
    yield made.trial("QgmJobsStuck", JOB_PLACES, oldest, scenarios=(course(2), short(1), absent()))
    wait = made.level(provider_signals.DEVICE_WAIT, long / 2, long / 2, percentile="p95")
    brief = made.level(provider_signals.DEVICE_WAIT, 0.4 * long, 0.4 * long, percentile="p95")
    mean = made.level(provider_signals.DEVICE_WAIT, long, long, percentile="average")
    elsewhere = [Line(brief.sibling(name), LEVEL, long, long) for name in DEVICE_PLACES]
    beside = [Line(oldest.sibling(name), LEVEL, edge / 9, edge / 9) for name in JOB_PLACES]
    yield made.trial(
        "QgmJobsStuck",
        JOB_PLACES,
        *(oldest, brief, mean, *elsewhere, *beside),
        scenarios=(course(2),),
    )
    yield made.trial(
        "QgmJobsStuck",
        JOB_PLACES,
        oldest,
        wait,
        scenarios=(silent(4, "jobs on this device wait as long"),),
    )
