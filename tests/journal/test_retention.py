"""Retention: rows go, sizes shrink, and no counter ever falls."""

import tempfile
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qgm_observe.journal import Blob, Journal, retention
from qgm_observe.journal.totals import Totals
from qgm_observe.records import Job, Run

NEVER = {"older_than_seconds": 1e9, "max_bytes": 10**12}
DAY = 86400.0


def aged(journal, clock, make, days, **body):
    """Appends a finished job `days` ago."""
    now = clock.now
    clock.now = now - days * DAY
    (event,) = journal.append([make.finished(**body)])
    clock.now = now
    return event


def test_rows_older_than_the_limit_go(journal, clock, make):
    """Age is counted from the time a row was recorded, and the report tells how many went."""
    for days in (9, 8, 3, 1):
        aged(journal, clock, make, days)
    report = journal.prune(clock.now, older_than_seconds=5 * DAY, max_bytes=10**12)
    assert report.rows == 2
    assert [clock.now - event.recorded_at for event in journal.events()] == [3 * DAY, DAY]
    assert journal.info().pruned_rows == 2


def test_pruning_again_finds_nothing(journal, clock, make):
    """A second pruning takes nothing and writes nothing."""
    aged(journal, clock, make, 9)
    aged(journal, clock, make, 1)
    limits = {"older_than_seconds": 5 * DAY, "max_bytes": 10**12}
    assert journal.prune(clock.now, **limits).rows == 1
    before = journal.info()
    assert journal.prune(clock.now, **limits).rows == 0
    assert journal.info() == before


def test_a_clock_that_was_ahead_holds_nothing_back(journal, clock, make):
    """A row from the future does not keep the old rows behind it for ever."""
    aged(journal, clock, make, -1000)
    aged(journal, clock, make, 9)
    aged(journal, clock, make, 1)
    assert journal.prune(clock.now, older_than_seconds=5 * DAY, max_bytes=10**12).rows == 2


def test_a_clock_that_was_behind_takes_nothing_along(journal, clock, make):
    """A row with a date of long ago does not drag the young rows before it away."""
    aged(journal, clock, make, 1)
    aged(journal, clock, make, 10_000)
    aged(journal, clock, make, 1)
    assert journal.prune(clock.now, older_than_seconds=5 * DAY, max_bytes=10**12).rows == 0


def test_a_journal_that_is_too_large_loses_its_oldest_rows_and_shrinks(journal, clock, make):
    """Rows go until the size is below the limit, and the file itself gets smaller."""
    journal.append([make.finished(note="x" * 500) for _ in range(4000)])
    before = journal.info()
    report = journal.prune(clock.now, older_than_seconds=1e9, max_bytes=1_000_000)
    after = journal.info()
    assert before.size_bytes + before.log_bytes > 2_000_000
    assert after.size_bytes == report.bytes_after <= 1_000_000
    assert after.log_bytes == 0
    kept = [event.seq for event in journal.events()]
    assert kept == list(range(report.rows + 1, 4001))
    assert len(kept) > 500


def test_the_newest_row_stays_so_that_no_number_is_given_twice(journal, clock, make):
    """However much is pruned, the next row's number is above all that were given."""
    journal.append([make.finished() for _ in range(5)])
    journal.prune(clock.now, older_than_seconds=-1.0, max_bytes=0)
    assert [event.seq for event in journal.events()] == [5]
    assert journal.append([make.finished()])[0].seq == 6


def test_what_tells_of_open_work_stays(journal, clock, make):
    """The rows that opened a run and submitted its job stay as long as these are open."""
    journal.append(
        [
            make.event("opened", "run", "r"),
            make.event("intent", "attempt", "j.1", run="r", job="j", number=1),
            make.event("submitted", "attempt", "j.1", run="r", job="j", number=1),
            make.event("opened", "step", "s", run="r"),
            make.finished("step", "s", run="r"),
            make.finished(),
        ]
    )
    everything = {"older_than_seconds": -1.0, "max_bytes": 0}
    journal.prune(clock.now, **everything)
    kept = [(event.verb, event.subject) for event in journal.events()][:-1]
    assert kept == [("opened", "r"), ("intent", "j.1"), ("submitted", "j.1")]
    journal.append([make.finished("job", "j", run="r"), make.finished("run", "r")])
    journal.prune(clock.now, **everything)
    assert [event.subject for event in journal.events()] == ["r"]


def test_a_dry_run_changes_nothing_and_foresees_the_rows(journal, clock, make):
    """What would go by age is told exactly, by size within a page, and all of it stays."""
    for days in (9, 8, 3, 1):
        aged(journal, clock, make, days)
    by_age = {"older_than_seconds": 5 * DAY, "max_bytes": 10**12}
    assert journal.prune(clock.now, **by_age, dry_run=True).rows == 2
    assert len(list(journal.events())) == 4
    journal.append([make.finished(note="x" * 500) for _ in range(4000)])
    by_size = {"older_than_seconds": 1e9, "max_bytes": 1_000_000}
    foreseen = journal.prune(clock.now, **by_size, dry_run=True)
    pruned = journal.prune(clock.now, **by_size)
    assert abs(foreseen.rows - pruned.rows) <= retention.BATCH


def test_contents_go_with_the_last_row_that_names_them(journal, clock, make):
    """A content named by an old and a young row stays until both are gone."""
    shared, alone = Blob("circuits", b"shared"), Blob("parameters", b"alone")
    names = {"circuits": [shared.hash], "parameters": [alone.hash]}
    now = clock.now
    clock.now = now - 9 * DAY
    journal.append([make.finished(blobs=names)], blobs=[shared, alone])
    clock.now = now - DAY
    journal.append([make.finished(blobs={"circuits": [shared.hash]}), make.finished()])
    clock.now = now
    assert journal.prune(now, older_than_seconds=5 * DAY, max_bytes=10**12).blobs == 1
    assert (journal.blob(shared.hash), journal.blob(alone.hash)) == (b"shared", None)
    assert journal.prune(now, older_than_seconds=0.5 * DAY, max_bytes=10**12).blobs == 1
    assert journal.blob(shared.hash) is None


def test_a_content_waits_an_hour_to_be_named(journal, clock, make):
    """A content no row names goes with a pruning, but not in its first hour."""
    old = journal.put_blob("calibration", b"old")
    clock.now += retention.UNNAMED_BLOB + 1
    young = journal.put_blob("calibration", b"young")
    journal.append([make.finished(), make.finished()])
    journal.prune(clock.now, older_than_seconds=-1.0, max_bytes=10**12)
    assert (journal.blob(old), journal.blob(young)) == (None, b"young")


def test_counters_of_pruned_rows_live_on_by_the_minute(journal, clock, make):
    """Each pruned row's counters are found in the minute it was recorded."""
    clock.now = 600_000.0
    journal.append([make.finished(shots=100), make.finished(shots=50)])
    clock.now = 600_061.0
    journal.append([make.finished(shots=7), make.finished()])
    journal.prune(clock.now, older_than_seconds=-1.0, max_bytes=10**12)
    shots = [
        (minute, value) for minute, name, _, value in journal.minutes() if name == "qgm.job.shots"
    ]
    assert shots == [(600_000.0, 150.0), (600_060.0, 7.0)]
    ahead = list(journal.minutes(since=600_060.0))
    assert {row[0] for row in ahead} == {600_060.0}
    assert {row[0] for row in journal.minutes(until=600_060.0)} == {600_000.0}


def test_a_minute_that_is_pruned_twice_keeps_both(journal, clock, make):
    """What a second pruning takes out of a minute is added to what the first took."""
    clock.now = 600_000.0
    for shots in (100, 50):
        journal.append([make.finished(shots=shots), make.finished(shots=0)])
        journal.prune(clock.now, older_than_seconds=-1.0, max_bytes=10**12)
    taken = [value for _, name, _, value in journal.minutes() if name == "qgm.job.shots"]
    assert taken == [150.0]


def test_minutes_are_there_for_399_days(journal, clock, make):
    """A pruning a year later leaves the buckets that are not that old yet."""
    clock.now = 60_000_000.0
    journal.append([make.finished(), make.finished()])
    journal.prune(clock.now, older_than_seconds=-1.0, max_bytes=10**12)
    first = {row[0] for row in journal.minutes()}
    clock.now += 399 * DAY
    journal.append([make.finished(), make.finished()])
    journal.prune(clock.now, older_than_seconds=-1.0, max_bytes=10**12)
    assert first == {60_000_000.0}
    assert first < {row[0] for row in journal.minutes()}


def test_minutes_are_kept_for_400_days(journal, clock, make):
    """Buckets older than that go with a later pruning, the totals stay."""
    journal.append([make.finished(), make.finished()])
    journal.prune(clock.now, older_than_seconds=-1.0, max_bytes=10**12)
    old = {row[0] for row in journal.minutes()}
    clock.now += 300 * DAY
    journal.append([make.finished(), make.finished()])
    journal.prune(clock.now, older_than_seconds=-1.0, max_bytes=10**12)
    both = {row[0] for row in journal.minutes()}
    clock.now += 101 * DAY
    whole, _ = journal.snapshot()
    journal.append([make.finished()])
    journal.prune(clock.now, older_than_seconds=100 * DAY, max_bytes=10**12)
    assert (len(old), len(both)) == (1, 2)
    assert {row[0] for row in journal.minutes()} == both - old
    assert journal.snapshot()[0] != whole
    assert journal.info().pruned_rows == 4


def test_a_late_end_of_lost_work_is_not_counted_even_after_pruning(journal, clock, make):
    """The id of a loss that was assumed outlives its row, so the true end counts nothing."""
    journal.append([make.finished("run", "r", outcome="lost"), make.finished()])
    journal.prune(clock.now, older_than_seconds=-1.0, max_bytes=10**12)
    before, _ = journal.snapshot()
    (stored,) = journal.append([make.finished("run", "r", outcome="success")])
    assert stored.verb == "reconciled"
    assert journal.snapshot()[0] == before


# ----------------------------------------------------------------------------------- property

SUBJECTS = st.integers(0, 12)
EVENTS = st.tuples(
    st.sampled_from(["run", "step", "job", "session"]),
    SUBJECTS,
    st.sampled_from(["success", "failure", "lost", "cancelled"]),
    st.floats(0, 1e4),
)
ACTIONS = st.one_of(
    st.tuples(st.just("append"), st.lists(EVENTS, min_size=1, max_size=8)),
    st.tuples(st.just("open"), SUBJECTS),
    st.tuples(st.just("noted"), st.integers(1, 5)),
    st.tuples(st.just("tallied"), st.lists(EVENTS, min_size=1, max_size=3)),
    st.tuples(st.just("age"), st.floats(0, 5000)),
    st.tuples(st.just("size"), st.integers(0, 100_000)),
    st.tuples(st.just("reap"), st.none()),
    st.tuples(st.just("restart"), st.none()),
    st.tuples(st.just("pass"), st.floats(0, 3000)),
)


class Story:
    """A journal that things happen to, and the plain fold of all of them beside it."""

    def __init__(self, path, make, stack):
        self.path, self.make, self.stack = path, make, stack
        self.now, self.number = 1_000_000.0, 0
        self.whole, self.ended, self.lost = Totals(), set(), set()
        self.journal = self.opened()

    def opened(self):
        return self.stack.enter_context(Journal.open(self.path, clock=lambda: self.now))

    def finished(self, told):
        noun, number, outcome, duration = told
        body = {"outcome": outcome, "duration": duration, "usage_seconds": duration, "shots": 3}
        return self.make.finished(noun, f"{noun}{number}", at=self.now, **body)

    def count(self, event):
        """The first end of a subject counts; the model never looks at what the journal says."""
        if event.id not in self.ended:
            self.ended.add(event.id)
            self.lost |= {event.id} if event.body["outcome"] == "lost" else set()
            self.whole.add(event)

    def append(self, told):
        # an id whose row was pruned is known again only if it was lost: do not repeat the others
        events = [e for e in map(self.finished, told) if self.may_come(e)]
        self.journal.append(events)
        for event in events:
            self.count(event)

    def may_come(self, event):
        rows = self.journal.events(nouns=[event.noun], verbs=["finished"])
        kept = {row.id for row in rows}
        return event.id not in self.ended or event.id in kept | self.lost

    def open(self, number):
        self.journal.append(
            [], open_work=[self.make.open_work(f"job{number}", process=self.make.gone)]
        )

    def noted(self, amount):
        self.number += 1
        body = {"qgm.observe.events.dropped": [[[], amount]]}
        event = self.make.event("noted", "process", "h:1", **body)
        self.journal.append([event])
        self.whole.add(event)

    def tallied(self, told):
        tally = Totals()
        for each in told:
            tally.add(self.finished(each))
        event = self.make.event("tallied", "process", "h:1", totals=tally.to_json())
        self.journal.append([event])
        self.whole.add(event)

    def age(self, seconds):
        self.journal.prune(self.now, older_than_seconds=seconds, max_bytes=10**12)

    def size(self, limit):
        self.journal.prune(self.now, older_than_seconds=1e9, max_bytes=limit)

    def reap(self, _):
        for event in self.journal.reap(self.now):
            self.count(event)

    def restart(self, _):
        self.journal.close()
        self.journal = self.opened()
        self.now += 61.0  # the lease of the one before runs out

    def pass_(self, seconds):
        self.now += seconds


def falls(before, after):
    """The counters and histogram buckets that are lower than before."""
    counters = [
        (name, labels)
        for name, series in before.counters.items()
        for labels, number in series.items()
        if after.counters[name][labels] < number
    ]
    buckets = [
        (name, labels)
        for name, series in before.histograms.items()
        for labels, histogram in series.items()
        if after.histograms[name][labels].nanos < histogram.nanos
        or any(
            b < a
            for a, b in zip(histogram.counts, after.histograms[name][labels].counts, strict=True)
        )
    ]
    return counters + buckets


@settings(max_examples=40)
@given(actions=st.lists(ACTIONS, max_size=25), batch=st.sampled_from([1, 3, 1000]))
def test_no_order_of_events_prunings_and_restarts_lowers_a_counter(make, actions, batch):
    """After whatever happened, the snapshot is the fold of all that was ever told, never less."""
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        patch.setattr(retention, "BATCH", batch)
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        story = Story(Path(folder) / "journal.db", make, stack)
        before = Totals()
        for name, argument in actions:
            getattr(story, "pass_" if name == "pass" else name)(argument)
            totals, last = story.journal.snapshot()
            assert totals == story.whole
            assert falls(before, totals) == []
            assert list(story.journal.events(after=last)) == []
            before = totals


def test_records_outlive_a_pruning_of_others(journal, clock, make):
    """What is young enough is still a record after older rows went."""
    aged(journal, clock, make, 9)
    journal.append([make.finished("run", "r"), make.finished("job", "j", run="r")])
    journal.prune(clock.now, older_than_seconds=5 * DAY, max_bytes=10**12)
    assert [run.id for run in journal.records(Run)] == ["r"]
    assert [job.id for job in journal.records(Job)] == ["j"]
