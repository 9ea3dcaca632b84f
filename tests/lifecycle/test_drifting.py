"""Charts follow the journal: day by day, one process at a time, across restarts."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import qgm_observe as qgm
from qgm_observe.catalog import signals
from qgm_observe.journal import Event, Store, open_journal
from qgm_observe.lifecycle import Recorder, use
from qgm_observe.lifecycle.baselines import DAY, KeptBaseline, captured, histories, read
from qgm_observe.lifecycle.drifting import Drift
from qgm_observe.settings import load_settings

from .conftest import Clock

START = 20_000 * DAY
LABELS = {"model": "m", "model_version": "1", "device": "d", "execution_mode": "job"}


def point(at: float, value: float, name: str = "linear_xeb", **more: Any) -> Event:
    """An estimate of a job."""
    return Event(
        verb="estimate",
        noun="job",
        subject="j",
        at=at,
        body=LABELS | {"name": name, "value": value} | more,
        id=f"j/estimate/{name}/{at}/{value}",
    )


def days(first: int, values: Any) -> list[Event]:
    """Two points a day whose mean is the value."""
    return [
        point(START + (first + day) * DAY + hour * 3600, float(value) + move)
        for day, value in enumerate(values)
        for hour, move in ((3, -0.001), (15, 0.001))
    ]


def healthy(size: int, seed: int = 0) -> np.ndarray:
    return 0.8 + 0.01 * np.random.default_rng(seed).standard_normal(size)


@pytest.fixture
def journal(tmp_path: Path) -> Any:
    with open_journal(tmp_path / "j.db", clock=lambda: START + 61 * DAY) as made:
        yield made


@pytest.fixture
def watched(journal: Store) -> KeptBaseline:
    """A journal with sixty days of history, and its baseline."""
    journal.append(days(0, healthy(60)))
    (history,) = histories(journal.events()).values()
    kept = captured(history, START + 60 * DAY)
    journal.append([kept.event("baseline", START + 60 * DAY)])
    return kept


def standing(journal: Store) -> KeptBaseline:
    (kept,) = read(journal).kept.values()
    return kept


def test_a_history_is_captured_by_daily_means(watched: KeptBaseline) -> None:
    """The level is that of sixty daily means, and points count from the next day on."""
    daily = healthy(60)

    assert watched.baseline.n == 60
    assert watched.baseline.center == pytest.approx(daily.mean())
    assert watched.baseline.sd == pytest.approx(daily.std(ddof=1))
    assert watched.until == START + 60 * DAY
    assert watched.series == "linear_xeb/none/m/1/d/unknown"


def test_only_days_that_have_ended_count(journal: Store, watched: KeptBaseline) -> None:
    """Ten days after, nine have ended; the tenth counts once it is over, and no day twice."""
    journal.append(days(60, healthy(10, 1)))
    drift = Drift()
    drift.follow(journal, START + 69.9 * DAY)
    nine = standing(journal)
    drift.follow(journal, START + 69.95 * DAY)
    drift.follow(journal, START + 70.1 * DAY)
    Drift().follow(journal, START + 70.2 * DAY)
    ten = standing(journal)

    assert watched.state is not None
    expected = watched.state
    for value in healthy(10, 1)[:9]:
        expected = expected.after(float(value))
    assert nine.state is not None
    assert nine.state.observed == 9
    assert [c.level for c in nine.state.charts] == pytest.approx([c.level for c in expected.charts])
    assert ten.state is not None
    assert ten.state.observed == 10


def test_a_lasting_drop_is_an_alarm_that_outlives_the_process(
    journal: Store, watched: KeptBaseline
) -> None:
    """Ten days at five deviations below raise the alarm; another process sees and shows it."""
    journal.append(days(60, np.full(10, watched.baseline.center - 5 * watched.baseline.sd)))
    (event,) = Drift().follow(journal, START + 71 * DAY)[1:]
    shown = Drift().follow(journal, START + 71.5 * DAY)

    assert standing(journal).state.drifting  # type: ignore[union-attr]
    assert [each.body["state"] for each in shown] == [event.body["state"]]


def test_two_processes_do_not_count_a_day_twice(
    journal: Store, watched: KeptBaseline, tmp_path: Path
) -> None:
    """While one process has the task another only shows where the charts stand."""
    journal.append(days(60, healthy(5, 2)))
    now = START + 66 * DAY
    with open_journal(tmp_path / "j.db") as other:
        first, second = Drift().follow(journal, now), Drift().follow(other, now)

    assert [len(first), len(second)] == [2, 1]
    assert second[0].body["state"]["observed"] == 5
    assert len(list(journal.events(verbs=("drift",)))) == 1


def test_without_a_baseline_nothing_is_done(journal: Store) -> None:
    """Estimates alone move nothing."""
    journal.append(days(0, healthy(3)))

    assert Drift().follow(journal, START + 9 * DAY) == []


def test_each_statistic_mitigation_and_circuit_is_its_own_series() -> None:
    """Estimates that differ in one of them are not mixed; stage times and cost are series too."""
    job = {
        "outcome": "success",
        "stages": [["execute", 0.0, 2.0, "local"]],
        "attributes": {"circuit": "c"},
        "cost": 0.3,
    }
    ended = Event(verb="finished", noun="job", subject="j", at=1.0, body=LABELS | job, id="j/f")
    failed = replace(ended, body={**ended.body, "outcome": "failure"}, id="k/f")
    found = histories(
        [
            point(1.0, 0.1),
            point(2.0, 0.2, mitigation="zne"),
            point(3.0, 0.3, circuit="c"),
            point(4.0, 0.4, "chi_square_p"),
            ended,
            failed,
        ]
    )

    assert {series: [v for _, v in each.points] for series, each in found.items()} == {
        "linear_xeb/none/m/1/d/unknown": [0.1],
        "linear_xeb/zne/m/1/d/unknown": [0.2],
        "linear_xeb/none/m/1/d/c": [0.3],
        "execute_seconds/none/m/1/d/c": [2.0],
        "job_cost/none/m/1/d/c": [0.3],
    }


def test_pruning_leaves_baselines(journal: Store, watched: KeptBaseline) -> None:
    """However old, a baseline stays when its history is pruned."""
    journal.append([point(START + 61 * DAY, 0.8)])
    journal.prune(START + 900 * DAY, older_than_seconds=DAY, max_bytes=1 << 40)

    assert standing(journal) == watched
    assert len(list(journal.events(verbs=("estimate",)))) == 1


def test_the_writer_steps_the_charts(
    path: Path, clock: Clock, rows: Callable[..., list[Event]]
) -> None:
    """A process that records on the next day and ends leaves stepped charts, and shows them."""
    now = clock.epoch / 1e9
    with open_journal(path) as journal:
        first = now // DAY * DAY - 62 * DAY
        events = [replace(e, at=e.at - START + first, id=f"{e.id}/x") for e in days(0, healthy(60))]
        (history,) = histories(events).values()
        kept = captured(history, first + 60 * DAY)
        later = [replace(e, at=e.at - START + first) for e in days(60, healthy(2, 3))]
        journal.append([kept.event("baseline", first), *later])
    made = Recorder(load_settings(journal=path), now=clock.now, wall=clock.wall)
    before = use(made)
    with qgm.job("aer"):
        pass
    made.close()
    use(before)
    clock.tick(60)
    text = made.aggregates.exposition().text.decode()

    (stepped,) = rows(verbs=("drift",))
    assert stepped.body["state"]["observed"] == 2
    levels = [x for x in text.splitlines() if x.startswith(signals.QUALITY_DRIFT_LEVEL.prometheus)]
    assert [x.partition('chart="')[2].partition('"')[0] for x in levels] == ["ewma", "cusum"]
