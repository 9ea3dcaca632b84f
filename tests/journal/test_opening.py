"""Which form a path is opened in."""

import pytest

from qgm_observe.errors import JournalError, UsageError
from qgm_observe.journal import Journal, JsonlJournal, Store, open_journal, opening


@pytest.fixture
def network(monkeypatch):
    """Every path lies on a network file system."""
    monkeypatch.setattr(opening, "is_network", lambda path: True)


def test_a_local_path_is_a_file(tmp_path):
    """On a local disk the journal is one SQLite file at the very path."""
    with open_journal(tmp_path / "journal.db") as journal:
        assert isinstance(journal, Journal)
        assert isinstance(journal, Store)
        assert journal.path == tmp_path / "journal.db"


def test_on_a_network_the_journal_is_a_directory_beside_it(tmp_path, network):
    """Where SQLite cannot share memory, the JSONL form stands beside the path."""
    with open_journal(tmp_path / "journal.db") as journal:
        assert isinstance(journal, JsonlJournal)
        assert journal.path == tmp_path / "journal.jsonl"
    assert not (tmp_path / "journal.db").exists()


def test_a_directory_is_found_from_any_machine(tmp_path, make, monkeypatch):
    """What was written over the network is read by the same path where the disk is local."""
    with monkeypatch.context() as patch:
        patch.setattr(opening, "is_network", lambda path: True)
        with open_journal(tmp_path / "journal.db") as journal:
            journal.append([make.finished(subject="far")])
    for path in (tmp_path / "journal.db", tmp_path / "journal.jsonl"):
        with open_journal(path, read_only=True) as journal:
            assert [event.subject for event in journal.events()] == ["far"]


def test_a_file_that_is_there_stays_a_file(tmp_path, make, monkeypatch):
    """A SQLite journal that somebody copied to a network file system is still read."""
    with Journal.open(tmp_path / "journal.db") as journal:
        journal.append([make.finished()])
    monkeypatch.setattr(opening, "is_network", lambda path: True)
    with open_journal(tmp_path / "journal.db", read_only=True) as journal:
        assert journal.last_seq() == 1


@pytest.mark.parametrize(("form", "kind"), [("sqlite", Journal), ("jsonl", JsonlJournal)])
def test_the_form_may_be_chosen(tmp_path, form, kind):
    """Whoever names a form gets it."""
    with open_journal(tmp_path / "journal.db", form=form) as journal:
        assert type(journal) is kind
        assert journal.info().form == form


def test_an_unknown_form_is_refused(tmp_path):
    """A form that does not exist is answered with those that do."""
    with pytest.raises(UsageError, match="write one of auto, sqlite, jsonl"):
        open_journal(tmp_path / "journal.db", form="xml")


@pytest.mark.parametrize("form", ["auto", "jsonl"])
def test_reading_creates_nothing(tmp_path, form):
    """In no form does a reader create what it does not find."""
    with pytest.raises(JournalError, match="no journal at"):
        open_journal(tmp_path / "journal.db", form=form, read_only=True)
    assert list(tmp_path.iterdir()) == []
