"""A time limit for calls into libraries that have none."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import BoundedSemaphore, Thread
from typing import TypeVar

from qgm_observe.catalog import ErrorClass
from qgm_observe.providers.failures import ProviderError

T = TypeVar("T")


class Deadline:
    """Runs each call on a thread of its own and waits for it no longer than told.

    A call that was given up may go on until its socket gives up; there are never more than `most`
    of them, and while there are, further calls fail at once.

    Args:
        seconds: That a caller waits.
        most: Calls at once, given up ones included.
    """

    def __init__(self, seconds: float, most: int = 8) -> None:
        self.seconds = seconds
        self._most = most
        self._free = BoundedSemaphore(most)

    def call(self, asked: str, ask: Callable[[], T]) -> T:
        """Return what a call returns, or raise what it raises.

        Args:
            asked: What is asked, for the message.
            ask: The call.

        Raises:
            ProviderError: of class `network`, when the answer did not come in time.
        """
        if not self._free.acquire(blocking=False):
            raise _late(f"{asked}: {self._most} earlier calls still wait for an answer")
        answer: Future[T] = Future()
        try:
            Thread(target=self._run, args=(ask, answer), name=f"qgm-{asked}", daemon=True).start()
        except RuntimeError:
            self._free.release()
            raise
        try:
            return answer.result(self.seconds)
        except TimeoutError:
            if answer.done():
                return answer.result()
        raise _late(f"{asked}: no answer within {self.seconds:g} s")

    def _run(self, ask: Callable[[], T], answer: Future[T]) -> None:
        try:
            told = ask()
        except BaseException as error:  # noqa: BLE001  the caller gets it, on its own thread
            answer.set_exception(error)
        else:
            answer.set_result(told)
        finally:
            self._free.release()


def _late(message: str) -> ProviderError:
    return ProviderError(message, ErrorClass.NETWORK)
