"""The little of HTTP/1.1 that a scrape needs (RFC 9110, RFC 9112), as bytes."""

from dataclasses import dataclass
from functools import lru_cache
from html import escape
from typing import NamedTuple

from qgm_observe.telemetry.negotiation import accepted_form, accepts_gzip
from qgm_observe.telemetry.prometheus import CLASSIC, Form
from qgm_observe.version import __version__

END = b"\r\n\r\n"
PLAIN = "text/plain; charset=utf-8"
LONGEST_REQUEST = 8_192
_PARTS_OF_REQUEST_LINE = 3
_NO_BODY = {None, "0"}

_PAGE = f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>qgm-observe</title>
<body style="font-family: sans-serif; margin: 3em">
<h1>qgm-observe {escape(__version__)}</h1>
<p>Observability of quantum generative models. This process is being recorded.</p>
<ul>
<li><a href="/metrics">/metrics</a>: every signal, for Prometheus to scrape</li>
<li><a href="/-/healthy">/-/healthy</a>: answers while the endpoint lives</li>
</ul>
<p>What each signal means: <code>qgm-observe catalog</code>.
Is all as it should be: <code>qgm-observe check http://this-address/metrics</code>.</p>
"""

_REASONS = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    500: "Internal Server Error",
}


@dataclass(frozen=True, slots=True)
class Request:
    """What a scrape asks for.

    Attributes:
        method: Upper case.
        path: Without its query.
        gzip: Whether the answer may be compressed.
        keep: Whether the connection stays open.
        form: The text format that it prefers.
    """

    method: str
    path: str
    gzip: bool
    keep: bool
    form: Form = CLASSIC


@lru_cache(maxsize=256)
def parsed(head: bytes) -> Request | None:
    """Return the request in a head (request line and fields, without the blank line), if any."""
    first, *fields = head.decode("latin-1").split("\r\n")
    words = first.split(" ")
    if len(words) != _PARTS_OF_REQUEST_LINE or words[2] not in ("HTTP/1.1", "HTTP/1.0"):
        return None
    told: dict[str, str] = {}
    for field in fields:
        name, colon, value = field.partition(":")
        if not colon or not name or name != name.strip():
            return None
        told[name.lower()] = value.strip().lower()
    method, target, version = words
    if not target.startswith("/"):
        return None
    has_body = told.get("content-length") not in _NO_BODY or "transfer-encoding" in told
    return Request(
        method=method,
        path=target.partition("?")[0],
        gzip=accepts_gzip(told.get("accept-encoding", "")),
        keep=version == "HTTP/1.1" and told.get("connection") != "close" and not has_body,
        form=accepted_form(told.get("accept", "")),
    )


class Answer(NamedTuple):
    """What is sent back.

    Attributes:
        head: Status line and fields, blank line included.
        body: May be empty.
        keep: Whether the connection stays open.
    """

    head: bytes
    body: bytes
    keep: bool


def answer(
    status: int, body: bytes, content_type: str, *, keep: bool, fields: tuple[str, ...] = ()
) -> Answer:
    """Return an answer with further `fields` (`Name: value`)."""
    lines = [
        f"HTTP/1.1 {status} {_REASONS[status]}",
        f"Content-Type: {content_type}",
        f"Content-Length: {len(body)}",
        "X-Content-Type-Options: nosniff",
        *fields,
        *([] if keep else ["Connection: close"]),
        "\r\n",
    ]
    return Answer("\r\n".join(lines).encode("latin-1"), body, keep)


def line(status: int, text: str, *, keep: bool, fields: tuple[str, ...] = ()) -> Answer:
    """Return an answer of one line."""
    return answer(status, f"{text}\n".encode(), PLAIN, keep=keep, fields=fields)


def metrics(body: bytes, *, gzip: bool, keep: bool, form: Form = CLASSIC) -> Answer:
    """Return the answer to a scrape."""
    encoding = ("Content-Encoding: gzip",) if gzip else ()
    fields = ("Vary: Accept, Accept-Encoding", "Cache-Control: no-store", *encoding)
    return answer(200, body, form.content_type, keep=keep, fields=fields)


def page(*, keep: bool) -> Answer:
    """Return the page for people."""
    policy = "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'"
    return answer(200, _PAGE.encode(), "text/html; charset=utf-8", keep=keep, fields=(policy,))
