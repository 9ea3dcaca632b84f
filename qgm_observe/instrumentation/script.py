"""The script as a run, where no command of ours runs it.

It begins with the first library of interest that is loaded, so that helpers of the script, such as
a process that only moves files, are no runs; it ends with the process.
"""

import atexit
import os
import sys
from pathlib import Path
from typing import Any

from qgm_observe.instrumentation import loops, scope, sessions
from qgm_observe.lifecycle import RunHandle, recorder
from qgm_observe.lifecycle.failures import outcome_of


class _Script:
    """What is known of the script of this process."""

    def __init__(self) -> None:
        self.labels: dict[str, Any] | None = None
        self.run: RunHandle | None = None
        self.process = 0
        self.exit: Any = None
        self.exit_code: Any = None


_script = _Script()


def expect(**labels: Any) -> None:
    """Let the script be a run from its first use of a library on.

    Args:
        labels: `project`, `pipeline`, `model`, `model_version`, `kind`.
    """
    if _script.labels is None:
        _script.labels = labels


def begin() -> None:
    """Begin the run that is expected; nothing without one, or inside one."""
    if _script.labels is None or _script.run is not None or scope.owner() is not None:
        return
    with recorder().guard("instrumentation"):
        made = recorder()
        _script.run = RunHandle(made, None, _script.labels).begin()
        _script.process = os.getpid()
        _script.run.note(script=_name())
        if made.settings.pipeline == "default" and "pipeline" not in _script.labels:
            _script.run.work = made.work_of(_script.run.work, {"pipeline": Path(_name()).stem})
        scope.adopt(_script.run)
        _script.exit, sys.exit = sys.exit, _exit  # type: ignore[assignment]
        atexit.register(finish)


def finish() -> None:
    """End the run as its script ended."""
    run, _script.labels = _script.run, None
    if run is None or _script.process != os.getpid():
        return
    with recorder().guard("instrumentation"):
        sys.exit, _script.run = _script.exit, None
        atexit.unregister(finish)
        loops.leave()
        sessions.leave()
        error = getattr(sys, "last_value", None)
        if error is None and _script.exit_code not in (None, 0):
            error = SystemExit(_script.exit_code)
        if error is not None:
            run.saw(error, None)
            run.outcome = outcome_of(error)
        scope.adopt(None)
        run.end()
        recorder().flush()


def _exit(code: Any = None) -> None:
    """Remember the code, of which no exit handler is told, and exit as ever."""
    _script.exit_code = code
    _script.exit(code)


def _name() -> str:
    words = sys.argv or [""]
    if words[0] in ("-m", "-c"):
        after = sys.orig_argv[sys.orig_argv.index("-m") + 1 :] if "-m" in sys.orig_argv else []
        return after[0] if words[0] == "-m" and after else words[0]
    return Path(words[0]).name
