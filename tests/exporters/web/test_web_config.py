"""A Prometheus web configuration file means here what it means there, or is refused by name."""

import subprocess

import bcrypt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from qgm_observe.errors import UsageError
from qgm_observe.exporters.web import web_config
from qgm_observe.exporters.web.web_config import RateLimit, WebConfig, decoy, is_password

HASH = bcrypt.hashpw(b"open sesame", b"$2b$04$" + b"a" * 21 + b"u").decode()
TLS = "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n"


@pytest.fixture
def complaint(web_files):
    """Loads a text and gives the one line that comes of it, without the file's name."""

    def load(text):
        path = web_files.config(text)
        with pytest.raises(UsageError) as caught:
            web_config.load(path)
        message = str(caught.value)
        assert "\n" not in message
        assert HASH not in message
        return message.removeprefix(str(path))

    return load


def test_no_file_and_an_empty_file_are_plain_http_for_everyone(web_files):
    """Without a file, with an empty one and with empty sections nothing is asked of a client."""
    empty = web_files.config("tls_server_config: {}\nbasic_auth_users:\n")

    assert web_config.load(None) == WebConfig()
    assert web_config.load(web_files.config("", "empty.yml")) == WebConfig()
    assert web_config.load(empty) == WebConfig()
    assert not WebConfig().authenticates


def test_promtool_and_we_read_the_same_file(web_files, tools):
    """A file that promtool finds valid is taken unmodified, with all that we support in it."""
    web_files.issue("server")
    path = web_files.config(
        TLS
        + "  client_auth_type: RequireAndVerifyClientCert\n"
        + "  client_ca_file: ca.pem\n  min_version: TLS13\n  max_version: TLS13\n"
        + "  prefer_server_cipher_suites: true\n  cipher_suites: []\n"
        + "http_server_config:\n  http2: true\n  headers:\n"
        + "    Strict-Transport-Security: max-age=31536000\n    X-Frame-Options: deny\n"
        + f"basic_auth_users:\n  alice: {HASH}\n"
    )
    checked = subprocess.run(
        [tools("promtool"), "check", "web-config", path],
        capture_output=True,
        text=True,
        check=False,
    )

    config = web_config.load(path)

    assert checked.returncode == 0, checked.stderr
    assert config.tls is not None
    assert config.tls.cert == web_files.folder / "server.pem"
    assert config.tls.client_ca == web_files.folder / "ca.pem"
    assert config.tls.newest_only
    assert config.headers == (
        ("strict-transport-security", "max-age=31536000"),
        ("x-frame-options", "deny"),
    )
    assert config.users == {"alice": HASH.encode()}
    assert config.authenticates
    assert [path.name for path in config.files] == ["server.pem", "server.key", "ca.pem"]


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("1s", 1.0), ("500ms", 0.5), ("1m30s", 90.0), ("1.5h", 5400.0)],
)
def test_a_rate_limit_is_read_as_go_reads_it(web_files, written, seconds):
    """An interval is a Go duration, and 0 switches the limit off."""
    limited = web_files.config(f"rate_limit:\n  interval: {written}\n  burst: 5\n")
    unlimited = web_files.config("rate_limit:\n  interval: 0\n", "off.yml")

    assert web_config.load(limited).rate_limit == RateLimit(seconds, 5)
    assert web_config.load(unlimited).rate_limit is None


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: 1\n", ":1: a: unknown; remove it or mend its spelling"),
        (TLS + "  cert_fil: x\n", ":4: tls_server_config.cert_fil: unknown; remove it or mend"),
        (
            TLS + "  client_allowed_sans: [a]\n",
            ":4: tls_server_config.client_allowed_sans: not supp",
        ),
        (TLS + "  cipher_suites: [X]\n", ":4: tls_server_config.cipher_suites: not supported; re"),
        (TLS + "  curve_preferences: [X]\n", ":4: tls_server_config.curve_preferences: not supp"),
        ("tls_server_config:\n  cert: x\n", ":2: tls_server_config.cert: not supported; write the"),
        (
            TLS + "  min_version: TLS11\n",
            ":4: tls_server_config.min_version: Input should be 'TLS12'",
        ),
        (
            TLS + "  client_auth_type: RequestClientCert\n",
            ":4: tls_server_config.client_auth_type: In",
        ),
        (
            TLS + "  client_ca_file: ca.pem\n",
            ":4: tls_server_config.client_ca_file: write client_au",
        ),
        (
            TLS + "  client_auth_type: RequireAndVerifyClientCert\n",
            ":1: tls_server_config.client_ca_file: missing; write it",
        ),
        (
            "tls_server_config:\n  cert_file: server.pem\n",
            ":1: tls_server_config.key_file: missing",
        ),
        (
            "tls_server_config:\n  cert_file: x\n  key_file: y\n",
            ":2: tls_server_config.cert_file: ",
        ),
        (TLS.replace("server.key", "ca.key"), ":3: tls_server_config.key_file: "),
        ("basic_auth_users:\n  a: plain\n", ":2: basic_auth_users.a: write a bcrypt hash of cost"),
        (f"basic_auth_users:\n  'a:b': {HASH}\n", ":2: basic_auth_users: 'a:b': write a name"),
        ("http_server_config:\n  headers:\n    X-Odd: a\n", ":3: http_server_config.headers.X-Odd"),
        (
            "http_server_config:\n  headers:\n    X-Frame-Options: allow\n",
            ":3: http_server_config.headers.X-Frame-Options: write deny or sameorigin",
        ),
        (
            'http_server_config:\n  headers:\n    X-XSS-Protection: "a\\nb"\n',
            ":3: http_server_config.headers.X-XSS-Protection: write printable ASCII",
        ),
        ("rate_limit:\n  interval: soon\n", ":2: rate_limit.interval: write a duration such as"),
        ("rate_limit:\n  interval: 1s\n", ":1: rate_limit.burst: write 1 or more"),
        ("---\na: 1\n---\nb: 1\n", ": write exactly one document, not 2"),
    ],
)
def test_what_cannot_be_used_is_one_line_with_its_place(web_files, complaint, text, line):
    """Every complaint names file, line and key, and says what to write instead."""
    web_files.issue("server")

    assert complaint(text).startswith(line)


def test_a_pair_of_rsa_is_taken(web_files):
    """An RSA key of 2048 bits is as good as an elliptic one."""
    web_files.issue("server", rsa.generate_private_key(65537, 2048))

    assert web_config.load(web_files.config(TLS)).tls is not None


def test_a_configuration_shows_no_hash():
    """What a log may show of a configuration holds no password hash."""
    assert HASH not in repr(WebConfig(users={"alice": HASH.encode()}))


@pytest.mark.parametrize(
    ("password", "is_right"),
    [
        (b"open sesame", True),
        (b"open sesam", False),
        (b"", False),
        (b"\0", False),
        (b"x" * 99, False),
    ],
)
def test_a_password_is_compared_whatever_it_is(password, is_right):
    """Only the right password matches, and odd ones are no error."""
    assert is_password(password, HASH.encode()) is is_right


def test_the_decoy_costs_as_much_as_the_dearest_hash():
    """A stranger's password is compared at the highest cost of all users, and never matches."""
    users = {"a": HASH.encode(), "b": b"$2y$06$" + b"a" * 53}

    assert decoy(users).startswith(b"$2b$06$")
    assert not is_password(b"open sesame", decoy(users))
