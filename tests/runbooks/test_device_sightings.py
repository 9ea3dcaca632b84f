"""Tests of what is seen of alerts on devices and accounts."""

from typing import Any

import pytest

from qgm_observe.catalog import provider_signals as provided
from qgm_observe.catalog import signals
from qgm_observe.runbooks.cause import THEIRS, Cause
from qgm_observe.runbooks.conditions import shipped_thresholds
from qgm_observe.runbooks.device_sightings import LOOKS
from qgm_observe.runbooks.diagnosis import diagnose
from qgm_observe.runbooks.situation import Situation

from .situations import DAY, HOUR, NOW, level

FEZ = {"provider": "ibm", "device": "ibm_fez"}
TEAM = {"provider": "ibm", "account": "team"}


def known(alert: str, *samples: Any) -> Situation:
    return Situation(alert=alert, now=NOW, samples=samples, thresholds=shipped_thresholds())


def seen(alert: str, *samples: Any) -> bool | str | None:
    """Whether the condition holds by these levels; a word where nothing is seen of it."""
    told = LOOKS[alert](known(alert, *samples))
    return "nothing" if told is None else told.holds


def state(name: str) -> Any:
    return level(provided.DEVICE_STATE, 1.0, **FEZ, device_state=name)


UP, DOWN = (level(provided.PROVIDER_UP, value, **TEAM) for value in (1.0, 0.0))
HALTED = level(provided.DEVICE_PROCESSING, 0.0, **FEZ)
LEFT = level(provided.ACCOUNT_REMAINING, 120.0, **TEAM)
NEED = level(signals.DEVICE_TIME_NEEDED, 300.0, **FEZ, pipeline="nightly")


@pytest.mark.parametrize(
    ("alert", "samples", "holds"),
    [
        ("QgmProviderOutage", [UP, state("online")], False),
        ("QgmProviderOutage", [UP, state("paused")], False),
        ("QgmProviderOutage", [UP, state("offline")], True),
        ("QgmProviderOutage", [UP, state("online"), HALTED], True),
        ("QgmProviderOutage", [DOWN, state("online")], True),
        ("QgmProviderOutage", [UP], "nothing"),
        ("QgmDeviceMaintenance", [state("paused")], True),
        ("QgmDeviceMaintenance", [state("offline")], False),
        ("QgmQueueAbnormal", [level(provided.DEVICE_QUEUE, 19, **FEZ)], False),
        ("QgmQueueAbnormal", [level(provided.DEVICE_QUEUE, 20, **FEZ)], None),
        ("QgmLayoutEdgeDisabled", [level(signals.LAYOUT_EDGES_DISABLED, 1, **FEZ)], True),
        ("QgmLayoutEdgeDisabled", [level(signals.LAYOUT_EDGES_DISABLED, 0, **FEZ)], False),
        ("QgmLayoutEdgeDisabled", [level(provided.EDGE_ENABLED, 0, **FEZ, edge="0-1")], True),
        ("QgmCalibrationStale", [level(signals.LAYOUT_CALIBRATION_TIME, NOW - 169 * HOUR)], True),
        ("QgmCalibrationStale", [level(signals.LAYOUT_CALIBRATION_TIME, NOW - 167 * HOUR)], False),
        ("QgmQuotaLow", [level(provided.ACCOUNT_LIMIT_REACHED, 1.0, **TEAM)], True),
        ("QgmQuotaLow", [LEFT, NEED], True),
        ("QgmQuotaLow", [LEFT], None),
        ("QgmCredentialsExpire", [level(provided.CREDENTIALS_EXPIRE, NOW + 6 * DAY)], True),
        ("QgmCredentialsExpire", [level(provided.CREDENTIALS_EXPIRE, NOW + 8 * DAY)], False),
        ("QgmJobsAbandoned", [level(provided.ACCOUNT_ABANDONED, 2.0, **FEZ)], True),
        ("QgmJobsAbandoned", [level(provided.ACCOUNT_ABANDONED, 0.0, **FEZ)], False),
    ],
)
def test_conditions_are_seen_as_far_as_they_can_be(alert: str, samples: Any, holds: object) -> None:
    """By the shipped thresholds it holds, does not, or only a history could tell."""
    assert seen(alert, *samples) == holds


@pytest.mark.parametrize("alert", sorted(LOOKS))
def test_without_a_level_nothing_is_seen(alert: str) -> None:
    """Nobody exports what the provider says: nothing is said of the condition."""
    assert seen(alert) == "nothing"


def test_a_simulator_is_no_provider_that_could_take_the_work() -> None:
    """A local device that is online does not end an outage."""
    local = {"provider": "local", "device": "aer"}
    aer = level(provided.DEVICE_STATE, 1.0, **local, device_state="online")

    assert seen("QgmProviderOutage", DOWN, level(provided.PROVIDER_UP, 1.0, **local), aer) is True


def test_a_provider_that_answers_without_a_device_is_theirs() -> None:
    """All devices offline, and the provider answers: the device, theirs, without any failed job."""
    told = diagnose(known("QgmProviderOutage", UP, state("offline")))

    assert (told.side, told.cause) == (THEIRS, Cause.DEVICE)
