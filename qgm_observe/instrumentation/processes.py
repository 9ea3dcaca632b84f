"""Processes that the script starts by multiprocessing and that do not inherit its memory.

A forked child has the hooks, as it has everything. A spawned one, or one of a fork server, begins
with an empty interpreter: what multiprocessing sends it first brings the hooks along.

A process that ends by `os._exit`, as forked children do, calls no exit handler; what it recorded
last is written before.

Source: `multiprocessing.spawn.get_preparation_data`, whose dictionary a child unpickles first.
"""

import functools
import os
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from qgm_observe.instrumentation import scope
from qgm_observe.instrumentation.imports import AfterImport
from qgm_observe.lifecycle import Recorder, RunHandle, recorder, use
from qgm_observe.records import Work
from qgm_observe.settings import Settings

_SPAWN = "multiprocessing.spawn"
_PATIENCE = 1.0
"""Seconds that a process which wants to end at once waits for its last rows at most."""


class Children:
    """Brings the hooks into children that are spawned.

    Args:
        hook: Called in a child, before anything else is.
    """

    def __init__(self, hook: Callable[[], None]) -> None:
        self._hook = hook
        self._own: Callable[..., Any] | None = None
        self._finder = AfterImport({_SPAWN}, self._wrap)

    def instrument(self) -> None:
        """Begin; nothing is imported for it."""
        if self._finder not in sys.meta_path:
            sys.meta_path.insert(0, self._finder)
            if _SPAWN in sys.modules:
                self._wrap(sys.modules[_SPAWN])

    def uninstrument(self) -> None:
        """Give the function back."""
        if self._finder in sys.meta_path:
            sys.meta_path.remove(self._finder)
        if self._own is not None:
            sys.modules[_SPAWN].get_preparation_data = self._own  # type: ignore[attr-defined]
            self._own = None

    def _wrap(self, spawn: ModuleType) -> None:
        if self._own is not None or not hasattr(spawn, "get_preparation_data"):
            return
        self._own = own = spawn.get_preparation_data
        hook = self._hook

        def get_preparation_data(name: str) -> Any:
            data = own(name)
            with recorder().guard("instrumentation"):
                if spawn.get_executable() in (sys.executable, sys.executable.encode()):
                    return _Prepared(data, hook)
            return data

        spawn.get_preparation_data = get_preparation_data  # type: ignore[attr-defined]


class HardExit:
    """Has the last rows written before `os._exit`; where there are none, nothing is done."""

    def __init__(self) -> None:
        self._own: Callable[..., Any] | None = None

    def instrument(self) -> None:
        """Begin."""
        if self._own is not None:
            return
        self._own = own = os._exit

        @functools.wraps(own)
        def leave(*args: Any, **kwargs: Any) -> Any:
            try:
                with recorder().guard("instrumentation"):
                    if recorder().ring:
                        recorder().flush(_PATIENCE)
            finally:
                own(*args, **kwargs)

        os._exit = leave

    def uninstrument(self) -> None:
        """Give the function back."""
        if self._own is not None:
            os._exit = self._own
            self._own = None


class _Prepared(dict[str, Any]):
    """What multiprocessing sends first, which brings the hooks along as it arrives."""

    def __init__(self, data: dict[str, Any], hook: Callable[[], None]) -> None:
        super().__init__(data)
        self._hook = hook

    def __reduce__(self) -> tuple[Any, ...]:
        run = scope.owner()
        while run is not None and not isinstance(run, RunHandle):
            run = run.parent
        whose = None if run is None else (run.id, run.work)
        return arrived, (dict(self), self._hook, recorder().settings, whose)


def arrived(
    data: dict[str, Any],
    hook: Callable[[], None],
    settings: Settings,
    whose: tuple[str, Work] | None,
) -> dict[str, Any]:
    """Put the hooks in place in a child, and let its work belong to the run of its parent."""
    made = Recorder(settings)
    with made.guard("instrumentation"):
        use(made)
        if whose is not None:
            run = RunHandle(made, None, None, run_id=whose[0])
            run.work = whose[1]
            scope.adopt(run)
        hook()
    return data
