"""Methods of classes, wrapped and given back."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

Hook = Callable[..., Any]
"""Takes the method's own function and what it was called with, and has to call it."""


@dataclass(frozen=True, slots=True)
class Target:
    """A method of interest.

    Attributes:
        module: Where its class is defined.
        owner: The class.
        method: The method, defined in this very class.
        hook: Called in its place.
    """

    module: str
    owner: str
    method: str
    hook: Hook


@dataclass(frozen=True, slots=True)
class _Wrapped:
    owner: type
    method: str
    own: Callable[..., Any]
    wrapper: Callable[..., Any]


class Wrappings:
    """Wraps targets in loaded modules and gives every method back unchanged.

    Attributes:
        active: Whether hooks are called; a wrapper that somebody wrapped in turn cannot be taken
            away, and then just calls the method's own function.
    """

    def __init__(self, targets: Sequence[Target]) -> None:
        self.active = False
        self._targets = targets
        self._wrapped: list[_Wrapped] = []

    def wrap(self, module: ModuleType) -> None:
        """Wrap the targets of a module; one that this version of it lacks is left out."""
        for target in self._targets:
            owner = getattr(module, target.owner, None)
            if target.module == module.__name__ and self.active and isinstance(owner, type):
                self._wrap(owner, target)

    def _wrap(self, owner: type, target: Target) -> None:
        own = vars(owner).get(target.method)
        known = any((w.owner, w.method) == (owner, target.method) for w in self._wrapped)
        if known or not callable(own):
            return
        hook = target.hook

        @functools.wraps(own)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            if not self.active:
                return own(*args, **kwargs)
            return hook(own, *args, **kwargs)

        setattr(owner, target.method, wrapper)
        self._wrapped.append(_Wrapped(owner, target.method, own, wrapper))

    def unwrap(self) -> None:
        """Give every method back."""
        self.active = False
        kept = []
        for each in self._wrapped:
            if vars(each.owner).get(each.method) is each.wrapper:
                setattr(each.owner, each.method, each.own)
            else:
                kept.append(each)
        self._wrapped = kept
