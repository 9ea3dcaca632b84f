"""The table of alerts, written out: who is called, when, and whether it has to be asked for."""

from qgm_observe.alerts.table import ALERTS

NOW = ("page", "on-call", "now", "starter")


def ticket(owner, profile, urgency="today"):
    return ("ticket", owner, urgency, profile)


def test_the_whole_table_is_written_out():
    """Severity, owner, urgency and profile of all thirty alerts."""
    told = {a.name: (a.severity, a.owner, a.urgency, a.profile) for a in ALERTS}

    assert told == {
        "QgmSloBurnPage": NOW,
        "QgmProviderOutage": NOW,
        "QgmCompilationFailing": NOW,
        "QgmSpendCap": NOW,
        "QgmSloBurnTicket": ticket("on-call", "starter"),
        "QgmConsecutiveFailures": ticket("on-call", "starter"),
        "QgmRunStalled": ticket("model-owner", "starter"),
        "QgmTelemetryLost": ticket("platform", "starter"),
        "QgmQualityDrift": ticket("model-owner", "starter"),
        "QgmQuotaLow": ticket("model-owner", "starter"),
        "QgmDeviceMaintenance": ("info", "on-call", "never", "starter"),
        "QgmWatchdog": ("info", "platform", "never", "starter"),
        "QgmExporterDown": ticket("platform", "full"),
        "QgmReadingsStale": ticket("platform", "full"),
        "QgmJournalDisk": ticket("platform", "full"),
        "QgmCredentialsExpire": ticket("platform", "full", "this-week"),
        "QgmQueueAbnormal": ticket("on-call", "full"),
        "QgmJobsStuck": ticket("on-call", "full"),
        "QgmJobsAbandoned": ticket("model-owner", "full"),
        "QgmRunTooLong": ticket("model-owner", "full"),
        "QgmRetriesExcessive": ticket("model-owner", "full"),
        "QgmCostAnomaly": ticket("model-owner", "full"),
        "QgmSubmissionThrottled": ticket("on-call", "full"),
        "QgmLayoutEdgeDisabled": ticket("quantum-expert", "full"),
        "QgmCalibrationChanged": ticket("quantum-expert", "full"),
        "QgmCalibrationStale": ticket("quantum-expert", "full", "this-week"),
        "QgmModeCollapse": ticket("model-owner", "full"),
        "QgmInputDrift": ticket("model-owner", "full"),
        "QgmEncodingMismatch": ticket("model-owner", "full"),
        "QgmTrainingStuck": ticket("model-owner", "full"),
    }


def test_who_helps_next_is_written_out():
    """What an alert is about, which inhibits and mutes it, and to whom it is escalated."""
    told: dict[tuple[str, str], set[str]] = {}
    for alert in ALERTS:
        told.setdefault((alert.layer, alert.escalation), set()).add(alert.name)

    assert told == {
        ("work", "quantum-expert"): {
            "QgmSloBurnPage", "QgmSloBurnTicket", "QgmCompilationFailing",
            "QgmConsecutiveFailures", "QgmRunTooLong",
        },
        ("work", "on-call"): {"QgmRunStalled", "QgmRetriesExcessive"},
        ("work", "provider"): {"QgmSubmissionThrottled"},
        ("device", "provider"): {
            "QgmProviderOutage", "QgmDeviceMaintenance", "QgmQueueAbnormal", "QgmJobsStuck",
            "QgmLayoutEdgeDisabled", "QgmCalibrationChanged", "QgmCalibrationStale",
        },
        ("account", "model-owner"): {"QgmSpendCap", "QgmCostAnomaly"},
        ("account", "provider"): {"QgmQuotaLow", "QgmCredentialsExpire"},
        ("account", "on-call"): {"QgmJobsAbandoned"},
        ("telemetry", "on-call"): {"QgmTelemetryLost"},
        ("telemetry", "platform"): {"QgmWatchdog", "QgmExporterDown", "QgmJournalDisk"},
        ("telemetry", "provider"): {"QgmReadingsStale"},
        ("quality", "quantum-expert"): {"QgmQualityDrift", "QgmModeCollapse", "QgmTrainingStuck"},
        ("quality", "model-owner"): {"QgmInputDrift", "QgmEncodingMismatch"},
    }  # fmt: skip
