"""Methods of classes, wrapped and given back.

A wrapper refers to module functions only, so that a class that carries one can be copied to another
process by value.
"""

import functools
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from qgm_observe.catalog import observe_signals
from qgm_observe.lifecycle import recorder

Hook = Callable[..., Any]
"""Takes the method's own function and what it was called with, and has to call it."""

LIBRARIES = {"qiskit", "qiskit_aer", "qiskit_ibm_runtime"}
"""Those with an instrumentor of their own; another's instrumentor leaves their classes alone."""

_active: set[str] = set()


def is_active(library: str) -> bool:
    """Return whether the hooks of a library are called.

    A wrapper that somebody wrapped in turn cannot be taken away, and then just calls the method's
    own function.
    """
    return library in _active


@dataclass(frozen=True, slots=True)
class Target:
    """A method of interest.

    Attributes:
        module: Where its class is defined.
        owner: The class, empty for a function that the module's own functions call by its name.
        method: The method, defined in this very class.
        hook: Called in its place.
        heirs: Whether it is a base class whose subclasses, wherever they are defined, are meant:
            those that define the method themselves. The base class itself is left alone.
    """

    module: str
    owner: str
    method: str
    hook: Hook
    heirs: bool = False


@dataclass(frozen=True, slots=True)
class _Wrapped:
    owner: "weakref.ref[Any]"
    method: str
    own: Any
    wrapper: Any


def wrapper_of(own: Callable[..., Any], hook: Hook, library: str) -> Callable[..., Any]:
    """Return a function that looks like a method's own and calls the hook in its place."""

    @functools.wraps(own)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        if is_active(library):
            return hook(own, *args, **kwargs)
        return own(*args, **kwargs)

    return wrapper


class Wrappings:
    """Wraps the targets of one library in loaded modules and gives every method back unchanged.

    Args:
        library: Its name.
        targets: The methods of interest.
    """

    def __init__(self, library: str, targets: Sequence[Target]) -> None:
        self._library = library
        self._targets = targets
        self._wrapped: list[_Wrapped] = []

    @property
    def active(self) -> bool:
        """Whether hooks are called."""
        return is_active(self._library)

    @active.setter
    def active(self, active: bool) -> None:
        (_active.add if active else _active.discard)(self._library)

    def wrap(self, module: ModuleType) -> None:
        """Wrap the targets of a module; one that this version of it lacks is a gap."""
        for target in self._targets:
            if target.module == module.__name__ and self.active:
                owner = getattr(module, target.owner, None) if target.owner else module
                if isinstance(owner, type | ModuleType) and hasattr(owner, target.method):
                    (self._wrap_heirs if target.heirs else self._wrap)(owner, target)
                else:
                    gap(f"{target.module}.{target.owner}.{target.method}")

    def unwrap(self) -> None:
        """Give every method back."""
        self.active = False
        kept = []
        for each in self._wrapped:
            owner = each.owner()
            if owner is None:
                continue
            if vars(owner).get(each.method) is not each.wrapper:
                kept.append(each)
            elif each.own is None:
                delattr(owner, each.method)
            else:
                setattr(owner, each.method, each.own)
        self._wrapped = kept

    def _wrap(self, owner: Any, target: Target) -> None:
        own = vars(owner).get(target.method)
        if own is None:
            gap(f"{target.module}.{target.owner}.{target.method}")
        elif callable(own) and not self._is_known(owner, target.method):
            wrapper: Any = wrapper_of(own, target.hook, self._library)
            if isinstance(own, staticmethod):
                wrapper = staticmethod(wrapper)
            self._replace(owner, target.method, wrapper)

    def _wrap_heirs(self, base: Any, target: Target) -> None:
        """Wrap the subclasses there are, and have those that come told by their definition."""
        for heir in _heirs(base):
            self._wrap_heir(heir, target)
        if self._is_known(base, "__init_subclass__"):
            return
        own = vars(base).get("__init_subclass__")

        def told(heir: type, /, **options: Any) -> None:
            if own is None:
                super(base, heir).__init_subclass__(**options)  # type: ignore[misc]
            else:
                own.__get__(None, heir)(**options)
            if self.active:
                with recorder().guard("instrumentation"):
                    for each in self._targets:
                        if each.heirs and each.owner == target.owner:
                            self._wrap_heir(heir, each)

        self._replace(base, "__init_subclass__", classmethod(told))

    def _wrap_heir(self, heir: type, target: Target) -> None:
        own = vars(heir).get(target.method)
        library = heir.__module__.partition(".")[0]
        if library != self._library and library in LIBRARIES:
            return
        if callable(own) and not getattr(own, "__isabstractmethod__", False):
            self._wrap(heir, target)

    def _replace(self, owner: Any, method: str, wrapper: Any) -> None:
        own = vars(owner).get(method)
        self._wrapped = [each for each in self._wrapped if each.owner() is not None]
        self._wrapped.append(_Wrapped(weakref.ref(owner), method, own, wrapper))
        setattr(owner, method, wrapper)

    def _is_known(self, owner: Any, method: str) -> bool:
        return any(each.owner() is owner and each.method == method for each in self._wrapped)


def _heirs(base: type) -> Iterator[type]:
    heirs: list[type] = base.__subclasses__()
    for heir in heirs:
        yield heir
        yield from _heirs(heir)


def gap(name: str) -> None:
    """Take note of something that a library lacks in its present version: it will not be seen."""
    made = recorder()
    made.count(observe_signals.HOOKS_MISSING, 1)
    made.guard.warn_once(
        name, f"{name} is not in this version of its library and will not be seen; all else is"
    )
