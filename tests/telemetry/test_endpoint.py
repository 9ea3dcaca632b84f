"""The endpoint: every scrape is answered, whoever else is there."""

import contextlib
import gzip
import http.client
import inspect
import os
import socket
import threading
import time
import urllib.request
from collections.abc import Iterator

import pytest

from qgm_observe.errors import UsageError
from qgm_observe.telemetry import connection, endpoint
from qgm_observe.telemetry.endpoint import MOST_CONNECTIONS, Endpoint, serve
from qgm_observe.telemetry.prometheus import Exposition

from ..waiting import until

TEXT = b"# HELP qgm_x X.\n# TYPE qgm_x gauge\n" + b'qgm_x{a="1"} 1\n' * 200
SMALL = Exposition(TEXT, gzip.compress(TEXT))
LARGE = Exposition(TEXT * 2_000, gzip.compress(TEXT * 2_000))
GET = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
WAIT = 10.0


def scrape(served: Endpoint, **headers: str) -> bytes:
    request = urllib.request.Request(served.url, headers=headers)
    with urllib.request.urlopen(request, timeout=WAIT) as response:
        body: bytes = response.read()
    return body


@contextlib.contextmanager
def connected(served: Endpoint, sent: bytes = b"") -> Iterator[socket.socket]:
    with socket.create_connection((served.host, served.port), timeout=WAIT) as client:
        client.sendall(sent)
        yield client


def everything(client: socket.socket) -> bytes:
    """Read until the server closes."""
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := client.recv(1 << 16):
            received += piece
    return received


@pytest.fixture
def later(monkeypatch):
    """Lets the endpoint believe that so many seconds have passed; it looks every 10 ms."""
    monkeypatch.setattr(endpoint, "_SWEEP_SECONDS", 0.01)
    offset = [0.0]

    class Time:
        @staticmethod
        def monotonic() -> float:
            return time.monotonic() + offset[0]

    monkeypatch.setattr(endpoint, "time", Time)
    monkeypatch.setattr(connection, "time", Time)

    def move(seconds: float) -> None:
        offset[0] += seconds

    return move


def test_a_scrape_gets_the_text(served):
    """GET /metrics answers with the text and its media type."""
    with urllib.request.urlopen(served(lambda: SMALL).url, timeout=WAIT) as response:
        assert response.read() == TEXT
        assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"


def test_who_accepts_gzip_gets_it(served):
    """A client that accepts gzip gets the prepared bytes, and they are the text."""
    assert scrape(served(lambda: SMALL), **{"Accept-Encoding": "gzip"}) == SMALL.gzip


def test_a_large_exposition_arrives_whole(served):
    """Six megabytes are sent piece by piece and none is lost."""
    assert scrape(served(lambda: LARGE)) == LARGE.text


def test_a_slow_reader_gets_everything(served):
    """A client with a tiny window that reads in bits gets every byte, once."""
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(WAIT)
        place = served(lambda: LARGE)
        client.connect((place.host, place.port))
        client.sendall(GET.replace(b"Host: x", b"Connection: close"))
        received = everything(client)

    assert received.partition(b"\r\n\r\n")[2] == LARGE.text


def test_head_tells_the_length_and_sends_no_body(served):
    """HEAD has the fields of GET and nothing after them."""
    with connected(served(lambda: SMALL), b"HEAD /metrics HTTP/1.0\r\n\r\n") as client:
        head, _, body = everything(client).partition(b"\r\n\r\n")

    assert f"Content-Length: {len(TEXT)}".encode() in head
    assert body == b""


@pytest.mark.parametrize(
    ("path", "status", "part"),
    [
        ("/", 200, '<a href="/metrics">'),
        ("/-/healthy", 200, "healthy\n"),
        ("/favicon.ico", 404, "not found"),
        ("/metrics/", 404, "not found"),
    ],
)
def test_other_paths(served, path, status, part):
    """People get a page, probes a word, and everything else 404."""
    client = http.client.HTTPConnection("127.0.0.1", served(lambda: SMALL).port, timeout=WAIT)
    client.request("GET", path)
    response = client.getresponse()

    assert (response.status, part in response.read().decode()) == (status, True)
    client.close()


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "BREW"])
def test_only_reading_is_allowed(served, method):
    """Any other method is answered 405 with what is allowed, and the connection ends."""
    with connected(served(lambda: SMALL), f"{method} /metrics HTTP/1.1\r\n\r\n".encode()) as client:
        answer = everything(client)

    assert answer.startswith(b"HTTP/1.1 405 ")
    assert b"\r\nAllow: GET, HEAD\r\n" in answer


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"nonsense\r\n\r\n",
        b"\x16\x03\x01 tls hello\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"a" * 9_000 + b"\r\n\r\n",
        b"a" * 9_000,
    ],
)
def test_what_is_no_request_is_refused(served, request_bytes):
    """Nonsense and what is longer than 8 KiB is answered 400, and the connection ends."""
    with connected(served(lambda: SMALL), request_bytes) as client:
        assert everything(client).startswith(b"HTTP/1.1 400 ")


def test_a_connection_serves_many_requests(served):
    """Requests one after the other, and sent together, are answered in their order."""
    last = b"GET /none HTTP/1.1\r\nConnection: close\r\n\r\n"
    with connected(served(lambda: SMALL), GET) as client:
        until(lambda: client.recv(1 << 16, socket.MSG_PEEK))
        client.sendall(GET + b"GET /-/healthy HTTP/1.1\r\n\r\n" + last)
        answers = everything(client)

    assert answers.count(TEXT) == 2
    assert answers.index(b"healthy\n") > answers.rindex(TEXT)
    assert answers.rindex(b" 404 ") > answers.index(b"healthy\n")


def test_a_client_that_stops_sending_is_still_answered(served):
    """Half-closing after the request, as `nc -N` does, brings the whole answer."""
    with connected(served(lambda: LARGE), GET) as client:
        client.shutdown(socket.SHUT_WR)

        assert everything(client).endswith(LARGE.text)


def test_each_scrape_sees_the_present_exposition(served):
    """A new exposition replaces the old one between two scrapes."""
    present = [SMALL]
    place = served(lambda: present[0])
    assert scrape(place) == SMALL.text
    present[0] = Exposition(b"qgm_y 2\n", gzip.compress(b"qgm_y 2\n"))

    assert scrape(place) == b"qgm_y 2\n"


def test_a_failing_source_is_a_failed_scrape_that_tells_nothing(served, caplog):
    """A source that raises gives 500 without its words, is logged once, and may recover."""
    troubles = [ValueError("secret token"), ValueError("secret token")]

    def source() -> Exposition:
        if troubles:
            raise troubles.pop()
        return SMALL

    place = served(source)
    for _ in range(2):
        with pytest.raises(urllib.error.HTTPError) as error:
            scrape(place)
        assert error.value.code == 500
        assert b"secret" not in error.value.read()
        error.value.close()

    assert scrape(place) == TEXT
    assert len(caplog.records) == 1


def test_200_slow_sockets_do_not_stop_a_scrape(served):
    """Clients that never finish their request displace each other, not the scrape."""
    place = served(lambda: SMALL)
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(connected(place, b"GET /met")) for _ in range(200)]
        began = time.monotonic()
        assert [scrape(place) for _ in range(5)] == [TEXT] * 5
        assert time.monotonic() - began < 5
        until(lambda: len(place._connections) <= MOST_CONNECTIONS)
        for client in slow[: 200 - MOST_CONNECTIONS]:
            assert everything(client) == b""


def test_a_crowd_of_idle_connections_is_displaced_before_none(served):
    """Kept-alive connections make room too, the one that was idle longest first."""
    place = served(lambda: SMALL)
    with contextlib.ExitStack() as stack:
        idle = [stack.enter_context(connected(place, GET)) for _ in range(MOST_CONNECTIONS)]
        for client in idle:
            until(lambda client=client: client.recv(1 << 16, socket.MSG_PEEK))
        until(lambda: all(c.phase is connection.Phase.IDLE for c in place._connections))

        assert scrape(place) == TEXT
        assert everything(idle[0]).endswith(TEXT)
        assert len(place._connections) <= MOST_CONNECTIONS


@pytest.mark.parametrize(
    ("sent", "seconds"), [(b"", 5), (b"GET /met", 5), (GET, 120)], ids=["silent", "slow", "idle"]
)
def test_who_dawdles_is_dropped(served, later, sent, seconds):
    """A request has 5 s from the first byte or the connect, an idle connection 120 s."""
    place = served(lambda: SMALL)
    with connected(place, sent) as client:
        phase = connection.Phase.IDLE if sent == GET else connection.Phase.READING
        until(lambda: [c.phase for c in place._connections] == [phase])
        later(seconds - 2)
        assert scrape(place) == TEXT
        assert len(place._connections) >= 1
        later(2.5)
        until(lambda: not place._connections)
        everything(client)


def test_who_does_not_take_the_answer_is_dropped(served, later):
    """An answer that nobody reads is held for 30 s at most."""
    place = served(lambda: LARGE)
    with connected(place, GET):
        until(lambda: [c.phase for c in place._connections] == [connection.Phase.WRITING])
        later(30.5)
        until(lambda: not place._connections)


def test_who_sends_on_and_on_while_not_reading_is_dropped(served):
    """Requests behind an unread answer are kept up to 8 KiB, then the connection ends."""
    place = served(lambda: LARGE)
    with connected(place, GET) as client, contextlib.suppress(ConnectionError):
        until(lambda: [c.phase for c in place._connections] == [connection.Phase.WRITING])
        client.sendall(b"x" * 20_000)
        until(lambda: not place._connections)


def test_many_scrapers_at_once_are_all_served(served):
    """Sixteen threads that scrape at once all get the whole text."""
    place = served(lambda: SMALL)
    bodies: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: bodies.extend(scrape(place) for _ in range(10)))
        for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert bodies == [TEXT] * 160


def test_small_answers_are_not_delayed(served):
    """Nagle's algorithm is off."""
    place = served(lambda: SMALL)
    with connected(place, b"GET"):
        until(lambda: place._connections)
        (client,) = place._connections
        told = client.transport.get_extra_info("socket")

        assert told.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_only_this_machine_is_served_by_default():
    """Without a word about the host the endpoint listens on loopback, on 9464."""
    parameters = inspect.signature(serve).parameters

    assert parameters["host"].default == "127.0.0.1"
    assert parameters["port"].default == 9464


def test_a_taken_port_is_one_clear_line(served):
    """A port that somebody has is refused with what to write instead."""
    port = served(lambda: SMALL).port
    with pytest.raises(UsageError) as error:
        serve(lambda _: SMALL, port=port)

    assert str(error.value) == f"port {port} is taken: use --port 0 or another"


@pytest.mark.parametrize(
    ("host", "port", "message"),
    [
        ("127.0.0.1", -1, "port -1: write a number from 0 to 65535"),
        ("127.0.0.1", 65_536, "port 65536: write a number from 0 to 65535"),
        ("192.0.2.1", 0, "host '192.0.2.1': write an address of this machine"),
    ],
)
def test_an_impossible_address_is_one_clear_line(host, port, message):
    """A port out of range and a foreign host are refused with what to write instead."""
    with pytest.raises(UsageError) as error:
        serve(lambda _: SMALL, host=host, port=port)

    assert str(error.value) == message


def test_closing_is_quick_and_gives_the_port_back():
    """After close the thread has ended, clients are gone and the port is free again."""
    with serve(lambda _: SMALL, port=0) as first, connected(first, b"GET") as client:
        port = first.port
        began = time.monotonic()
        first.close()
        assert time.monotonic() - began < 2
        assert everything(client) == b""
    first.close()

    assert not first._thread.is_alive()
    with serve(lambda _: SMALL, port=port) as second:
        assert scrape(second) == TEXT


def test_a_client_that_comes_while_closing_is_let_go():
    """Whether a connection was just accepted or not yet, close leaves nobody hanging."""
    for _ in range(30):
        place = serve(lambda _: SMALL, port=0)
        with connected(place, b"GET") as client:
            place.close()
            assert everything(client) == b""


def test_closing_does_not_wait_for_who_does_not_read():
    """A client that takes no answer delays the end by no more than the bound."""
    place = serve(lambda _: LARGE, port=0)
    with connected(place, GET):
        until(lambda: [c.phase for c in place._connections] == [connection.Phase.WRITING])
        began = time.monotonic()
        place.close(timeout=0.4)

        assert time.monotonic() - began < 2
        assert not place._thread.is_alive()


def test_a_thread_of_the_endpoint_keeps_no_process_alive(served):
    """The thread is a daemon."""
    assert served(lambda: SMALL)._thread.daemon


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_does_not_hold_the_port():
    """While a forked child lives on, its parent can close the endpoint and open it again."""
    first = serve(lambda _: SMALL, port=0)
    reading, writing = os.pipe()
    with connected(first, b"GET") as client:
        until(lambda: first._connections)
        pid = os.fork()
        if pid == 0:
            try:
                os.read(reading, 1)
            finally:
                os._exit(0)
        assert scrape(first) == TEXT
        first.close()
        assert everything(client) == b""
    with serve(lambda _: SMALL, port=first.port) as second:
        assert scrape(second) == TEXT
    os.write(writing, b"x")
    os.waitpid(pid, 0)
    os.close(reading)
    os.close(writing)
