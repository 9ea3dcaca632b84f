"""Observability and SRE suite for quantum generative models."""

from typing import TYPE_CHECKING, Any

from qgm_observe.version import __version__

if TYPE_CHECKING:
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
    "job",
    "observe",
    "run",
    "serve",
    "unobserve",
]

_ROOMS = {"current": "handle", "observe": "observe", "unobserve": "observe"}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for, so that the command line starts fast."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    module = importlib.import_module(f"qgm_observe.lifecycle.{_ROOMS.get(name, 'front')}")
    value = globals()[name] = getattr(module, name)
    return value
