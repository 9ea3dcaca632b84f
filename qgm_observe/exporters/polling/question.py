"""What is asked of a provider again and again, and what comes back."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from qgm_observe.catalog import ErrorClass
from qgm_observe.exporters.polling.schedule import Timer

UNSUPPORTED = object()
"""The value of an answer by a provider that cannot be asked such a thing."""


@dataclass(slots=True)
class Question:
    """One thing that is asked again and again.

    Attributes:
        collector: Its kind.
        device: Of which device, empty for the account.
        worked: Whether the newest answer was one.
        asked_at: Clock time (s) of the newest call.
        confirmed_at: Clock time (s) at which what is shown was last known to be so.
        stamp: When the provider changed what was answered, as far as it tells.
        digest: Hash of the newest answer, to tell the next from it.
    """

    collector: str
    device: str
    timer: Timer
    max_stale: float
    worked: bool | None = None
    asked_at: float = field(default=float("-inf"))
    confirmed_at: float | None = None
    stamp: float | None = None
    digest: str = ""


class Answer(NamedTuple):
    """What came of a call.

    Attributes:
        value: Of the provider, `UNSUPPORTED` where it cannot be asked that.
        failure: Class of the error, `None` if there was none.
        error: What may be said of it in a log.
        retry_after: Seconds that the provider told to wait.
        seconds: How long it took.
    """

    question: Question
    value: Any = None
    failure: ErrorClass | None = None
    error: str = ""
    retry_after: float | None = None
    seconds: float = 0.0
