"""Faults that are scripted: what goes wrong, where, how often and when."""

import random
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from qgm_observe.errors import UsageError
from qgm_observe.testing.provider.http import Reply, Request, refused

Condition = Callable[[Request], bool]

_PAUSE_SECONDS = 0.05  # between two looks whether the client of a hanging request is still there


@dataclass(slots=True, kw_only=True, eq=False)
class Fault:
    """One way in which requests go wrong.

    Attributes:
        method: Which method, `*` for any.
        path: Which path: `*` stands for one part, `**` for any number of them.
        status: The HTTP status of the answer; `None` for a drop or a hang.
        drop: Close the connection without an answer.
        hang: Answer nothing until `Faults.release`, then close the connection.
        after: Let the provider do what was asked first, and only then fail: the client retries
            what has been done already.
        count: How many requests, `None` for all.
        skip: How many to let pass first.
        probability: Share of the requests that are hit.
        when: Which requests, besides method and path.
        code: The provider's own error code.
        retry_after: Seconds of the header `Retry-After`, `None` for none.
        body: The whole body of the answer, instead of the provider's form.
        hits: How many requests were hit so far.
    """

    method: str = "*"
    path: str = "**"
    status: int | None = None
    drop: bool = False
    hang: bool = False
    after: bool = False
    count: int | None = None
    skip: int = 0
    probability: float = 1.0
    when: Condition | None = None
    code: int | str = 0
    message: str = "A fault that was asked for."
    retry_after: float | None = None
    body: str | None = None
    hits: int = 0

    def fits(self, request: Request) -> bool:
        """Whether a request is of its kind."""
        return (
            self.method in ("*", request.method)
            and _pattern(self.path).fullmatch(request.path) is not None
            and (self.when is None or self.when(request))
        )

    def reply(self) -> Reply:
        """Return the failing answer."""
        headers = {} if self.retry_after is None else {"Retry-After": f"{self.retry_after:g}"}
        if self.body is not None:
            return Reply(self.status or 500, self.body.encode(), "text/plain", headers)
        return refused(self.status or 500, self.code, self.message, headers)


def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"(\*\*|\*)", path)
    wild = {"**": ".*", "*": "[^/]+"}
    return re.compile("".join(wild.get(part) or re.escape(part) for part in parts))


class Faults:
    """The faults of one provider, the first that fits a request wins."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(f"faults {seed}")  # noqa: S311  # nothing is secret here
        self._lock = threading.RLock()
        self._active: list[Fault] = []
        self._released = threading.Event()
        self._hanging = 0
        self._changed = threading.Condition()

    def add(self, method: str = "*", path: str = "**", **fields: Any) -> Fault:
        """Add a fault; `fields` are those of `Fault`.

        Raises:
            UsageError: If it is none or more than one of an answer, a drop and a hang.
        """
        fault = Fault(method=method, path=path, **fields)
        if (fault.status is not None) + fault.drop + fault.hang != 1:
            raise UsageError("a fault is one of status=..., drop=True and hang=True")
        with self._lock:
            self._active.append(fault)
        return fault

    def clear(self) -> None:
        """Forget every fault, and let hanging requests go."""
        with self._lock:
            self._active.clear()
        self.release()

    def release(self) -> None:
        """Let every hanging request go: its connection is closed."""
        with self._lock:
            self._released.set()
            self._released = threading.Event()

    def match(self, request: Request) -> Fault | None:
        """Return the fault that a request meets, and count it."""
        with self._lock:
            return next((fault for fault in self._active if self._hits(fault, request)), None)

    def _hits(self, fault: Fault, request: Request) -> bool:
        if (fault.count is not None and fault.hits >= fault.count) or not fault.fits(request):
            return False
        if fault.skip > 0:
            fault.skip -= 1
            return False
        if fault.probability < 1 and self._random.random() >= fault.probability:
            return False
        fault.hits += 1
        return True

    def hang(self, is_gone: Callable[[], bool]) -> None:
        """Wait until released or until who asked has gone away."""
        with self._lock:
            released = self._released
        self._count(1)
        while not released.wait(_PAUSE_SECONDS) and not is_gone():
            pass
        self._count(-1)

    def _count(self, change: int) -> None:
        with self._changed:
            self._hanging += change
            self._changed.notify_all()

    def wait_hanging(self, number: int, seconds: float = 10.0) -> bool:
        """Wait until so many requests hang; return whether they do."""
        with self._changed:
            return self._changed.wait_for(lambda: self._hanging == number, seconds)
