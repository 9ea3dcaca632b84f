"""`evaluate` answers, and records what it says with what is open."""

from collections.abc import Callable
from pathlib import Path

import pytest

import qgm_observe as qgm
from qgm_observe.catalog import signals
from qgm_observe.errors import UsageError
from qgm_observe.journal import Event, open_journal

pytestmark = pytest.mark.usefixtures("recorder")
TARGET = {"00": 0.5, "11": 0.5}


def test_estimates_are_recorded_with_what_is_open(rows: Callable[..., list[Event]]) -> None:
    """Every estimate is a row of the step it was made in, with its interval."""
    with qgm.run(model="m") as run, run.step() as step:
        evaluation = qgm.evaluate({"00": 480, "11": 500, "01": 20}, TARGET)
        step.loss(evaluation.mmd)
    recorded = {event.body["name"]: event for event in rows(verbs=("estimate",))}
    valid = recorded["valid_shot_ratio"]

    assert evaluation.valid.value == 0.98
    assert (valid.subject, valid.run, valid.noun) == (step.id, run.id, "step")
    assert (valid.body["value"], valid.body["n"], valid.body["model"]) == (0.98, 1000, "m")
    assert valid.body["low"] < 0.98 < valid.body["high"]
    assert len(recorded) == len(list(evaluation))
    assert step.loss_value == evaluation.mmd.value


def test_outside_of_everything_it_only_answers(rows: Callable[..., list[Event]]) -> None:
    """Without an open run, step or job nothing is recorded."""
    assert qgm.evaluate({"0": 5, "1": 5}, {"0": 0.5, "1": 0.5}).valid.value == 1
    with qgm.job("aer"):
        pass

    assert rows(verbs=("estimate",)) == []


def test_a_loss_that_cannot_be_had_says_why(rows: Callable[..., list[Event]]) -> None:
    """An estimate without a value is no loss but a note with its reason."""
    with qgm.run() as run, run.step() as step:
        step.loss(qgm.evaluate({"0": 1}, {"0": 0.5, "1": 0.5}).mmd)
    (ended,) = rows(verbs=("finished",), nouns=("step",))

    assert step.loss_value is None
    assert "shot" in ended.body["attributes"]["loss"]


def test_bad_counts_are_refused() -> None:
    """Counts that cannot be read are one clear error."""
    with pytest.raises(UsageError):
        qgm.evaluate({}, TARGET)


def test_counted_shots_outlive_their_rows(path: Path, rows: Callable[..., list[Event]]) -> None:
    """What an estimate counted is in the journal's totals, before and after its row is pruned."""
    with qgm.job("aer"):
        qgm.evaluate({"00": 480, "11": 500, "01": 20}, TARGET)
    with qgm.job("aer"):
        pass
    recorded = rows()[-1].recorded_at

    def counted() -> list[dict[tuple[str, ...], int]]:
        totals, _ = journal.snapshot()
        names = (signals.QUALITY_SCORED.name, signals.QUALITY_VALID.name)
        return [totals.counters[name] for name in names]

    with open_journal(path) as journal:
        before = counted()
        report = journal.prune(recorded + 1e6, older_than_seconds=1, max_bytes=1 << 40)
        left = list(journal.events(verbs=("estimate",)))
        after = counted()

    assert [list(each.values()) for each in before] == [[1000], [980]]
    assert report.rows > 0
    assert (left, after) == ([], before)
