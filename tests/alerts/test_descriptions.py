"""The text of every alert of the full profile: what each says, in which order, and about whom."""

import re
from dataclasses import replace
from decimal import Decimal

import pytest

from qgm_observe.alerts.configuration import Configuration, Written
from qgm_observe.alerts.shelf import rule_groups
from qgm_observe.alerts.table import BY_NAME
from qgm_observe.slo.loading import shipped

SHIPPED = {each.name: each for each in shipped()}
TRAINING = SHIPPED["training-success"]
MONEY = replace(SHIPPED["quantum-spend"], brief="Money is kept.")
BURNING = replace(TRAINING, name="burning", method="burnrate")
RARE = replace(TRAINING, name="rare", target=Decimal("0.99"), events_per_day=2.0)
PLACES = ("pipeline", "provider", "device", "region")


def alerts():
    """Each rule that alerts, by its file, its alert, and what tells it from others of the name."""
    objectives = (TRAINING, BURNING, RARE, MONEY)
    groups = rule_groups(Configuration(Written(profile="full"), objectives))
    for name, group in groups.items():
        for rule in group["rules"]:
            if "alert" in rule:
                labels = rule["labels"]
                which = labels.get("lost") or labels.get("seen_by") or name
                yield f"{which} {rule['alert']}", rule


RULES = dict(alerts())


def words(text):
    """What stands between templates, with `#` for each that is filled in, or for several."""
    filled = re.sub(r"\{\{ else \}\}[^{]*\{\{ end \}\}|\{\{.*?\}\}", "#", text)
    return re.sub(r"#(?: ?#)+", "#", filled)


def counted(rule):
    """The lines between what is lost and the budget."""
    lines = rule["annotations"]["description"].splitlines()
    return lines[1 : next(i for i, line in enumerate(lines) if line.startswith("Budget"))]


FAILED = (
    "# of # runs failed in the last #.# of # runs failed in the last 7d, and in 28d more than by "
    "chance.#"
)
WHERE = "Most failures of the last day: #, #."
PROMISED = "Promised: Training runs reach their planned end (95 % in 28d)."
SAID = {
    "slo-training-success QgmSloBurnPage": [PROMISED, FAILED, WHERE],
    "slo-training-success QgmSloBurnTicket": [PROMISED, FAILED, WHERE],
    "slo-burning QgmSloBurnPage": [PROMISED, "# of # runs were bad in the last 6h.", WHERE],
    "slo-burning QgmSloBurnTicket": [PROMISED, "# of # runs were bad in the last 3d.", WHERE],
    "slo-rare QgmSloBurnTicket": [
        PROMISED.replace("95", "99"),
        "# of # runs failed in the last hour, # in the last day.",
        WHERE,
    ],
    "slo-quantum-spend QgmSpendCap": [
        "Promised: Money is kept (28d).",
        "# of 1000 USD spent in the last 28d.",
    ],
    "trend-failures QgmConsecutiveFailures": [
        "# failed in a row, all of them in the last #; in the last day # failed and # succeeded."
    ],
    "trend-compilations QgmCompilationFailing": [
        (
            "The last # compilations failed, all of them in the last #. Changed in the last day: "
            "calibration # times; models that fail for the first time: #, #; compiler, SDK and "
            "encoding stand in the records of the runs."
        )
    ],
    "trend-stalled QgmRunStalled": [
        "# of # open runs made no step for five times their median step."
    ],
    "device QgmProviderOutage": [
        (
            "For three minutes it has not answered, or no device of it was online; nor was one of "
            "another watched provider."
        )
    ],
    "device QgmDeviceMaintenance": ["The provider tells that the device is paused."],
    "device QgmQueueAbnormal": [
        (
            "# jobs are in the queue, more than 2 times its p95 around this weekday in the last 14 "
            "days."
        )
    ],
    "device QgmJobsStuck": ["The oldest job has waited for #."],
    "device QgmLayoutEdgeDisabled": ["# pairs of a layout, in use or watched, cannot be used."],
    "device QgmCalibrationChanged": [
        "The median error of # is #, more than 1.5 times that of a day ago."
    ],
    "device QgmCalibrationStale": ["The oldest parameter was measured # ago."],
    "exporter QgmTelemetryLost": ["No exporter of journals has been seen for five minutes."],
    "journal QgmTelemetryLost": ["Journal # cannot be read."],
    "events QgmTelemetryLost": ["# events of the last hour are lost."],
    "telemetry QgmWatchdog": ["Always."],
    "telemetry QgmExporterDown": ["It could not be scraped for five minutes."],
    "telemetry QgmReadingsStale": ["# has not been read for more than half an hour."],
    "telemetry QgmJournalDisk": ["#B are free."],
    "quality QgmQualityDrift": [
        "The chart of # stands at # standard deviations of its healthy baseline, beyond its limit."
    ],
    "quality QgmModeCollapse": [
        "By the newest verdict few modes are left of those of the baseline."
    ],
    "quality QgmInputDrift": ["By the newest verdict inputs are unlike the recorded ones."],
    "quality QgmEncodingMismatch": ["By the newest verdict the encoding is not the recorded one."],
    "quality QgmTrainingStuck": ["By the newest verdict training is #."],
    "account QgmQuotaLow": [
        (
            "# of device time is left; open runs and jobs of this provider are foreseen to need "
            "#at least #."
        ),
        (
            "The last day took #; less than 24 h at that pace, or a limit that is reached, also "
            "brings this alert.# The period ends at #.# The window rolls on: enough of our own use "
            "has left it by #, if nothing else is submitted.#"
        ),
    ],
    "account QgmCredentialsExpire": ["The credentials end in #."],
    "account QgmJobsAbandoned": ["# jobs still wait or run although their run has ended."],
    "account QgmCostAnomaly": [
        "# USD in the last day, more than 3 times the mean of the six days before."
    ],
    "work QgmRunTooLong": ["# jobs were cancelled in the last day for they ran too long."],
    "work QgmRetriesExcessive": ["# attempts for # jobs in the last six hours."],
    "jobs QgmSubmissionThrottled": ["# jobs of the last hour were refused as too many."],
    "exporter QgmSubmissionThrottled": ["# calls of the last hour were refused as too many."],
}


def test_what_each_alert_counts_is_written_out():
    """How many of how many, since when: word by word, with `#` for what Prometheus fills in."""
    assert {key: [words(line) for line in counted(rule)] for key, rule in RULES.items()} == SAID
    assert {rule["alert"] for rule in RULES.values()} == BY_NAME.keys()


BLIND = "Budgets: whatever burns now is not seen."
SPENDING = {
    **dict.fromkeys(SAID, "Still spending: # of its jobs are in flight."),
    **{key: BLIND for key in SAID if "Telemetry" in key or "Disk" in key},
    **dict.fromkeys(("telemetry QgmExporterDown", "telemetry QgmReadingsStale"), BLIND),
    "slo-training-success QgmSloBurnPage": "Still spending: # of # failed in the last hour.",
    "slo-training-success QgmSloBurnTicket": "Still spending: # of # failed in the last hour.",
    "slo-burning QgmSloBurnPage": "Still spending: # of # were bad in the last 5m.",
    "slo-burning QgmSloBurnTicket": "Still spending: # of # were bad in the last 2h.",
    "slo-rare QgmSloBurnTicket": "The budget holds 0.6: too few to burn, so each failure is told; "
    "`qgm-observe slo status` tells the last 90 days.",
    "slo-quantum-spend QgmSpendCap": "Still spending: # USD in the last hour.",
}


@pytest.mark.parametrize("key", SAID)
def test_the_rest_follows_in_the_order_of_the_questions(key):
    """Loss, count, budget, spending, provider, commands, who helps, links, and false ones last."""
    rule = RULES[key]
    alert = BY_NAME[rule["alert"]]
    lines = rule["annotations"]["description"].splitlines()
    after = 1 + len(counted(rule))
    budget, spending, provider, first, then, escalation, runbook, board, *last = lines[after:]

    assert lines[0] == alert.loses
    assert budget.startswith("Budget left: {{ ")
    assert words(spending) == SPENDING[key]
    assert words(provider) == "Provider: #, #."
    assert first.startswith(f"First: qgm-observe triage {alert.name} --url https://")
    assert then.startswith("Then: qgm-observe ")
    assert escalation == f"Escalate to {alert.escalation} when that does not help."
    assert runbook == f"Runbook: https://runbooks.example.org/{alert.name}.md"
    assert board.startswith(f"Board: https://grafana.example.org/d/qgm-{alert.board}?")
    if alert.severity == "info":
        assert last == []
    else:
        (text,) = last
        assert re.search(r"\bfalse\b|\bchance\b", text)


@pytest.mark.parametrize("key", [key for key in SAID if "in flight" in SPENDING[key]])
def test_what_is_in_flight_is_that_of_the_alerts_own_place(key):
    """Each place that the alert names narrows the query of its jobs, and the provider's state."""
    rule = RULES[key]
    filled = [name for name in PLACES if "$labels" in rule["labels"][name]]
    lines = rule["annotations"]["description"].splitlines()
    (spending,) = (line for line in lines if line.startswith("Still spending:"))
    (provider,) = (line for line in lines if line.startswith("Provider:"))

    assert re.findall(r"(\w+)=%q", spending) == re.findall(r"\$labels\.(\w+)", spending)
    assert [name for name in PLACES if f"{name}=%q" in spending] == filled
    devices = [name for name in ("provider", "device") if name in filled]
    assert re.findall(r"(\w+)=%q", provider) == re.findall(r"\$labels\.(\w+)", provider) == devices
