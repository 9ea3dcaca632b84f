"""`qgm-observe check URL`: exit codes and one line for each finding."""

import gzip
import json
import socket
from collections.abc import Iterator

import pytest

from qgm_observe.catalog import SIGNALS
from qgm_observe.cli import main
from qgm_observe.cli.check import Reply, address, examined
from qgm_observe.errors import UsageError
from qgm_observe.journal.event import Event
from qgm_observe.telemetry import http
from qgm_observe.telemetry.aggregates import Aggregates
from qgm_observe.telemetry.endpoint import Endpoint, serve
from qgm_observe.telemetry.openmetrics import MEDIA_TYPE, OPENMETRICS
from qgm_observe.telemetry.prometheus import CLASSIC, Exposition

OWN = [s for s in SIGNALS.values() if s.name.startswith("qgm.observe.")]
ALWAYS = sum(s.kind == "info" or (s.kind == "counter" and not s.labels) for s in OWN)
"""Families that are there before anything happened, each with one sample."""


@pytest.fixture
def place() -> Iterator[tuple[Endpoint, list[bytes]]]:
    """An endpoint and the text that it serves, to be changed."""
    text = [Aggregates().exposition().text]
    with serve(lambda _: Exposition(text[0], gzip.compress(text[0])), port=0) as endpoint:
        yield endpoint, text


def test_a_conforming_endpoint_is_ok(place, capsys):
    """Exit code 0, one note for all that had no data yet, and a last line that says ok."""
    code = main(["check", place[0].url])
    lines = capsys.readouterr().out.splitlines()

    assert code == 0
    absent = len(SIGNALS) - ALWAYS
    assert lines[0] == f"note: {absent} signals have had no data yet; --verbose lists them"
    assert main(["check", place[0].url, "--verbose"]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert "note: qgm_jobs_total has had no data yet" in listed
    assert (len(lines), len(listed)) == (2, absent + 1)
    assert lines[-1] == f"ok: {ALWAYS} families, {ALWAYS} samples of qgm-observe"


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
        f"2 findings: {ALWAYS + 1} families, {ALWAYS + 2} samples of qgm-observe",
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
    assert (told["url"], told["ok"], told["families"]) == (place[0].url, False, ALWAYS + 1)
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


BODY = {
    "model": 'a } "b" # {c} \\',
    "outcome": "success",
    "duration": 0.25,
    "stages": [["queue", 0.0, 0.2]],
}


def opened() -> str:
    """Give an OpenMetrics text with exemplars, with a model named to be hard to read."""
    now = [0.0]
    aggregates = Aggregates(clock=lambda: now[0])
    job = Event(verb="finished", noun="job", subject="0a", at=1.0, body=BODY, id="0a/finished")
    aggregates.fold([job])
    now[0] = 60.0
    return aggregates.exposition(OPENMETRICS).text.decode()


def findings(text: str) -> list[tuple[str, str]]:
    """Give kind and message of what is found in an OpenMetrics text."""
    return [(each.kind, each.message) for each in examined(Reply(MEDIA_TYPE, text)).findings]


def test_openmetrics_with_exemplars_is_ok():
    """Exemplars are allowed there, and every sample is read under its name in the catalog."""
    text = opened()
    report = examined(Reply(MEDIA_TYPE, text))

    assert text.count(" # {trace_id=") == 2
    assert report.findings == []
    assert report.series == sum(not line.startswith("#") for line in text.splitlines())


@pytest.mark.parametrize(
    ("form", "asked"), [("openmetrics", MEDIA_TYPE), ("text", "text/plain; version=0.0.4")]
)
def test_the_format_is_asked_for(capsys, monkeypatch, form, asked):
    """`--format` decides what is preferred; our own endpoint conforms in either."""
    heads: list[str] = []
    parsed = http.parsed
    monkeypatch.setattr(http, "parsed", lambda head: heads.append(head.decode()) or parsed(head))
    with serve(Aggregates().exposition, port=0) as endpoint:
        code = main(["check", "--format", form, endpoint.url])

    assert code == 0
    assert capsys.readouterr().out.endswith("samples of qgm-observe\n")
    assert f"\r\nAccept: {asked}" in heads[0]


def test_another_format_than_asked_for_is_found(capsys, monkeypatch):
    """An endpoint that only speaks the classic text is told so, and compared all the same."""
    monkeypatch.setattr(http, "accepted_form", lambda field: CLASSIC)
    http.parsed.cache_clear()
    with serve(Aggregates().exposition, port=0) as endpoint:
        code = main(["check", "--format", "openmetrics", endpoint.url])
    http.parsed.cache_clear()
    line = "wrong format: text/plain came where application/openmetrics-text was asked for"

    assert code == 1
    assert line in capsys.readouterr().out.splitlines()


@pytest.mark.parametrize(
    ("old", "new", "finding"),
    [
        ("# EOF\n", "", "Missing # EOF at end"),
        (
            "# UNIT qgm_job_duration_seconds seconds",
            "# UNIT qgm_job_duration_seconds hours",
            "is not kept to: Unit",
        ),
        ("} 0.25 1.000", "} 0.25 soon", "is not kept to"),
        (' # {trace_id="', f' # {{long="{"x" * 130}",trace_id="', "Exemplar labels are too long"),
        ("# TYPE qgm_jobs counter", "# TYPE qgm_jobs untyped", "Invalid TYPE"),
    ],
)
def test_a_breach_of_the_specification_is_found(old, new, finding):
    """What a strict parser refuses is a finding with its words."""
    text = opened()
    assert old in text
    told = findings(text.replace(old, new))

    assert any(kind == "bad format" and finding in message for kind, message in told)


def test_a_repeated_openmetrics_sample_is_found():
    """A line that stands twice is a duplicate series there too, exemplar or not."""
    text = opened()
    (line,) = [x for x in text.splitlines() if x.startswith("qgm_job_d") and "0.25 1.000" in x]
    told = findings(text.replace(line, f"{line}\n{line}"))

    assert "duplicate series" in [kind for kind, _ in told]


def test_an_openmetrics_family_nobody_knows_is_found():
    """Names are compared as the catalog has them: a counter's with its suffix."""
    text = opened().replace("# EOF", "# TYPE qgm_made_up counter\nqgm_made_up_total 1\n# EOF")

    assert findings(text) == [("unknown", "is not in the catalog")]
    assert [f.family for f in examined(Reply(MEDIA_TYPE, text)).findings] == ["qgm_made_up_total"]


def test_openmetrics_without_samples_is_exit_code_2(capsys):
    """Nothing to compare is told in one line."""
    empty = Exposition(b"# EOF\n", gzip.compress(b"# EOF\n"))
    with serve(lambda _: empty, port=0) as endpoint:
        code = main(["check", "--format", "openmetrics", endpoint.url])

    assert (code, capsys.readouterr().err.count("\n")) == (2, 1)
