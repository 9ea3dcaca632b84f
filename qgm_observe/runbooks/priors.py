"""What an alert says by itself, before anything is looked at."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from qgm_observe.runbooks.cause import Cause


@dataclass(frozen=True, slots=True)
class Claim:
    """What an alert says.

    Attributes:
        words: A clause.
        causes: What it names as a cause, with points; none where it only counts.
    """

    words: str
    causes: Mapping[Cause, float] = field(default_factory=dict)


SAYS: Mapping[str, Claim] = {
    "QgmSloBurnPage": Claim("too many runs or requests fail"),
    "QgmProviderOutage": Claim("no device can be used", {Cause.PROVIDER: 1.0, Cause.DEVICE: 1.0}),
    "QgmCompilationFailing": Claim("a pipeline's circuits do not compile", {Cause.COMPILER: 1.5}),
    "QgmSpendCap": Claim("the cap on money is reached, or soon will be", {Cause.SPENDING: 2.5}),
    "QgmSloBurnTicket": Claim("an error budget is spent too fast"),
    "QgmConsecutiveFailures": Claim("the last ones of a pipeline failed"),
    "QgmRunStalled": Claim("a run stands still"),
    "QgmTelemetryLost": Claim("not all that happens is seen", {Cause.TELEMETRY: 2.5}),
    "QgmQualityDrift": Claim("samples are worse than in their baseline"),
    "QgmQuotaLow": Claim("the account's device time will not do", {Cause.QUOTA: 2.5}),
    "QgmDeviceMaintenance": Claim("a device is paused", {Cause.DEVICE: 3.0}),
    "QgmWatchdog": Claim("alerts are evaluated"),
    "QgmExporterDown": Claim("an exporter cannot be scraped", {Cause.TELEMETRY: 2.5}),
    "QgmReadingsStale": Claim(
        "what is known of a provider is old", {Cause.TELEMETRY: 1.0, Cause.PROVIDER: 1.0}
    ),
    "QgmJournalDisk": Claim("the disk of a journal is nearly full", {Cause.MACHINE: 2.5}),
    "QgmCredentialsExpire": Claim("an account's credentials end soon", {Cause.CREDENTIALS: 2.5}),
    "QgmQueueAbnormal": Claim("a device's queue is far longer than usual", {Cause.QUEUE: 2.5}),
    "QgmJobsStuck": Claim(
        "a job waits far longer than usual", {Cause.QUEUE: 1.0, Cause.DEVICE: 1.0}
    ),
    "QgmJobsAbandoned": Claim("jobs of ended runs still wait or run", {Cause.SPENDING: 2.5}),
    "QgmRunTooLong": Claim("jobs were cancelled because they ran too long", {Cause.CODE: 1.5}),
    "QgmRetriesExcessive": Claim("jobs take too many attempts", {Cause.SPENDING: 1.5}),
    "QgmCostAnomaly": Claim("a pipeline costs far more than it did", {Cause.SPENDING: 2.5}),
    "QgmSubmissionThrottled": Claim("too many submissions are refused", {Cause.PACE: 2.5}),
    "QgmLayoutEdgeDisabled": Claim(
        "a layout rests on a disabled pair of qubits", {Cause.CALIBRATION: 2.5}
    ),
    "QgmCalibrationChanged": Claim(
        "a device's gates are worse than a day ago", {Cause.CALIBRATION: 2.5}
    ),
    "QgmCalibrationStale": Claim(
        "a parameter in use was not measured for long", {Cause.CALIBRATION: 2.0}
    ),
    "QgmModeCollapse": Claim("samples have lost modes", {Cause.TRAINING: 1.0}),
    "QgmInputDrift": Claim("inputs are unlike those of the training", {Cause.TRAINING: 2.5}),
    "QgmEncodingMismatch": Claim("the encoding is not the training's", {Cause.TRAINING: 2.5}),
    "QgmTrainingStuck": Claim("a training learns nothing", {Cause.TRAINING: 2.5}),
}
"""Alert to what it says."""

TOLD_BY_PROVIDERS = frozenset(
    {
        "QgmProviderOutage",
        "QgmQuotaLow",
        "QgmReadingsStale",
        "QgmCredentialsExpire",
        "QgmQueueAbnormal",
        "QgmJobsStuck",
        "QgmJobsAbandoned",
        "QgmSubmissionThrottled",
        "QgmLayoutEdgeDisabled",
        "QgmCalibrationChanged",
        "QgmCalibrationStale",
        "QgmDeviceMaintenance",
    }
)
"""Alerts on what a provider's exporter tells, wholly or in part."""
