"""Retries: how many, when, and of what."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from qgm_observe.errors import MissingExtra
from qgm_observe.spend.retrying import MOST_SECONDS, check, retried, retried_later


class Refuses:
    """A call that is refused so many times, and then gives its count."""

    def __init__(self, times: int, error: Callable[[], BaseException] = ConnectionError) -> None:
        self.calls, self.times, self.error = 0, times, error

    def __call__(self) -> int:
        self.calls += 1
        if self.calls <= self.times:
            raise self.error()
        return self.calls

    async def later(self) -> int:
        """The same, as a coroutine function."""
        return self()


def is_rate(error: BaseException) -> bool:
    """What is worth another call here."""
    return isinstance(error, ConnectionError)


def test_it_is_called_until_it_succeeds() -> None:
    """Two refusals within three retries are two pauses and a result."""
    call, pauses = Refuses(2), list[float]()

    assert retried(call, 3, is_rate, pauses.append) == 3
    assert len(pauses) == 2


def test_the_ceiling_is_of_further_calls() -> None:
    """Two retries are three calls, and the provider's own error is raised."""
    call, pauses = Refuses(9), list[float]()

    with pytest.raises(ConnectionError):
        retried(call, 2, is_rate, pauses.append)
    assert (call.calls, len(pauses)) == (3, 2)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_any_other_error_is_raised_at_once(error: type[BaseException]) -> None:
    """What is not worth another call gets none."""
    call, pauses = Refuses(9, error), list[float]()

    with pytest.raises(error):
        retried(call, 5, is_rate, pauses.append)
    assert (call.calls, pauses) == (1, [])


def test_pauses_grow_at_random_up_to_a_bound() -> None:
    """The n-th is somewhere from 0 to 2^n s, never above a minute, and not the same each time."""
    rounds = []
    for _ in range(40):
        pauses = list[float]()
        retried(Refuses(10), 10, is_rate, pauses.append)
        rounds.append(pauses)

    for number, nth in enumerate(zip(*rounds, strict=True)):
        assert max(nth) <= min(2.0**number, MOST_SECONDS)
        assert min(nth) >= 0
    assert len({pauses[3] for pauses in rounds}) > 20


def test_a_coroutine_is_tried_again_as_well() -> None:
    """The same rules hold off the event loop's back, with a pause that is awaited."""
    pauses = list[float]()

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    async def both() -> Any:
        with pytest.raises(ConnectionError):
            await retried_later(Refuses(9).later, 1, is_rate, sleep)
        return await retried_later(Refuses(2).later, 2, is_rate, sleep)

    assert asyncio.run(both()) == 3
    assert len(pauses) == 1 + 2


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A guard that wants retries says what to install."""
    check()
    monkeypatch.setitem(__import__("sys").modules, "tenacity", None)
    with pytest.raises(MissingExtra, match=r"qgm-observe\[guard\]"):
        check()
