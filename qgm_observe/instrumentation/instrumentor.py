"""What takes care of one library: it puts the hooks in place and takes them away.

The form is that of OpenTelemetry's instrumentors, without its packages: entry point
`opentelemetry_instrumentor`, `instrument()`, `uninstrument()`, `instrumentation_dependencies()`.
Source: `opentelemetry.instrumentation.instrumentor.BaseInstrumentor`.
"""

import sys
import threading
from collections.abc import Collection
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar, Self

from qgm_observe.instrumentation import script
from qgm_observe.instrumentation.imports import AfterImport
from qgm_observe.instrumentation.wrapping import Target, Wrappings, gap
from qgm_observe.lifecycle import recorder

_lock = threading.RLock()


class Instrumentor:
    """Hooks into one library, one object a process.

    Attributes:
        library: The name of its package.
        requires: As in the metadata of a distribution, what is needed for it to work.
        targets: The methods of interest.
    """

    library: ClassVar[str]
    requires: ClassVar[tuple[str, ...]]
    targets: ClassVar[tuple[Target, ...]]

    _only: ClassVar["Instrumentor | None"] = None
    _wrappings: Wrappings
    _finder: AfterImport

    def __new__(cls) -> Self:
        """Return the one there is."""
        only = cls.__dict__.get("_only")
        if isinstance(only, cls):
            return only
        made = super().__new__(cls)
        made._wrappings = Wrappings(cls.library, cls.targets)
        modules = {target.module for target in cls.targets}
        made._finder = AfterImport({*modules, cls.library}, made._loaded)
        cls._only = made
        return made

    @property
    def is_instrumented_by_opentelemetry(self) -> bool:
        """Whether the hooks are in place."""
        return self._wrappings.active

    def instrumentation_dependencies(self) -> Collection[str]:
        """Return what is needed for it to work, as in the metadata of a distribution."""
        return self.requires

    def instrument(self, **options: Any) -> None:
        """Put the hooks in place; once is enough. Nothing is imported for it.

        Args:
            options: `tracer_provider`: your own, to whose processors spans go. Others of
                OpenTelemetry's are taken and not needed.
        """
        with _lock:
            if self._finder in sys.meta_path:
                return
            if options.get("tracer_provider") is not None and not recorder().started:
                recorder().provider = options["tracer_provider"]
            if options.get("skip_dep_check"):  # so does `opentelemetry-instrument`, and it alone
                script.expect()
            self._wrappings.active = True
            sys.meta_path.insert(0, self._finder)
            for name in sorted(self._finder.names & sys.modules.keys()):
                self._loaded(sys.modules[name])

    def uninstrument(self, **_: Any) -> None:
        """Give every method back."""
        with _lock:
            if self._finder in sys.meta_path:
                sys.meta_path.remove(self._finder)
            self._wrappings.unwrap()

    def _loaded(self, module: ModuleType) -> None:
        """Look at a module that was loaded, now or long ago."""
        script.begin()
        self._wrappings.wrap(module)
        if module.__name__ == self.library:
            self._look_for_gaps(module)

    def _look_for_gaps(self, package: ModuleType) -> None:
        """A module that a newer version has moved is never imported, so it is looked for."""
        folders = [Path(folder) for folder in getattr(package, "__path__", ())]
        for name in {target.module for target in self.targets} - sys.modules.keys():
            inside = name.partition(".")[2].replace(".", "/")
            places = [folder / inside for folder in folders if folder.is_dir()]
            if places and not any(p.is_dir() or p.with_suffix(".py").is_file() for p in places):
                gap(name)
