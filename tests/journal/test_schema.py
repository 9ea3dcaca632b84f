"""Schema versions: creation, migration, and what is refused."""

import sqlite3
from pathlib import Path

import pytest

from qgm_observe.errors import CorruptJournal, JournalError, NewerJournal
from qgm_observe.journal import Journal, schema
from qgm_observe.version import __version__


def add_color(db):
    db.execute("ALTER TABLE events ADD COLUMN color TEXT DEFAULT 'blue'")


def stumble(db):
    db.execute("ALTER TABLE events ADD COLUMN color TEXT")
    db.execute("this is no SQL")


NEXT = (*schema.MIGRATIONS, add_color)


@pytest.fixture
def path(tmp_path, make):
    path = tmp_path / "journal.db"
    with Journal.open(path) as journal:
        journal.append([make.finished(subject="kept")])
    return path


def raw(path, *statements):
    db = sqlite3.connect(path)
    answers = [db.execute(statement).fetchall() for statement in statements]
    db.commit()
    db.close()
    return answers


def test_a_journal_says_what_it_is(path):
    """The file carries our application id, the schema's version, and can give pages back."""
    pragmas = ("application_id", "user_version", "auto_vacuum", "journal_mode")
    answers = raw(path, *(f"PRAGMA {name}" for name in pragmas))
    assert [answer[0][0] for answer in answers] == [0x51474D4A, len(schema.MIGRATIONS), 2, "wal"]


def test_an_older_journal_is_brought_up_to_date_with_its_rows(path):
    """Opening applies the missing migrations and keeps every row."""
    with Journal.open(path, migrations=NEXT) as journal:
        assert [event.subject for event in journal.events()] == ["kept"]
        assert journal.info().schema == len(NEXT)
    assert raw(path, "SELECT color FROM events") == [[("blue",)]]


def test_a_migration_that_fails_changes_nothing(path):
    """The journal stays at its version, readable by the version that wrote it."""
    with pytest.raises(JournalError):
        Journal.open(path, migrations=(*schema.MIGRATIONS, stumble))
    with Journal.open(path) as journal:
        assert [event.subject for event in journal.events()] == ["kept"]


def test_an_older_journal_cannot_be_migrated_by_a_reader(path):
    """Reading only, the one line says what brings the journal up to date."""
    with pytest.raises(JournalError, match="older schema 1: record into it once"):
        Journal.open(path, migrations=NEXT, read_only=True)


@pytest.mark.parametrize("read_only", [True, False])
def test_a_newer_journal_is_refused_by_name(path, read_only):
    """The one line tells the version that wrote it and to upgrade; nothing is changed."""
    with Journal.open(path, migrations=NEXT):
        pass
    before = path.read_bytes()
    with pytest.raises(NewerJournal, match=rf"qgm-observe {__version__} \(schema 2\).*--upgrade"):
        Journal.open(path, read_only=read_only)
    assert path.read_bytes() == before


@pytest.mark.parametrize("read_only", [True, False])
def test_another_programs_database_is_refused_and_left_alone(tmp_path, read_only):
    """An SQLite file of another application is no journal, and stays as it is."""
    path = tmp_path / "places.sqlite"
    raw(path, "CREATE TABLE bookmarks (url)", "INSERT INTO bookmarks VALUES ('x')")
    before = path.read_bytes()
    with pytest.raises(CorruptJournal, match="is no journal but another SQLite file"):
        Journal.open(path, read_only=read_only)
    assert path.read_bytes() == before


@pytest.mark.parametrize("read_only", [True, False])
def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path, read_only):
    """A text file is refused in one line, and stays as it is."""
    path = tmp_path / "notes.txt"
    path.write_text("not a database, but long enough to be looked at as one" * 20)
    before = path.read_bytes()
    with pytest.raises(CorruptJournal, match="it was left as it is") as caught:
        Journal.open(path, read_only=read_only)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == before


def test_a_refused_file_is_let_go(tmp_path):
    """After a refusal this process holds no descriptor of the file or its lock."""
    path = tmp_path / "notes.txt"
    path.write_text("not a database" * 100)
    with pytest.raises(CorruptJournal):
        Journal.open(path)
    held = {fd.resolve().parent for fd in Path("/proc/self/fd").iterdir()}
    assert tmp_path not in held


def test_a_damaged_journal_is_refused_and_left_alone(path):
    """A journal with a damaged page is never overwritten."""
    content = bytearray(path.read_bytes())
    content[100:4096] = bytes(range(256)) * 15 + bytes(156)
    path.write_bytes(content)
    with pytest.raises(CorruptJournal, match="damaged"):
        Journal.open(path)
    assert path.read_bytes() == bytes(content)


def test_an_empty_file_becomes_a_journal_but_not_by_reading(tmp_path):
    """A file of no bytes may be recorded into; a reader says that nothing was recorded."""
    path = tmp_path / "journal.db"
    path.touch()
    with pytest.raises(JournalError, match="nothing was recorded yet"):
        Journal.open(path, read_only=True)
    with Journal.open(path) as journal:
        assert journal.last_seq() == 0
