"""What goes over the wire, as the provider's code sees it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

PREFIXES = ("/api/v1", "/experimental")
"""Where the interface lives. The client leaves a URL that says `experimental` as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request, without its secrets.

    Attributes:
        path: Without the interface's prefix, for instance `/jobs/ID/results`.
        at: Virtual epoch seconds at which it came.
        body: As sent.
        authorization: The header, kept out of every text form.
    """

    method: str
    path: str
    at: float = 0.0
    query: Mapping[str, Sequence[str]] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)
    authorization: str = field(default="", repr=False)
    instance: str = field(default="", repr=False)

    @classmethod
    def parse(cls, method: str, target: str, **rest: Any) -> "Request":
        """Read a request's target."""
        parts = urlsplit(target)
        path = parts.path
        for prefix in PREFIXES:
            path = path.removeprefix(prefix)
        return cls(method=method, path=path, query=parse_qs(parts.query), **rest)

    def one(self, name: str, default: str = "") -> str:
        """Return a query parameter's first value."""
        return self.query.get(name, [default])[0]

    def flag(self, name: str) -> bool | None:
        """Return a query parameter that is true or false, `None` where it is not there."""
        text = self.one(name).lower()
        return {"true": True, "false": False}.get(text)

    @property
    def json(self) -> Mapping[str, Any]:
        """The body, which has to be a JSON object.

        Raises:
            Refusal: With status 400 for anything else.
        """
        try:
            content = json.loads(self.body or b"{}")
        except ValueError:
            content = None
        if not isinstance(content, dict):
            raise Refusal(400, 1221, "The request body is not a JSON object.")
        return content


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


class Refusal(Exception):
    """What the provider answers instead: a status and its own error code."""

    def __init__(self, status: int, code: int | str, message: str) -> None:
        super().__init__(message)
        self.reply = refused(status, code, message)


def as_json(content: Any, status: int = 200) -> Reply:
    """Return a reply with JSON."""
    return Reply(status, json.dumps(content).encode())


def as_text(content: str, status: int = 200) -> Reply:
    """Return a reply with plain text."""
    return Reply(status, content.encode(), "text/plain; charset=utf-8")


def refused(
    status: int, code: int | str, message: str, headers: Mapping[str, str] | None = None
) -> Reply:
    """Return an error in the provider's form (OpenAPI `ErrorContainer`)."""
    error = {
        "code": code,
        "message": message,
        "more_info": "https://quantum.cloud.ibm.com/docs/errors",
    }
    body = json.dumps({"trace": "00000000000000000000000000000000", "errors": [error]})
    return Reply(status, body.encode(), headers=headers or {})
