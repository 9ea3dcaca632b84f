"""When an alert fires, in plain words, with the numbers of the configuration."""

from collections.abc import Callable, Iterator, Mapping

from qgm_observe.alerts.configuration import Configuration, Thresholds
from qgm_observe.alerts.money_rules import AHEAD_HOURS
from qgm_observe.alerts.text import STATE
from qgm_observe.alerts.trends import IN_A_ROW
from qgm_observe.slo.burn import PAGE
from qgm_observe.slo.characteristics import tabled
from qgm_observe.slo.objective import Objective

FIRES: Mapping[str, str] = {
    "QgmSloBurnPage": (
        "in some window from 30 minutes to 7 days the evidence that far too many fail is above "
        "its threshold, and no shorter window shows recovery; one failure alone never is; or its "
        "whole window's budget is spent by more than chance and burned on, as it did before, at "
        "some time in the last three days"
    ),
    "QgmProviderOutage": (
        "a provider does not answer or has no device online, and no other watched provider has one"
    ),
    "QgmCompilationFailing": (
        f"{IN_A_ROW} or more compilations of a pipeline for a device failed, and none worked"
    ),
    "QgmSpendCap": (
        "what is spent in the objective's window reaches its cap, or will within "
        f"{AHEAD_HOURS} hours at the pace of the last hour"
    ),
    "QgmSloBurnTicket": (
        "in some window from 6 hours to 7 days failures come at twice what the budget allows, or "
        "faster, or its whole window's budget is spent by more than chance; where the budget is "
        "under five events, at each failure, for an hour"
    ),
    "QgmConsecutiveFailures": (
        f"the last {IN_A_ROW} or more runs or requests of a pipeline failed in a row"
    ),
    "QgmRunStalled": (
        "an open run made no step for five times its median step, and its job does not wait "
        "within the device's own p95"
    ),
    "QgmTelemetryLost": (
        "no exporter of journals is seen, a journal cannot be read, or events of the last hour "
        "are lost"
    ),
    "QgmQualityDrift": "a control chart of a statistic is beyond its limit",
    "QgmQuotaLow": (
        "what is left of the device time is less than open runs and jobs are foreseen to need (of "
        "a provider with one watched account), lasts for less than {quota_hours:g} hours at the "
        "pace of the last day, or the limit is reached"
    ),
    "QgmDeviceMaintenance": "the provider tells that a device is paused",
    "QgmWatchdog": "always",
    "QgmExporterDown": "Prometheus cannot scrape an exporter",
    "QgmReadingsStale": (
        "a part of a provider fails to be read, and was last read more than 30 minutes ago"
    ),
    "QgmJournalDisk": "less than {disk_free_bytes:,.0f} bytes are free where a journal is",
    "QgmCredentialsExpire": "an account's credentials end within {credentials_days:g} days",
    "QgmQueueAbnormal": (
        "a device's queue is longer than {queue_times:g} times its p95 around this weekday in the "
        "last 14 days, and holds {queue_jobs:g} jobs or more"
    ),
    "QgmJobsStuck": (
        "the oldest job has waited for more than {stuck_hours:g} hours, and for more than twice "
        "the device's p95"
    ),
    "QgmJobsAbandoned": "jobs of ours wait or run at a provider although their run has ended",
    "QgmRunTooLong": "two or more jobs of a day were cancelled because they ran too long",
    "QgmRetriesExcessive": (
        "the jobs of six hours, five at least, took more than {attempts_per_job:g} attempts each"
    ),
    "QgmCostAnomaly": (
        "a pipeline's estimated cost of a day is {cost_usd:g} USD or more, and more than "
        "{cost_times:g} times the mean of the six days before"
    ),
    "QgmSubmissionThrottled": (
        "three or more jobs of an hour were refused as too many, or {throttled_share:.0%} of the "
        "sidecar's calls"
    ),
    "QgmLayoutEdgeDisabled": (
        "a pair of qubits that open jobs use, or did within the hour, or that is watched has its "
        "gate disabled"
    ),
    "QgmCalibrationChanged": (
        "the median error of a gate is more than {calibration_worse:g} times that of a day ago"
    ),
    "QgmCalibrationStale": (
        "the oldest parameter that open jobs rest on, or did within the hour, was measured more "
        "than {calibration_hours:g} hours ago"
    ),
    "QgmModeCollapse": "the newest verdict on samples is that they have collapsed",
    "QgmInputDrift": "the newest verdict on inputs is that they have drifted",
    "QgmEncodingMismatch": "the newest verdict on the encoding is that it is not the recorded one",
    "QgmTrainingStuck": (
        "the newest verdict on a training is that it diverges, is stuck or on a barren plateau"
    ),
}
"""Alert to its condition; names in braces are thresholds of the configuration."""


def condition(alert: str, configuration: Configuration) -> str:
    """Return when an alert fires."""
    return FIRES[alert].format(**configuration.written.thresholds.model_dump())


def thresholds(alert: str) -> list[str]:
    """Return the settings below `thresholds:` that an alert depends on."""
    return [name for name in Thresholds.model_fields if f"{{{name}:" in FIRES[alert]]


def shipped_thresholds() -> dict[str, float]:
    """Return the numbers that alerts go by where nobody configured others."""
    return {**Thresholds().model_dump(), "in_a_row": IN_A_ROW}


def false_alerts(alert: str, configuration: Configuration) -> str:
    """Return how often an alert is expected to be false, or why nobody can say."""
    tell = _FALSE.get(alert)
    if tell is None:
        return STATE
    return tell(configuration)


def _by_score(configuration: Configuration) -> str:
    lines = list(_expected(configuration.objectives))
    return "; ".join(lines) or "not known: no objective by score tells its events a day"


def _expected(objectives: tuple[Objective, ...]) -> Iterator[str]:
    for each in objectives:
        if each.score is None or each.severity != PAGE or each.target is None:
            continue
        rate = None if each.events_per_day is None else each.events_per_day / each.design_effect
        found = None if rate is None else tabled(each.target, rate)
        if found is not None:
            yield (
                f"{each.name}: {found.false_pages:.2f} in 28 days at half its budget, "
                f"{found.false_at_budget:.2f} when it is just used up"
            )


def _in_a_row(configuration: Configuration) -> str:
    """A row of n failures begins with a success or another one, at a rate of q^n (1 - q)."""
    told = [
        f"{each.name}: {each.events_per_day * 28 * q**IN_A_ROW * (1 - q):.1g}"
        for each in configuration.objectives
        if each.score is not None and each.severity == PAGE and each.events_per_day is not None
        for q in [float(each.budget) / 2]
    ]
    return f"in 28 days at half the budget at most {', '.join(told)}" if told else "not known"


_FALSE: Mapping[str, Callable[[Configuration], str]] = {
    "QgmSloBurnPage": _by_score,
    "QgmConsecutiveFailures": _in_a_row,
    "QgmQualityDrift": lambda _: "as often as the chart's baseline states",
    "QgmProviderOutage": lambda _: "when the exporter has no network of its own",
    "QgmWatchdog": lambda _: "never: it is there to be seen",
}
