"""Tests of the receiver: what is shipped is stored once, and odd things are refused one by one."""

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qgm_observe.exporters.journal import JournalExporter
from qgm_observe.journal import Journal, open_journal
from qgm_observe.journal.shipment import Shipment, packed
from qgm_observe.journal.store import identity
from qgm_observe.records import current_process
from qgm_observe.telemetry.shipping import Shipper

from ..central import Central
from ..journals import (
    NOW,
    Clock,
    counters,
    fill,
    finished,
    opened,
    samples,
    still_open,
)


def test_what_came_of_events_is_counted(
    central: Central, ship: Callable[..., Shipper], tmp_path: Path
) -> None:
    """Stored, duplicate and refused events are told apart."""
    fill(tmp_path / "a.db", finished(), finished())
    central.behaviors = ["forget"]
    ship(tmp_path / "a.db")
    ship(tmp_path / "a.db")
    odd = finished(subject="x" * 300)
    shipment = Shipment(journal="ab" * 16, sent_at=NOW, events=[odd, finished()])
    central.exporter.take("/api/v1/events", packed(shipment, identity(current_process())))

    told = dict(samples(central.look(), "qgm_exporter_events_received_total"))
    found = {told.partition('receipt="')[2].partition('"')[0]: n for told, n in told.items()}
    assert found == {"stored": 3, "duplicate": 2, "refused": 1}


def test_open_work_is_mirrored_and_not_judged_by_its_process(
    central: Central, ship: Callable[..., Shipper], tmp_path: Path, clock: Clock
) -> None:
    """Open work shows at the receiver, survives a silent quarter of an hour, and then is lost."""
    local = fill(tmp_path / "a.db", opened("run", "r1"))
    gone = (current_process().host, current_process().boot, 2**22 + 1, 1)
    local.append([], open_work=[still_open("r1", process=gone, heartbeat=1e12)])
    ship(tmp_path / "a.db")
    at_first = [v for _, v in samples(central.look(), "qgm_runs_in_flight")]
    for _ in range(8):
        central.look(100)
    later = [v for _, v in samples(central.exporter, "qgm_runs_in_flight")]
    for _ in range(4):
        central.look(100)

    ended = [told for told, v in samples(central.exporter, "qgm_runs_total") if v]
    assert (at_first, later) == ([1], [1])
    assert len(ended) == 1
    assert 'outcome="lost"' in ended[0]


def test_work_that_ended_before_its_end_arrives_is_never_lost(
    central: Central, ship: Callable[..., Shipper], tmp_path: Path
) -> None:
    """A start that arrives without its end, which follows hours later, opens nothing."""
    local = fill(tmp_path / "a.db", opened("run", "r1"))
    central.behaviors = ["take", "cut"]
    local.append([*[finished() for _ in range(1000)], finished("run", subject="r1")])
    ship(tmp_path / "a.db")
    for _ in range(10):
        central.look(400)
    ship(tmp_path / "a.db")

    ended = [told for told, v in samples(central.look(), "qgm_runs_total") if v]
    assert len(ended) == 1
    assert 'outcome="success"' in ended[0]


@pytest.mark.parametrize(
    "odd",
    [
        {"stages": [1, 2]},
        {"error": "text"},
        {"kind": "no such kind"},
        {"attempts": [{"number": 0}]},
        {"resources": "much"},
        {"duration": "long"},
    ],
)
def test_odd_events_are_refused_one_by_one(odd: dict[str, Any], central: Central) -> None:
    """An event that would make no record is refused, and the one beside it is stored."""
    shipment = Shipment(journal="ab", sent_at=NOW, events=[finished(**odd), finished()])

    reply = central.exporter.take("/api/v1/events", packed(shipment, identity(current_process())))

    assert reply is not None
    assert reply.body == {"stored": 1, "duplicate": 0, "refused": 1}


ODD = {
    "nothing": (lambda: b"", "a line on the sender"),
    "no json": (lambda: b"not json\n{}\n", "JSON lines"),
    "cut short": (lambda: gzip.compress(b"x" * 100)[:-4], "JSON lines"),
    "no journal": (lambda: b'{"journal": "../x"}\n{"events": []}\n', "names no journal"),
    "no list": (lambda: b'{"journal": "ab"}\n{"events": 7}\n', "at most 5000 events"),
    "no process": (lambda: b'{"journal": "ab"}\n{"events": []}\n', "open work"),
    "a bomb": (lambda: gzip.compress(b" " * (64 * 2**20 + 1)), "larger than"),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_bodies_are_refused_in_a_line(name: str, central: Central) -> None:
    """What is no shipment, or far too large when unpacked, is refused with what to write."""
    body, words = ODD[name]

    reply = central.exporter.take("/api/v1/events", body())

    assert reply is not None
    assert reply.status == 400
    assert words in reply.body["error"]


def test_a_later_version_is_told_to_wait(central: Central) -> None:
    """A shipment of a later schema is not taken by halves: the receiver is upgraded first."""
    body = b'{"journal": "ab", "schema": 99}\n{"events": []}\n'

    reply = central.exporter.take("/api/v1/events", body)

    assert reply is not None
    assert reply.status == 409


def test_without_a_receiver_nothing_is_taken(tmp_path: Path, clock: Clock) -> None:
    """An exporter that names no journal for shipments has no such path."""
    exporter = JournalExporter([str(tmp_path)], None, clock)

    assert exporter.take("/api/v1/events", b"") is None
    exporter.stop(1)


def test_counters_of_the_receiver_survive_its_restart(
    central: Central, ship: Callable[..., Shipper], tmp_path: Path, clock: Clock
) -> None:
    """What was shipped is counted by the next exporter as by the first."""
    fill(tmp_path / "a.db", finished(), finished(outcome="failure"))
    ship(tmp_path / "a.db")
    before = {t: v for t, v in counters(central.look()).items() if "qgm_jobs" in t}
    central.exporter._save(clock.now, at_once=True)
    again = JournalExporter([], central.exporter._config_path, clock)
    again.tick()

    assert {told: value for told, value in counters(again).items() if "qgm_jobs" in told} == before
    assert isinstance(open_journal(central.journal, read_only=True), Journal)
    again.stop(1)
