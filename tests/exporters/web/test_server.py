"""The real server: every scrape is answered, whoever else is there and whatever is renewed."""

import base64
import contextlib
import http.client
import logging
import socket
import ssl
import threading
import time

import bcrypt
import pytest

from qgm_observe.errors import UsageError
from qgm_observe.exporters.web import limits
from qgm_observe.exporters.web import server as server_module
from qgm_observe.exporters.web import worker as worker_module
from qgm_observe.exporters.web.server import Server, listen, parsed

from ...waiting import until

WAIT = 10.0
TLS = "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n"
MUTUAL = TLS + "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.pem\n"
HASH = bcrypt.hashpw(b"sesame", bcrypt.gensalt(4)).decode()
LOGIN = {"Authorization": "Basic " + base64.b64encode(b"alice:sesame").decode()}


@pytest.fixture
def served(still_exporter):
    """Starts servers on threads of their own and ends them."""
    running = []

    def serve(web_file=None):
        started = threading.Event()
        server = Server(still_exporter, listen("127.0.0.1:0"), web_file)
        codes = []
        thread = threading.Thread(target=lambda: codes.append(server.run(started=started.set)))
        thread.start()
        running.append((server, thread, codes))
        assert started.wait(WAIT)
        return server

    yield serve
    for server, thread, codes in running:
        server.stop()
        thread.join(WAIT)
        assert codes == [0]


def port_of(server):
    return int(server.url.rstrip("/").rpartition(":")[2])


def trusting(web_files, client=None):
    context = ssl.create_default_context(cafile=web_files.folder / "ca.pem")
    if client:
        context.load_cert_chain(
            web_files.folder / f"{client}.pem", web_files.folder / f"{client}.key"
        )
    return context


def get(server, path="/metrics", context=None, method="GET", **fields):
    port = port_of(server)
    connection = (
        http.client.HTTPSConnection("127.0.0.1", port, timeout=WAIT, context=context)
        if context
        else http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT)
    )
    with contextlib.closing(connection):
        connection.request(method, path, headers=fields)
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read()


def closed_within(clients, seconds):
    """Fails unless every client reads the end within so many seconds."""
    deadline = time.monotonic() + seconds
    for client in clients:
        client.settimeout(max(0.01, deadline - time.monotonic()))
        with contextlib.suppress(ConnectionResetError):
            while client.recv(1 << 16):
                pass


def test_a_scrape_over_the_wire(served, still_exporter):
    """A scrape gets the page with its length; HEAD gets the same fields and no body."""
    server = served()
    status, fields, body = get(server, **{"Accept-Encoding": "gzip"})
    head = get(server, method="HEAD")

    assert (status, body) == (200, still_exporter.page.gzip)
    assert fields["content-encoding"] == "gzip"
    assert head[0] == 200
    assert head[1]["content-length"] == str(len(still_exporter.page.text))
    assert head[2] == b""


def test_the_exporter_runs_once_and_ends(still_exporter):
    """One start, one stop, however much is asked in between."""
    started = threading.Event()
    server = Server(still_exporter, listen("127.0.0.1:0"))
    thread = threading.Thread(target=lambda: server.run(started=started.set))
    thread.start()
    assert started.wait(WAIT)
    statuses = {get(server)[0] for _ in range(20)}
    began = time.monotonic()
    server.stop()
    thread.join(WAIT)

    assert statuses == {200}
    assert still_exporter.calls == ["start", "stop"]
    assert time.monotonic() - began < 3


def test_a_taken_port_is_one_line(served):
    """Listening where somebody listens already names the port and the way out."""
    port = port_of(served())

    with pytest.raises(UsageError) as caught:
        listen(f"127.0.0.1:{port}")
    assert str(caught.value) == f"port {port} is taken: use --listen with another"


@pytest.mark.parametrize("address", ["9465", ":9465", "127.0.0.1:", "127.0.0.1:x", ""])
def test_an_odd_address_is_refused(address):
    """An address has a host and a port."""
    with pytest.raises(UsageError, match="write HOST:PORT, such as"):
        parsed(address)


def test_addresses_of_both_kinds():
    """IPv6 addresses stand in brackets."""
    assert parsed("[::1]:9465") == ("::1", 9465)
    assert parsed("0.0.0.0:0") == ("0.0.0.0", 0)


@pytest.fixture
def hurried(monkeypatch):
    """Gives slow clients a second where others get more."""
    monkeypatch.setattr(worker_module, "HEADER_SECONDS", 1.0)
    monkeypatch.setattr(limits, "SILENT_SECONDS", 1.0)
    monkeypatch.setattr(server_module, "WATCH_SECONDS", 0.1)


def test_slow_and_silent_clients_have_less_than_ten_seconds():
    """What is waited for adds up to less than ten seconds: both limits, and a look a second."""
    assert limits.HEADER_SECONDS < 10
    assert limits.SILENT_SECONDS + 2 * server_module.WATCH_SECONDS < 10


@pytest.mark.usefixtures("hurried")
def test_slow_clients_are_closed_and_scrapes_go_on(served):
    """Of 60 clients that never end their request all are closed in time; scrapes between are ok."""
    server = served()
    address = ("127.0.0.1", port_of(server))
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(socket.create_connection(address)) for _ in range(60)]
        for number, client in enumerate(slow):
            client.sendall(b"GET /metrics HTTP/1.1\r\nX-Slow: " if number % 2 else b"G")
        statuses = [get(server)[0] for _ in range(10)]
        closed_within(slow, 5)

    assert statuses == [200] * 10


@pytest.mark.usefixtures("hurried")
def test_silent_tls_clients_are_closed_and_scrapes_go_on(served, web_files):
    """Clients that never begin their handshake are closed in time; scrapes between are ok."""
    web_files.issue("server")
    server = served(web_files.config(TLS))
    address = ("127.0.0.1", port_of(server))
    with contextlib.ExitStack() as stack:
        silent = [stack.enter_context(socket.create_connection(address)) for _ in range(20)]
        statuses = [get(server, context=trusting(web_files))[0] for _ in range(5)]
        closed_within(silent, 5)

    assert statuses == [200] * 5


def test_a_reader_that_takes_nothing_has_a_deadline():
    """The kernel closes who takes nothing of an answer: connections inherit its time limit."""
    with listen("127.0.0.1:0") as listening:
        with socket.create_connection(listening.getsockname()):
            accepted, _ = listening.accept()
        with accepted:
            limit = accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)

    assert limit == 10_000


def test_a_flood_is_answered_without_a_call(served, still_exporter):
    """Sixteen connections at once get every answer, and nothing but the page is asked for."""
    server = served()
    port, found = port_of(server), []

    def ask():
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT)
        with contextlib.closing(connection):
            for _ in range(25):
                connection.request("GET", "/metrics", headers={"Accept-Encoding": "gzip"})
                response = connection.getresponse()
                response.read()
                found.append(response.status)

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT)

    assert found == [200] * 400
    assert still_exporter.calls == ["start"]
    assert still_exporter.scrapes == 400


def test_mutual_tls(served, web_files):
    """With mTLS who brings a certificate of the CA is answered, and nobody else."""
    web_files.issue("server")
    web_files.issue("prometheus")
    server = served(web_files.config(MUTUAL))

    assert get(server, context=trusting(web_files, "prometheus"))[0] == 200
    assert get(server, "/api/v1/jobs", context=trusting(web_files, "prometheus"))[0] == 200
    with pytest.raises((ssl.SSLError, ConnectionError)):
        get(server, context=trusting(web_files))


def test_the_oldest_version_of_tls(served, web_files):
    """With min_version TLS13 a client of TLS 1.2 is refused."""
    web_files.issue("server")
    server = served(web_files.config(TLS + "  min_version: TLS13\n"))
    old = trusting(web_files)
    old.maximum_version = ssl.TLSVersion.TLSv1_2

    assert get(server, context=trusting(web_files))[0] == 200
    with pytest.raises(ssl.SSLError):
        get(server, context=old)


def test_logins_over_the_wire(served, web_files):
    """With users the right password opens, and every refusal is the same."""
    server = served(web_files.config(f"basic_auth_users:\n  alice: {HASH}\n"))
    wrong = {"Authorization": "Basic " + base64.b64encode(b"bob:sesame").decode()}
    refusals = [get(server), get(server, **wrong)]

    assert get(server, **LOGIN)[0] == 200
    assert [status for status, _, _ in refusals] == [401, 401]
    assert refusals[0][2] == refusals[1][2] == b"Unauthorized\n"


@pytest.fixture
def quick(monkeypatch):
    """Looks at files every 50 ms, and gives handshakes 200 ms when a certificate changes."""
    monkeypatch.setattr(server_module, "WATCH_SECONDS", 0.05)
    monkeypatch.setattr(worker_module, "RETIRE_SECONDS", 0.2)


def serial(server, context):
    """The serial number of the certificate that the server shows now."""
    with (
        socket.create_connection(("127.0.0.1", port_of(server)), WAIT) as raw,
        context.wrap_socket(raw, server_hostname="127.0.0.1") as client,
    ):
        return client.getpeercert()["serialNumber"]


@pytest.mark.usefixtures("quick")
def test_a_certificate_is_renewed_without_a_refused_connection(served, web_files):
    """While certificates change, each new connection gets its answer, and the new one is shown."""
    web_files.issue("server")
    server = served(web_files.config(TLS))
    context = trusting(web_files)
    seen, done, found = {serial(server, context)}, threading.Event(), []

    def ask():
        while not done.is_set():
            try:
                found.append(get(server, context=context)[0])
            except OSError as error:
                found.append(repr(error))

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(2):
            web_files.issue("server")
            until(lambda: serial(server, context) not in seen)
            seen.add(serial(server, context))
    finally:
        done.set()
        for thread in threads:
            thread.join(WAIT)

    assert len(found) > 10
    assert set(found) == {200}


@pytest.mark.usefixtures("quick")
def test_users_and_headers_are_renewed(served, web_files):
    """A changed file gives new users and headers at once, without a signal."""
    server = served(web_files.config(f"basic_auth_users:\n  alice: {HASH}\n"))
    assert get(server)[0] == 401

    web_files.config("http_server_config:\n  headers:\n    X-Frame-Options: deny\n")
    until(lambda: get(server)[0] == 200)

    assert get(server)[1]["x-frame-options"] == "deny"


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("breaking", "told"),
    [
        (lambda files: files.config("tls_server_config:\n  cert_fil: x\n"), "web.yml:2: "),
        (lambda files: (files.folder / "server.key").write_text("no key"), "are no pair"),
        (
            lambda files: files.issue("server", files_key()),
            "web.yml: tls_server_config: the server cannot use these files; write PEM with an RSA",
        ),
    ],
)
def test_what_cannot_be_used_changes_nothing(served, web_files, caplog, breaking, told):
    """After a bad renewal the server goes on as before, and says in one line why."""
    caplog.set_level(logging.INFO)
    web_files.issue("server")
    server = served(web_files.config(TLS))
    context = trusting(web_files)
    before = serial(server, context)
    breaking(web_files)
    until(lambda: "stays as it was" in caplog.text)

    assert told in caplog.text
    assert serial(server, context) == before

    web_files.config(TLS)
    web_files.issue("server")
    until(lambda: serial(server, context) != before)


def files_key():
    """A key that OpenSSL knows and rustls does not."""
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.generate_private_key(ec.SECP521R1())


def test_a_certificate_that_the_server_cannot_use_ends_the_start(still_exporter, web_files):
    """A bad certificate is a line before anything is started."""
    web_files.issue("server", files_key())
    server = Server(still_exporter, listen("127.0.0.1:0"), web_files.config(TLS))

    with pytest.raises(UsageError, match="the server cannot use these files"):
        server.run()
    assert still_exporter.calls == []


def test_a_reload_takes_both_configurations(served, still_exporter, web_files):
    """POST /-/reload takes the exporter's configuration and the web configuration anew."""
    path = web_files.config("")
    server = served(path)
    path.write_text("http_server_config:\n  headers:\n    X-Frame-Options: deny\n")
    status, _, _ = get(server, "/-/reload", method="POST")

    assert status == 200
    assert still_exporter.calls == ["start", "reload"]
    assert get(server)[1]["x-frame-options"] == "deny"


def test_a_server_that_ends_by_itself_is_a_failure(still_exporter, caplog):
    """If the web server fails the sidecar ends with 1, so that it is started again."""
    started = threading.Event()
    server = Server(still_exporter, listen("127.0.0.1:0"))
    codes = []
    thread = threading.Thread(target=lambda: codes.append(server.run(started=started.set)))
    thread.start()
    assert started.wait(WAIT)
    (worker,) = server._workers.values()
    server._loop.call_soon_threadsafe(worker.end)
    thread.join(WAIT)

    assert codes == [1]
    assert "the web server ended by itself" in caplog.text
    assert still_exporter.calls == ["start", "stop"]
