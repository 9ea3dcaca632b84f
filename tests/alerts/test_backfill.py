"""Thirty days in a real Prometheus: what rules count is what pandas counts."""

import random
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from qgm_observe.slo.history import History
from qgm_observe.slo.loading import shipped
from qgm_observe.slo.prometheus import Prometheus
from qgm_observe.slo.promql import count
from qgm_observe.slo.score import TRAFFIC_WINDOW, WINDOWS

from .stack import PATIENCE, free_port

DAY, MINUTE = 86400.0, 60.0
STEP = 5 * MINUTE
START = 1_790_000_100.0
DAYS = 30
JOURNALS = 6
BASE = 'model="m",model_version="1",kind="training",source="journal"'
TRAINING = next(each for each in shipped() if each.name == "training-success")


def journals(seed: int) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Random journals: own times of events, when each was recorded, and whether it failed."""
    chance = np.random.default_rng(seed)
    found = []
    for _ in range(JOURNALS):
        number = int(chance.integers(50, 2000))
        happened = np.sort(START + chance.uniform(0, DAYS * DAY, number))
        recorded = happened + chance.exponential(120, number)
        failed = chance.random(number) < chance.uniform(0.02, 0.4)
        found.append((happened, recorded, failed))
    return found


def exposition(found: list[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> Iterator[str]:
    """Counters by outcome, sampled each five minutes, as an exporter of each journal shows them."""
    grid = START + STEP * np.arange(1, int(DAYS * DAY / STEP) + 1)
    yield "# TYPE qgm_roots counter\n"
    for number, (_, recorded, failed) in enumerate(found):
        for outcome, chosen in (("failure", failed), ("success", ~failed)):
            counted = np.searchsorted(np.sort(recorded[chosen]), grid, side="right")
            labels = f'project="p{number}",pipeline="q",{BASE},outcome="{outcome}"'
            name = f"qgm_roots_total{{{labels}}}"
            for at, value in zip(grid, counted, strict=True):
                yield f"{name} {value} {at:.0f}\n"
    yield "# EOF\n"


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
        _wait(f"http://127.0.0.1:{port}/-/ready")
        yield Prometheus(f"http://127.0.0.1:{port}"), found
    finally:
        process.terminate()
        process.wait(10)


def _wait(url: str) -> None:
    pause = threading.Event()
    for _ in range(int(PATIENCE / 0.1)):
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except OSError:
            pause.wait(0.1)
    raise AssertionError(f"{url}: not within {PATIENCE:g} s")


@pytest.mark.slow
def test_pandas_and_promql_count_the_same(prometheus, capsys):
    """On the recorded axis both give the same counts in every window, at times off the grid too.

    How far both are from the exact counts by the events' own times is printed.
    """
    server, found = prometheus
    chance = random.Random(7)
    good, total = TRAINING.indicator.good, TRAINING.indicator.total
    worst = 0.0
    for window in (*WINDOWS, TRAFFIC_WINDOW):
        for _ in range(4):
            ticks = chance.randrange(int((window + 6 * 3600) // STEP), int(DAYS * DAY / STEP))
            at = START + ticks * STEP + chance.uniform(0, 200)
            told = {
                outcome: dict(_by_project(server, count(selected, window, ("project",)), at))
                for outcome, selected in (("good", good), ("total", total))
            }
            for number, (happened, recorded, failed) in enumerate(found):
                bad, all_ = _of_history(recorded, failed, START + ticks * STEP, window)
                name = f"p{number}"
                rendered = told["total"][name] - told["good"].get(name, 0.0)
                assert told["total"][name] == pytest.approx(all_, abs=1e-6)
                assert rendered == pytest.approx(bad, abs=1e-6)
                exact = np.sum((happened > at - window) & (happened <= at) & failed)
                worst = max(worst, abs(float(exact) - bad))
    with capsys.disabled():
        sys.stdout.write(f" [at most {worst:g} failures from the exact count]")
    assert worst < 30


def _by_project(server, query, at):
    """Counts by project; the newest sample is taken as an instant query sees it."""
    for labels, value in server.vector(query, at):
        yield labels["project"], value


def _of_history(recorded, failed, at, window):
    """Bad and all counts of a window, on a grid of minutes, of what was recorded."""
    sampled = START + np.ceil((recorded - START) / STEP) * STEP
    history = History(["all"], at, 1, window)
    history.add(sampled, np.zeros(sampled.size), np.ones(sampled.size), failed.astype(float))
    bad, total = history.newest(window)
    return float(bad[0]), float(total[0])
