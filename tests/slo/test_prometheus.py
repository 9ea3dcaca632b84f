"""Status from a Prometheus: the real server over four weeks, and one that answers badly."""

import http.server
import json
import random
import threading
import time
from contextlib import contextmanager

import pytest

from qgm_observe.errors import UsageError
from qgm_observe.journal import open_journal
from qgm_observe.slo import journaled
from qgm_observe.slo.loading import shipped
from qgm_observe.slo.prometheus import Prometheus
from qgm_observe.slo.scraped import statuses

from .conftest import free_port

DAY, STEP = 86400, 600
NOW = int(time.time()) // 3600 * 3600 - 6 * 3600
WORK = 'project="chem",pipeline="nightly",model="qcbm",model_version="3",kind="training"'
NAMES = ("training-success", "telemetry-coverage")


def backfill(runs):
    """Counters of runs by outcome and a journal that was away for a day, each ten minutes."""
    yield "# TYPE qgm_roots counter"
    for outcome in ("success", "failure"):
        ends = sorted(at for at, ended in runs if ended == outcome)
        for at in range(NOW - 36 * DAY, NOW + STEP, STEP):
            count = sum(end <= at for end in ends)
            yield f'qgm_roots_total{{{WORK},outcome="{outcome}",source="journal"}} {count} {at}'
    yield "# TYPE qgm_exporter_journal_up gauge"
    for at in range(NOW - 30 * DAY, NOW + STEP, STEP // 2):
        yield f'qgm_exporter_journal_up{{journal="a"}} {int(at <= NOW - DAY)} {at}'
    yield "# EOF"


@pytest.fixture(scope="module")
def runs():
    """Ten runs a day for five weeks that end a moment before a sample, one in twelve badly."""
    draw = random.Random(7)
    ends = [NOW - draw.randrange(35 * DAY // STEP) * STEP - 1 for _ in range(350)]
    return [(at, "failure" if draw.random() < 1 / 12 else "success") for at in ends]


@pytest.fixture(scope="module")
def server(holding, runs):
    """A Prometheus that holds four weeks."""
    with holding(backfill(runs)) as url:
        yield url


def judged(server):
    objectives = [each for each in shipped() if each.name in NAMES]
    found = statuses(objectives, Prometheus(server), NOW)
    return {each.objective.name: each for each in found}


def test_a_prometheus_and_a_journal_agree(server, runs, recorded, ended):
    """Counts, budget, burn and evidence of the same runs are equal from both."""
    events = [ended("run", at, outcome=outcome) for at, outcome in runs]
    with open_journal(recorded(events), read_only=True) as journal:
        (theirs,) = journaled.statuses(
            [each for each in shipped() if each.name == "training-success"], journal, NOW
        )
    ours = judged(server)["training-success"]

    assert theirs.bad > 5
    assert (ours.bad, ours.total) == (theirs.bad, theirs.total)
    assert ours.left == pytest.approx(theirs.left, abs=1e-9)
    assert ours.burn == pytest.approx(theirs.burn)
    assert ours.score == pytest.approx(theirs.score)
    assert ours.threshold == pytest.approx(theirs.threshold)


def test_minutes_are_counted_by_the_minute(server):
    """A journal that could not be read for a day is 1,440 bad minutes of 28 days."""
    found = judged(server)["telemetry-coverage"]
    assert found.total in {28 * 1440, 28 * 1440 + 1}  # Prometheus 2 takes both ends of a range
    assert found.bad == pytest.approx(1440, abs=6)
    assert found.left == pytest.approx(1 - 1440 / (28 * 1440 * 0.01), abs=0.02)


@contextmanager
def answering(status, body, seen=None):
    """A server that always answers the same."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            if seen is not None:
                seen.append(self.headers.get("Authorization"))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://user:secret@127.0.0.1:{httpd.server_port}"
        finally:
            httpd.shutdown()
            thread.join(10)


EMPTY = json.dumps({"status": "success", "data": {"result": []}}).encode()


@pytest.mark.parametrize(
    ("token", "header"), [(None, "Basic dXNlcjpzZWNyZXQ="), ("abc", "Bearer abc")]
)
def test_credentials_go_in_the_header(token, header):
    """User and password of the address, or a bearer token, are sent as HTTP has them."""
    seen = []
    with answering(200, EMPTY, seen) as url:
        assert Prometheus(url, token).value("up", NOW) is None
    assert seen == [header]


@pytest.mark.parametrize(
    ("status", "body", "advice"),
    [
        (200, b"<html>", "does not answer as a Prometheus"),
        (401, b"{}", "refused: 401"),
        (400, b'{"status": "error", "error": "parse error"}', "refused: parse error"),
    ],
)
def test_a_server_that_is_none_is_one_line(status, body, advice):
    """What went wrong is told, and no password."""
    with answering(status, body) as url, pytest.raises(UsageError, match=advice) as told:
        Prometheus(url).value("up", NOW)
    assert "secret" not in str(told.value)


def test_nobody_there_is_one_line():
    """A server that does not listen is named with its port."""
    port = free_port()
    with pytest.raises(UsageError, match=f"127.0.0.1:{port} cannot be asked: Connection refused"):
        Prometheus(f"http://127.0.0.1:{port}").value("up", NOW)


@pytest.mark.parametrize("url", ["localhost:9090", "ftp://x", "http://x:99999"])
def test_an_address_that_is_none_is_refused(url):
    """An address begins with http:// or https:// and has a port that exists."""
    with pytest.raises(UsageError, match="--prometheus"):
        Prometheus(url)
