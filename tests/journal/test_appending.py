"""Appending: what is new, what is a duplicate, what is open afterwards."""

import re
from pathlib import Path

import pytest

from qgm_observe.errors import JournalError
from qgm_observe.journal import Blob, appending
from qgm_observe.records import Run


def subjects(journal):
    return {work.subject for work in journal.open_work()}


def test_events_come_back_as_they_were_stored(journal, make, clock):
    """The events returned carry their place and time, and reading yields equal ones."""
    events = [make.finished(run="r"), make.event("reading", "device", "ibm_fez", queue=3)]
    stored = journal.append(events)
    assert [event.seq for event in stored] == [1, 2]
    assert {event.recorded_at for event in stored} == {clock.now}
    assert [(event.id, event.run, event.body) for event in stored] == [
        (event.id, event.run, event.body) for event in events
    ]
    assert list(journal.events()) == stored


def test_a_known_id_is_left_out(journal, make):
    """An event appended again, in the same call or later, is neither stored nor returned."""
    first, second = make.finished(), make.finished()
    assert len(journal.append([first, first])) == 1
    assert [event.id for event in journal.append([first, second])] == [second.id]
    assert len(list(journal.events())) == 2


def test_a_second_truth_is_kept_beside_the_first(journal, make):
    """A finished event that differs from the one told first is stored as reconciled, once."""
    journal.append([make.finished(subject="j", outcome="lost")])
    late = make.finished(subject="j", outcome="success")
    (stored,) = journal.append([late])
    assert (stored.verb, stored.subject, stored.body["outcome"]) == ("reconciled", "j", "success")
    assert journal.append([late]) == []
    assert [event.verb for event in journal.events()] == ["finished", "reconciled"]


def test_a_second_truth_is_never_counted(journal, make):
    """The totals hold the first terminal row of a subject alone."""
    journal.append([make.finished(subject="j", outcome="lost")])
    before, _ = journal.snapshot()
    journal.append([make.finished(subject="j", outcome="success")])
    assert journal.snapshot()[0] == before


def test_an_assumed_loss_never_overrides(journal, make):
    """A loss declared after the subject told its end is not stored at all."""
    journal.append([make.finished(subject="j")])
    assert journal.append([make.finished(subject="j", outcome="lost")]) == []


def test_a_run_belongs_to_itself(journal, make):
    """A run's own events are found under its id, also when they name no run."""
    journal.append([make.finished("run", "r1"), make.finished(run="r1"), make.finished(run="r2")])
    assert len(list(journal.events(runs=["r1"]))) == 2


def test_what_is_opened_is_open_until_it_is_finished(journal, make):
    """An opened event alone makes open work of this process; its finished event ends it."""
    journal.append([make.event("opened", "run", "r", model="qcbm")])
    (work,) = journal.open_work()
    assert (work.subject, work.noun, work.run, work.opened_at) == ("r", "run", "r", 400.0)
    assert work.process == make.alive
    assert work.body == {"model": "qcbm"}
    journal.append([make.finished("run", "r")])
    assert journal.open_work() == []


def test_the_job_of_an_intent_is_open(journal, make):
    """A job that was about to be submitted is open, with its labels, from the intent on."""
    intent = make.event("intent", "attempt", "j.1", run="r", job="j", number=1, device="ibm_fez")
    journal.append([intent])
    (work,) = journal.open_work()
    assert (work.subject, work.noun, work.run) == ("j", "job", "r")
    assert work.body == {"device": "ibm_fez"}


def test_a_late_intent_does_not_open_a_finished_job(journal, make):
    """An intent that reaches the journal after its job's end opens nothing."""
    journal.append([make.finished(subject="j")])
    journal.append([make.event("intent", "attempt", "j.1", job="j", number=1)])
    assert journal.open_work() == []


def test_heartbeats_refresh_what_is_known(journal, make):
    """A heartbeat replaces the last one's body and keeps what the opening told."""
    journal.append([make.event("opened", "job", "j", device="aer", shots=10)])
    journal.append([], open_work=[make.open_work("j", stage="queue", waiting_since=405.0)])
    journal.append([], open_work=[make.open_work("j", stage="execute", heartbeat=411.0)])
    (work,) = journal.open_work()
    assert work.body == {"device": "aer", "shots": 10, "stage": "execute"}
    assert work.heartbeat == 411.0


def test_a_late_heartbeat_does_not_open_what_ended(journal, make):
    """Work that was declared lost does not come back with its process's next heartbeat."""
    journal.append([make.finished(subject="j", outcome="lost")])
    journal.append([], open_work=[make.open_work("j")])
    assert journal.open_work() == []


def test_what_is_closed_without_an_end_is_open_no_more(journal, make):
    """A job whose detail is not kept leaves the open work by being closed."""
    journal.append([], open_work=[make.open_work("a"), make.open_work("b")])
    journal.append([], closed=["a"])
    assert subjects(journal) == {"b"}


def test_a_resumed_run_is_open_again_and_then_told_anew(journal, make):
    """A run that was lost and is resumed under its id is open, and its new end overrides."""
    journal.append([make.finished("run", "r", at=450.0, outcome="lost")])
    journal.append([make.event("opened", "run", "r", at=600.0, start=600.0)])
    assert subjects(journal) == {"r"}
    assert [run.outcome for run in journal.records(Run)] == [None]
    journal.append([make.finished("run", "r", at=700.0, outcome="success")])
    assert [run.outcome for run in journal.records(Run)] == ["success"]


def test_an_append_is_all_or_nothing(journal, make):
    """When one event cannot be stored, none is, nothing opens, and the next append works."""
    good, broken = make.finished(), make.finished(at=float("nan"))
    with pytest.raises(JournalError):
        journal.append([good, broken], open_work=[make.open_work("j")])
    assert list(journal.events()) == []
    assert journal.open_work() == []
    assert len(journal.append([good])) == 1


def test_contents_come_with_their_events(journal, make):
    """A content appended beside its event is there afterwards."""
    blob = Blob("circuits", b"QISKIT")
    journal.append([make.finished(blobs={"circuits": [blob.hash]})], blobs=[blob])
    assert journal.blob(blob.hash) == b"QISKIT"


def test_no_statement_numbers_its_placeholders():
    """Python 3.14 refuses `?1` with a sequence of values, so that no statement has it."""
    room = Path(appending.__file__).parent
    numbered = [path.name for path in room.glob("*.py") if re.search(r"\?\d", path.read_text())]

    assert numbered == []
