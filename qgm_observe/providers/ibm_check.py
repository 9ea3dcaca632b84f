"""Does IBM still answer what we read? Every field that the adapter looks at, against live replies.

The adapter itself asks and parses; what it looks at is noted while it does, so this list cannot go
stale. Only reads are asked: nothing is submitted, no second of a device is used.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from qgm_observe.catalog import ErrorClass
from qgm_observe.errors import UsageError
from qgm_observe.providers.ibm import IBM
from qgm_observe.providers.ibm_connection import Connection
from qgm_observe.redaction import redacted

ABSENT = "absent"
PRIVATE = ("id", "session_id", "tags", "name_of_user", "user_id", "calibration_id", "instance")
"""Fields whose text says who asks, not what the interface is like."""

Types = dict[str, set[str]]


class Watched(dict[str, Any]):
    """A JSON object that notes which of its fields are looked at, and of what type they are."""

    def __init__(self, told: Mapping[str, Any], place: str, seen: Types) -> None:
        super().__init__(told)
        self._place, self._seen = place, seen

    def __getitem__(self, key: str) -> Any:
        return self._noted(key, super().__getitem__(key))

    def get(self, key: str, default: Any = None) -> Any:
        """Return a field, noted, also where it is absent."""
        if key not in self:
            self._seen.setdefault(self._at(key), set()).add(ABSENT)
            return default
        return self[key]

    def _noted(self, key: str, value: Any) -> Any:
        self._seen.setdefault(self._at(key), set()).add(_type(value))
        return _watched(value, self._at(key), self._seen)

    def _at(self, key: str) -> str:
        return f"{self._place}.{key}" if self._place else key


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of one HTTP request.

    Attributes:
        path: Below the interface's base, without query and the ids in it.
        seen: Types of each field that was looked at, by its path; `absent` where it was not there.
        body: The reply, as JSON.
    """

    method: str
    path: str
    status: int
    seen: Types
    body: Any

    @property
    def unread(self) -> tuple[str, ...]:
        """Top-level fields that nobody looked at."""
        keys = self.body if isinstance(self.body, dict) else ()
        return tuple(key for key in keys if key not in self.seen)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One question of the adapter's, and what came of it.

    Attributes:
        problem: Class and words of the failure, `None` if it was answered.
        skipped: Why it was not asked.
    """

    question: str
    answers: tuple[Answer, ...] = ()
    problem: str | None = None
    skipped: str | None = None

    @property
    def fields(self) -> Types:
        """What was looked at in all answers together."""
        found: Types = {}
        for answer in self.answers:
            for place, types in answer.seen.items():
                found.setdefault(place, set()).update(types)
        return found

    @property
    def absent(self) -> tuple[str, ...]:
        """Fields that are looked at and were in no reply."""
        return tuple(sorted(place for place, types in self.fields.items() if types == {ABSENT}))


class Watching(Connection):
    """A connection whose answers are noted."""

    def __init__(self, told: Connection) -> None:
        super().__init__(told._login, told._deadline)  # noqa: SLF001  the same account, anew
        self.answers: list[Answer] = []

    def _connected(self) -> Any:
        client = super()._connected()
        session = client._session  # noqa: SLF001  below it nothing tells what was answered
        ask = session.request

        def noted(method: str, url: str, **options: Any) -> Any:
            return self._noted(method, url, ask(method, url, **options))

        session.request = noted
        return client

    def _noted(self, method: str, url: str, reply: Any) -> Any:
        seen: Types = {}
        try:
            body = reply.json()
        except ValueError:
            return reply
        path = _public(urlsplit(url).path)
        self.answers.append(
            Answer(method=method, path=path, status=reply.status_code, seen=seen, body=body)
        )
        read = reply.json
        reply.json = lambda **options: _watched(read(**options), "", seen)
        return reply


@dataclass
class Examination:
    """Asks everything that can be read, one question after the other."""

    provider: IBM
    device: str | None = None
    checks: list[Check] = field(default_factory=list)

    def run(self) -> list[Check]:
        """Return what came of each question.

        Raises:
            UsageError: key or instance cannot be told.
        """
        watching = Watching(self.provider._connection)  # noqa: SLF001  the adapter's own
        self.provider._connection = watching  # noqa: SLF001
        fleet = self._ask("devices", self.provider.devices) or ()
        name = self.device or next((info.name for info, _ in fleet), None)
        for question, read in (
            ("device", self.provider.device),
            ("status", self.provider.status),
            ("calibration", self.provider.calibration),
        ):
            self._ask_about(question, read, name, "no device is listed")
        self._ask("usage", self.provider.usage)
        jobs = self._ask("jobs", lambda: self.provider.jobs(limit=5)) or ()
        newest = next((job.id for job in jobs), None)
        self._ask_about("job", self.provider.job, newest, "the account has no job")
        session = next((job.session for job in jobs if job.session), None)
        self._ask_about("session", self.provider.session, session, "no recent job had a session")
        return self.checks

    def _ask_about(
        self, question: str, read: Callable[[str], Any], name: str | None, reason: str
    ) -> None:
        if name is None:
            self.checks.append(Check(question=question, skipped=reason))
        else:
            self._ask(question, lambda: read(name))

    def _ask(self, question: str, read: Callable[[], Any]) -> Any:
        answers = self.provider._connection.answers  # type: ignore[attr-defined]  # noqa: SLF001
        before, found, problem = len(answers), None, None
        try:
            found = read()
        except UsageError:
            raise
        except Exception as error:  # noqa: BLE001  one question that fails leaves the others
            kind: ErrorClass = self.provider.classify(error)
            problem = f"{kind}: {redacted(str(error))}"
        self.checks.append(
            Check(question=question, answers=tuple(answers[before:]), problem=problem)
        )
        return found


def recording(checks: list[Check]) -> Iterator[dict[str, Any]]:
    """Yield the replies for a file: values of fields that are read, types of all others.

    Texts are redacted; ids and tags are replaced by their kind.
    """
    for check in checks:
        for answer in check.answers:
            yield {
                "question": check.question,
                "method": answer.method,
                "path": answer.path,
                "status": answer.status,
                "body": _kept(answer.body, "", answer.seen),
            }


def _kept(told: Any, place: str, seen: Types) -> Any:
    if isinstance(told, dict):
        return {
            key: _kept(value, f"{place}.{key}" if place else key, seen)
            for key, value in told.items()
        }
    if isinstance(told, list):
        return [_kept(each, f"{place}[]", seen) for each in told]
    if place.removesuffix("[]") not in seen:
        return f"<{_type(told)}>"
    name = place.removesuffix("[]").rpartition(".")[2]
    if name in PRIVATE and told is not None:
        return f"<{name}>"
    return redacted(told) if isinstance(told, str) else told


def _watched(value: Any, place: str, seen: Types) -> Any:
    if isinstance(value, dict):
        return Watched(value, place, seen)
    if isinstance(value, list):
        return [_watched(each, f"{place}[]", seen) for each in value]
    return value


def _type(value: Any) -> str:
    names = {dict: "object", list: "array", str: "text", bool: "boolean", type(None): "null"}
    return names.get(type(value), "number")


def _public(path: str) -> str:
    """A path without the ids of jobs and sessions."""
    return re.sub(r"/(jobs|sessions)/[^/]+", r"/\1/{id}", path)
