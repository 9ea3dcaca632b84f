"""What counts as this machine."""

import pytest

from qgm_observe.exporters.web.gate import Gate, is_loopback
from qgm_observe.exporters.web.web_config import Tls, WebConfig


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.8.9.10", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("localhost", True),
        ("LOCALHOST", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("localhost.evil.example", False),
        ("", False),
        ("127.0.0.1.evil.example", False),
    ],
)
def test_loopback_is_loopback_alone(host, expected):
    """Only addresses of loopback and its one name are this machine's own."""
    assert is_loopback(host) is expected


@pytest.mark.parametrize(
    ("client", "host", "refused"),
    [
        ("127.0.0.1:1", "127.0.0.1:9465", False),
        ("127.0.0.1:1", "localhost", False),
        ("[::1]:1", "[::1]:9465", False),
        ("127.0.0.1:1", None, True),
        ("127.0.0.1:1", "sidecar:9465", True),
        ("192.168.0.7:1", "127.0.0.1:9465", True),
    ],
)
def test_who_is_answered_in_private(client, host, refused):
    """Both who asks and the name it asks for have to be this machine's."""
    answer = Gate(WebConfig()).kept_private(client, host, None)

    assert (answer is not None) is refused


def test_a_client_certificate_is_a_login(tmp_path):
    """Where clients bring certificates that are verified, nothing is kept private from them."""
    mutual = WebConfig(tls=Tls(tmp_path, tmp_path, tmp_path, newest_only=False))
    plain = WebConfig(tls=Tls(tmp_path, tmp_path, None, newest_only=False))

    assert Gate(mutual).kept_private("10.0.0.1:1", "sidecar:9465", None) is None
    assert Gate(plain).kept_private("10.0.0.1:1", "sidecar:9465", None) is not None
