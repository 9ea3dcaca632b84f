"""Tests of what an exporter remembers: a restart shows what was shown, and holds what was held."""

from pathlib import Path

from qgm_observe.exporters.following.checkpoints import Checkpoints
from qgm_observe.exporters.journal import JournalExporter

from ..journals import NOW, REMOTE, Clock, Start, counters, end, fill, finished, jobs_on, later


def test_counts_survive_a_restart_and_the_end_of_their_file(
    start: Start, clock: Clock, tmp_path: Path
) -> None:
    """A restarted exporter shows what it showed, also of a journal that was deleted."""
    fill(tmp_path / "a.db", finished(), finished()).close()
    kept = fill(tmp_path / "b.db", finished())
    exporter = start(tmp_path / "*.db")
    for path in tmp_path.glob("a.db*"):
        path.unlink()
    later(exporter, clock)
    before = counters(exporter)
    end(exporter)
    kept.append([finished()])

    again = start(tmp_path / "*.db")

    assert jobs_on(exporter) == 3
    assert jobs_on(again) == 4
    assert {
        told for told, value in before.items() if value > counters(again).get(told, -1)
    } == set()


def test_nothing_is_lost_or_doubled_when_rows_were_pruned_meanwhile(
    start: Start, clock: Clock, tmp_path: Path
) -> None:
    """Rows that were recorded and pruned while nobody followed are taken from the totals."""
    journal = fill(tmp_path / "a.db", finished(), finished())
    exporter = start(tmp_path / "a.db")
    end(exporter)
    journal.append([finished() for _ in range(5)])
    journal.prune(journal.clock() + 1, older_than_seconds=0, max_bytes=2**40)
    journal.append([finished()])

    again = start(tmp_path / "a.db")

    assert jobs_on(exporter) == 2
    assert jobs_on(again) == 8


def test_pruning_under_a_running_exporter_changes_nothing(
    start: Start, clock: Clock, tmp_path: Path
) -> None:
    """Counters stay when rows that were counted go, and rows that were not are counted."""
    journal = fill(tmp_path / "a.db", finished(), finished())
    exporter = start(tmp_path / "a.db")
    journal.append([finished() for _ in range(3)])
    journal.prune(journal.clock() + 1, older_than_seconds=0, max_bytes=2**40)

    exporter.tick()

    assert jobs_on(exporter) == 5


def test_a_directory_of_lines_keeps_its_counts_over_restarts(start: Start, tmp_path: Path) -> None:
    """The JSONL form, whose row numbers do not last, is neither lost nor doubled by a restart."""
    journal = fill(tmp_path / "lines", finished(), form="jsonl")
    exporter = start(tmp_path / "lines")
    end(exporter)
    journal.append([finished(), finished()])

    assert jobs_on(start(tmp_path / "lines")) == 3


def test_what_was_held_at_zero_is_held_on_after_a_restart(
    start: Start, clock: Clock, tmp_path: Path
) -> None:
    """A first failure that no scrape can have seen at 0 is held anew; one that was seen is not."""
    journal = fill(tmp_path / "a.db", finished())
    exporter = start(tmp_path / "a.db")
    later(exporter, clock, 100)
    remote = finished(outcome="failure", labels=REMOTE)
    journal.append([remote])
    later(exporter, clock, 1)
    end(exporter)
    soon = start(tmp_path / "a.db")
    held = jobs_on(soon, outcome="failure")
    later(soon, clock, 16)
    still_held = jobs_on(soon, outcome="failure")
    end(soon)
    seen = start(tmp_path / "a.db")

    assert (held, still_held) == (0, 0)
    assert jobs_on(seen, outcome="failure") == 1


def test_a_state_that_cannot_be_written_costs_nothing_else(start: Start, tmp_path: Path) -> None:
    """An exporter without a place for its state counts what there is."""
    (tmp_path / "file").write_text("in the way")
    config = tmp_path / "export.yml"
    config.write_text(f"state: {tmp_path / 'file' / 'state'}\n")
    fill(tmp_path / "a.db", finished())

    exporter = start(tmp_path / "a.db", config=config)
    exporter._save(0.0, at_once=True)

    assert jobs_on(exporter) == 1


def test_a_damaged_checkpoint_is_left_out(tmp_path: Path) -> None:
    """What cannot be read of the state costs that journal's memory alone."""
    clock = Clock()
    config = tmp_path / "export.yml"
    config.write_text(f"state: {tmp_path / 'state'}\n")
    fill(tmp_path / "a.db", finished())
    fill(tmp_path / "b.db", finished())
    exporter = JournalExporter([str(tmp_path)], config, clock)
    exporter.tick()
    exporter._save(NOW, at_once=True)
    exporter.stop(1)
    first = min(path for path in (tmp_path / "state").glob("*.json") if path.name != "held.json")
    first.write_text('{"key": "../..", "seq"')
    (tmp_path / "state" / "held.json").write_text("[]")

    assert len(list(Checkpoints(tmp_path / "state").load())) == 1
    assert Checkpoints(tmp_path / "state").held().label_sets == ()


def test_a_journal_that_comes_back_goes_on_where_it_was(
    start: Start, clock: Clock, tmp_path: Path
) -> None:
    """A volume that was away, with new rows when it is back, adds those rows alone."""
    journal = fill(tmp_path / "a.db", finished(), finished())
    exporter = start(tmp_path / "*.db")
    (tmp_path / "a.db").rename(tmp_path / "away")
    (tmp_path / "a.db-wal").rename(tmp_path / "away-wal")
    later(exporter, clock)
    later(exporter, clock)
    in_memory = len(exporter._known)
    journal.close()
    for name in ("", "-wal"):
        if (tmp_path / f"away{name}").exists():
            (tmp_path / f"away{name}").rename(tmp_path / f"a.db{name}")
    fill(tmp_path / "a.db", finished())
    later(exporter, clock)
    later(exporter, clock)

    assert in_memory == 0
    assert jobs_on(exporter) == 3
