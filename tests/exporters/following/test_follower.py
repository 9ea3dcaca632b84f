"""Tests of following: real processes, one of them killed, pruning, restarts, a real Prometheus."""

import json
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from qgm_observe.exporters.following.discovery import discover
from qgm_observe.exporters.journal import JournalExporter, open_exporter
from qgm_observe.journal import Event, Totals, open_journal
from qgm_observe.journal.totals import SCALES
from qgm_observe.records.process import Process, current_process
from qgm_observe.telemetry.endpoint import serve
from qgm_observe.telemetry.prometheus import Exposition, Form

from ...waiting import answer_of, until
from ..journals import (
    NOW,
    REMOTE,
    Clock,
    close_all,
    counters,
    fill,
    finished,
    has,
    samples,
    totals_of,
)

WAIT = 30.0

WRITER = """
import os, random, signal, sys, time
import qgm_observe as qgm
path, mode, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
settings = qgm.configure(journal=__import__("pathlib").Path(path), pipeline=mode)
for number in range(count):
    try:
        with qgm.run(model="qcbm"), qgm.job(shots=100):
            if number % 7 == 3:
                raise RuntimeError("now and then")
    except RuntimeError:
        pass
    if number % 20 == 0:
        qgm.flush()
        print(number, flush=True)
if mode == "killed":
    with qgm.run(model="qcbm") as run:
        qgm.flush()
        time.sleep(1.2)
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(autouse=True)
def closing() -> Iterator[None]:
    """Closes the journals of a test."""
    yield
    close_all()


def write(path: Path, mode: str, count: int) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", WRITER, str(path), mode, str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def shown(totals: Totals, exporter: JournalExporter, signal_name: str) -> tuple[float, float]:
    """The sum of a counter in the journals, and on the page."""
    told = sum(totals.counters.get(signal_name, {}).values()) / SCALES[signal_name]
    name = f"{signal_name.replace('.', '_')}_total"
    return told, sum(value for _, value in samples(exporter, name))


def fallen(before: dict[str, float], after: dict[str, float]) -> list[str]:
    return [told for told, value in before.items() if after.get(told, -1.0) < value]


@pytest.mark.slow
@pytest.mark.parametrize("form", ["sqlite", "jsonl"])
def test_counters_equal_the_journal_over_kill_prune_and_restarts(form: str, tmp_path: Path) -> None:
    """Three processes, one killed with -9, pruning and restarts in between: no counter falls."""
    chance = random.Random(5)
    path = tmp_path / ("lines" if form == "jsonl" else "a.db")
    if form == "jsonl":
        path.mkdir()
        fill(path, form="jsonl")
    clock = Clock()
    clock.now = time.time()
    writers = [write(path, mode, 120) for mode in ("one", "two", "killed")]
    exporter = JournalExporter([str(path)], None, clock)
    seen: dict[str, float] = {}
    drops: list[str] = []
    deadline = time.monotonic() + WAIT
    while any(each.poll() is None for each in writers) and time.monotonic() < deadline:
        clock.now += 1.0
        exporter.tick()
        drops += fallen(seen, counters(exporter))
        seen = counters(exporter)
        if chance.random() < 0.3 and path.exists():
            with open_journal(path) as journal:
                journal.prune(time.time() + 1, older_than_seconds=0, max_bytes=2**40)
        if chance.random() < 0.3:
            if chance.random() < 0.5:
                exporter._save(clock.now, at_once=True)
            exporter.stop(1)
            exporter = JournalExporter([str(path)], None, clock)
            drops += [told for told in fallen(seen, counters(exporter)) if seen[told] > 0]
            seen = {}
        threading.Event().wait(0.05)
    codes = [each.wait(WAIT) for each in writers]
    for each in writers:
        each.communicate()
    for _ in range(4):
        clock.now += 31.0
        exporter.tick()
    totals = totals_of([path])

    for name in ("qgm.jobs", "qgm.runs", "qgm.job.errors", "qgm.job.shots"):
        told, page = shown(totals, exporter, name)
        assert told == page > 0
    exporter.stop(1)
    assert codes == [0, 0, -signal.SIGKILL]
    assert drops == []
    assert (
        sum(v for t, v in samples(exporter, "qgm_runs_total") if has(t, {"outcome": "lost"})) == 1
    )


class Page:
    """What a scrape gets, whichever exporter is the present one."""

    def __init__(self, exporter: JournalExporter) -> None:
        self.exporter = exporter

    def __call__(self, form: Form) -> Exposition:
        page = self.exporter.exposition(form)
        assert page is not None
        return page


CONFIGURATION = """\
global: {{scrape_interval: 500ms, scrape_timeout: 400ms}}
scrape_configs:
- job_name: qgm
  honor_labels: true
  static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""


@pytest.fixture
def prometheus(
    tools: Callable[[str], Path], tmp_path: Path
) -> Iterator[Callable[[int], Callable[[str], list[Any]]]]:
    """Starts a Prometheus that scrapes a port twice a second; gives a way to ask it."""
    begun: list[subprocess.Popen[bytes]] = []

    def start(target: int) -> Callable[[str], list[Any]]:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        configuration = tmp_path / "prometheus.yml"
        configuration.write_text(CONFIGURATION.format(port=target))
        words = [
            f"--config.file={configuration}",
            f"--storage.tsdb.path={tmp_path / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ]
        begun.append(subprocess.Popen([tools("prometheus"), *words], stderr=subprocess.DEVNULL))

        def query(expression: str) -> list[Any]:
            words = urllib.parse.urlencode({"query": expression})
            answer = answer_of(f"http://127.0.0.1:{port}/api/v1/query?{words}")
            return [] if answer is None else list(json.loads(answer)["data"]["result"])

        return query

    yield start
    for process in begun:
        process.terminate()
        process.wait(10)


@pytest.mark.slow
def test_prometheus_sees_the_first_failure_of_a_new_label_set(
    prometheus: Callable[[int], Callable[[str], list[Any]]], tmp_path: Path
) -> None:
    """One failure of a label set never seen before is an increase of 1; a restart is no reset."""
    journal = fill(tmp_path / "a.db", finished())
    config = tmp_path / "export.yml"
    config.write_text(
        f"scrape_interval_seconds: 0.5\nfollow_seconds: 0.1\nstate: {tmp_path / 'state'}\n"
    )
    page = Page(open_exporter([tmp_path / "a.db"], config))
    page.exporter.start()
    failures = 'qgm_jobs_total{outcome="failure",device="ibm_fez"}'
    with serve(page, port=0) as endpoint:
        query = prometheus(endpoint.port)
        until(lambda: [each["value"][1] for each in query("up")] == ["1"])
        journal.append([finished(outcome="failure", labels=REMOTE)])
        until(lambda: [each["value"][1] for each in query(failures)] == ["1"])
        increase = float(query(f"increase({failures}[30s])")[0]["value"][1])
        exact = query(f"{failures} - min_over_time({failures}[30s])")
        page.exporter.stop(5)
        page.exporter = open_exporter([tmp_path / "a.db"], config)
        page.exporter.start()
        journal.append([finished(outcome="failure", labels=REMOTE)])
        until(lambda: [each["value"][1] for each in query(failures)] == ["2"])
        resets = query(f"resets({failures}[30s])")
    page.exporter.stop(5)

    assert increase > 0.5
    assert [each["value"][1] for each in exact] == ["1"]
    assert [each["value"][1] for each in resets] == ["0"]


def test_a_row_that_makes_no_sense_costs_itself_alone(tmp_path: Path) -> None:
    """A finished row whose stages are numbers counts nothing, and keeps no other from counting."""
    odd = finished(stages=[1, 2])
    fill(tmp_path / "a.db", finished(), odd, finished())
    exporter = JournalExporter([str(tmp_path / "a.db")], None, Clock())
    exporter._passed = True
    exporter.tick()
    exporter._clock.now += 31  # type: ignore[attr-defined]
    exporter.tick()

    total = sum(value for _, value in samples(exporter, "qgm_jobs_total"))
    exporter.stop(1)
    assert total == 2


def test_discovery_leads_to_journals_alone(tmp_path: Path) -> None:
    """Files beside a journal, empty folders and other files are no journals."""
    fill(tmp_path / "a.db", finished())
    fill(tmp_path / "lines", finished(), form="jsonl")
    (tmp_path / "notes.txt").write_text("no journal")
    (tmp_path / "folder").mkdir()

    in_folder = [each.path.name for each in discover([str(tmp_path)])]
    by_pattern = [each.path.name for each in discover([str(tmp_path / "*.db*")])]
    named = discover([str(tmp_path / "absent.db")])

    assert in_folder == ["a.db", "lines.jsonl"]
    assert by_pattern == ["a.db"]
    assert [(each.path.name, each.expected) for each in named] == [("absent.db", True)]


def test_a_process_of_another_container_is_not_judged_by_its_number() -> None:
    """One that shares our host's name and boot, but numbers its processes apart, may be alive."""
    here = current_process()
    boot = here.boot.partition("/")[0]
    elsewhere = Process(here.host, f"{boot}/1", here.pid, here.started + 1)

    assert elsewhere.is_gone() is None
    assert Process(here.host, here.boot, here.pid, here.started + 1).is_gone() is True
    assert Process(here.host, here.boot, here.pid, here.started).is_gone() is False


def test_events_are_folded_as_they_are_counted(tmp_path: Path) -> None:
    """An opened run shows all its outcomes at 0 before any has ended."""
    body = {"project": "p", "model": "qcbm", "kind": "training", "start": NOW}
    opened = Event(verb="opened", noun="run", subject="r", at=NOW, id="r/opened", body=body)
    fill(tmp_path / "a.db", opened)
    exporter = JournalExporter([str(tmp_path / "a.db")], None, Clock())
    exporter.tick()
    told = samples(exporter, "qgm_runs_total")
    exporter.stop(1)

    assert len(told) == 6
    assert {value for _, value in told} == {0}
