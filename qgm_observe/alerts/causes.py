"""Alerts on causes: what explains a burning budget, or will make one burn.

Counters that are folded from a journal are counted exactly; those of a process, which may begin
anew, by `increase()`. Maintenance that the provider has announced silences what follows from it.
"""

from collections.abc import Iterator
from typing import Any

from qgm_observe.alerts import quality_causes, telemetry_causes
from qgm_observe.alerts.cause import NO_OBJECTIVE, Cause
from qgm_observe.alerts.configuration import Configuration
from qgm_observe.alerts.quota import ACCOUNT, quota
from qgm_observe.alerts.selectors import Selectors
from qgm_observe.alerts.table import BY_NAME, FULL
from qgm_observe.alerts.text import Said, asked_of
from qgm_observe.catalog import Basis, ErrorClass, provider_signals, signals
from qgm_observe.slo.decimals import plain
from qgm_observe.slo.window import DAY, HOUR, MINUTE

DEVICE = ("provider", "device")
PLACE = ("pipeline", "provider", "device", "region")
_FEWEST = 5
"""Fewer than so many are too few for a share."""


def groups(configuration: Configuration) -> dict[str, dict[str, Any]]:
    """Return a group a layer, of the causes in the configured profile, by the layer."""
    layers: dict[str, list[Cause]] = {}
    for cause in causes(configuration):
        layers.setdefault(BY_NAME[cause.alert].layer, []).append(cause)
    selectors = Selectors(configuration)
    return {
        layer: {"name": f"qgm-{layer}", "rules": [*_rules(found, configuration, selectors)]}
        for layer, found in layers.items()
    }


def _rules(
    found: list[Cause], configuration: Configuration, selectors: Selectors
) -> Iterator[dict[str, Any]]:
    counted = [selection for cause in found for selection in cause.counted]
    yield from selectors.firsts(counted, NO_OBJECTIVE)
    for cause in found:
        yield from cause.rules(configuration)


def causes(configuration: Configuration) -> list[Cause]:
    """Return the causes of the configured profile, in the order of the table."""
    selectors = Selectors(configuration)
    every = [
        *_devices(configuration, selectors),
        *_accounts(configuration, selectors),
        *_work(configuration, selectors),
        *quality_causes.causes(selectors),
        *telemetry_causes.causes(configuration, selectors),
    ]
    is_full = configuration.written.profile == FULL
    chosen = [each for each in every if is_full or BY_NAME[each.alert].profile != FULL]
    order = list(BY_NAME)
    return sorted(chosen, key=lambda each: order.index(each.alert))


# --------------------------------------------------------------------------------------- devices


def _devices(configuration: Configuration, selectors: Selectors) -> Iterator[Cause]:
    yield _outage(selectors)
    yield Cause(
        alert="QgmDeviceMaintenance",
        expression=f"{selectors.top(DEVICE, provider_signals.DEVICE_STATE, device_state='paused')}"
        " == 1",
        by=DEVICE,
        said=Said(count="The provider tells that the device is paused."),
    )
    yield _queue(configuration, selectors)
    yield _stuck(configuration, selectors)
    yield from _calibrated(configuration, selectors)


def _outage(selectors: Selectors) -> Cause:
    """It does not answer, or none of its devices can be used and they are not all paused."""
    up = selectors.top(("provider",), provider_signals.PROVIDER_UP, provider="!local")
    state = provider_signals.DEVICE_STATE
    online = f"{selectors.top(DEVICE, state, device_state='online', provider='!local')} == 1"
    halted = f"{selectors.top(DEVICE, provider_signals.DEVICE_PROCESSING)} == 0"
    others = ("offline", "retired", "unknown")
    broken = f"{selectors.top(DEVICE, state, device_state=others, provider='!local')} == 1"
    usable = f"({online}) unless on (provider, device) ({halted}) and on (provider) {up} == 1"
    out = f"({broken} or {online})"
    return Cause(
        alert="QgmProviderOutage",
        expression=(f"(\n  {up} == 0\n  or group by (provider) {out}\n)\nunless on () ({usable})"),
        by=("provider",),
        hold=3 * MINUTE,
        said=Said(
            count="For three minutes it has not answered, or no device of it was online; nor was "
            "one of another watched provider.",
            false="Expected to be false when the exporter has no network of its own: "
            "look at its page first.",
        ),
    )


def _queue(configuration: Configuration, selectors: Selectors) -> Cause:
    """Against the same weekday of the last two weeks: 14 days hold two of each."""
    told = configuration.written.thresholds
    queue = selectors.at(provider_signals.DEVICE_QUEUE)
    p95 = f"quantile_over_time(0.95, {queue}[1d] offset"
    last, before = (f"{p95} {hours}h)" for hours in (6 * 24 + 12, 13 * 24 + 12))
    weeks = f'{last} or label_replace({before}, "week", "before", "", "")'
    usual = f"max by (provider, device) ({weeks})"
    now = selectors.top(DEVICE, provider_signals.DEVICE_QUEUE)
    return Cause(
        alert="QgmQueueAbnormal",
        expression=(
            f"{now} > on (provider, device) {plain(told.queue_times)} * {usual}\n"
            f"and {now} >= {plain(told.queue_jobs)}"
        ),
        by=DEVICE,
        hold=30 * MINUTE,
        said=Said(
            count="{{ $value }} jobs are in the queue, more than "
            f"{plain(told.queue_times)} times its p95 around this weekday in the last 14 days.",
        ),
    )


def _stuck(configuration: Configuration, selectors: Selectors) -> Cause:
    seconds = plain(configuration.written.thresholds.stuck_hours * HOUR)
    oldest = selectors.top(PLACE, signals.JOB_OLDEST_WAITING, execution_mode="!local")
    usual = selectors.top(DEVICE, provider_signals.DEVICE_WAIT, percentile="p95")
    return Cause(
        alert="QgmJobsStuck",
        expression=(
            f"{oldest} > {seconds}\nunless on ({', '.join(PLACE)}) "
            f"({oldest} <= on (provider, device) group_left () 2 * {usual})"
        ),
        by=PLACE,
        hold=10 * MINUTE,
        said=Said(count="The oldest job has waited for {{ $value | humanizeDuration }}."),
    )


def _calibrated(configuration: Configuration, selectors: Selectors) -> Iterator[Cause]:
    told = configuration.written.thresholds
    in_use = selectors.top(DEVICE, signals.LAYOUT_EDGES_DISABLED)
    watched = f"{selectors.top((*DEVICE, 'edge'), provider_signals.EDGE_ENABLED)} == 0"
    yield Cause(
        alert="QgmLayoutEdgeDisabled",
        expression=(f"{in_use} > 0\nor count by (provider, device) ({watched})"),
        by=DEVICE,
        said=Said(count="{{ $value }} pairs of a layout, in use or watched, cannot be used."),
    )
    gates = ("provider", "device", "gate")
    now = selectors.top(gates, provider_signals.DEVICE_GATE_ERROR, aggregate="median")
    error = selectors.at(provider_signals.DEVICE_GATE_ERROR, aggregate="median")
    yield Cause(
        alert="QgmCalibrationChanged",
        expression=(
            f"{now} > on ({', '.join(gates)}) "
            f"{plain(told.calibration_worse)} * max by ({', '.join(gates)}) ({error} offset 1d)"
        ),
        by=gates,
        hold=15 * MINUTE,
        said=Said(
            count="The median error of {{ $labels.gate }} is {{ $value | humanizePercentage }}, "
            f"more than {plain(told.calibration_worse)} times that of a day ago.",
        ),
    )
    instant = selectors.at(signals.LAYOUT_CALIBRATION_TIME)
    yield Cause(
        alert="QgmCalibrationStale",
        expression=f"time() - min by (provider, device) ({instant}) "
        f"> {plain(told.calibration_hours * HOUR)}",
        by=DEVICE,
        hold=HOUR,
        said=Said(count="The oldest parameter was measured {{ $value | humanizeDuration }} ago."),
    )


# -------------------------------------------------------------------------------------- accounts


def _accounts(configuration: Configuration, selectors: Selectors) -> Iterator[Cause]:
    told = configuration.written.thresholds
    yield quota(configuration, selectors)
    expiry = selectors.at(provider_signals.CREDENTIALS_EXPIRE)
    yield Cause(
        alert="QgmCredentialsExpire",
        expression=f"min by (provider, account) ({expiry}) - time() "
        f"< {plain(told.credentials_days * DAY)}",
        by=ACCOUNT,
        said=Said(count="The credentials end in {{ $value | humanizeDuration }}."),
    )
    yield Cause(
        alert="QgmJobsAbandoned",
        expression=f"{selectors.top((*ACCOUNT, 'device'), provider_signals.ACCOUNT_ABANDONED)} > 0",
        by=(*ACCOUNT, "device"),
        hold=15 * MINUTE,
        said=Said(count="{{ $value }} jobs still wait or run although their run has ended."),
    )
    yield _cost(configuration, selectors)


def _cost(configuration: Configuration, selectors: Selectors) -> Cause:
    """What is estimated is known at once; bills may come days later."""
    told = configuration.written.thresholds
    cost = selectors.chosen(signals.COST, basis=Basis.ESTIMATED)
    day, week = (
        selectors.count(cost, each, ("pipeline",), NO_OBJECTIVE) for each in (DAY, 7 * DAY)
    )
    return Cause(
        alert="QgmCostAnomaly",
        expression=(
            f"{day} >= {plain(told.cost_usd)}\n"
            f"and {day} > {plain(told.cost_times / 6)} * ({week} - {day})\n"
            f"and on (pipeline) {selectors.of(cost)} offset 7d"
        ),
        by=("pipeline",),
        said=Said(
            count='{{ $value | printf "%.2f" }} USD in the last day, more than '
            f"{plain(told.cost_times)} times the mean of the six days before."
        ),
        counted=(cost,),
    )


# ------------------------------------------------------------------------------------------ work


def _work(configuration: Configuration, selectors: Selectors) -> Iterator[Cause]:
    told = configuration.written.thresholds
    too_long = selectors.chosen(signals.JOB_ERRORS, error_class=ErrorClass.RUN_TIMEOUT)
    yield Cause(
        alert="QgmRunTooLong",
        expression=f"{selectors.count(too_long, DAY, PLACE, NO_OBJECTIVE)} >= 2",
        by=PLACE,
        counted=(too_long,),
        said=Said(count="{{ $value }} jobs were cancelled in the last day for they ran too long."),
    )
    attempts, ended = (selectors.chosen(each) for each in (signals.JOB_ATTEMPTS, signals.JOBS))
    tried, jobs = (
        selectors.count(each, 6 * HOUR, PLACE, NO_OBJECTIVE) for each in (attempts, ended)
    )
    count = 'sum(qgm:jobs_ended:count{pipeline=%q,device=%q,window="6h"})'
    yield Cause(
        alert="QgmRetriesExcessive",
        expression=(
            f"{tried}\n> {plain(told.attempts_per_job)} * ({jobs})\nand ({jobs}) >= {_FEWEST}"
        ),
        by=PLACE,
        counted=(attempts, ended),
        said=Said(
            count="{{ $value }} attempts for "
            f"{asked_of(count, ('pipeline', 'device'))} jobs in the last six hours."
        ),
    )
    yield from _throttled(configuration, selectors)


def _throttled(configuration: Configuration, selectors: Selectors) -> Iterator[Cause]:
    refused = selectors.chosen(signals.JOB_ERRORS, error_class=ErrorClass.RATE_LIMIT)
    yield Cause(
        alert="QgmSubmissionThrottled",
        expression=f"{selectors.count(refused, HOUR, PLACE, NO_OBJECTIVE)} >= 3",
        by=PLACE,
        counted=(refused,),
        labels={"seen_by": "jobs"},
        said=Said(count="{{ $value }} jobs of the last hour were refused as too many."),
    )
    share = configuration.written.thresholds.throttled_share
    calls = provider_signals.PROVIDER_REQUESTS
    limited = selectors.chosen(calls, result=ErrorClass.RATE_LIMIT)
    many, all_ = (
        selectors.increase(each, HOUR, ("provider",)) for each in (limited, selectors.chosen(calls))
    )
    yield Cause(
        alert="QgmSubmissionThrottled",
        expression=f"{many} > {plain(share)} * {all_}\nand {many} >= 3",
        by=("provider",),
        labels={"seen_by": "exporter"},
        said=Said(count="{{ $value }} calls of the last hour were refused as too many."),
    )
