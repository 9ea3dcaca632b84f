"""Jobs, estimates and verdicts above the rate that is kept."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import qgm_observe as qgm
from qgm_observe.catalog import Outcome, signals
from qgm_observe.journal import Event, Totals, open_journal
from qgm_observe.lifecycle import Recorder
from qgm_observe.lifecycle.tallying import BURST_SECONDS, Tally

Rows = Callable[..., list[Event]]


def ended(outcome: Outcome = Outcome.SUCCESS, mode: str = "local", noun: str = "job") -> Event:
    body = {"outcome": outcome, "execution_mode": mode, "duration": 1.0}
    return Event(verb="finished", noun=noun, subject="s", at=0.0, body=body, id="s/finished")


def said(subject: str, name: str, value: float, number: int = 0) -> Event:
    body = {"name": name, "value": value, "n": 8, "reason": str(value)}
    at = float(number)
    return Event(verb="estimate", noun="step", subject=subject, at=at, body=body, id=str(number))


def thinned(events: list[Event], limit: float) -> tuple[list[Event], Totals]:
    tally = Tally(lambda: 0.0)
    kept = tally.thinned(events, limit)
    return kept, tally.taken() or Totals()


def test_each_second_has_its_own_limit() -> None:
    """Two a second are kept in each of two seconds, and the totals hold the others once."""
    now = [10.2]
    tally = Tally(lambda: now[0])
    first = [tally.takes(ended(), 2) for _ in range(4)]
    now[0] = 11.0
    second = [tally.takes(ended(), 2) for _ in range(3)]
    totals = tally.taken()

    assert first == [False, False, True, True]
    assert second == [False, False, True]
    assert totals is not None
    assert sum(totals.counters[signals.JOBS.name].values()) == 3
    assert tally.taken() is None


@pytest.mark.parametrize(
    "event",
    [ended(Outcome.FAILURE), ended(mode="session"), ended(noun="run")],
    ids=["failed", "elsewhere", "run"],
)
def test_what_somebody_may_look_for_is_kept(event: Event) -> None:
    """Failures, remote jobs and runs are kept at any rate."""
    tally = Tally(lambda: 0.0)

    assert [tally.takes(event, 0) for _ in range(3)] == [False] * 3


def test_what_is_only_tallied_is_not_looked_into(
    recorder: Recorder, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Provenance and contents are made for the jobs that are kept, and for no other."""
    looked: list[str] = []
    told = recorder.writer.provenance.of
    monkeypatch.setattr(
        recorder.writer.provenance, "of", lambda *args: looked.append(args[0].id) or told(*args)
    )
    recorder.started = True
    object.__setattr__(recorder.settings, "detail_rate", 2.0)
    jobs = [qgm.job("aer", shots=2).begin() for _ in range(6)]
    for job in jobs:
        job.end()
    rows()

    assert looked == [job.id for job in jobs[:2]]


def test_estimates_that_later_ones_repeat_are_counted_together() -> None:
    """Above the rate the newest of each statistic of each step is kept, and so are all jobs."""
    steps = [said(step, "mmd", value, 3) for value in (1.0, 2.0) for step in ("a", "b")]
    kept, _ = thinned([*steps, ended(), said("a", "linear_xeb", 3.0)], 0)

    assert [(e.subject, e.body.get("name"), e.body.get("value")) for e in kept] == [
        ("a", "mmd", 2.0),
        ("b", "mmd", 2.0),
        ("s", None, None),
        ("a", "linear_xeb", 3.0),
    ]


def test_many_results_may_be_judged_at_once_and_then_the_rate_counts() -> None:
    """A minute's worth is kept in one go; after a further second, as much as a second brings."""
    now = [100.0]
    tally = Tally(lambda: now[0])
    many = [said("a", "mmd", 1.0)] * int(2 * BURST_SECONDS)
    first = tally.thinned(many, 2), tally.thinned(many, 2)
    now[0] += 5.0
    later = tally.thinned(many, 2)
    now[0] = 50.0  # the clock was set back
    last = tally.thinned(many, 2)

    assert [len(each) for each in (*first, later, last)] == [len(many), 1, 10, 1]


names = st.sampled_from(["valid_shot_ratio", "mmd"])
values = st.lists(st.tuples(st.sampled_from("ab"), names, st.floats(0, 1)))


@given(values, st.floats(0, 1))
def test_thinning_loses_neither_counts_nor_the_newest(
    told: list[tuple[str, str, float]], limit: float
) -> None:
    """What is kept and what is tallied count as all would; order and newest values stay."""
    events = [said(*each, number) for number, each in enumerate(told)]
    kept, totals = thinned(events, limit)
    whole = Totals()
    for event in events:
        whole.add(event)
    for event in kept:
        totals.add(event)

    def newest(rows: list[Event]) -> dict[tuple[str, str], float]:
        return {(e.subject, e.body["name"]): e.body["value"] for e in rows}

    assert totals == whole
    assert [e for e in events if e in kept] == kept
    assert newest(kept) == newest(events)


def test_answers_that_change_are_kept() -> None:
    """Of verdicts the newest of each answer stays, and a tally of nothing is no row."""
    verdicts = [
        Event(
            verb="judged",
            noun="run",
            subject="r",
            at=float(number),
            body={"question": "collapse", "answer": answer, "reason": f"{number} modes"},
            id=f"r/{number}",
        )
        for number, answer in enumerate(["whole", "whole", "collapsed", "whole"])
    ]
    tally = Tally(lambda: 0.0)

    assert [each.at for each in tally.thinned(verdicts, 0)] == [2.0, 3.0]
    assert tally.taken() is None


def test_an_objective_function_that_evaluates_does_not_fill_the_journal(
    recorder: Recorder, rows: Rows, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a hundred evaluations in one step the last is kept in full, and all shots are counted."""
    monkeypatch.setattr(recorder.writer, "start", lambda: None)  # all is one transaction
    object.__setattr__(recorder.settings, "detail_rate", 0.0)
    with qgm.run() as run, run.step():
        for correct in range(100):
            newest = qgm.evaluate({"00": correct + 1, "01": 100}, {"00": 1.0})
    kept = {e.body["name"]: e.body.get("value") for e in rows(verbs=("estimate",))}
    journal = open_journal(path, read_only=True)
    totals, _ = journal.snapshot()
    journal.close()
    scored = sum(totals.counters[signals.QUALITY_SCORED.name].values())

    assert len(rows(verbs=("estimate",))) == len(list(newest)) == len(kept)
    assert kept["valid_shot_ratio"] == newest.valid.value
    assert scored == sum(correct + 1 + 100 for correct in range(100))
