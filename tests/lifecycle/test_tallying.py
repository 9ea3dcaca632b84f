"""Jobs above the rate that is kept."""

from collections.abc import Callable

import pytest

import qgm_observe as qgm
from qgm_observe.catalog import Outcome, signals
from qgm_observe.journal import Event
from qgm_observe.lifecycle import Recorder
from qgm_observe.lifecycle.tallying import Tally

Rows = Callable[..., list[Event]]


def ended(outcome: Outcome = Outcome.SUCCESS, mode: str = "local", noun: str = "job") -> Event:
    body = {"outcome": outcome, "execution_mode": mode, "duration": 1.0}
    return Event(verb="finished", noun=noun, subject="s", at=0.0, body=body, id="s/finished")


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
