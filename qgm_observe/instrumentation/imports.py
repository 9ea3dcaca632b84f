"""A look at modules right after they were imported, without importing them (PEP 451)."""

import importlib.abc
import importlib.machinery
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

from qgm_observe.lifecycle import recorder


class AfterImport(importlib.abc.MetaPathFinder):
    """Finds nothing itself: it lets the others find and has a word after the loading.

    Args:
        names: Modules of interest.
        then: Called with each of them, once it is loaded.
    """

    def __init__(self, names: set[str], then: Callable[[ModuleType], None]) -> None:
        self.names = frozenset(names)
        self._then = then

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Return the spec that another finder gives, with a loader that tells us."""
        if fullname not in self.names:
            return None
        for finder in sys.meta_path:
            if finder is not self and hasattr(finder, "find_spec"):
                spec = finder.find_spec(fullname, path, target)
                if spec is not None:
                    if spec.loader is not None:
                        spec.loader = _Loader(spec.loader, self._then)
                    return spec
        return None


class _Loader(importlib.abc.Loader):
    """Stands in for the module's own loader until the module is executed."""

    def __init__(self, own: Any, then: Callable[[ModuleType], None]) -> None:
        self._own = own
        self._then = then

    def __getattr__(self, name: str) -> Any:
        return getattr(self._own, name)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        """Leave it to the module's own loader."""
        module: ModuleType | None = self._own.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Put the module's own loader back, let it work, then tell."""
        module.__loader__ = self._own
        if module.__spec__ is not None:
            module.__spec__.loader = self._own
        self._own.exec_module(module)
        with recorder().guard("instrumentation"):
            self._then(module)
