"""Processes share a provider's limit through a file beside the journal."""

import fcntl
import json
import multiprocessing
import os
import stat
from itertools import chain
from pathlib import Path

import pytest

from qgm_observe.spend.limiter import Limiter
from qgm_observe.spend.turns import Turns

NOW = 5_000.0


def waits(path: Path, number: int) -> list[float]:
    """Book places of five a minute, all at one instant."""
    limiter = Limiter(5, Turns(path, "boot"))
    return [limiter.book(NOW) for _ in range(number)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "turns"


def test_four_processes_together_keep_to_the_limit(path: Path) -> None:
    """Twenty places at one instant are five at once and five in each minute after it."""
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        told = pool.starmap(waits, [(path, 5)] * 4)

    assert sorted(chain.from_iterable(told)) == [
        wait for wait in (0.0, 60.0, 120.0, 180.0) for _ in range(5)
    ]


def test_what_one_process_is_taught_the_next_knows(path: Path) -> None:
    """A refusal at the fourth makes three a minute, also for a process that begins then."""
    first = Limiter(5, Turns(path, "boot"))
    for second in range(4):
        first.book(NOW + second)
    first.refused(NOW + 3)
    second_process = Limiter(5, Turns(path, "boot"))

    assert second_process.book(NOW + 4) == 57.0
    assert second_process.limit == 3


def test_a_stricter_guard_of_one_process_is_no_limit_of_another(path: Path) -> None:
    """Of a process held to two a minute another with five sees the places, not the limit."""
    strict, free = Limiter(2, Turns(path, "boot")), Limiter(5, Turns(path, "boot"))

    assert [strict.book(NOW) for _ in range(3)] == [0.0, 0.0, 60.0]
    assert [free.book(NOW) for _ in range(3)] == [0.0, 0.0, 60.0]


def test_another_boot_has_another_clock(path: Path) -> None:
    """What was booked before a reboot holds nobody up."""
    waits(path, 5)

    assert Limiter(5, Turns(path, "another boot")).book(10.0) == 0.0


def test_containers_of_a_machine_share_its_clock(path: Path) -> None:
    """The process id namespace that follows the boot's name is no matter of time."""
    Limiter(1, Turns(path, "boot/1")).book(NOW)

    assert Limiter(1, Turns(path, "boot/2")).book(NOW) == 60.0


@pytest.mark.parametrize(
    "text", ["", "no json", "[1]", '{"boot": {"booked": "x"}}', '{"boot": {"booked": [1, null]}}']
)
def test_a_damaged_file_is_as_good_as_none(path: Path, text: str) -> None:
    """A limiter counts on with what it knows itself, and the file is whole again."""
    path.write_text(text)

    assert waits(path, 6) == [0.0] * 5 + [60.0]
    assert len(json.loads(path.read_text())["boot"]["booked"]) == 6


def test_a_file_that_cannot_be_had_holds_nobody_up(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Held for ever by another process, or in a folder that is gone: each counts alone."""
    monkeypatch.setattr("qgm_observe.spend.turns.PATIENCE_SECONDS", 0.0)
    file = os.open(path, os.O_RDWR | os.O_CREAT)
    fcntl.flock(file, fcntl.LOCK_EX)
    alone = waits(path, 6)
    os.close(file)

    assert alone == [0.0] * 5 + [60.0]
    assert waits(tmp_path / "gone" / "turns", 6) == [0.0] * 5 + [60.0]
    assert Limiter(1, Turns(path, "")).book(NOW) == 0.0


def test_the_file_is_hidden_beside_the_journal_for_its_owner_alone(tmp_path: Path) -> None:
    """Its name holds the journal's and the provider's, whatever a plug-in calls itself."""
    turns = Turns.beside(tmp_path / "journal.db", "a/b")
    Limiter(5, turns).book(NOW)

    assert turns.path == tmp_path / ".journal.db.a_b.submissions"
    assert stat.S_IMODE(turns.path.stat().st_mode) == 0o600


def test_the_file_stays_small(path: Path) -> None:
    """Places of the minute alone are kept, and clocks of yesterday go."""
    wall = [1_000_000.0]
    for boot in range(40):
        wall[0] += 10_000.0
        limiter = Limiter(5, Turns(path, f"boot {boot}", lambda: wall[0]))
        for second in range(100):
            limiter.book(NOW + 100.0 * second)
    told = json.loads(path.read_text())

    assert len(told) <= 9
    assert all(len(each["booked"]) == 1 for each in told.values())
