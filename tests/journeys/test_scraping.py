"""A real Prometheus scrapes our endpoint."""

import json
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from qgm_observe.journal.event import Event
from qgm_observe.telemetry.aggregates import Aggregates
from qgm_observe.telemetry.endpoint import Endpoint, serve
from qgm_observe.telemetry.ids import span_id, stage_span_ids

from ..waiting import answer_of, until

HOSTILE = 'dev\ud800ice\u202e "\\\n'
CONFIGURATION = """\
global: {{scrape_interval: 500ms, scrape_timeout: 400ms}}
scrape_configs:
- job_name: qgm
  static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""
WAIT = 30.0
RUN = "5b8aa5a2d2c872e8321cf37308d69df2"

Ask = Callable[..., Any]
Query = Callable[[str], list[Any]]


@pytest.fixture
def aggregates() -> Aggregates:
    """Aggregates that are scraped twice a second."""
    return Aggregates(scrape_interval=0.5)


@pytest.fixture
def endpoint(aggregates: Aggregates) -> Iterator[Endpoint]:
    """Their endpoint."""
    with serve(aggregates.exposition, port=0) as endpoint:
        yield endpoint


@pytest.fixture
def ask(endpoint: Endpoint, tools: Callable[[str], Path], tmp_path: Path) -> Iterator[Ask]:
    """A Prometheus that scrapes the endpoint and keeps exemplars; gives `data` of its API."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    configuration = tmp_path / "prometheus.yml"
    configuration.write_text(CONFIGURATION.format(port=endpoint.port))
    process = subprocess.Popen(
        [
            tools("prometheus"),
            f"--config.file={configuration}",
            f"--storage.tsdb.path={tmp_path / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--enable-feature=exemplar-storage",
        ],
        stderr=subprocess.DEVNULL,
    )

    def get(what: str, **words: object) -> Any:
        url = f"http://127.0.0.1:{port}/api/v1/{what}?{urllib.parse.urlencode(words)}"
        answer = answer_of(url)
        return [] if answer is None else json.loads(answer)["data"]

    yield get
    process.terminate()
    process.wait(10)


@pytest.fixture
def query(ask: Ask) -> Query:
    """That Prometheus, to be asked for the present value of an expression."""

    def evaluate(expression: str) -> list[Any]:
        data = ask("query", query=expression)
        return list(data["result"]) if data else []

    return evaluate


@pytest.mark.slow
def test_prometheus_sees_the_first_failure_of_all(aggregates: Aggregates, query: Query) -> None:
    """Every sample is taken, hostile labels included, and one first failure is an increase of 1."""
    until(lambda: [each["value"][1] for each in query("up")] == ["1"])
    body = {
        "model": "qcbm",
        "device": HOSTILE,
        "outcome": "failure",
        "duration": 1.0,
        "error": {"class": "quota", "stage": "submit"},
    }
    row = Event(verb="finished", noun="job", subject="0a", at=0.0, body=body, id="0a/finished")
    aggregates.fold([row])
    failures = 'qgm_job_errors_total{error_class="quota"}'
    until(lambda: [each["value"][1] for each in query(failures)] == ["1"])
    changed = query(f"{failures} - min_over_time({failures}[30s])")
    (device,) = {each["metric"]["device"] for each in query(failures)}
    exposed = aggregates.exposition().text.count(b"\nqgm_")
    until(lambda: [x["value"][1] for x in query("scrape_samples_scraped")] == [str(exposed)])

    assert [each["value"][1] for each in changed] == ["1"]
    assert float(query(f"increase({failures}[30s])")[0]["value"][1]) > 0.5
    assert device == 'dev\ufffdice\ufffd "\\\ufffd'
    assert len(query('{__name__=~"qgm_.*"}')) == exposed


@pytest.mark.slow
def test_prometheus_finds_the_trace_of_a_slow_stage(aggregates: Aggregates, ask: Ask) -> None:
    """Prometheus asks for OpenMetrics, and its exemplars lead to the spans of job and stage."""
    now = time.time()
    stages = [["submit", 0.0, 0.5, "local"], ["queue", 0.5, 90.0, "provider"]]
    body = {"model": "qcbm", "outcome": "success", "duration": 90.5, "stages": stages}
    job = Event(
        verb="finished",
        noun="job",
        subject="00f067aa0ba902b7",
        run=RUN,
        at=now,
        body=body,
        id="00f067aa0ba902b7/finished",
    )
    aggregates.fold([job])
    spans = {
        "qgm_job_duration_seconds_bucket": span_id(job.subject),
        'qgm_job_stage_duration_seconds_bucket{stage="queue"}': stage_span_ids(job.subject, 2)[1],
    }
    times = {"start": now - 60, "end": now + 60}
    for series, span in spans.items():
        until(lambda name=series: ask("query_exemplars", query=name, **times))
        (told,) = ask("query_exemplars", query=series, **times)
        (exemplar,) = told["exemplars"]

        assert exemplar["labels"] == {"trace_id": RUN, "span_id": f"{span:016x}"}
        assert exemplar["timestamp"] == pytest.approx(now, abs=0.001)
        assert float(exemplar["value"]) == (90.0 if "stage" in series else 90.5)
