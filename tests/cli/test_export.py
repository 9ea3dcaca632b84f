"""`qgm-observe export`: starting, signals, and one line for whatever is wrong."""

import base64
import contextlib
import http.client
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import bcrypt
import pytest

from qgm_observe.cli import main
from qgm_observe.exporters import journal, provider
from qgm_observe.exporters.config import EXAMPLE

WAIT = 20.0
MAIN = "import sys; from qgm_observe.cli import main; sys.exit(main())"
COMMAND = (sys.executable, "-c", MAIN, "export")
CANARY = "canary-0d77aa"
BAD = "tls_server_config:\n  cert_file: absent.pem\n  key_file: absent.key\n"


@pytest.fixture
def opened(monkeypatch):
    """Replaces both kinds of exporter by one that tells how it was opened."""
    calls = []
    exporter = SimpleNamespace(plan=lambda: ["local/me: 192 calls an hour", "110 series"])
    monkeypatch.setattr(
        provider, "open_exporter", lambda *a, needs_tokens: calls.append(a) or exporter
    )
    monkeypatch.setattr(journal, "open_exporter", lambda *a: calls.append(a) or exporter)
    return calls


@pytest.fixture
def export(tmp_path):
    """Starts `qgm-observe export` in a process and gives it, its port and its lines so far."""
    running = []

    def start(*words):
        command = [*COMMAND, *map(str, words)]
        environment = os.environ | {"PYTHONUNBUFFERED": "1"}
        process = subprocess.Popen(
            command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        running.append(process)
        lines = []
        for line in process.stderr:
            lines.append(line)
            found = re.search(r"serving at https?://127\.0\.0\.1:(\d+)/", line)
            if found:
                return process, int(found[1]), lines
        pytest.fail("".join(lines))

    yield start
    for process in running:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        process.communicate(timeout=WAIT)


def get(port, path, method="GET", **fields):
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT)) as client:
        client.request(method, path, headers=fields)
        response = client.getresponse()
        return response.status, response.read()


def test_check_tells_what_would_be_done(opened, capsys, tmp_path):
    """--check prints the plan and the address, and serves nothing."""
    code = main(["export", "provider", "--config", str(tmp_path / "fleet.yml"), "--check"])

    assert code == 0
    assert opened == [(tmp_path / "fleet.yml",)]
    assert capsys.readouterr().out.splitlines() == [
        "local/me: 192 calls an hour",
        "110 series",
        "would serve at http://127.0.0.1:9465/ without authentication",
    ]


def test_journals_are_many_and_their_configuration_is_optional(opened, monkeypatch):
    """`export journal` takes several paths, with or without a configuration, beside the own one."""
    monkeypatch.setenv("QGM_OBSERVE_JOURNAL", "mine.db")
    main(["export", "journal", "a", "b", "--check"])
    main(["export", "journal", "a", "--config", "c.yml", "--check"])

    own = Path("mine.db")
    assert opened == [([Path("a"), Path("b")], None, own), ([Path("a")], Path("c.yml"), own)]


@pytest.mark.parametrize(
    ("listen", "warned"),
    [("127.0.0.1:1", False), ("[::1]:1", False), ("0.0.0.0:1", True), ("10.0.0.1:1", True)],
)
@pytest.mark.usefixtures("opened")
def test_an_address_for_everyone_is_a_warning(capsys, listen, warned):
    """Without TLS and authentication one line warns of an address that others can reach."""
    code = main(["export", "journal", "a", "--listen", listen, "--check"])
    lines = capsys.readouterr().out.splitlines()[3:]
    expected = f"warning: {listen} is open to the network without TLS and authentication: give "

    assert code == 0
    assert lines == ([f"{expected}--web.config.file"] if warned else [])


@pytest.mark.parametrize(
    ("words", "text", "line"),
    [
        (["--listen", "9465"], "", "--listen 9465: write HOST:PORT, such as 127.0.0.1:9465"),
        (
            [],
            BAD,
            r"\S+web.yml:2: tls_server_config.cert_file: \S+ cannot be read: No such .*",
        ),
        ([], "users: 1\n", r"\S+web.yml:1: users: unknown; remove it or mend its spelling"),
    ],
)
@pytest.mark.usefixtures("opened")
def test_bad_input_is_one_line_and_code_2(capsys, tmp_path, words, text, line):
    """What cannot be used is told in one line, with its place, and is exit code 2."""
    web = tmp_path / "web.yml"
    web.write_text(text)
    code = main(["export", "journal", "a", "--web.config.file", str(web), *words, "--check"])

    assert code == 2
    assert re.fullmatch(f"qgm-observe: {line}\n", capsys.readouterr().err)


def test_a_taken_port_is_one_line_and_code_2(export, tmp_path):
    """A second sidecar on one port says so and ends; the first goes on."""
    _, port, _ = export("journal", tmp_path, "--listen", "127.0.0.1:0")
    second = subprocess.run(
        [*COMMAND, "journal", tmp_path, "--listen", f"127.0.0.1:{port}"],
        capture_output=True,
        text=True,
        timeout=WAIT,
        check=False,
    )

    assert second.returncode == 2
    assert second.stderr.endswith(f"qgm-observe: port {port} is taken: use --listen with another\n")
    assert get(port, "/-/healthy")[0] == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_time_with_slow_clients_there(export, tmp_path, number):
    """SIGTERM and SIGINT end it with code 0 within three seconds, whoever is still connected."""
    process, port, _ = export("journal", tmp_path, "--listen", "127.0.0.1:0")
    with http.client.socket.create_connection(("127.0.0.1", port)) as slow:
        slow.sendall(b"GET /metrics HTTP/1.1\r\nX-Slow: ")
        assert get(port, "/-/healthy")[0] == 200
        process.send_signal(number)

        assert process.wait(timeout=3) == 0


def test_a_hang_up_reloads_and_serving_goes_on(export, tmp_path):
    """SIGHUP takes the web configuration anew without an end."""
    web = tmp_path / "web.yml"
    web.write_text("")
    process, port, _ = export(
        "journal", tmp_path, "--listen", "127.0.0.1:0", "--web.config.file", web
    )
    web.write_text("http_server_config:\n  headers:\n    X-Frame-Options: deny\n")
    process.send_signal(signal.SIGHUP)
    found = next(line for line in process.stderr if "reloaded" in line or "taken anew" in line)

    assert found
    assert get(port, "/-/healthy")[0] == 200


def children(pid):
    """Processes whose parent a process is."""
    found = []
    for status in Path("/proc").glob("[0-9]*/status"):
        with contextlib.suppress(OSError):
            if f"\nPPid:\t{pid}\n" in status.read_text():
                found.append(status.parent.name)
    return found


def test_a_kill_leaves_nobody_behind(export, tmp_path):
    """The server is one process: after SIGKILL no other is there and the port is free."""
    process, port, _ = export("journal", tmp_path, "--listen", "127.0.0.1:0")

    assert children(process.pid) == []

    process.kill()
    process.wait(timeout=WAIT)
    with pytest.raises(ConnectionRefusedError):
        get(port, "/-/healthy")


def test_no_secret_appears_anywhere(export, tmp_path):
    """A password is in no line, page or error, whatever is asked with it."""
    web = tmp_path / "web.yml"
    hashed = bcrypt.hashpw(CANARY.encode(), bcrypt.gensalt(4)).decode()
    web.write_text(f"basic_auth_users:\n  alice: {hashed}\n")
    process, port, lines = export(
        "journal", tmp_path, "--listen", "127.0.0.1:0", "--web.config.file", web, "--access-log"
    )
    right = base64.b64encode(f"alice:{CANARY}".encode()).decode()
    told = {"Authorization": f"Basic {right}", "Cookie": CANARY, "X-Token": CANARY}
    bodies = [
        get(port, path, method, **told)[1]
        for path in ("/", "/metrics", f"/probe?target={CANARY}", "/api/v1/x", "/-/ready")
        for method in ("GET", "POST", "DELETE")
    ]
    process.terminate()
    out, err = process.communicate(timeout=WAIT)
    everything = "".join(lines) + out + err + b"".join(bodies).decode()

    assert "GET /metrics 200" in everything
    assert "qgm_observe_build_info" in everything
    assert [secret for secret in (CANARY, right, hashed) if secret in everything] == []


def test_help_names_every_option(capsys):
    """The help of each kind lists its options."""
    for kind in ("provider", "journal"):
        with pytest.raises(SystemExit):
            main(["export", kind, "--help"])
        text = capsys.readouterr().out
        for option in ("--listen", "--web.config.file", "--access-log", "--check", "--config"):
            assert option in text


def test_the_help_shows_a_file_and_where_every_setting_stands(capsys):
    """The accounts to poll are one line, and the shelf has a file of all that can be set."""
    with pytest.raises(SystemExit):
        main(["export", "provider", "--help"])
    text = " ".join(capsys.readouterr().out.split())

    assert EXAMPLE in text
    assert "exporters/provider/config.yml" in text
    assert "qgm-observe shelf copy DIR --only exporters" in text


def test_the_front_of_the_command_loads_no_server():
    """Asking for help loads neither the web server nor what reads YAML."""
    code = (
        "import sys; from qgm_observe.cli import export, main\n"
        "print({'granian', 'bcrypt', 'pydantic', 'yaml'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "set()\n"
