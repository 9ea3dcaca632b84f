"""Paths to answers: what every sidecar serves, whatever it exports.

An application of RSGI 1.x (https://github.com/emmett-framework/granian/blob/master/docs/spec/RSGI.md).
Answers come from what is ready in memory, so that no scrape waits for a provider and the deadline
that Prometheus names (`X-Prometheus-Scrape-Timeout-Seconds`) is never near.
"""

import asyncio
import logging
from collections.abc import AsyncIterable, Awaitable, Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from qgm_observe.errors import Error
from qgm_observe.exporters.exporter import Exporter
from qgm_observe.exporters.web import answers
from qgm_observe.exporters.web.answers import Answer
from qgm_observe.exporters.web.gate import Gate
from qgm_observe.exporters.web.limits import BODY_SECONDS, LONGEST_BODY, MOST_POSTS, aside
from qgm_observe.telemetry.negotiation import accepted_form, accepts_gzip
from qgm_observe.telemetry.prometheus import Form

API = "/api/v1/"
MOST_PARAMETERS = 20
LONGEST_LOGGED = 128

_READS = ("GET", "HEAD")
_METHODS = {
    "/": _READS,
    "/metrics": _READS,
    "/probe": _READS,
    "/-/healthy": _READS,
    "/-/ready": _READS,
    "/-/reload": ("POST",),
}
_NOT_FOUND = answers.line(404, "not found: / tells what there is")
_NO_TARGET = answers.line(404, "no such target: write one of the configuration")
_ODD_PROBE = answers.line(400, "write /probe?target=NAME, and nothing else")
_ODD_QUERY = answers.line(400, f"write at most {MOST_PARAMETERS} parameters, each as NAME=VALUE")
_TOO_LONG = answers.line(413, f"write at most {LONGEST_BODY} bytes", ("connection", "close"))
_TOO_SLOW = answers.line(408, f"send it within {BODY_SECONDS:g} seconds", ("connection", "close"))
_ENCODED = answers.line(415, "send it without a Content-Encoding", ("connection", "close"))
_BUSY = answers.line(503, "busy: come again", ("retry-after", "1"))
_FAILED = answers.line(500, "failed: the sidecar's log tells more")

_log = logging.getLogger(__name__)
_access = logging.getLogger("qgm_observe.access")


class Request(NamedTuple):
    """What a client asks for.

    Attributes:
        method: Upper case.
        path: Without its query.
        query: Behind the question mark.
        client: Address and port.
        field: Gives the value of a header field by its lower-case name.
        pieces: The body, as it comes.
    """

    method: str
    path: str
    query: str
    client: str
    field: Callable[[str], str | None]
    pieces: AsyncIterable[bytes]


class App:
    """An exporter behind a gate.

    Args:
        exporter: Answers from memory.
        gate: Gives the present gate.
        reload: Takes every configuration anew, or raises `Error`.
        logs_access: Whether each request gets a line in the log.
    """

    def __init__(
        self,
        exporter: Exporter,
        gate: Callable[[], Gate],
        reload: Callable[[], Awaitable[None]],
        *,
        logs_access: bool = False,
    ) -> None:
        self._exporter = exporter
        self._gate = gate
        self._reload = reload
        self._logs_access = logs_access
        self._posts = 0
        self._warned: set[str] = set()
        self._routes: Mapping[str, Callable[[Request], Awaitable[Answer]]] = {
            "/": self._index,
            "/metrics": self._metrics,
            "/probe": self._probe,
            "/-/reload": self._reloaded,
        }

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        """Answer one request of the server's."""
        if scope.proto != "http":
            protocol.close(400)
            return
        request = Request(
            scope.method,
            scope.path,
            scope.query_string,
            scope.client,
            scope.headers.get,
            protocol,
        )
        answer = await self.answer(request)
        fields = list(answer.fields)
        protocol.response_bytes(answer.status, fields, answer.body)

    async def answer(self, request: Request) -> Answer:
        """Return the answer to a request, whatever goes wrong inside."""
        gate = self._gate()
        try:
            answer = await self._guarded(request, gate)
        except Exception as error:  # noqa: BLE001  whatever it is, one request fails and the rest go on
            self._warn(request.path, error)
            answer = _FAILED
        if self._logs_access:
            _access.info("%s %s %d", request.method, _printable(request.path), answer.status)
        if not gate.fields:
            return answer
        own = {name for name, _ in gate.fields}
        kept = (pair for pair in answer.fields if pair[0] not in own)
        return answer._replace(fields=(*kept, *gate.fields))

    async def _guarded(self, request: Request, gate: Gate) -> Answer:
        allowed = _allowed(request.path)
        if request.path in ("/-/healthy", "/-/ready") and request.method in _READS:
            return await self._health(request, gate)
        refusal = gate.limited() or await gate.refused(request.field("authorization"))
        if refusal is not None:
            return refusal
        if allowed is None:
            return _NOT_FOUND
        if request.method not in allowed:
            words = ", ".join(allowed)
            return answers.line(405, f"only {words} is answered here", ("allow", words))
        if request.path.startswith(API) or request.path == "/-/reload":
            refusal = gate.kept_private(
                request.client, request.field("host"), request.field("origin")
            )
            return refusal or await self._private(request)
        return await self._routes[request.path](request)

    async def _private(self, request: Request) -> Answer:
        if request.path == "/-/reload":
            return await self._reloaded(request)
        return await (self._taken(request) if request.method == "POST" else self._asked(request))

    async def _health(self, request: Request, gate: Gate) -> Answer:
        """Answer probes, which bring no login; the reason is told to who has one."""
        if request.path == "/-/healthy":
            return answers.line(200, "healthy")
        reason = self._exporter.readiness()
        if reason is None:
            return answers.line(200, "ready")
        stranger = gate.config.users and (
            request.field("authorization") is None
            or await gate.refused(request.field("authorization")) is not None
        )
        return answers.line(503, "not ready" if stranger else f"not ready: {reason}")

    async def _index(self, _: Request) -> Answer:
        return answers.index(self._exporter.readiness())

    async def _metrics(self, request: Request) -> Answer:
        return self._exposed(request, None)

    async def _probe(self, request: Request) -> Answer:
        parameters = _parameters(request.query)
        if parameters is None or [*parameters] != ["target"] or not parameters["target"]:
            return _ODD_PROBE
        return self._exposed(request, parameters["target"])

    def _exposed(self, request: Request, target: str | None) -> Answer:
        form, gzip = _negotiated(
            request.field("accept") or "", request.field("accept-encoding") or ""
        )
        exposition = self._exporter.exposition(form, target)
        if exposition is None:
            return _NO_TARGET
        return answers.metrics(exposition, form, gzip=gzip)

    async def _reloaded(self, _: Request) -> Answer:
        try:
            await self._reload()
        except Error as error:
            return answers.line(500, f"nothing was changed: {error}")
        return answers.line(200, "reloaded")

    async def _asked(self, request: Request) -> Answer:
        parameters = _parameters(request.query)
        if parameters is None:
            return _ODD_QUERY
        reply = self._exporter.ask(request.path, parameters)
        return _NOT_FOUND if reply is None else answers.told(reply)

    async def _taken(self, request: Request) -> Answer:
        if request.field("content-encoding"):
            return _ENCODED
        if self._posts >= MOST_POSTS:
            return _BUSY
        self._posts += 1
        try:
            body = await _body(request)
            if isinstance(body, Answer):
                return body
            reply = await aside(lambda: self._exporter.take(request.path, body))
        finally:
            self._posts -= 1
        return _NOT_FOUND if reply is None else answers.told(reply)

    def _warn(self, path: str, error: Exception) -> None:
        """Say once what kind of error it was; its text may hold what nobody should read."""
        kind = type(error).__name__
        if kind not in self._warned:
            self._warned.add(kind)
            shown = path if path in _METHODS else API if path.startswith(API) else "another path"
            _log.error("%s failed with %s; the next ones are not logged", shown, kind)


def _allowed(path: str) -> tuple[str, ...] | None:
    return (*_READS, "POST") if path.startswith(API) else _METHODS.get(path)


async def _body(request: Request) -> bytes | Answer:
    """Return the body, or the refusal of one that is too long or too slow."""
    announced = request.field("content-length") or "0"
    if not announced.isdecimal() or int(announced) > LONGEST_BODY:
        return _TOO_LONG
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for piece in request.pieces:
                body += piece
                if len(body) > LONGEST_BODY:
                    return _TOO_LONG
    except TimeoutError:
        return _TOO_SLOW
    return bytes(body)


def _parameters(query: str) -> dict[str, str] | None:
    """Return the parameters of a query; `None` if there are too many or one stands twice."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=MOST_PARAMETERS)
    except ValueError:
        return None
    return dict(pairs) if len({name for name, _ in pairs}) == len(pairs) else None


def _printable(path: str) -> str:
    """Return a path on one line, without what moves a terminal's cursor."""
    return path.encode("unicode_escape").decode("ascii")[:LONGEST_LOGGED]


@lru_cache(maxsize=256)
def _negotiated(accept: str, encoding: str) -> tuple[Form, bool]:
    return accepted_form(accept.lower()), accepts_gzip(encoding.lower())
