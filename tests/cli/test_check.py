"""`qgm-observe check URL`: exit codes and one line for each finding."""

import gzip
import json
import socket
from collections.abc import Iterator

import pytest

from qgm_observe.cli import main
from qgm_observe.cli.check import address
from qgm_observe.errors import UsageError
from qgm_observe.telemetry.aggregates import Aggregates
from qgm_observe.telemetry.endpoint import Endpoint, serve
from qgm_observe.telemetry.prometheus import Exposition


@pytest.fixture
def place() -> Iterator[tuple[Endpoint, list[bytes]]]:
    """An endpoint and the text that it serves, to be changed."""
    text = [Aggregates().exposition().text]
    with serve(lambda: Exposition(text[0], gzip.compress(text[0])), port=0) as endpoint:
        yield endpoint, text


def test_a_conforming_endpoint_is_ok(place, capsys):
    """Exit code 0, notes for what had no data yet, and a last line that says ok."""
    code = main(["check", place[0].url])
    lines = capsys.readouterr().out.splitlines()

    assert code == 0
    assert "note: qgm_jobs_total has had no data yet" in lines
    assert lines[-1] == "ok: 5 families, 5 samples of qgm-observe"


def test_findings_are_exit_code_1_and_one_line_each(place, capsys):
    """Unknown families and duplicates are told, one line each, with the count at the end."""
    line = 'qgm_observe_intent_gaps_total{source="process"} 0\n'
    place[1][0] += f"# TYPE qgm_made_up gauge\nqgm_made_up 1\n{line}".encode()
    code = main(["check", place[0].url])
    lines = capsys.readouterr().out.splitlines()

    assert code == 1
    assert [x for x in lines if not x.startswith("note: ")] == [
        'duplicate series: qgm_observe_intent_gaps_total {source="process"} stands 2 times',
        "unknown: qgm_made_up is not in the catalog",
        "2 findings: 6 families, 7 samples of qgm-observe",
    ]


def test_json_is_one_object(place, capsys):
    """Machines get the same findings and notes as JSON."""
    place[1][0] += b"# TYPE qgm_made_up gauge\nqgm_made_up 1\n"
    code = main(["check", "--json", place[0].url])
    told = json.loads(capsys.readouterr().out)

    assert code == 1
    assert told["findings"] == [
        {"kind": "unknown", "family": "qgm_made_up", "message": "is not in the catalog"}
    ]
    assert (told["url"], told["ok"], told["families"]) == (place[0].url, False, 6)
    assert {"kind": "absent", "family": "qgm_jobs_total", "message": "has had no data yet"} in told[
        "notes"
    ]


def test_the_address_may_be_short(place, capsys):
    """Host and port alone mean http and /metrics."""
    code = main(["check", f"127.0.0.1:{place[0].port}"])

    assert code == 0
    assert capsys.readouterr().out.endswith("of qgm-observe\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "does not answer with metrics: is it the right address?"),
        (b"<html>hello</html>\n", "does not answer with metrics"),
        (b"# just a comment\n", "does not answer with metrics: is it the right address?"),
        (b'qgm_x{a="1",a="2"} 1\n', "does not answer with metrics"),
        (b"\xff\xfe\x00", "does not answer with metrics: is it the right address?"),
    ],
)
def test_what_is_no_exposition_is_exit_code_2(place, capsys, text, message):
    """A page, garbage and nothing at all are one line on standard error."""
    place[1][0] = text
    code = main(["check", place[0].url])
    told = capsys.readouterr()

    assert (code, told.out, told.err.count("\n")) == (2, "", 1)
    assert message in told.err


def test_a_wrong_path_is_exit_code_2(place, capsys):
    """An answer of 404 says to write where the metrics are."""
    url = place[0].url.replace("/metrics", "/nothing")

    assert main(["check", url]) == 2
    assert capsys.readouterr().err == (
        f"qgm-observe: {url} answers 404: write where the metrics are\n"
    )


def test_nobody_there_is_exit_code_2(capsys):
    """A port where nobody listens is told in one line."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    assert main(["check", f"http://127.0.0.1:{port}/metrics"]) == 2
    assert "is not reached (" in capsys.readouterr().err


def test_who_does_not_answer_is_not_waited_for(capsys):
    """A server that accepts and stays silent costs no more than --timeout."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/metrics"

        assert main(["check", url, "--timeout", "0.1"]) == 2
    assert "timed out" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("localhost:9464", "http://localhost:9464/metrics"),
        ("http://localhost:9464/", "http://localhost:9464/metrics"),
        ("https://example.org/custom", "https://example.org/custom"),
        ("http://[::1]:9464", "http://[::1]:9464/metrics"),
    ],
)
def test_an_address_is_completed(given, meant):
    """Scheme and path that were left out are the usual ones."""
    assert address(given) == meant


@pytest.mark.parametrize(
    "given", ["file:///etc/passwd", "ftp://x/metrics", "http://", "", "http://[::1", "x:port"]
)
def test_what_is_no_web_address_is_refused(given):
    """Only http and https are fetched; anything else says what to write."""
    with pytest.raises(UsageError, match="write an address such as"):
        address(given)
