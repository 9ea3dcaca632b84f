"""Pull: what providers tell of devices, jobs, sessions, usage and prices.

Each adapter is imported when it is asked for; see `Provider` for what it can be asked.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qgm_observe.providers.failures import ProviderError
    from qgm_observe.providers.protocol import Capability, Provider
    from qgm_observe.providers.registry import open_provider, providers

__all__ = ["Capability", "Provider", "ProviderError", "open_provider", "providers"]

_MODULES = {
    "Capability": "protocol",
    "Provider": "protocol",
    "ProviderError": "failures",
    "open_provider": "registry",
    "providers": "registry",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for: lifecycle needs no registry."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    module = importlib.import_module(f"{__name__}.{_MODULES[name]}")
    value = globals()[name] = getattr(module, name)
    return value
