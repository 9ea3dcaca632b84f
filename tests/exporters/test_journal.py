"""Tests of the journal's exporter: counters are the sum over journals, and never fall."""

import shutil
import sqlite3
from pathlib import Path

import pytest

from qgm_observe.errors import UsageError
from qgm_observe.exporters.journal import open_exporter
from qgm_observe.telemetry.openmetrics import OPENMETRICS

from .journals import (
    NOW,
    REMOTE,
    Clock,
    Start,
    fill,
    finished,
    jobs_on,
    later,
    opened,
    samples,
    still_open,
)


def test_the_page_is_the_sum_over_journals_of_both_forms(start: Start, tmp_path: Path) -> None:
    """Jobs in a file, in a directory of lines and in a folder of journals are added up."""
    fill(tmp_path / "a.db", finished(), finished(outcome="failure"))
    fill(tmp_path / "lines", finished(), form="jsonl")
    (tmp_path / "folder").mkdir()
    fill(tmp_path / "folder" / "b.db", finished(), finished())

    exporter = start(tmp_path / "a.db", tmp_path / "lines", tmp_path / "folder")

    assert jobs_on(exporter, outcome="success") == 4
    assert jobs_on(exporter, outcome="failure") == 1
    assert exporter.readiness() is None
    assert all('source="journal"' in told for told, _ in samples(exporter, "qgm_jobs_total"))


def test_one_journal_given_twice_is_counted_once(start: Start, tmp_path: Path) -> None:
    """A link, a pattern and the path itself lead to one journal, whose jobs count once."""
    fill(tmp_path / "a.db", finished(), finished())
    (tmp_path / "link.db").symlink_to(tmp_path / "a.db")

    exporter = start(tmp_path / "a.db", tmp_path / "link.db", tmp_path / "*.db")

    assert jobs_on(exporter) == 2


def test_another_path_takes_over(start: Start, clock: Clock, tmp_path: Path) -> None:
    """When the path by which a journal was followed goes, another one to it is followed on."""
    journal = fill(tmp_path / "z.db", finished())
    (tmp_path / "a.db").symlink_to(tmp_path / "z.db")
    exporter = start(tmp_path / "a*.db", tmp_path / "z*.db")
    (tmp_path / "a.db").unlink()
    later(exporter, clock)
    journal.append([finished()])
    later(exporter, clock)

    assert jobs_on(exporter) == 2


def test_two_exporters_of_a_journal_show_the_same(start: Start, tmp_path: Path) -> None:
    """Two followers of one journal each show every job once."""
    journal = fill(tmp_path / "a.db", finished())
    first, second = start(tmp_path / "a.db"), start(tmp_path / "*.db")
    journal.append([finished(), finished()])

    first.tick()
    second.tick()

    assert jobs_on(first) == jobs_on(second) == 3


def test_another_journal_at_a_path_is_added(start: Start, clock: Clock, tmp_path: Path) -> None:
    """A file that takes the place of another adds its counts to those of the one before."""
    fill(tmp_path / "a.db", finished(), finished()).close()
    exporter = start(tmp_path / "a.db")
    for path in tmp_path.glob("a.db*"):
        path.unlink()
    fill(tmp_path / "a.db", finished())

    later(exporter, clock)

    assert jobs_on(exporter) == 3


def test_a_backup_put_back_never_lowers_a_counter(
    start: Start, clock: Clock, tmp_path: Path
) -> None:
    """A journal that falls back to an older copy keeps its counts, and new rows add to them."""
    journal = fill(tmp_path / "a.db", finished())
    journal.close()
    shutil.copy(tmp_path / "a.db", tmp_path / "copy")
    journal = fill(tmp_path / "a.db", finished(), finished())
    journal.close()
    exporter = start(tmp_path / "a.db")
    for path in tmp_path.glob("a.db*"):
        path.unlink()
    shutil.copy(tmp_path / "copy", tmp_path / "a.db")
    later(exporter, clock)
    unchanged = jobs_on(exporter)
    fill(tmp_path / "a.db", finished())
    later(exporter, clock)

    assert unchanged == 3
    assert jobs_on(exporter) == 4


def test_a_damaged_journal_stops_no_other(start: Start, clock: Clock, tmp_path: Path) -> None:
    """A file that is no journal shows up as 0, keeps its counts, and the others go on."""
    fill(tmp_path / "a.db", finished()).close()
    other = fill(tmp_path / "b.db", finished())
    exporter = start(tmp_path / "a.db", tmp_path / "b.db")
    for path in tmp_path.glob("a.db*"):
        path.unlink()
    (tmp_path / "a.db").write_bytes(b"no journal at all" * 100)
    other.append([finished()])

    later(exporter, clock)

    up = dict(samples(exporter, "qgm_exporter_journal_up"))
    assert sorted(up.values()) == [0, 1]
    assert [told for told, value in up.items() if value == 0 and "a.db" in told]
    assert jobs_on(exporter) == 3


def test_a_journal_that_somebody_holds_stops_no_other(
    start: Start, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A journal under an exclusive lock shows up as 0 and is read once it is free."""
    monkeypatch.setattr("qgm_observe.exporters.following.follower.LOCK_PATIENCE", 0.05)
    fill(tmp_path / "a.db", finished()).close()
    other = fill(tmp_path / "b.db", finished())
    holder = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    holder.execute("PRAGMA locking_mode = EXCLUSIVE")
    holder.execute("BEGIN EXCLUSIVE")
    exporter = start(tmp_path / "a.db", tmp_path / "b.db")
    other.append([finished()])
    later(exporter, clock)
    held = jobs_on(exporter), sorted(v for _, v in samples(exporter, "qgm_exporter_journal_up"))
    holder.execute("COMMIT")
    holder.close()
    later(exporter, clock, 100)

    assert held == (2, [0, 1])
    assert jobs_on(exporter) == 3


def test_a_journal_may_appear_later(start: Start, clock: Clock, tmp_path: Path) -> None:
    """A path and a folder without a journal are waited for; what then ends is released from 0."""
    exporter = start(tmp_path / "later.db", tmp_path)
    fill(tmp_path / "later.db", finished(outcome="failure"))
    later(exporter, clock, 6)
    at_first = samples(exporter, "qgm_jobs_total")
    later(exporter, clock)

    assert {value for _, value in at_first} == {0}
    assert jobs_on(exporter, outcome="failure") == 1


def test_open_work_of_all_journals_is_on_the_page(
    start: Start, clock: Clock, tmp_path: Path
) -> None:
    """Runs in flight of two journals add up, and one whose heart stands still counts no more."""
    for name in ("a.db", "b.db"):
        journal = fill(tmp_path / name, opened("run", f"{name}-run"))
        elsewhere = ("another", "boot", 1, 1) if name == "b.db" else still_open("x").process
        row = still_open(f"{name}-run", heartbeat=NOW, process=elsewhere)
        journal.append([], open_work=[row])
    exporter = start(tmp_path / "a.db", tmp_path / "b.db")
    at_first = sum(value for _, value in samples(exporter, "qgm_runs_in_flight"))

    later(exporter, clock, 61)

    assert at_first == 2
    assert sum(value for _, value in samples(exporter, "qgm_runs_in_flight")) == 1


def test_lost_work_is_reaped_and_counted(start: Start, clock: Clock, tmp_path: Path) -> None:
    """Work of a process that is gone ends as lost, once, by whichever exporter is first."""
    journal = fill(tmp_path / "a.db", opened("run", "r1"))
    gone = still_open("r1", process=("another", "boot", 1, 1))
    journal.append([], open_work=[gone])
    first, second = start(tmp_path / "a.db"), start(tmp_path / "*.db")
    for exporter in (first, second) * 4:
        later(exporter, clock, 40)

    told = [(t, v) for t, v in samples(first, "qgm_runs_total") if v]

    assert [value for _, value in told] == [1]
    assert 'outcome="lost"' in told[0][0]
    assert told == [(t, v) for t, v in samples(second, "qgm_runs_total") if v]


def test_the_lag_is_the_age_of_the_newest_row(start: Start, clock: Clock, tmp_path: Path) -> None:
    """The lag is the time from recording the newest row to counting it."""
    journal = fill(tmp_path / "a.db")
    exporter = start(tmp_path / "a.db")
    clock.now = journal.clock() + 5.0
    journal.append([finished()])
    exporter.tick()

    ((_, lag),) = samples(exporter, "qgm_exporter_journal_lag_seconds")
    assert lag == pytest.approx(5.0, abs=1.0)


def test_pages_come_in_both_formats_and_know_no_target(start: Start, tmp_path: Path) -> None:
    """OpenMetrics is ready too, and a target is something a journal has not."""
    fill(tmp_path / "a.db", finished())
    exporter = start(tmp_path / "a.db")

    page = exporter.exposition(OPENMETRICS)

    assert page is not None
    assert page.text.endswith(b"# EOF\n")
    assert exporter.exposition(OPENMETRICS, "ibm_fez") is None


def test_configuration_is_taken_anew_or_not_at_all(
    start: Start, clock: Clock, tmp_path: Path
) -> None:
    """A reload adds journals; a file that cannot be used changes nothing and says where."""
    config = tmp_path / "export.yml"
    config.write_text("follow_seconds: 1\n")
    fill(tmp_path / "a.db", finished())
    fill(tmp_path / "b.db", finished())
    exporter = start(tmp_path / "a.db", config=config)
    config.write_text(f"journals: [{tmp_path / 'b.db'}]\n")
    exporter.reload()
    later(exporter, clock)
    config.write_text("follow_seconds: 1\nfolow: 2\n")

    with pytest.raises(UsageError, match=r"export\.yml:2: folow: unknown"):
        exporter.reload()
    assert jobs_on(exporter) == 2


def test_the_plan_says_what_is_followed_stored_and_asked(start: Start, tmp_path: Path) -> None:
    """Before it starts it tells journals, the place of its memory, shipments and calls."""
    config = tmp_path / "export.yml"
    accounts = "providers: [{provider: ibm, account: team}]"
    config.write_text(
        f"state: {tmp_path / 's'}\nreceive: {tmp_path / 'c.db'}\n{accounts}\n"
        "reconcile: {calls_per_hour: 60}\n"
    )
    fill(tmp_path / "a.db", finished())

    lines = list(start(tmp_path / "a.db", config=config).plan())

    assert lines[0].startswith("follows 2 journals now")
    assert lines[0].endswith(f"in {tmp_path / 's'}")
    assert lines[2:] == [
        f"stores what is shipped to /api/v1/events in {tmp_path / 'c.db'}",
        "asks ibm/team how remote jobs ended, at most 60 calls an hour",
    ]


def test_nothing_to_follow_is_refused() -> None:
    """Neither no path nor an empty one is followed."""
    with pytest.raises(UsageError, match="write the path"):
        open_exporter([])
    with pytest.raises(UsageError, match="write the path"):
        open_exporter([" "])


@pytest.mark.parametrize(
    ("text", "followed"), [("follow_seconds: 1\n", "mine.db"), ("journals: [its.db]\n", "its.db")]
)
def test_the_own_journal_is_followed_where_none_is_named(
    tmp_path: Path, text: str, followed: str
) -> None:
    """A configuration without journals means the user's own; one that names some means those."""
    config = tmp_path / "export.yml"
    config.write_text(text)
    exporter = open_exporter([], config, tmp_path / "mine.db")
    try:
        assert followed in next(iter(exporter.plan()))
    finally:
        exporter.stop(5)


@pytest.mark.parametrize("text", ["providers: [{provider: ibm, account: a, credentials: {}}]\n"])
def test_it_follows_by_itself(tmp_path: Path, text: str) -> None:
    """Started, it reads within its interval, and ends within the time it is given."""
    config = tmp_path / "export.yml"
    config.write_text(f"follow_seconds: 0.05\n{text}")
    fill(tmp_path / "a.db", finished())
    exporter = open_exporter([tmp_path / "a.db"], config)
    exporter.start()
    try:
        for _ in range(200):
            if exporter.readiness() is None and jobs_on(exporter):
                break
            exporter._stopping.wait(0.05)
    finally:
        exporter.stop(5)

    assert jobs_on(exporter) == 1
    assert not exporter._threads[0].is_alive()


def test_the_layouts_in_use_are_shown_for_an_hour(
    start: Start, clock: Clock, tmp_path: Path
) -> None:
    """Of the jobs of all journals the oldest parameter stands, an hour longer than they do."""
    journals = [fill(tmp_path / name) for name in ("a.db", "b.db")]
    for journal, at in zip(journals, (NOW - 900.0, NOW - 7_200.0), strict=True):
        told = {"calibrated_at": {"t1": at}, "disabled_edges": 0}
        work = still_open(f"{at:016.0f}", "job", **REMOTE, **told)
        journal.append([], open_work=[work])
    exporter = start(tmp_path / "a.db", tmp_path / "b.db")
    name = "qgm_layout_calibration_timestamp_seconds"
    place = 'provider="ibm",device="ibm_fez",region="eu"'
    shown = [(f'{name}{{{place},parameter="t1",source="journal"}}', NOW - 7_200.0)]

    assert samples(exporter, name) == shown
    for journal in journals:
        journal.append([], closed=[work.subject for work in journal.open_work()])
    later(exporter, clock, 3_500)
    assert samples(exporter, name) == shown
    later(exporter, clock, 100)
    assert samples(exporter, name) == []
    assert samples(exporter, "qgm_layout_edges_disabled") == []
