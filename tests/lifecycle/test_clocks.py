"""A wall clock that jumps by hours, back and forth, while the training goes on."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import qgm_observe as qgm
from qgm_observe.catalog import signals
from qgm_observe.errors import JournalError
from qgm_observe.journal import Event, Journal, open_journal
from qgm_observe.lifecycle import Recorder, use
from qgm_observe.settings import load_settings

from .conftest import Clock

Rows = Callable[..., list[Event]]
JUMPS = st.lists(st.floats(-36, 36), min_size=1, max_size=12)
HOUR = 3600


def jump(clock: Clock, hours: float) -> None:
    """Moves the wall clock alone."""
    clock.epoch += round(hours * HOUR * 1e9)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(JUMPS)
def test_no_duration_is_negative_and_no_job_is_missed(
    tmp_path_factory: pytest.TempPathFactory, jumps: list[float]
) -> None:
    """However the wall clock jumps, durations are the monotonic clock's and counters are whole."""
    clock, path = Clock(), tmp_path_factory.mktemp("clock") / "journal.db"
    made = Recorder(load_settings(journal=path), now=clock.now, wall=clock.wall)
    made.started = True
    before = use(made)
    try:
        for hours in jumps:
            with qgm.run() as run, run.step(), run.job("aer") as job, job.stage("execute"):
                clock.tick(1.25)
                jump(clock, hours)
                made.flush(5)
                clock.tick(0.25)
        assert made.flush(5)
        with made.aggregates.families() as families:
            shown = {family.signal.name: family for family in families}
        counted = sum(s.number for s in shown[signals.JOBS.name].series.values())
    finally:
        use(before)
        made.close()
    with open_journal(path, read_only=True) as journal:
        bodies = [event.body for event in journal.events(verbs=("finished",))]
        totals, _ = journal.snapshot()

    assert [1.5] * (3 * len(jumps)) == [body["duration"] for body in bodies]
    assert all(stage[2] == 1.5 for body in bodies for stage in body.get("stages", []))
    assert counted == len(jumps)
    assert sum(totals.counters[signals.JOBS.name].values()) == len(jumps)


@pytest.mark.parametrize("hours", [-5.0, 5.0])
def test_a_broken_journal_is_tried_again_after_a_jump(
    path: Path, recorder: Recorder, clock: Clock, monkeypatch: pytest.MonkeyPatch, hours: float
) -> None:
    """A clock set back does not make the writer wait for hours until it tries again."""
    recorder.started = True
    append = Journal.append

    def broken(*_: object, **__: object) -> None:
        raise JournalError("the disk is full")

    with qgm.job("aer"):
        pass
    monkeypatch.setattr(Journal, "append", broken)
    recorder.writer._drain()
    monkeypatch.setattr(Journal, "append", append)
    jump(clock, hours)
    with qgm.job("aer"):
        pass
    recorder.writer._drain()

    with open_journal(path, read_only=True) as journal:
        assert len(list(journal.events(verbs=("finished",)))) == 2


def test_a_waiting_job_has_no_negative_age(recorder: Recorder, clock: Clock, rows: Rows) -> None:
    """Gauges over open work are never negative, whichever way the clock was set meanwhile."""
    with qgm.run() as run, run.job("aer") as job:
        with run.step():
            clock.tick(1)
        job.waiting = job.now()
        for hours in (-7, 3, -1):
            clock.tick(2)
            jump(clock, hours)
            rows()
            with recorder.aggregates.families() as families:
                gauges = [
                    s.number for f in families if f.signal.kind == "gauge" for s in _series(f)
                ]
            assert min(gauges) >= 0


def _series(family: object) -> list[object]:
    return list(family.series.values())  # type: ignore[attr-defined]
