"""The read side: pages, filters, followers."""

import pytest

from qgm_observe.errors import UsageError
from qgm_observe.journal import reading
from qgm_observe.journal.totals import Totals
from qgm_observe.records import Job, Run, Session, Step


@pytest.fixture
def filled(journal, make):
    """A journal with two runs, their steps and jobs, and a reading."""
    for run in ("r1", "r2"):
        journal.append([make.event("opened", "run", run, at=100.0, start=100.0, model="qcbm")])
        for i in range(3):
            at = 110.0 + 10 * i
            step = f"{run}s{i}"
            device = "ibm_fez" if i == 1 else "aer"
            job = make.finished("job", f"{run}j{i}", at=at, run=run, step=step, device=device)
            journal.append([job, make.finished("step", step, at=at, run=run, index=i)])
    journal.append([make.finished("run", "r1", at=200.0, steps=3)])
    journal.append([make.event("reading", "device", "ibm_fez", at=300.0, queue=7)])
    return journal


FILTERS = [
    {},
    {"verbs": ["finished"]},
    {"nouns": ["job"]},
    {"verbs": ["finished"], "nouns": ["job"]},
    {"verbs": ["finished", "opened"], "nouns": ["run", "step"]},
    {"runs": ["r1"]},
    {"runs": ["r1", "r2"], "nouns": ["step"]},
    {"since": 120.0},
    {"until": 130.0},
    {"since": 120.0, "until": 130.0, "verbs": ["finished"]},
    {"verbs": ["reading"]},
    {"verbs": []},
]


@pytest.mark.parametrize("page", [1, 2, 1000])
@pytest.mark.parametrize("wanted", FILTERS, ids=str)
def test_filters_choose_as_a_plain_loop_would(filled, monkeypatch, wanted, page):
    """Whatever the filter and the page, the events are those that a loop over all would choose."""
    everything = list(filled.events())
    monkeypatch.setattr(reading, "PAGE", page)
    expected = [
        event
        for event in everything
        if event.verb in wanted.get("verbs", [event.verb])
        and event.noun in wanted.get("nouns", [event.noun])
        and event.run in wanted.get("runs", [event.run])
        and wanted.get("since", 0) <= event.at < wanted.get("until", 1e9)
    ]
    assert list(filled.events(**wanted)) == expected
    after = everything[5].seq
    assert list(filled.events(after, **wanted)) == [e for e in expected if e.seq > after]
    assert list(filled.events(**wanted, limit=3)) == expected[:3]


def test_a_follower_sees_each_event_once(journal, make):
    """Going on after the last number yields what is new and nothing twice."""
    journal.append([make.finished(), make.finished()])
    last = journal.last_seq()
    new = journal.append([make.finished()])
    assert list(journal.events(after=last)) == new
    assert list(journal.events(after=journal.last_seq())) == []


def test_a_snapshot_and_what_follows_make_the_whole(journal, make):
    """Totals of a snapshot plus the events after it equal a fold over everything."""
    journal.append([make.finished(duration=0.1 * i) for i in range(10)])
    totals, last = journal.snapshot()
    journal.append([make.finished("run", steps=2), make.finished("step", outcome="failure")])
    for event in journal.events(after=last):
        totals.add(event)
    whole = Totals()
    for event in journal.events():
        whole.add(event)
    assert totals == whole
    assert totals == journal.snapshot()[0]


@pytest.mark.parametrize(
    ("kind", "filters", "expected"),
    [
        (Run, {}, ["r1", "r2"]),
        (Run, {"outcome": None}, ["r2"]),
        (Run, {"run": "r2"}, ["r2"]),
        (Step, {"run": "r1"}, ["r1s0", "r1s1", "r1s2"]),
        (Step, {"index": 2}, ["r1s2", "r2s2"]),
        (Job, {"device": "ibm_fez"}, ["r1j1", "r2j1"]),
        (Job, {"device": "ibm_fez", "run": "r2"}, ["r2j1"]),
        (Job, {"step": "r1s0"}, ["r1j0"]),
        (Job, {"since": 118.0, "until": 128.0}, ["r1j1", "r2j1"]),
        (Job, {"kind": "training", "model": "qcbm", "since": 128.0}, ["r1j2", "r2j2"]),
        (Job, {"kind": "inference"}, []),
        (Session, {}, []),
    ],
)
def test_records_are_chosen_by_time_run_and_any_field(filled, kind, filters, expected):
    """Filters bound the start of a record or ask for a field's value."""
    assert [record.id for record in filled.records(kind, **filters)] == expected


def test_an_unknown_filter_names_the_known_ones(journal):
    """A misspelled field is refused with the fields there are."""
    with pytest.raises(UsageError, match="job has no field 'devise': write one of id, run"):
        next(journal.records(Job, devise="aer"))


def test_a_run_is_found_by_its_id(filled):
    """One look finds a run that ended or is open; an unknown id is nothing."""
    assert filled.run("r1").steps == 3
    assert filled.run("r2").outcome is None
    assert filled.run("r3") is None


def test_columns_are_the_fields_of_records(filled):
    """Columns have one entry a record, in the records' order."""
    columns = filled.columns(Job, ["id", "device", "duration", "compile"], run="r1")
    assert columns == {
        "id": ["r1j0", "r1j1", "r1j2"],
        "device": ["aer", "ibm_fez", "aer"],
        "duration": [2.0, 2.0, 2.0],
        "compile": [None, None, None],
    }


def test_columns_of_unknown_fields_are_refused(journal):
    """A column that no record has is refused with those there are."""
    with pytest.raises(UsageError, match="run has no field 'color'"):
        journal.columns(Run, ["color"])


@pytest.mark.parametrize(("page", "outcome"), [(1, "success"), (1000, None)])
def test_what_ends_while_it_is_read_is_told_once(filled, make, monkeypatch, page, outcome):
    """A run that ends while records are read is there once, ended if its page was still to come."""
    monkeypatch.setattr(reading, "PAGE", page)
    records = filled.records(Run)
    assert next(records).id == "r1"
    filled.append([make.finished("run", "r2", at=250.0)])
    assert [(run.id, run.outcome) for run in records] == [("r2", outcome)]
