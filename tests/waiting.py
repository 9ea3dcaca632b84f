"""Waiting within a bound for what other threads and processes do in their own time."""

import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable

LONGEST_PAUSE = 0.1


def until(condition: Callable[[], object], seconds: float = 40.0) -> None:
    """Returns as soon as the condition holds, and fails when it did not in so many seconds."""
    deadline, pause = time.monotonic() + seconds, 0.005
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        threading.Event().wait(pause)
        pause = min(1.5 * pause, LONGEST_PAUSE)


def answer_of(url: str) -> bytes | None:
    """Returns what a server says; `None` while nobody answers, or with an error."""
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return bytes(response.read())
    except urllib.error.HTTPError as error:
        error.close()
    except OSError:
        pass
    return None
