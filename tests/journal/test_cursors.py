"""How far followers of the JSONL form have come, from one process to the next."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgm_observe.errors import JournalError
from qgm_observe.journal import Event, JsonlJournal, cursors
from qgm_observe.journal.importing import Importer

LINES = st.lists(
    st.tuples(
        st.integers(0, 2),  # who writes
        st.integers(1, 3),  # events
        st.integers(0, 3),  # what a follower takes then; 0 nothing
        st.sampled_from(["a", "b"]),
    ),
    min_size=1,
    max_size=14,
)


def event(id_: str) -> Event:
    return Event(verb="finished", noun="job", subject=id_, at=1.0, id=id_, body={})


def take(path: Path, name: str, limit: int) -> list[str]:
    """What a new process of a follower's is given, and says to have had."""
    with JsonlJournal.open(path) as journal:
        found = list(journal.events(after=journal.cursor(name) or 0, limit=limit))
        if found:
            journal.advance(name, found[-1].seq)
    return [event.id for event in found]


@given(LINES)
def test_every_row_is_had_once(tmp_path_factory: pytest.TempPathFactory, told: Any) -> None:
    """One follower in new processes has each line once, whatever the writers' clocks say."""
    path = tmp_path_factory.mktemp("lines")
    writers = [
        JsonlJournal.open(path, clock=lambda ahead=ahead: 1000.0 + ahead)
        for ahead in (0.0, 300.0, -300.0)
    ]
    had: list[str] = []
    for number, (who, events, taken, _) in enumerate(told):
        writers[who].append([event(f"{number}.{each}") for each in range(events)])
        if taken:
            had += take(path, "a", 100)
    had += take(path, "a", 100)

    assert sorted(had) == sorted(
        f"{n}.{k}" for n, (_, m, _, _) in enumerate(told) for k in range(m)
    )
    assert take(path, "a", 100) == []


@given(LINES)
def test_no_row_is_left_out(tmp_path_factory: pytest.TempPathFactory, told: Any) -> None:
    """Of two followers that stop in the middle of lines, each has every row at least once."""
    path = tmp_path_factory.mktemp("lines")
    writers = [
        JsonlJournal.open(path, clock=lambda ahead=ahead: 1000.0 + ahead)
        for ahead in (0.0, 300.0, -300.0)
    ]
    had: dict[str, list[str]] = {"a": [], "b": []}
    for number, (who, events, taken, name) in enumerate(told):
        writers[who].append([event(f"{number}.{each}") for each in range(events)])
        had[name] += take(path, name, taken) if taken else []

    for name, ids in had.items():
        all_of_it = {*ids, *take(path, name, 100)}
        assert all_of_it == {f"{n}.{k}" for n, (_, m, _, _) in enumerate(told) for k in range(m)}


def test_of_a_line_all_is_had_or_nothing(tmp_path: Path) -> None:
    """Who stops inside a line goes on there in the same process, and before it in the next."""
    with JsonlJournal.open(tmp_path) as journal:
        journal.append([event("1")])
        journal.append([event("2"), event("3"), event("4")])
        journal.advance("a", 3)
        again = [each.id for each in journal.events(after=3)]

    assert again == ["4"]
    assert take(tmp_path, "a", 100) == ["2", "3", "4"]


def test_a_newcomer_begins_with_what_is_recorded_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`begin` leaves out what is there, without reading it, and does nothing a second time."""
    with JsonlJournal.open(tmp_path) as journal:
        journal.append([event("1")])
        with monkeypatch.context() as nobody:
            nobody.delattr(Importer, "refresh")
            journal.begin("a")
        journal.append([event("2")])
        journal.begin("a")

    assert take(tmp_path, "a", 100) == ["2"]


@pytest.mark.parametrize("said", ["", "[3", "[3]", "null"])
def test_a_damaged_cursor_is_none(tmp_path: Path, said: str) -> None:
    """A cursor that cannot be read is one that is not known, and is replaced by the next."""
    with JsonlJournal.open(tmp_path) as journal:
        journal.append([event("1")])
        journal.advance("a", 1)
    (tmp_path / "cursors" / "a.json").write_text(said)

    assert take(tmp_path, "a", 100) == ["1"]
    assert take(tmp_path, "a", 100) == []


def test_a_cursor_forgets_files_that_were_pruned(tmp_path: Path, start: Any) -> None:
    """A cursor names the files that are there, however many there were before."""
    code = """
import sys
from qgm_observe.journal import Event, JsonlJournal
with JsonlJournal.open(sys.argv[1]) as journal:
    id_ = sys.argv[2]
    journal.append([Event(verb="finished", noun="job", subject=id_, id=id_, at=1.0, body={})])
"""
    for id_ in "12":
        start(code, tmp_path, id_).wait(30)
    assert take(tmp_path, "a", 100) == ["1", "2"]
    with JsonlJournal.open(tmp_path) as journal:
        assert journal.prune(9e12, older_than_seconds=1.0, max_bytes=2**40).rows == 2
        journal.append([event("3")])

        assert take(tmp_path, "a", 100) == ["3"]
        assert len(cursors.read(tmp_path, "a") or ()) == 1


def test_a_cursor_that_cannot_be_written_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the disk takes no new cursor the old one holds, and what came since comes again."""
    with JsonlJournal.open(tmp_path) as journal:
        journal.append([event("1")])
        journal.advance("a", 1)
        journal.append([event("2")])
        monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError("full")))
        with pytest.raises(JournalError):
            journal.advance("a", 2)
        monkeypatch.undo()

    assert take(tmp_path, "a", 100) == ["2"]


def test_a_reader_keeps_no_cursor(tmp_path: Path) -> None:
    """A journal that was opened for reading refuses both ways of writing a cursor."""
    JsonlJournal.open(tmp_path).close()
    with JsonlJournal.open(tmp_path, read_only=True) as journal:
        for refused in (lambda: journal.advance("a", 1), lambda: journal.begin("a")):
            with pytest.raises(JournalError, match="reading only"):
                refused()
