"""Calls that never come back."""

import threading

import pytest

from qgm_observe.providers import ProviderError
from qgm_observe.providers.deadline import Deadline


def test_an_answer_comes_through() -> None:
    """What the call returns is returned and what it raises is raised, also a timeout of its own."""
    deadline = Deadline(5.0)

    def refuse() -> None:
        raise TimeoutError("its own")

    assert deadline.call("status", lambda: 7) == 7
    with pytest.raises(TimeoutError, match="its own"):
        deadline.call("status", refuse)


def test_a_hanging_call_is_given_up() -> None:
    """After the deadline the caller goes on, with an error of class network that says what hung."""
    never = threading.Event()
    with pytest.raises(ProviderError, match=r"status: no answer within 0\.05 s") as caught:
        Deadline(0.05).call("status", never.wait)
    never.set()

    assert caught.value.error_class == "network"


def test_hanging_calls_are_never_more_than_allowed() -> None:
    """While as many calls hang as are allowed further ones fail at once, and later ones succeed."""
    never, ended = threading.Event(), threading.Semaphore(0)
    deadline = Deadline(0.02, most=3)
    before = threading.active_count()

    def hang() -> None:
        never.wait()
        ended.release()

    for _ in range(10):
        with pytest.raises(ProviderError):
            deadline.call("status", hang)

    assert threading.active_count() - before == 3
    with pytest.raises(ProviderError, match="3 earlier calls still wait for an answer"):
        deadline.call("status", hang)
    never.set()
    assert all(ended.acquire(timeout=10) for _ in range(3))
    for thread in threading.enumerate():
        if thread.name == "qgm-status":
            thread.join(10)
    assert deadline.call("status", lambda: "again") == "again"


def test_no_thread_of_it_holds_the_process() -> None:
    """A call that hangs runs on a daemon thread, so that the process can end."""
    assert Deadline(5.0).call("status", lambda: threading.current_thread().daemon)


def test_a_thread_that_cannot_start_takes_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the machine refuses threads for a while, the places are there again after it."""
    deadline = Deadline(5.0, most=1)

    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError, match="can't start"):
            deadline.call("status", lambda: 7)

    assert deadline.call("status", lambda: 7) == 7
