"""What a provider's job object tells, asked without importing its library, and never in vain."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime
from functools import partial
from threading import Thread
from typing import Any, NamedTuple

_MOST_TAGS, _LONGEST_TAG = 8, 86
_WAITING = {"INITIALIZING", "QUEUED", "VALIDATING"}


class Times(NamedTuple):
    """As the provider's clock had it: creation in epoch seconds, durations in seconds."""

    created: float
    queue: float
    execute: float


def id_of(thing: Any, name: str = "job_id") -> str | None:
    """Return the provider's id of a job or session, or `None`."""
    try:
        told = getattr(thing, name)
        text = told() if callable(told) else told
        return str(text)[:128] if text else None
    except Exception:  # noqa: BLE001  what does not answer is unknown
        return None


def tag(submit: Any, tags: Sequence[str]) -> Callable[[], None] | None:
    """Have a submission carry our tags, as many as there is room for beside the user's own.

    Returns a function that puts the user's own tags back, or `None`.

    Source: `options.environment.job_tags` of qiskit-ibm-runtime's primitives; at most 8 tags of at
    most 86 characters (IBM's OpenAPI of jobs 0.45.3).
    """
    options = getattr(getattr(submit, "__self__", None), "options", None)
    environment: Any = getattr(options, "environment", None)
    before = getattr(environment, "job_tags", None)
    wanted = hasattr(environment, "job_tags") and isinstance(before, list | tuple | None)
    if not wanted or len(before or ()) >= _MOST_TAGS:
        return None
    room = _MOST_TAGS - len(before or ())
    environment.job_tags = [*(before or ()), *(each[:_LONGEST_TAG] for each in tags[:room])]
    return partial(setattr, environment, "job_tags", before)


def is_waiting(job: Any) -> bool:
    """Return whether a local job says that it has not begun; one that says nothing has.

    Qiskit's `PrimitiveJob` is asked through its future: its `status()` takes a job that has not
    begun for failed, and remembers that for good.
    """
    try:
        future = getattr(job, "_future", None)
        if isinstance(future, Future):
            return not (future.running() or future.done())
        status = job.status()
        return str(getattr(status, "name", status)).upper() in _WAITING
    except Exception:  # noqa: BLE001  what does not answer is unknown
        return False


def times(job: Any, deadline: float = 5.0) -> Times | None:
    """Return the provider's own times of a finished job (one request), or `None`.

    The request has a deadline in seconds, for the provider's client has none.

    Source: the job metrics of the IBM Quantum REST interface, `timestamps` with `created`,
    `running` and `finished`.
    """
    answer: list[Times | None] = []
    asking = Thread(target=lambda: answer.append(_ask(job)), name="qgm-observe-times", daemon=True)
    asking.start()
    asking.join(deadline)
    return answer[0] if answer else None


def _ask(job: Any) -> Times | None:
    try:
        stamps = job.metrics()["timestamps"]
        created, running, finished = (_epoch(stamps[k]) for k in ("created", "running", "finished"))
    except Exception:  # noqa: BLE001  what does not answer is unknown
        return None
    if not created <= running <= finished:
        return None
    return Times(created, running - created, finished - running)


def _epoch(text: str) -> float:
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
