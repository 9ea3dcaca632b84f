"""Observability and SRE suite for quantum generative models."""

from typing import TYPE_CHECKING, Any

from qgm_observe.version import __version__

if TYPE_CHECKING:
    from qgm_observe.instrumentation import uninstrument
    from qgm_observe.lifecycle.front import collector, configure, evaluate, flush, job, run, serve
    from qgm_observe.lifecycle.handle import current
    from qgm_observe.lifecycle.observe import observe, unobserve

__all__ = [
    "__version__",
    "collector",
    "configure",
    "current",
    "evaluate",
    "flush",
    "instrument",
    "job",
    "observe",
    "run",
    "serve",
    "uninstrument",
    "unobserve",
]

_ROOMS = {
    "current": "lifecycle.handle",
    "instrument": "cli.notebook",
    "load_ipython_extension": "cli.notebook",
    "observe": "lifecycle.observe",
    "uninstrument": "instrumentation",
    "unload_ipython_extension": "cli.notebook",
    "unobserve": "lifecycle.observe",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for, so that the command line starts fast."""
    if name not in __all__ and name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    module = importlib.import_module(f"qgm_observe.{_ROOMS.get(name, 'lifecycle.front')}")
    value = globals()[name] = getattr(module, name)
    return value
