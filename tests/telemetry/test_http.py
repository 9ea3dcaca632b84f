"""The little of HTTP that a scrape needs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgm_observe.telemetry import http
from qgm_observe.telemetry.openmetrics import OPENMETRICS

PROMETHEUS = (
    b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:9464\r\nUser-Agent: Prometheus/2.42.0\r\n"
    b"Accept: application/openmetrics-text;version=1.0.0,"
    b"application/openmetrics-text;version=0.0.1;q=0.75,"
    b"text/plain;version=0.0.4;q=0.5,*/*;q=0.1\r\nAccept-Encoding: gzip\r\n"
    b"X-Prometheus-Scrape-Timeout-Seconds: 10"
)


def test_the_request_of_prometheus_is_understood():
    """A scrape as Prometheus sends it asks for OpenMetrics in gzip on a connection that stays."""
    assert http.parsed(PROMETHEUS) == http.Request(
        "GET", "/metrics", gzip=True, keep=True, form=OPENMETRICS
    )


@pytest.mark.parametrize(
    ("head", "keep"),
    [
        (b"GET / HTTP/1.1", True),
        (b"GET / HTTP/1.1\r\nConnection: close", False),
        (b"GET / HTTP/1.0", False),
        (b"POST / HTTP/1.1\r\nContent-Length: 5", False),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked", False),
        (b"GET / HTTP/1.1\r\nContent-Length: 0", True),
    ],
)
def test_a_connection_stays_only_where_both_may_go_on(head, keep):
    """HTTP/1.0, `Connection: close` and a body we do not read end the connection."""
    request = http.parsed(head)

    assert request is not None
    assert request.keep is keep


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"GET",
        b"GET /metrics",
        b"GET /metrics HTTP/2",
        b"GET  /metrics HTTP/1.1",
        b"GET metrics HTTP/1.1",
        b"GET http://x/metrics HTTP/1.1",
        b"GET / HTTP/1.1\r\nno colon",
        b"GET / HTTP/1.1\r\n: no name",
        b"GET / HTTP/1.1\r\nspaced : x",
        b"GET / HTTP/1.1\r\n folded: x",
        b"\x16\x03\x01\x02\x00\x01\x00\x01",
    ],
)
def test_what_is_no_request_is_none(head):
    """Broken lines, folded fields and a TLS greeting are no request."""
    assert http.parsed(head) is None


@given(st.binary(max_size=200))
def test_any_bytes_are_parsed_or_refused(head):
    """No bytes raise."""
    request = http.parsed(head)

    assert request is None or request.path.startswith("/")


def test_a_query_is_no_part_of_the_path():
    """Parameters that a scrape configuration may add do not lead elsewhere."""
    request = http.parsed(b"GET /metrics?target=x HTTP/1.1")

    assert request is not None
    assert request.path == "/metrics"


def test_the_answer_to_a_scrape_says_what_it_is():
    """Type, length and encoding are told, and that a cache has to ask again."""
    answer = http.metrics(b"12345", gzip=True, keep=True)

    assert answer.head == (
        b"HTTP/1.1 200 OK\r\n"
        b"Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
        b"Content-Length: 5\r\n"
        b"X-Content-Type-Options: nosniff\r\n"
        b"Vary: Accept, Accept-Encoding\r\n"
        b"Cache-Control: no-store\r\n"
        b"Content-Encoding: gzip\r\n"
        b"\r\n"
    )
    assert answer.body == b"12345"


def test_the_answer_names_the_format_it_is_in():
    """OpenMetrics is told by its media type and version."""
    answer = http.metrics(b"# EOF\n", gzip=False, keep=True, form=OPENMETRICS)

    assert (
        b"\r\nContent-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n"
        in answer.head
    )


def test_a_last_answer_says_so():
    """An answer after which the connection ends says Connection: close."""
    assert b"\r\nConnection: close\r\n\r\n" in http.line(404, "no", keep=False).head
    assert b"Connection" not in http.page(keep=True).head
