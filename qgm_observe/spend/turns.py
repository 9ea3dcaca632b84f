"""Turns that all processes of a machine take together, kept in a small file beside the journal.

Times are of the system's monotonic clock, which is one for all processes until the next boot; what
other boots and other machines wrote stays apart. The file is locked for as long as one process
changes it, and where it cannot be had in time a process counts its own submissions alone: a limiter
may send a provider one submission too many, and never holds up a training.
"""

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from qgm_observe.records import current_process

PATIENCE_SECONDS = 0.25
_PAUSE_SECONDS = 0.005
_DAY = 86_400.0
_SUFFIX = ".submissions"


class Turns:
    """The file of one journal's submissions to one provider.

    Args:
        path: Made when it is first needed, for its owner alone.
        boot: Names the monotonic clock; nothing is shared where the system tells none.
        wall: Epoch seconds.
    """

    def __init__(
        self, path: Path, boot: str | None = None, wall: Callable[[], float] = time.time
    ) -> None:
        self.path = path
        told = current_process().boot if boot is None else boot
        self._boot = told.partition("/")[0]  # containers of a machine have one clock
        self._wall = wall

    @classmethod
    def beside(cls, journal: Path, provider: str) -> "Turns":
        """Return those of a journal and a provider."""
        name = "".join(each if each.isalnum() else "_" for each in provider)
        return cls(journal.parent / f".{journal.name}.{name}{_SUFFIX}")

    @contextlib.contextmanager
    def changing(self) -> Iterator[dict[str, Any] | None]:
        """Hold the file; what is done to the content is kept. `None` where it cannot be had."""
        with contextlib.ExitStack() as held:
            file = self._locked(held) if self._boot else None
            if file is None:
                yield None
                return
            clocks = _read(file)
            content = clocks.setdefault(self._boot, {})
            yield content
            now = content["kept_at"] = self._wall()
            fresh = {k: v for k, v in clocks.items() if abs(now - v.get("kept_at", now)) < _DAY}
            with contextlib.suppress(OSError):
                _write(file, fresh)

    def _locked(self, held: contextlib.ExitStack) -> int | None:
        give_up = time.monotonic() + PATIENCE_SECONDS
        with contextlib.suppress(OSError):
            file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            held.callback(os.close, file)  # which gives the lock back
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    return file
                except BlockingIOError:
                    if time.monotonic() > give_up:
                        return None
                    time.sleep(_PAUSE_SECONDS)
        return None


def _read(file: int) -> dict[str, dict[str, Any]]:
    """Return the content; what is damaged is as good as none."""
    try:
        told = json.loads(os.pread(file, os.fstat(file).st_size, 0) or b"{}")
    except (OSError, ValueError):
        return {}
    if not isinstance(told, dict):
        return {}
    return {name: each for name, each in told.items() if isinstance(each, dict)}


def _write(file: int, content: dict[str, dict[str, Any]]) -> None:
    text = json.dumps(content).encode()
    os.ftruncate(file, 0)
    os.pwrite(file, text, 0)
