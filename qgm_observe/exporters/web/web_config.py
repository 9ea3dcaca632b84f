"""TLS, authentication and headers from a Prometheus web configuration file, unmodified.

Format: https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md.
Relative paths start at the file's own folder, as there. What this server cannot do is refused by
name, for a setting that is silently ignored is a hole. The door to bcrypt.
"""

import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from qgm_observe import documents
from qgm_observe.documents import Document, Model
from qgm_observe.errors import MissingExtra, UsageError

try:
    import bcrypt
except ImportError as error:
    raise MissingExtra("a sidecar", "export") from error

TLS = "tls_server_config"
LONGEST_PASSWORD = 72
"""Bytes; bcrypt looks at no more."""

_DURATION = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_HASH = re.compile(r"\$2[abxy]?\$(\d\d)\$[./A-Za-z0-9]{53}")
_COSTS = range(4, 20)
_UNSUPPORTED = {
    "cert": "write the certificate to a file and name it by cert_file",
    "key": "write the key to a file and name it by key_file",
    "client_ca": "write the certificate to a file and name it by client_ca_file",
    "client_allowed_sans": "remove it; let client_ca_file name a CA that signs only who may come",
    "cipher_suites": "remove it; those of rustls are all safe",
    "curve_preferences": "remove it; those of rustls are all safe",
}
_FIXED_VALUES = {"X-Frame-Options": {"deny", "sameorigin"}, "X-Content-Type-Options": {"nosniff"}}

Header = Literal[
    "Content-Security-Policy",
    "X-Frame-Options",
    "X-Content-Type-Options",
    "X-XSS-Protection",
    "Strict-Transport-Security",
]


class TlsServerConfig(Model):
    """How clients connect; what stands in `_UNSUPPORTED` may only be empty."""

    cert: str = ""
    key: str = ""
    client_ca: str = ""
    client_allowed_sans: list[str] | None = None
    cipher_suites: list[str] | None = None
    curve_preferences: list[str] | None = None
    cert_file: str = ""
    key_file: str = ""
    client_auth_type: Literal["", "NoClientCert", "RequireAndVerifyClientCert"] = ""
    client_ca_file: str = ""
    min_version: Literal["TLS12", "TLS13"] = "TLS12"
    max_version: Literal["TLS13"] = "TLS13"
    prefer_server_cipher_suites: bool = True


class HttpServerConfig(Model):
    """How answers look; `http2` allows what this server does not do, which is no fault."""

    http2: bool = True
    headers: dict[Header, str] | None = None


class RateLimitConfig(Model):
    """How often may be asked."""

    interval: str | int = 0
    burst: int = 0


class WebConfigFile(Model):
    """The file as it is written."""

    tls_server_config: TlsServerConfig | None = None
    http_server_config: HttpServerConfig | None = None
    basic_auth_users: dict[str, str] | None = None
    rate_limit: RateLimitConfig | None = None


@dataclass(frozen=True, slots=True)
class Tls:
    """Checked files of TLS.

    Attributes:
        cert: Chain, PEM.
        key: PEM, without a passphrase.
        client_ca: Clients have to bring a certificate that it signed; `None` asks for none.
        newest_only: Whether only TLS 1.3 is spoken.
    """

    cert: Path
    key: Path
    client_ca: Path | None
    newest_only: bool


@dataclass(frozen=True, slots=True)
class RateLimit:
    """A token bucket.

    Attributes:
        interval: Seconds in which one more request is allowed.
        burst: Requests allowed at once.
    """

    interval: float
    burst: int


@dataclass(frozen=True, slots=True)
class WebConfig:
    """How the server speaks and whom it answers.

    Attributes:
        tls: `None` is plain HTTP.
        users: Name to bcrypt hash; empty lets everyone in.
        headers: Of every answer.
        rate_limit: `None` is unlimited.
    """

    tls: Tls | None = None
    users: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    headers: tuple[tuple[str, str], ...] = ()
    rate_limit: RateLimit | None = None

    @property
    def authenticates(self) -> bool:
        """Return whether a client has to prove who it is, by password or by certificate."""
        return bool(self.users) or (self.tls is not None and self.tls.client_ca is not None)

    @property
    def files(self) -> tuple[Path, ...]:
        """Return the files that it rests on."""
        named = (self.tls.cert, self.tls.key, self.tls.client_ca) if self.tls else ()
        return tuple(path for path in named if path is not None)


def load(path: Path | None) -> WebConfig:
    """Read a web configuration file and prove that what it names can be used.

    Args:
        path: `None` is plain HTTP for everyone.

    Raises:
        UsageError: `file:line: key: what is wrong and what to write instead`.
    """
    found = documents.read(path) if path else []
    if path is None or not found:
        return WebConfig()
    document = found[0]
    if len(found) > 1:
        raise UsageError(f"{path}: write exactly one document, not {len(found)}")
    _refuse_unsupported(document)
    written = document.validated(WebConfigFile)
    return WebConfig(
        _tls(document, path.parent, written.tls_server_config),
        _users(document, written.basic_auth_users or {}),
        _headers(document, written.http_server_config),
        _rate_limit(document, written.rate_limit),
    )


def is_password(password: bytes, hashed: bytes) -> bool:
    """Return whether a password has a bcrypt hash; takes as long for any password."""
    try:
        return bcrypt.checkpw(password[:LONGEST_PASSWORD], hashed)
    except ValueError:  # a NUL
        bcrypt.checkpw(b"-", hashed)
        return False


def decoy(hashes: Mapping[str, bytes]) -> bytes:
    """Return a hash that no password has and that costs as much as the dearest of these."""
    cost = max((int(each.split(b"$")[2]) for each in hashes.values()), default=4)
    return bcrypt.gensalt(cost) + b"." * 31


# ------------------------------------------------------------------------------------ its parts


def _refuse_unsupported(document: Document) -> None:
    told = document.data.get(TLS) if isinstance(document.data, dict) else None
    for key, instead in _UNSUPPORTED.items():
        if isinstance(told, dict) and told.get(key):
            raise document.error((TLS, key), f"{TLS}.{key}: not supported; {instead}")


def _tls(document: Document, folder: Path, told: TlsServerConfig | None) -> Tls | None:
    if told is None or not (
        told.cert_file or told.key_file or told.client_ca_file or told.client_auth_type
    ):
        return None
    cert = _readable(document, folder, "cert_file", told.cert_file)
    key = _readable(document, folder, "key_file", told.key_file)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(cert, key, password=lambda: "")
    except (ssl.SSLError, ValueError):
        raise _fault(document, "key_file", _pairing(cert, key)) from None
    return Tls(cert, key, _client_ca(document, folder, told), told.min_version == "TLS13")


def _pairing(cert: Path, key: Path) -> str:
    return f"{cert} and {key} are no pair; write a PEM chain and its key without a passphrase"


def _client_ca(document: Document, folder: Path, told: TlsServerConfig) -> Path | None:
    verifies = told.client_auth_type == "RequireAndVerifyClientCert"
    if not verifies and told.client_ca_file:
        message = "write client_auth_type: RequireAndVerifyClientCert beside it"
        raise _fault(document, "client_ca_file", message)
    if not verifies:
        return None
    path = _readable(document, folder, "client_ca_file", told.client_ca_file)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(path)
    except (ssl.SSLError, ValueError):
        raise _fault(document, "client_ca_file", f"{path} holds no PEM certificate") from None
    return path


def _readable(document: Document, folder: Path, key: str, name: str) -> Path:
    if not name:
        raise _fault(document, key, "missing; write it")
    path = folder / name
    try:
        with path.open("rb"):
            return path
    except OSError as error:
        raise _fault(document, key, f"{path} cannot be read: {error.strerror}") from None


def _fault(document: Document, key: str, message: str) -> UsageError:
    return document.error((TLS, key), f"{TLS}.{key}: {message}")


def _users(document: Document, told: Mapping[str, str]) -> dict[str, bytes]:
    for name, hashed in told.items():
        place = ("basic_auth_users", name)
        if not name or ":" in name:
            raise document.error(place, f"basic_auth_users: {name!r}: write a name without a colon")
        match = _HASH.fullmatch(hashed)
        if match is None or int(match[1]) not in _COSTS:
            message = (
                f"basic_auth_users.{name}: write a bcrypt hash of cost {_COSTS[0]} to {_COSTS[-1]}"
                """, as `htpasswd -nBC 10 ""` prints it"""
            )
            raise document.error(place, message)
    return {name: hashed.encode() for name, hashed in told.items()}


def _headers(document: Document, told: HttpServerConfig | None) -> tuple[tuple[str, str], ...]:
    headers = (told.headers if told else None) or {}
    for name, value in headers.items():
        place = ("http_server_config", "headers", name)
        allowed = _FIXED_VALUES.get(name)
        if allowed and value and value.lower() not in allowed:
            words = " or ".join(sorted(allowed))
            raise document.error(place, f"http_server_config.headers.{name}: write {words}")
        if not value.isascii() or not (value.isprintable() or not value):
            raise document.error(place, f"http_server_config.headers.{name}: write printable ASCII")
    return tuple((name.lower(), value) for name, value in headers.items() if value)


def _rate_limit(document: Document, told: RateLimitConfig | None) -> RateLimit | None:
    if told is None:
        return None
    place = ("rate_limit", "interval")
    seconds = _duration(told.interval)
    if seconds is None:
        raise document.error(place, "rate_limit.interval: write a duration such as 500ms or 1s")
    if not seconds:
        return None
    if told.burst < 1:
        raise document.error(("rate_limit", "burst"), "rate_limit.burst: write 1 or more")
    return RateLimit(seconds, told.burst)


def _duration(told: str | int) -> float | None:
    """Return seconds as Go reads them: numbers with units one after the other, or a bare 0."""
    text = str(told).strip()
    if text == "0":
        return 0.0
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return None
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)
