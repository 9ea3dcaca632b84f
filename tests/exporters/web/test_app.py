"""Paths to answers: who asks for what gets which answer, whatever goes wrong inside."""

import asyncio
import base64
import json
import logging

import bcrypt
import pytest

from qgm_observe.errors import UsageError
from qgm_observe.exporters.exporter import Reply
from qgm_observe.exporters.web import app as app_module
from qgm_observe.exporters.web.answers import Answer
from qgm_observe.exporters.web.app import App, Request
from qgm_observe.exporters.web.gate import Gate
from qgm_observe.exporters.web.limits import LONGEST_BODY, MOST_POSTS
from qgm_observe.exporters.web.web_config import RateLimit, WebConfig

CANARY = "canary-51c9e2"
USERS = {"alice": bcrypt.hashpw(CANARY.encode(), bcrypt.gensalt(4))}
LOGIN = {"authorization": "Basic " + base64.b64encode(f"alice:{CANARY}".encode()).decode()}
LOCAL = {"host": "localhost:9465"}


def request(method, target, body=b"", client="127.0.0.1:5000", **fields):
    async def pieces():
        for at in range(0, len(body), 1 << 16):
            yield body[at : at + (1 << 16)]

    path, _, query = target.partition("?")
    told = LOCAL | {name.replace("_", "-"): value for name, value in fields.items()}
    return Request(method, path, query, client, told.get, pieces())


@pytest.fixture
def ask(still_exporter):
    """Asks an app for something; the configuration may be given."""
    gates = {}

    def ask(method, target, body=b"", config=None, *, logs_access=False, **fields):
        gate = gates.setdefault(id(config), Gate(config or WebConfig(), clock=lambda: 0.0))

        async def reload():
            still_exporter.reload()

        app = App(still_exporter, lambda: gate, reload, logs_access=logs_access)
        return asyncio.run(app.answer(request(method, target, body, **fields)))

    return ask


def test_a_scrape_gets_the_very_bytes_that_are_ready(ask, still_exporter):
    """Text or gzip, as accepted, comes from the exposition without a copy, with its fields."""
    plain = ask("GET", "/metrics")
    packed = ask("GET", "/metrics", accept_encoding="gzip, deflate")

    assert plain.body is still_exporter.page.text
    assert packed.body is still_exporter.page.gzip
    assert dict(packed.fields) == {
        "content-type": "text/plain; version=0.0.4; charset=utf-8",
        "content-encoding": "gzip",
        "vary": "Accept, Accept-Encoding",
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
    }


def test_openmetrics_is_negotiated(ask):
    """A scraper that prefers OpenMetrics is answered in its media type."""
    answer = ask("GET", "/metrics", accept="application/openmetrics-text;version=1.0.0")

    assert dict(answer.fields)["content-type"].startswith("application/openmetrics-text")


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/probe?target=ibm_fez", 200),
        ("/probe?target=ibm_torino", 404),
        ("/probe?target=http%3A%2F%2F169.254.169.254%2F", 404),
        ("/probe", 400),
        ("/probe?target=", 400),
        ("/probe?target=ibm_fez&url=http://x", 400),
        ("/probe?target=ibm_fez&target=ibm_fez", 400),
        ("/probe?" + "a=1&" * 100, 400),
    ],
)
def test_a_probe_takes_names_of_the_configuration_alone(ask, target, status):
    """A target is a configured name; anything else is refused, and nothing is called for it."""
    assert ask("GET", target).status == status


@pytest.mark.parametrize(
    ("method", "target", "status", "allow"),
    [
        ("GET", "/", 200, None),
        ("HEAD", "/", 200, None),
        ("HEAD", "/metrics", 200, None),
        ("HEAD", "/-/healthy", 200, None),
        ("POST", "/metrics", 405, "GET, HEAD"),
        ("DELETE", "/api/v1/jobs", 405, "GET, HEAD, POST"),
        ("GET", "/-/reload", 405, "POST"),
        ("PUT", "/-/healthy", 405, "GET, HEAD"),
        ("GET", "/favicon.ico", 404, None),
        ("GET", "/api/v1/unknown", 404, None),
        ("POST", "/api/v1/unknown", 404, None),
        ("GET", "/metrics/", 404, None),
    ],
)
def test_methods_and_paths(ask, method, target, status, allow):
    """Reads are GET and HEAD; 405 names what is allowed, and what is not there is 404."""
    answer = ask(method, target)

    assert answer.status == status
    assert dict(answer.fields).get("allow") == allow


def test_the_page_for_people_says_why_it_is_not_ready(ask, still_exporter):
    """The index links what there is, and its text from outside is escaped."""
    still_exporter.unready = "no <answer> yet"
    page = ask("GET", "/").body.decode()

    assert '<a href="/metrics">' in page
    assert "Not ready: no &lt;answer&gt; yet" in page


def test_ready_is_503_with_the_reason(ask, still_exporter):
    """Readiness follows the exporter."""
    assert ask("GET", "/-/ready")[::2] == (200, b"ready\n")

    still_exporter.unready = "the first poll has not ended"
    answer = ask("GET", "/-/ready")

    assert answer[::2] == (503, b"not ready: the first poll has not ended\n")


def test_reads_and_posts_of_the_interface(ask):
    """GET is answered by `ask` with its parameters, POST by `take` with its body, both as JSON."""
    asked = ask("GET", "/api/v1/jobs?state=open&run=a%20b")
    taken = ask("POST", "/api/v1/events", b"x" * 100_000)

    assert json.loads(asked.body) == {"asked": {"state": "open", "run": "a b"}}
    assert dict(asked.fields)["content-type"] == "application/json"
    assert (taken.status, json.loads(taken.body)) == (202, {"bytes": 100_000})
    assert ask("GET", "/api/v1/jobs?a=1&a=2").status == 400


@pytest.mark.parametrize(
    ("length", "fields", "status"),
    [
        (LONGEST_BODY, {}, 202),
        (LONGEST_BODY + 1, {}, 413),
        (1, {"content_length": str(LONGEST_BODY + 1)}, 413),
        (1, {"content_length": "-1"}, 413),
        (1, {"content_encoding": "gzip"}, 415),
    ],
)
def test_a_body_is_bounded(ask, length, fields, status):
    """A body that is too long, as announced or as it comes, is refused."""
    assert ask("POST", "/api/v1/events", b"x" * length, **fields).status == status


def test_a_slow_body_is_refused(still_exporter, monkeypatch):
    """A body that does not come in time is 408, and its place is free again."""
    monkeypatch.setattr(app_module, "BODY_SECONDS", 0.01)

    async def never():
        yield b"x"
        await asyncio.Event().wait()

    async def main():
        app = App(still_exporter, lambda: gate, lambda: None)
        gate = Gate(WebConfig())
        post = request("POST", "/api/v1/events", b"x")
        slow = [post._replace(pieces=never()) for _ in range(MOST_POSTS + 1)]
        return [(await app.answer(each)).status for each in (*slow, post)]

    assert asyncio.run(main()) == [408] * (MOST_POSTS + 1) + [202]


def test_a_crowd_of_posts_is_bounded(still_exporter):
    """So many posts are taken at once; one more is asked to come again."""

    async def main():
        free = asyncio.Event()

        async def waiting():
            yield b"x"
            await free.wait()

        gate = Gate(WebConfig())
        app = App(still_exporter, lambda: gate, lambda: None)
        held = [
            asyncio.create_task(
                app.answer(request("POST", "/api/v1/events")._replace(pieces=waiting()))
            )
            for _ in range(MOST_POSTS)
        ]
        await asyncio.sleep(0)
        surplus = await app.answer(request("POST", "/api/v1/events", b"x"))
        free.set()
        return surplus.status, {answer.status for answer in await asyncio.gather(*held)}

    assert asyncio.run(main()) == (503, {202})


@pytest.mark.parametrize(
    "fields",
    [
        {"client": "10.1.2.3:5000"},
        {"host": "evil.example:9465"},
        {"origin": "https://evil.example"},
        {"client": "[fe80::1]:5000"},
    ],
)
@pytest.mark.parametrize(("method", "path"), [("GET", "/api/v1/jobs"), ("POST", "/-/reload")])
def test_without_a_login_only_this_machine_is_answered(ask, still_exporter, method, path, fields):
    """Without authentication the interface and the reload are for programs of this machine."""
    assert ask(method, path, **fields).status == 403
    assert still_exporter.calls == []
    assert ask("GET", "/metrics", **fields).status == 200
    assert ask(method, path, client="[::ffff:127.0.0.1]:5000").status == 200


def test_a_login_opens_everything_and_is_asked_for_everything_but_health(ask, still_exporter):
    """With users every path but health is 401 without a login, in the same words for everyone."""
    config = WebConfig(users=USERS)
    still_exporter.unready = "secret reason"
    wrong = {"authorization": "Basic " + base64.b64encode(b"bob:x").decode()}
    paths = ["/", "/metrics", "/probe?target=ibm_fez", "/api/v1/jobs", "/unknown"]
    refusals = {ask("GET", path, config=config, **f) for path in paths for f in ({}, wrong)}
    far = {"client": "10.1.2.3:5000", "host": "sidecar:9465"}

    assert len(refusals) == 1
    assert refusals.pop().status == 401
    assert ask("GET", "/-/healthy", config=config).status == 200
    assert ask("GET", "/-/ready", config=config).body == b"not ready\n"
    assert ask("GET", "/-/ready", config=config, **wrong).body == b"not ready\n"
    assert b"secret reason" in ask("GET", "/-/ready", config=config, **LOGIN).body
    assert ask("GET", "/api/v1/jobs", config=config, **far, **LOGIN).status == 200
    assert ask("POST", "/-/reload", config=config, **far, **LOGIN).status == 200


def test_a_rate_limit_spares_health(ask):
    """Above the limit requests are 429; a probe of the orchestrator is not among them."""
    config = WebConfig(rate_limit=RateLimit(1.0, 2))
    statuses = [ask("GET", "/metrics", config=config).status for _ in range(3)]

    assert statuses == [200, 200, 429]
    assert ask("GET", "/-/healthy", config=config).status == 200


def test_configured_headers_are_on_every_answer(ask):
    """Headers of the web configuration stand on answers and refusals, in place of our own."""
    config = WebConfig(headers=(("x-frame-options", "deny"), ("content-security-policy", "none")))

    for target in ("/", "/metrics", "/unknown"):
        fields = ask("GET", target, config=config).fields
        assert dict(fields)["x-frame-options"] == "deny"
        assert [value for name, value in fields if name == "content-security-policy"] == ["none"]


def test_a_reload_that_fails_says_why(ask, still_exporter):
    """A configuration that cannot be used is told in one line, and is the client's 500."""
    assert ask("POST", "/-/reload")[::2] == (200, b"reloaded\n")

    still_exporter.raises = UsageError("sidecar.yml:3: interval: write a number")
    answer = ask("POST", "/-/reload")

    assert answer.status == 500
    assert answer.body == b"nothing was changed: sidecar.yml:3: interval: write a number\n"


def test_an_error_inside_is_told_by_its_kind_alone(ask, still_exporter, caplog):
    """What an exporter raises fails one request; its text reaches neither client nor log."""
    still_exporter.raises = RuntimeError(f"token={CANARY}")
    answer = ask("GET", "/metrics")

    assert answer == Answer(500, answer.fields, b"failed: the sidecar's log tells more\n")
    assert "/metrics failed with RuntimeError" in caplog.text
    assert CANARY not in caplog.text


def test_no_line_of_the_log_carries_a_credential_or_a_body(ask, caplog):
    """The access log has method, path and status; nothing that the client proved itself with."""
    caplog.set_level(logging.DEBUG)
    config = WebConfig(users=USERS)
    told = {"config": config, "logs_access": True}
    ask("GET", f"/metrics?password={CANARY}", **told, **LOGIN)
    ask("POST", "/api/v1/events", CANARY.encode(), **told, **LOGIN)
    ask("GET", "/a\nb\x1b[31m", **told)

    assert CANARY not in caplog.text
    assert LOGIN["authorization"].split()[1] not in caplog.text
    assert [r.getMessage() for r in caplog.records if r.name == "qgm_observe.access"] == [
        "GET /metrics 200",
        "POST /api/v1/events 202",
        "GET /a\\nb\\x1b[31m 401",
    ]


def test_without_being_asked_no_access_is_logged(ask, caplog):
    """The access log is off unless asked for."""
    caplog.set_level(logging.DEBUG)
    ask("GET", "/metrics")

    assert [r for r in caplog.records if r.name.startswith("qgm_observe")] == []


def test_a_reply_that_is_no_json_is_written_as_text(ask, still_exporter, monkeypatch):
    """Values that JSON does not know are written as text rather than lost."""
    monkeypatch.setattr(still_exporter, "ask", lambda *_: Reply(200, {"kind": RuntimeError}))

    assert json.loads(ask("GET", "/api/v1/x").body) == {"kind": "<class 'RuntimeError'>"}
