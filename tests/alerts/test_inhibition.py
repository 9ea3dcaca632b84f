"""Who is silent while whom: the rules of inhibition on the labels that rendered alerts carry."""

import itertools
import re
from dataclasses import replace

import pytest

from qgm_observe.alerts.alertmanager import alertmanager
from qgm_observe.alerts.configuration import Configuration, Written
from qgm_observe.alerts.shelf import rule_groups
from qgm_observe.slo.loading import shipped

TRAINING = next(each for each in shipped() if each.name == "training-success")
MONEY = next(each for each in shipped() if each.name == "quantum-spend")
BURNING = replace(TRAINING, name="burning", method="burnrate")
COMPARED = ("slo", "pipeline", "provider", "device", "region")

DEVICES = {
    "QgmQueueAbnormal",
    "QgmJobsStuck",
    "QgmLayoutEdgeDisabled",
    "QgmCalibrationChanged",
    "QgmCalibrationStale",
}
FOLLOWERS = {"QgmSloBurnPage", "QgmSloBurnTicket", "QgmConsecutiveFailures", "QgmRunStalled"}


INHIBITIONS = alertmanager(Configuration(Written(), ()))["inhibit_rules"]


def firing():
    """Labels of every alert of the full profile, at one place where they name one."""
    written = Written(profile="full")
    groups = rule_groups(Configuration(written, (TRAINING, BURNING, MONEY)))
    for rule in itertools.chain.from_iterable(group["rules"] for group in groups.values()):
        if "alert" in rule:
            filled = {k: f"this-{k}" if "{{" in v else v for k, v in rule["labels"].items()}
            yield {"alertname": rule["alert"], **filled}


FIRING = list(firing())


def matches(matcher, labels):
    """Alertmanager's matchers: equal or not, or by an anchored expression."""
    name, sign, value = re.fullmatch(r'(\w+)(=~|!~|!=|=)"(.*)"', matcher).groups()
    held = labels.get(name, "")
    found = re.fullmatch(value, held) is not None if sign.endswith("~") else held == value
    return found is not sign.startswith("!")


def mutes(source, target):
    """Whether one of the rules silences the target while the source fires."""
    return source is not target and any(
        all(matches(each, source) for each in rule["source_matchers"])
        and all(matches(each, target) for each in rule["target_matchers"])
        and all(source.get(name, "") == target.get(name, "") for name in rule.get("equal", ()))
        for rule in INHIBITIONS
    )


def test_the_five_rules_are_written_out():
    """Cause, what follows from it, and what both have to be about."""
    told = [
        (rule["source_matchers"], rule["target_matchers"], rule.get("equal", []))
        for rule in INHIBITIONS
    ]

    assert told == [
        (['alertname="QgmSloBurnPage"'], ['alertname="QgmSloBurnTicket"'], ["slo"]),
        (
            ['alertname="QgmCompilationFailing"'],
            ['alertname="QgmConsecutiveFailures"'],
            ["pipeline"],
        ),
        (
            ['alertname="QgmProviderOutage"'],
            ['layer="device"', 'alertname!="QgmProviderOutage"'],
            ["provider"],
        ),
        (
            ['alertname="QgmProviderOutage"'],
            ['alertname=~"QgmSloBurnPage|QgmSloBurnTicket|QgmConsecutiveFailures|QgmRunStalled"'],
            [],
        ),
        (
            ['alertname="QgmDeviceMaintenance"'],
            ['layer="device"', 'alertname!="QgmDeviceMaintenance"'],
            ["provider", "device"],
        ),
    ]


def test_at_one_place_only_what_follows_is_silent():
    """Of all pairs of alerts these are muted, and no page by anything but the outage."""
    told: dict[str, set[str]] = {}
    for source, target in itertools.product(FIRING, FIRING):
        if mutes(source, target):
            told.setdefault(source["alertname"], set()).add(target["alertname"])

    assert told == {
        "QgmSloBurnPage": {"QgmSloBurnTicket"},
        "QgmCompilationFailing": {"QgmConsecutiveFailures"},
        "QgmProviderOutage": DEVICES | {"QgmDeviceMaintenance"} | FOLLOWERS,
        "QgmDeviceMaintenance": DEVICES,
    }


@pytest.mark.parametrize(
    ("cause", "followers", "same"),
    [
        ("QgmSloBurnPage", {"QgmSloBurnTicket"}, {"slo"}),
        ("QgmCompilationFailing", {"QgmConsecutiveFailures"}, {"pipeline"}),
        ("QgmProviderOutage", DEVICES | {"QgmDeviceMaintenance"}, {"provider"}),
        ("QgmProviderOutage", FOLLOWERS, set()),
        ("QgmDeviceMaintenance", DEVICES, {"provider", "device"}),
    ],
)
def test_elsewhere_it_is_told(cause, followers, same):
    """A follower with another value of one label is told, if that label has to be the same."""
    for source, target in itertools.product(FIRING, FIRING):
        if source["alertname"] == cause and target["alertname"] in followers:
            if not mutes(source, target):
                assert source["slo"] != target["slo"]
                continue
            told = {each for each in COMPARED if not mutes(source, target | {each: "other"})}
            assert told == same, target["alertname"]


def test_what_is_compared_is_carried_by_all():
    """No alert lacks a label that is compared, so that no two missing labels are equal."""
    compared = set(itertools.chain.from_iterable(rule.get("equal", ()) for rule in INHIBITIONS))

    assert compared == {"slo", "pipeline", "provider", "device"}
    assert [labels for labels in FIRING if not all(labels.get(name) for name in COMPARED)] == []
