"""What a sidecar answers, as bytes: scrapes, lines, JSON and a page for people."""

import json
from functools import cache
from html import escape
from typing import NamedTuple

from qgm_observe.exporters.exporter import Reply
from qgm_observe.telemetry.prometheus import Exposition, Form
from qgm_observe.version import __version__

Fields = tuple[tuple[str, str], ...]

PLAIN: Fields = (
    ("content-type", "text/plain; charset=utf-8"),
    ("x-content-type-options", "nosniff"),
)
_JSON: Fields = (
    ("content-type", "application/json"),
    ("cache-control", "no-store"),
    ("x-content-type-options", "nosniff"),
)
_HTML: Fields = (
    ("content-type", "text/html; charset=utf-8"),
    ("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'"),
    ("x-content-type-options", "nosniff"),
)
_PATHS = {
    "/metrics": "every signal, for Prometheus to scrape",
    "/-/healthy": "answers while the process lives",
    "/-/ready": "says whether there is something to scrape, and why not",
}
_FURTHER = {
    "/probe?target=NAME": "the signals of one target of the configuration",
    "/api/v1/": "reads for people and programs; with a login, or from this machine",
    "POST /-/reload": "take the configuration anew, as SIGHUP does",
}


class Answer(NamedTuple):
    """What is sent back.

    Attributes:
        status: HTTP status.
        fields: Lower-case names and values.
        body: May be empty.
    """

    status: int
    fields: Fields
    body: bytes


def line(status: int, text: str, *fields: tuple[str, str]) -> Answer:
    """Return an answer of one line."""
    return Answer(status, PLAIN + fields, f"{text}\n".encode())


def metrics(exposition: Exposition, form: Form, *, gzip: bool) -> Answer:
    """Return the answer to a scrape; its body is the exposition's own."""
    body = exposition.gzip if gzip else exposition.text
    return Answer(200, _metrics_fields(form, gzip), body)


def told(reply: Reply) -> Answer:
    """Return what an exporter answers, as JSON."""
    return Answer(reply.status, _JSON, json.dumps(reply.body, default=str).encode() + b"\n")


def index(unready: str | None) -> Answer:
    """Return the page for people, with why the sidecar is not ready if it is not."""
    links = [f'<li><a href="{path}">{path}</a>: {brief}</li>' for path, brief in _PATHS.items()]
    words = [f"<li><code>{path}</code>: {brief}</li>" for path, brief in _FURTHER.items()]
    state = f"Not ready: {escape(unready)}" if unready else "Ready."
    page = f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>qgm-observe</title>
<body style="font-family: sans-serif; margin: 3em">
<h1>qgm-observe {escape(__version__)}</h1>
<p>Observability of quantum generative models. {state}</p>
<ul>
{chr(10).join([*links, *words])}
</ul>
<p>What each signal means: <code>qgm-observe catalog</code>.</p>
"""
    return Answer(200, _HTML, page.encode())


@cache
def _metrics_fields(form: Form, gzip: bool) -> Fields:
    encoding = (("content-encoding", "gzip"),) if gzip else ()
    return (
        ("content-type", form.content_type),
        ("vary", "Accept, Accept-Encoding"),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        *encoding,
    )
