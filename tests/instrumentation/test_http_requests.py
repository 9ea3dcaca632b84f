"""What goes over HTTP: attempts, retries, times."""

import ssl
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from qgm_observe.instrumentation.http_requests import operation_of
from qgm_observe.lifecycle import Recorder, RunHandle
from qgm_observe.testing.provider import IBMProvider

Noted = Callable[[str], list[tuple[list[str], float]]]
WHERE = ["ibm", "us-east"]


@pytest.fixture
def counted(noted: Noted) -> Callable[[str], dict[tuple[str, ...], float]]:
    """Sums a counter by its labels beyond provider and region, which are checked."""

    def read(signal: str) -> dict[tuple[str, ...], float]:
        sums: Counter[tuple[str, ...]] = Counter()
        for labels, value in noted(signal):
            assert labels[:2] == WHERE
            sums[tuple(labels[2:])] += value
        return dict(sums)

    return read


@pytest.mark.parametrize(
    ("method", "path", "operation"),
    [
        ("POST", "/jobs", "submit"),
        ("GET", "/jobs/abc", "read"),
        ("GET", "/jobs/abc/results", "read"),
        ("POST", "/jobs/abc/cancel", "cancel"),
        ("DELETE", "/jobs/abc", "cancel"),
        ("POST", "/sessions", "session"),
        ("DELETE", "/sessions/abc/close", "session"),
        ("GET", "/sessions/abc", "read"),
        ("PUT", "/jobs/abc/tags", "other"),
    ],
)
def test_each_request_is_for_something(method: str, path: str, operation: str) -> None:
    """Method and path of IBM's interface tell what a request is for."""
    assert operation_of(method, path) == operation


def test_a_submission_is_counted_by_attempt(
    submit: Callable[..., Any], provider: IBMProvider, counted: Callable[[str], Any]
) -> None:
    """Two answers of 503 before the third attempt works are three requests and two retries."""
    provider.faults.add("POST", "/jobs", status=503, count=2)
    provider.requests.clear()
    submit()

    requests = counted("qgm.client.requests")
    assert provider.requests.count("POST", "/jobs") == 3
    assert requests["submit", "5xx"] == 2
    assert requests["submit", "2xx"] == 1
    assert counted("qgm.client.retries") == {("submit",): 2}


def test_exhausted_retries_count_every_attempt(
    submit: Callable[..., Any], provider: IBMProvider, counted: Callable[[str], Any]
) -> None:
    """When the client gives up, all six attempts are counted once, five of them as retries."""
    provider.faults.add("POST", "/jobs", status=500)
    provider.requests.clear()
    with pytest.raises(Exception, match="500"):
        submit()

    assert provider.requests.count("POST", "/jobs") == 6
    assert counted("qgm.client.requests")["submit", "5xx"] == 6
    assert counted("qgm.client.retries") == {("submit",): 5}


def test_refusals_and_silence_are_classes_of_their_own(
    submit: Callable[..., Any], provider: IBMProvider, counted: Callable[[str], Any]
) -> None:
    """4xx and 429 are counted as such, a connection that is dropped as one without status."""
    for status in (409, 429):
        provider.faults.add("POST", "/jobs", status=status, count=1)
        with pytest.raises(Exception, match=str(status)):
            submit()
    provider.faults.add("POST", "/jobs", drop=True, count=1)
    with pytest.raises(Exception, match="Failed to run program"):
        submit()

    requests = counted("qgm.client.requests")
    assert {key: value for key, value in requests.items() if key[0] == "submit"} == {
        ("submit", "4xx"): 1,
        ("submit", "429"): 1,
        ("submit", "none"): 1,
    }


def test_every_request_is_timed_once(
    submit: Callable[..., Any], provider: IBMProvider, noted: Noted, recorder: Recorder
) -> None:
    """Each request is one observation of a duration; our own questions are none."""
    provider.requests.clear()
    answer = submit()
    provider.clock.advance(10)
    answer.result(timeout=0)

    durations = noted("qgm.client.request.duration")
    before = len(provider.requests) - provider.requests.count("GET", "/jobs/*/metrics")
    assert len(durations) >= before
    assert all(0 < value < 60 for _, value in durations)
    assert provider.requests.count("GET", "/jobs/*/metrics") == 1
    text = recorder.aggregates.exposition().text.decode()
    line = 'qgm_client_request_duration_seconds_count{provider="ibm",region="us-east",operation='
    assert line in text


def test_connecting_is_timed(
    submit: Callable[..., Any], provider: IBMProvider, noted: Noted
) -> None:
    """A new connection is one observation of the phase tcp, and without TLS none of tls."""
    submit()

    phases = Counter(labels[2] for labels, _ in noted("qgm.client.connect.duration"))
    assert phases["tcp"] >= 1
    assert phases["tls"] == 0


class Hello(BaseHTTPRequestHandler):
    """Answers everything."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def secure_server(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """An HTTPS server with a certificate of its own; gives address and certificate."""
    made = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
         "-keyout", tmp_path / "key.pem", "-out", tmp_path / "cert.pem"],
        check=False, capture_output=True,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    server = HTTPServer(("127.0.0.1", 0), Hello)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"https://localhost:{server.server_port}", str(tmp_path / "cert.pem")
    server.shutdown()
    server.server_close()


def test_the_tls_handshake_is_timed(
    run: RunHandle,
    secure_server: tuple[str, str],
    noted: Noted,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A connection with TLS is one observation of tcp and one of tls."""
    from qiskit_ibm_runtime.api.session import RetrySession

    url, certificate = secure_server
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certificate)
    session = RetrySession(url)
    assert session.get("/backends").json() == {}
    session.close()

    observed = noted("qgm.client.connect.duration")
    assert sorted(labels[2] for labels, _ in observed) == ["tcp", "tls"]
    assert all(0 < value < 30 for _, value in observed)
