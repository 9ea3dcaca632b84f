"""Every alert, once: how severe, whose, how urgent, in which profile, and what its users lose.

Rules, texts, routes, tests, runbooks and boards take it from here.
"""

from dataclasses import dataclass

from qgm_observe.slo.burn import PAGE, TICKET

INFO = "info"
"""Nobody is told: it is there to inhibit, or to show that alerting works."""

ON_CALL, QUANTUM, MODEL, PLATFORM = "on-call", "quantum-expert", "model-owner", "platform"
NOW, TODAY, WEEK, NEVER = "now", "today", "this-week", "never"
STARTER, FULL = "starter", "full"
WORK, DEVICE, QUALITY, ACCOUNT, TELEMETRY = "work", "device", "quality", "account", "telemetry"


@dataclass(frozen=True, slots=True)
class Alert:
    """What is settled of an alert before its rule is.

    Attributes:
        name: Its `alertname`, and the name of its runbook.
        severity: `page`, `ticket` or `info`.
        owner: Who acts on it first.
        urgency: When: `now`, `today`, `this-week`, `never`.
        profile: `starter`, or `full` where it has to be asked for.
        layer: What it is about; outages and maintenance inhibit by it.
        loses: What users lose while it lasts.
        board: The slug of the board that shows it, for instance `on-call`.
        command: What to type after `triage ALERT`, or behind it where it begins with `--`; it runs
            from any machine, and `URL` stands for the Prometheus.
        escalation: To whom, when the first action does not help.
        modes: Failure modes of the requirements that it answers, F1 to F7.
    """

    name: str
    severity: str
    owner: str
    urgency: str
    profile: str
    layer: str
    loses: str
    board: str
    command: str
    escalation: str
    modes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Lacking:
    """An alert, or a part of one, that nothing is measured for.

    Attributes:
        name: Of the alert.
        severity: It would have.
        profile: It would be in.
        missing: What has to be measured first.
    """

    name: str
    severity: str
    profile: str
    missing: str


_STATUS = "qgm-observe slo status --prometheus URL"
_FAILURES, _JOBS, _RUNS = "--show failures", "--show jobs", "--show runs"
_DEVICES, _READINGS = "--show devices", "--show readings"
_ACCOUNT, _JOURNALS = "--show account", "--show journals"

ALERTS = (
    # --------------------------------------------------------------------------------- starter
    Alert(
        "QgmSloBurnPage", PAGE, ON_CALL, NOW, STARTER, WORK,
        "Runs or requests fail far more often than was promised.",
        "slo", _STATUS, QUANTUM, ("F4", "F7"),
    ),
    Alert(
        "QgmProviderOutage", PAGE, ON_CALL, NOW, STARTER, DEVICE,
        "No quantum device can be used, and there is none to fall back to.",
        "on-call", _DEVICES, "provider", ("F2",),
    ),
    Alert(
        "QgmCompilationFailing", PAGE, ON_CALL, NOW, STARTER, WORK,
        "No circuit of this pipeline compiles: nothing of it runs.",
        "debug", _FAILURES, QUANTUM, ("F4",),
    ),
    Alert(
        "QgmSpendCap", PAGE, ON_CALL, NOW, STARTER, ACCOUNT,
        "The money for this window is spent, or will be within two hours.",
        "slo", _STATUS, MODEL, ("F5",),
    ),
    Alert(
        "QgmSloBurnTicket", TICKET, ON_CALL, TODAY, STARTER, WORK,
        "The error budget is spent faster than planned; if it goes on, the promise breaks.",
        "slo", _STATUS, QUANTUM, ("F4", "F7"),
    ),
    Alert(
        "QgmConsecutiveFailures", TICKET, ON_CALL, TODAY, STARTER, WORK,
        "The last three or more of this pipeline failed, one after the other.",
        "on-call", _FAILURES, QUANTUM, ("F7",),
    ),
    Alert(
        "QgmRunStalled", TICKET, MODEL, TODAY, STARTER, WORK,
        "A training run stands still and may never end.",
        "debug", _RUNS, ON_CALL, ("F2",),
    ),
    Alert(
        "QgmTelemetryLost", TICKET, PLATFORM, TODAY, STARTER, TELEMETRY,
        "What happens is not seen: all other alerts may be blind.",
        "telemetry", _JOURNALS, ON_CALL,
    ),
    Alert(
        "QgmQualityDrift", TICKET, MODEL, TODAY, STARTER, QUALITY,
        "Samples are worse than in the healthy time they are judged against.",
        "debug", _READINGS, QUANTUM, ("F1", "F3"),
    ),
    Alert(
        "QgmQuotaLow", TICKET, MODEL, TODAY, STARTER, ACCOUNT,
        "The account's device time will not do for what runs, or for a day; jobs will stay queued.",
        "on-call", _ACCOUNT, "provider", ("F5",),
    ),
    Alert(
        "QgmDeviceMaintenance", INFO, ON_CALL, NEVER, STARTER, DEVICE,
        "The provider holds this device for maintenance.",
        "calibration", _DEVICES, "provider",
    ),
    Alert(
        "QgmWatchdog", INFO, PLATFORM, NEVER, STARTER, TELEMETRY,
        "Nothing; when this alert ends, alerting itself is broken.",
        "on-call", _JOURNALS, PLATFORM,
    ),
    # ------------------------------------------------------------------------------------ full
    Alert(
        "QgmExporterDown", TICKET, PLATFORM, TODAY, FULL, TELEMETRY,
        "One exporter cannot be scraped.",
        "telemetry", _JOURNALS, PLATFORM,
    ),
    Alert(
        "QgmReadingsStale", TICKET, PLATFORM, TODAY, FULL, TELEMETRY,
        "What is shown of the provider is old.",
        "telemetry", _ACCOUNT, "provider",
    ),
    Alert(
        "QgmJournalDisk", TICKET, PLATFORM, TODAY, FULL, TELEMETRY,
        "The disk of a journal is nearly full; events will be lost.",
        "telemetry", _JOURNALS, PLATFORM,
    ),
    Alert(
        "QgmCredentialsExpire", TICKET, PLATFORM, WEEK, FULL, ACCOUNT,
        "Every submission will be refused when the credentials end.",
        "on-call", _ACCOUNT, "provider",
    ),
    Alert(
        "QgmQueueAbnormal", TICKET, ON_CALL, TODAY, FULL, DEVICE,
        "Jobs on this device wait far longer than is usual on this weekday.",
        "on-call", _DEVICES, "provider", ("F2",),
    ),
    Alert(
        "QgmJobsStuck", TICKET, ON_CALL, TODAY, FULL, DEVICE,
        "A job waits although its device's queue moves.",
        "on-call", _JOBS, "provider", ("F2",),
    ),
    Alert(
        "QgmJobsAbandoned", TICKET, MODEL, TODAY, FULL, ACCOUNT,
        "Jobs of runs that have ended still wait or run, and will be billed.",
        "on-call", _ACCOUNT, ON_CALL, ("F5",),
    ),
    Alert(
        "QgmRunTooLong", TICKET, MODEL, TODAY, FULL, WORK,
        "The provider cancels jobs because they ran too long; their time is billed.",
        "debug", _FAILURES, QUANTUM, ("F5",),
    ),
    Alert(
        "QgmRetriesExcessive", TICKET, MODEL, TODAY, FULL, WORK,
        "Each job is submitted over and over, and each attempt may be billed.",
        "telemetry", _FAILURES, ON_CALL, ("F5",),
    ),
    Alert(
        "QgmCostAnomaly", TICKET, MODEL, TODAY, FULL, ACCOUNT,
        "A pipeline spends far more a day than it did in the last week.",
        "cost", _JOBS, MODEL, ("F5",),
    ),
    Alert(
        "QgmSubmissionThrottled", TICKET, ON_CALL, TODAY, FULL, WORK,
        "The provider refuses submissions as too many; work comes late or not at all.",
        "on-call", _FAILURES, "provider", ("F7",),
    ),
    Alert(
        "QgmLayoutEdgeDisabled", TICKET, QUANTUM, TODAY, FULL, DEVICE,
        "A layout in use rests on a pair of qubits whose gate the provider has disabled.",
        "calibration", _READINGS, "provider", ("F1",),
    ),
    Alert(
        "QgmCalibrationChanged", TICKET, QUANTUM, TODAY, FULL, DEVICE,
        "Gates of this device are worse than yesterday, and nobody has announced it.",
        "calibration", _READINGS, "provider", ("F1",),
    ),
    Alert(
        "QgmCalibrationStale", TICKET, QUANTUM, WEEK, FULL, DEVICE,
        "A parameter that the layout rests on has not been measured for long.",
        "calibration", _READINGS, "provider", ("F1",),
    ),
    Alert(
        "QgmModeCollapse", TICKET, MODEL, TODAY, FULL, QUALITY,
        "The model gives few kinds of samples over and over.",
        "debug", _RUNS, QUANTUM, ("F3",),
    ),
    Alert(
        "QgmInputDrift", TICKET, MODEL, TODAY, FULL, QUALITY,
        "Inputs are unlike those that the model was trained on.",
        "debug", _RUNS, MODEL, ("F6",),
    ),
    Alert(
        "QgmEncodingMismatch", TICKET, MODEL, TODAY, FULL, QUALITY,
        "Data are encoded otherwise than when the model was trained; samples are silently wrong.",
        "debug", _RUNS, MODEL, ("F6",),
    ),
    Alert(
        "QgmTrainingStuck", TICKET, MODEL, TODAY, FULL, QUALITY,
        "Training spends device time and learns nothing.",
        "debug", _RUNS, QUANTUM, ("F3",),
    ),
)  # fmt: skip
"""In the order in which they are rendered."""

BY_NAME = {alert.name: alert for alert in ALERTS}

NO_MONEY = Lacking(
    "QgmSpendCap",
    PAGE,
    STARTER,
    "an objective of money with `severity: page`: the cap is yours to name",
)
"""Rendered as soon as an objective holds money against a cap."""
