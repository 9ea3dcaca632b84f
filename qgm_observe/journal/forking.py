"""No fork while a thread of ours imports: its child would wait for the end of that import for good.

CPython's lock of a module that is being imported stays held in a child that has no such thread, and
what was imported by then stays half made. A fork therefore waits until our imports are done.
"""

import os
import sys
import threading
import time
from pathlib import Path
from types import FrameType

THREADS = "qgm-observe"
"""What the names of our threads begin with."""

PATIENCE = 10.0
"""Seconds that a process's forks wait in vain, all together."""

_PAUSE = 0.001
_IMPORT = "<frozen importlib._bootstrap>"
_PACKAGE = str(Path(__file__).parents[1])
_patience = PATIENCE


def settle() -> None:
    """Return when no thread of ours imports, or when patience is at an end."""
    global _patience  # noqa: PLW0603  once it is at an end it stays so
    until = time.monotonic() + _patience
    time.sleep(0)  # whoever waits for the interpreter waits anew: none takes it before the fork
    while _patience and _anybody_imports():
        if time.monotonic() > until:
            _patience = 0.0
        time.sleep(_PAUSE)


def _anybody_imports() -> bool:
    ours = {each.ident for each in threading.enumerate() if each.name.startswith(THREADS)}
    frames = sys._current_frames()  # noqa: SLF001  documented, in spite of its name
    frames.pop(threading.get_ident(), None)
    return any(_imports(frame, ours=ident in ours) for ident, frame in frames.items())


def _imports(frame: FrameType | None, *, ours: bool) -> bool:
    """Whether a thread is importing: anything if it is ours, else what our modules asked for."""
    within = False
    while frame is not None:
        file = frame.f_code.co_filename
        if file == _IMPORT and ours:
            return True
        if within and file.startswith(_PACKAGE):
            return True
        within = file == _IMPORT
        frame = frame.f_back
    return False


os.register_at_fork(before=settle)
