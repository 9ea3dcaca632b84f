"""What a journal says of itself."""

from qgm_observe.journal import Blob, Journal
from qgm_observe.version import __version__


def test_an_empty_journal(journal):
    """A journal nothing was recorded in has no rows and no times."""
    info = journal.info()
    assert (info.rows, info.runs, info.open_work) == ({}, 0, {})
    assert (info.first_at, info.last_at, info.integrity) == (None, None, None)
    assert (info.form, info.schema, info.written_by) == ("sqlite", 1, __version__)


def test_rows_runs_and_open_work_are_counted(journal, make):
    """Rows are counted by noun and verb, runs once each, open work by noun."""
    journal.append(
        [
            make.event("opened", "run", "r1", at=10.0),
            make.event("opened", "run", "r2", at=11.0),
            make.finished("run", "r1", at=12.0),
            make.finished(at=13.0, blobs={"circuits": ["x"]}),
        ],
        blobs=[Blob("circuits", b"x" * 1000)],
    )
    info = journal.info()
    assert info.rows == {"run": {"opened": 2, "finished": 1}, "job": {"finished": 1}}
    assert (info.runs, info.open_work) == (2, {"run": 1})
    assert (info.first_at, info.last_at) == (10.0, 13.0)
    assert info.blobs == 1
    assert 0 < info.blob_bytes < 1000
    assert info.size_bytes == journal.path.stat().st_size
    assert info.log_bytes == journal.path.with_name("journal.db-wal").stat().st_size


def test_a_journal_keeps_its_id(tmp_path):
    """Two journals differ by id, and each keeps its own."""
    ids = []
    for name in ("a", "b", "a"):
        with Journal.open(tmp_path / name) as journal:
            ids.append(journal.info().id)
    assert ids[0] == ids[2] != ids[1]


def test_a_check_finds_what_a_look_does_not(tmp_path, make):
    """The check reads all pages and names a fault; without it nobody looks."""
    path = tmp_path / "journal.db"
    with Journal.open(path) as journal:
        journal.append([make.finished() for _ in range(100)])
        assert journal.info(check=True).integrity == "ok"
    path.write_bytes(path.read_bytes().replace(b"/finished", b"/finishex", 1))
    with Journal.open(path, read_only=True) as journal:
        assert journal.info().integrity is None
        assert "missing from index" in journal.info(check=True).integrity
