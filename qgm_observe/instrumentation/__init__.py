"""Zero code: see what an unmodified script does with Qiskit.

Libraries are hooked when the script imports them and are never imported from here. What is wrapped
are methods of classes, so that neither the order of imports nor an early `from ... import` matters;
see `qgm_observe.instrumentation.targets` for the list.
"""

import sys
import threading

from qgm_observe.instrumentation import compiling, provider_jobs, scope
from qgm_observe.instrumentation.imports import AfterImport
from qgm_observe.instrumentation.targets import TARGETS
from qgm_observe.instrumentation.wrapping import Wrappings
from qgm_observe.lifecycle import RunHandle

__all__ = ["instrument", "uninstrument"]

_lock = threading.Lock()
_wrappings = Wrappings(TARGETS)
_finder = AfterImport({target.module for target in TARGETS}, _wrappings.wrap)


def instrument(run: RunHandle | None = None) -> None:
    """Record the jobs and compilations of Qiskit from now on; once is enough.

    Args:
        run: What the work of threads belongs to that are in no run of their own. Without it such
            jobs stand for themselves.
    """
    with _lock:
        scope.adopt(run)
        if _finder in sys.meta_path:
            return
        _wrappings.active = True
        sys.meta_path.insert(0, _finder)
        for name in sorted(_finder.names & sys.modules.keys()):
            _wrappings.wrap(sys.modules[name])


def uninstrument() -> None:
    """Undo `instrument`: every wrapped method is its own again."""
    with _lock:
        scope.adopt(None)
        if _finder in sys.meta_path:
            sys.meta_path.remove(_finder)
        _wrappings.unwrap()
        compiling.forget()
        provider_jobs.forget()
