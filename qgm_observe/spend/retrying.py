"""Retries with exponential backoff and jitter (the door to tenacity)."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from qgm_observe.errors import MissingExtra

T = TypeVar("T")

FIRST_SECONDS, MOST_SECONDS = 1.0, 60.0


def _policy(retries: int, wanted: Callable[[BaseException], bool]) -> dict[str, Any]:
    import tenacity

    return {
        "stop": tenacity.stop_after_attempt(retries + 1),
        "wait": tenacity.wait_random_exponential(FIRST_SECONDS, MOST_SECONDS),
        "retry": tenacity.retry_if_exception(wanted),
        "reraise": True,
    }


def check() -> None:
    """See that retries can be made.

    Raises:
        MissingExtra: tenacity is not installed.
    """
    try:
        import tenacity  # noqa: F401
    except ImportError as error:
        raise MissingExtra("a guard with retries", "guard") from error


def retried(
    call: Callable[[], T],
    retries: int,
    wanted: Callable[[BaseException], bool],
    sleep: Callable[[float], None],
) -> T:
    """Call until it succeeds, or `retries` further calls have failed as well.

    Between two calls a random time of up to 1, 2, 4 ... 60 s passes ("full jitter").

    Args:
        call: What is tried.
        retries: Further calls at most.
        wanted: Whether an exception is worth another call; any other is raised at once.
        sleep: Takes seconds.
    """
    import tenacity

    return tenacity.Retrying(sleep=sleep, **_policy(retries, wanted))(call)


async def retried_later(
    call: Callable[[], Awaitable[T]],
    retries: int,
    wanted: Callable[[BaseException], bool],
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> T:
    """Do as `retried` does, for a coroutine function."""
    import tenacity

    return await tenacity.AsyncRetrying(sleep=sleep, **_policy(retries, wanted))(call)
