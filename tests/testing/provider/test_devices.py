"""Devices made of snapshots."""

from typing import Any

import pytest

from qgm_observe.errors import UsageError
from qgm_observe.testing.provider.clock import to_date, to_seconds
from qgm_observe.testing.provider.devices import Device
from qgm_observe.testing.provider.snapshots import dated, load, names, short_name

NOW = 1_777_593_600.0  # 2026-05-01


def test_every_snapshot_makes_a_device() -> None:
    """All 68 snapshots of the client's package can be listed, with their own number of qubits."""
    devices = [Device(name) for name in names()]
    entries = [device.listed(NOW, 0, with_waits=True) for device in devices]

    assert len({device.name for device in devices}) == 68
    assert {entry["name"]: entry["qubits"] for entry in entries}["ibm_fez"] == 156
    assert all(entry["status"] == {"name": "online"} for entry in entries)


def test_a_name_is_found_with_and_without_its_prefix() -> None:
    """The same snapshot answers to its fake name, its real name and its short one."""
    assert load("fake_fez") == load("ibm_fez") == load("fez")
    assert short_name("fez") == "fez"


@pytest.mark.parametrize("name", ["fake_nowhere", "", "../fez", "fez/../fez"])
def test_an_unknown_name_is_refused_with_those_that_exist(name: str) -> None:
    """What is no snapshot's name gets one line that lists the names, and reads no other folder."""
    with pytest.raises(UsageError, match=r"no snapshot.*fez.*\Z"):
        load(name)


def test_medians_leave_out_gates_that_are_switched_off() -> None:
    """The list tells the median of gate errors below 1: Kyoto, all of whose are 1, tells none."""
    metrics = Device("fake_kyoto").listed(NOW, 0)["performance_metrics"]

    assert "two_q_error_median" not in metrics
    assert 0 < metrics["readout_error_median"]["value"] < 0.5


def test_waits_are_percentiles_of_the_last_day() -> None:
    """A queue of 10 that was 40 in 2 of the last 24 hours shows in average and tail only."""
    device = Device("fake_manila")
    device.seconds_per_job = 10
    device.queue = lambda now: 40 if NOW - 7_200 <= now < NOW else 10

    assert device.waits(NOW) == {"average": 125, "p50": 100, "p95": 355}


def test_a_recalibration_dates_what_it_changes() -> None:
    """New properties carry their date as a whole and on each changed value, on no other."""
    device = Device("fake_manila")

    def worse(properties: dict[str, Any]) -> None:
        properties["qubits"][2][0]["value"] *= 0.5

    before = device.calibrations[0].properties["qubits"][2]
    made = device.recalibrate(NOW, worse)
    after = made.properties["qubits"][2]

    assert made.properties["last_update_date"] == to_date(NOW)
    assert (after[0]["value"], after[0]["date"]) == (before[0]["value"] * 0.5, to_date(NOW))
    assert after[1:] == before[1:]


def test_history_gives_what_was_in_force() -> None:
    """The calibration of an instant is the newest that is not later; before the first is none."""
    device = Device("fake_manila")
    first = device.calibrations[0]
    second = device.recalibrate(NOW)

    assert first.since == to_seconds("2024-05-27T15:27:23-03:00")
    assert device.calibration_at(first.since - 1) is None
    assert device.calibration_at(NOW - 1) is first
    assert device.calibration_at(NOW) is second
    assert device.calibration_of(second.id) is second
    with pytest.raises(UsageError, match="calibrate after 2026-05-01"):
        device.recalibrate(NOW)


def test_dates_are_told_in_utc() -> None:
    """A snapshot saved at 15:27:23 three hours west is told as 18:27:23Z, like all its values."""
    _, properties = load("fake_manila")

    assert properties["last_update_date"] == "2024-05-27T18:27:23Z"
    assert all(value["date"].endswith("Z") for value in dated(properties))
