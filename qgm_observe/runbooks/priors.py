"""What an alert says by itself about its cause, before anything is looked at."""

from collections.abc import Mapping

from qgm_observe.runbooks.evidence import Cause, Clue

SAYS: Mapping[str, tuple[tuple[Cause, float], ...]] = {
    "QgmProviderOutage": ((Cause.PROVIDER, 1.0), (Cause.DEVICE, 1.0)),
    "QgmCompilationFailing": ((Cause.COMPILER, 1.5),),
    "QgmSpendCap": ((Cause.SPENDING, 2.5),),
    "QgmTelemetryLost": ((Cause.TELEMETRY, 2.5),),
    "QgmExporterDown": ((Cause.TELEMETRY, 2.5),),
    "QgmReadingsStale": ((Cause.TELEMETRY, 1.0), (Cause.PROVIDER, 1.0)),
    "QgmJournalDisk": ((Cause.MACHINE, 2.5),),
    "QgmQuotaLow": ((Cause.QUOTA, 2.5),),
    "QgmCredentialsExpire": ((Cause.CREDENTIALS, 2.5),),
    "QgmQueueAbnormal": ((Cause.QUEUE, 2.5),),
    "QgmJobsStuck": ((Cause.QUEUE, 1.0), (Cause.DEVICE, 1.0)),
    "QgmJobsAbandoned": ((Cause.SPENDING, 2.5),),
    "QgmRunTooLong": ((Cause.CODE, 1.5),),
    "QgmCostAnomaly": ((Cause.SPENDING, 2.5),),
    "QgmRetriesExcessive": ((Cause.SPENDING, 1.5),),
    "QgmSubmissionThrottled": ((Cause.PACE, 2.5),),
    "QgmDeviceMaintenance": ((Cause.DEVICE, 3.0),),
    "QgmLayoutEdgeDisabled": ((Cause.CALIBRATION, 2.5),),
    "QgmCalibrationChanged": ((Cause.CALIBRATION, 2.5),),
    "QgmCalibrationStale": ((Cause.CALIBRATION, 2.0),),
    "QgmModeCollapse": ((Cause.TRAINING, 1.0),),
    "QgmInputDrift": ((Cause.TRAINING, 2.5),),
    "QgmEncodingMismatch": ((Cause.TRAINING, 2.5),),
    "QgmTrainingStuck": ((Cause.TRAINING, 2.0),),
}
"""Alert to causes with points; an alert that only counts failures says nothing by itself."""


def prior(alert: str) -> list[Clue]:
    """Return what an alert says by itself."""
    return [Clue(cause, points, f"{alert} is about this") for cause, points in SAYS.get(alert, ())]
