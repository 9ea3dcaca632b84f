"""Thirty days in a real Prometheus: what rules count is what pandas counts, also around gaps."""

import random
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from qgm_observe.slo.history import History
from qgm_observe.slo.loading import shipped
from qgm_observe.slo.prometheus import Prometheus
from qgm_observe.slo.promql import count, firsts
from qgm_observe.slo.score import TRAFFIC_WINDOW, WINDOWS

from ..waiting import answer_of, until
from .stack import free_port

DAY, HOUR, MINUTE = 86400.0, 3600.0, 60.0
STEP = 5 * MINUTE
START = 1_790_000_100.0
DAYS = 30
JOURNALS = 6
BASE = 'model="m",model_version="1",kind="training",source="journal"'
TRAINING = next(each for each in shipped() if each.name == "training-success")
((FIRST, RULE),) = firsts(TRAINING.indicator.total).items()


@dataclass(frozen=True)
class Journal:
    """Own times of events, when each was recorded, whether it failed; when samples were taken."""

    happened: np.ndarray
    recorded: np.ndarray
    failed: np.ndarray
    samples: np.ndarray

    @property
    def firsts(self) -> np.ndarray:
        """Samples before which there was none for an hour."""
        return self.samples[np.diff(self.samples, prepend=-np.inf) > HOUR]

    def begin(self, at: float, window: float) -> float:
        """When counting begins: with the window, or with its first sample after hours of none."""
        before = self.samples[self.samples <= at - window]
        if before.size and before[-1] > at - window - 6 * HOUR:
            return at - window
        return float(self.firsts[self.firsts > at - window][0])


def journals(seed: int) -> list[Journal]:
    """Random journals, in each half of which nothing was scraped for hours or days."""
    chance = np.random.default_rng(seed)
    grid = START + STEP * np.arange(1, int(DAYS * DAY / STEP) + 1)
    found = []
    for _ in range(JOURNALS):
        number = int(chance.integers(50, 2000))
        happened = np.sort(START + chance.uniform(0, DAYS * DAY, number))
        recorded = happened + chance.exponential(120, number)
        failed = chance.random(number) < chance.uniform(0.02, 0.4)
        samples = grid
        for half in (0, 1):
            away = START + DAYS * DAY * (half + chance.uniform(0.1, 0.8)) / 2
            back = away + chance.uniform(0.5, 60) * HOUR
            samples = samples[(samples < away) | (samples > back)]
        found.append(Journal(happened, recorded, failed, samples))
    return found


def exposition(found: list[Journal]) -> Iterator[str]:
    """Counters by outcome as an exporter of each journal shows them, and what rules record."""
    yield "# TYPE qgm_roots counter\n"
    for each in shown(found):
        yield from (f"qgm_roots_total{{{each.labels}}} {v} {t:.0f}\n" for t, v in each.samples)
    yield f"# TYPE {FIRST} gauge\n"
    for each in shown(found):
        told = f'{FIRST}{{{each.labels},slo="{TRAINING.name}"}}'
        yield from (f"{told} {v} {t:.0f}\n" for t, v in each.samples if t in each.firsts)
    yield "# EOF\n"


@dataclass(frozen=True)
class Shown:
    """A counter with its samples, epoch seconds and counts."""

    labels: str
    samples: list[tuple[float, int]]
    firsts: set[float]


def shown(found: list[Journal]) -> Iterator[Shown]:
    for number, each in enumerate(found):
        for outcome, chosen in (("failure", each.failed), ("success", ~each.failed)):
            counted = np.searchsorted(np.sort(each.recorded[chosen]), each.samples, side="right")
            labels = f'project="p{number}",pipeline="q",{BASE},outcome="{outcome}"'
            samples = list(zip(each.samples.tolist(), counted.tolist(), strict=True))
            yield Shown(labels, samples, set(each.firsts.tolist()))


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory, tools):
    """A Prometheus on thirty days of random journals, and these."""
    folder: Path = tmp_path_factory.mktemp("backfill")
    seed = random.Random(20_261_123).randrange(2**32)
    found = journals(seed)
    (folder / "text").write_text("".join(exposition(found)))
    words = ["tsdb", "create-blocks-from", "openmetrics", "--max-block-duration=480h"]
    subprocess.run(
        [tools("promtool"), *words, folder / "text", folder / "data"],
        check=True,
        capture_output=True,
        timeout=100,
    )
    port = free_port()
    (folder / "prometheus.yml").write_text("{}\n")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                tools("prometheus"),
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                "--storage.tsdb.retention.time=4000d",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=log,
            stderr=log,
        )
    try:
        until(lambda: answer_of(f"http://127.0.0.1:{port}/-/ready") is not None)
        yield Prometheus(f"http://127.0.0.1:{port}"), found
    finally:
        process.terminate()
        process.wait(10)


@pytest.mark.slow
def test_pandas_and_promql_count_the_same(prometheus, capsys):
    """On the recorded axis both give the same counts in every window, at times off the grid too.

    A window that begins in hours without samples, or before there were any, counts from the first
    sample on. How far both are from the exact counts by the events' own times is printed.
    """
    server, found = prometheus
    chance = random.Random(7)
    good, total = TRAINING.indicator.good, TRAINING.indicator.total
    worst, in_gaps = 0.0, 0
    for window in (*WINDOWS, TRAFFIC_WINDOW):
        for _ in range(8):
            tick = START + chance.randrange(24, int(DAYS * DAY / STEP)) * STEP
            at = tick + chance.uniform(0, 200)
            told = {
                name: dict(
                    _by_project(server, count(each, window, ("project",), TRAINING.name), at)
                )
                for name, each in (("good", good), ("total", total))
            }
            for number, each in enumerate(found):
                name = f"p{number}"
                if not np.any((each.samples <= at) & (each.samples > at - HOUR)):
                    assert name not in told["total"]
                    continue
                begin = each.begin(at, window)
                is_whole = begin == at - window
                bad, all_ = _of_history(each, tick, tick - window if is_whole else begin)
                rendered = told["total"][name] - told["good"].get(name, 0.0)
                assert told["total"][name] == pytest.approx(all_, abs=1e-6)
                assert rendered == pytest.approx(bad, abs=1e-6)
                in_gaps += not is_whole
                exact = np.sum((each.happened > begin) & (each.happened <= at) & each.failed)
                worst = max(worst, abs(float(exact) - bad))
    with capsys.disabled():
        sys.stdout.write(f" [at most {worst:g} failures from the exact count; {in_gaps} in gaps]")
    assert worst < 30
    assert in_gaps > 20


@pytest.mark.slow
def test_the_rule_records_first_samples(prometheus):
    """At the first sample after hours without any the rule tells what was there, else nothing."""
    server, found = prometheus
    for number, each in enumerate(found):
        own = RULE.replace("{", f'{{project="p{number}",')
        for first in each.firsts[:2]:
            told = {labels["outcome"]: value for labels, value in server.vector(own, first)}
            failed = np.sum((each.recorded <= first) & each.failed)
            assert told == {"failure": failed, "success": np.sum(each.recorded <= first) - failed}
            assert server.vector(own, first + 2 * HOUR) == []


def _by_project(server, query, at):
    """Counts by project; the newest sample is taken as an instant query sees it."""
    for labels, value in server.vector(query, at):
        yield labels["project"], value


def _of_history(journal, at, begin):
    """Bad and all counts since a begin, on a grid of minutes, of what samples told."""
    place = np.searchsorted(journal.samples, journal.recorded)
    seen = place < journal.samples.size
    sampled, failed = journal.samples[place[seen]], journal.failed[seen]
    history = History(["all"], at, 1, at - begin)
    history.add(sampled, np.zeros(sampled.size), np.ones(sampled.size), failed.astype(float))
    bad, total = history.newest(at - begin)
    return float(bad[0]), float(total[0])
