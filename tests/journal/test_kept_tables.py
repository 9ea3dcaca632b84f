"""Tests of kept tables: a directory of lines is read once, whatever becomes of the tables."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from qgm_observe.journal import JsonlJournal
from qgm_observe.journal.importing import Importer


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    return tmp_path / "state" / "lines.tables"


def read(path: Path, tables: Path) -> tuple[list[tuple[int, str]], str | None, Any]:
    """Rows, what numbered them, and totals, as a new process finds them."""
    with JsonlJournal.open(path, read_only=True, tables=tables) as journal:
        rows = [(event.seq, event.id) for event in journal.events()]
        return rows, journal.numbering(), journal.snapshot()[0].to_json()


def test_numbers_last_and_lines_are_read_once(
    tmp_path: Path, tables: Path, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second process finds the same rows under the same numbers, and reads what is new alone."""
    with JsonlJournal.open(tmp_path / "lines") as journal:
        journal.append([make.finished(subject=f"{n}") for n in range(3)])
        first = read(tmp_path / "lines", tables)
        journal.append([make.finished(subject="3")])
    taken: list[int] = []
    take = Importer._take
    monkeypatch.setattr(
        Importer, "_take", lambda self, db, line: (taken.append(line.end), take(self, db, line))[1]
    )

    second = read(tmp_path / "lines", tables)

    assert second[0][:3] == first[0] == [(1, "0/finished"), (2, "1/finished"), (3, "2/finished")]
    assert second[0][3] == (4, "3/finished")
    assert second[1] == first[1] is not None
    assert len(taken) == 1


def test_without_tables_numbers_do_not_last(tmp_path: Path, make: Any) -> None:
    """A journal that keeps no tables says that its numbers end with it."""
    with JsonlJournal.open(tmp_path / "lines") as journal:
        journal.append([make.finished()])

        assert journal.numbering() is None


def test_pruned_files_stay_pruned(tmp_path: Path, tables: Path, make: Any, start: Any) -> None:
    """Kept tables follow what another process prunes, and totals do not change."""
    code = """
import sys
from qgm_observe.journal import Event, JsonlJournal
with JsonlJournal.open(sys.argv[1]) as journal:
    body = {"model": "qcbm", "outcome": "success", "duration": 1.0}
    row = dict(verb="finished", noun="job", at=1.0, body=body)
    journal.append([Event(subject=str(n), id=f"{n}/finished", **row) for n in range(5)])
"""
    start(code, tmp_path / "lines").wait(30)
    before = read(tmp_path / "lines", tables)
    with JsonlJournal.open(tmp_path / "lines") as journal:
        report = journal.prune(9e12, older_than_seconds=1.0, max_bytes=2**40)
    after = read(tmp_path / "lines", tables)
    again = read(tmp_path / "lines", tables)

    assert report.rows == 5
    assert len(before[0]) == 5
    assert after[2] == again[2] == before[2]
    assert after[1] == before[1]


def test_damaged_tables_are_made_anew(tmp_path: Path, tables: Path, make: Any) -> None:
    """Tables that are no database any more cost a new reading, and other numbers."""
    with JsonlJournal.open(tmp_path / "lines") as journal:
        journal.append([make.finished(subject="0")])
    first = read(tmp_path / "lines", tables)
    tables.write_bytes(b"damaged" * 1000)
    second = read(tmp_path / "lines", tables)

    assert second[0] == first[0]
    assert second[2] == first[2]
    assert second[1] not in (None, first[1])


def test_tables_of_a_living_process_are_left_to_it(tmp_path: Path, tables: Path, make: Any) -> None:
    """While somebody has the tables, another reads for itself; nobody's are harmed."""
    with JsonlJournal.open(tmp_path / "lines") as journal:
        journal.append([make.finished(subject="0")])
        with JsonlJournal.open(tmp_path / "lines", read_only=True, tables=tables) as owner:
            mine = owner.numbering()
            rows, numbering, _ = read(tmp_path / "lines", tables)
            later = owner.numbering()

    assert rows == [(1, "0/finished")]
    assert numbering is None
    assert mine == later is not None


def test_tables_survive_the_death_of_their_process(
    tmp_path: Path, tables: Path, make: Any, start: Any
) -> None:
    """SIGKILL between two readings leaves tables from which the next process goes on."""
    code = """
import os, signal, sys
from pathlib import Path
from qgm_observe.journal import JsonlJournal
journal = JsonlJournal.open(sys.argv[1], read_only=True, tables=Path(sys.argv[2]))
print(journal.numbering(), journal.last_seq(), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    with JsonlJournal.open(tmp_path / "lines") as journal:
        journal.append([make.finished(subject=f"{n}") for n in range(10)])
        killed = start(code, tmp_path / "lines", tables)
        numbering, last = killed.stdout.readline().split()
        killed.wait(30)
        journal.append([make.finished(subject="10")])
    rows, after, _ = read(tmp_path / "lines", tables)
    with sqlite3.connect(tables) as db:
        (fault,) = db.execute("PRAGMA integrity_check").fetchone()
    db.close()

    assert (after, last, len(rows), fault) == (numbering, "10", 11, "ok")
