"""How much work a sampler was asked for, read off without changing what it gets.

A pub is a circuit, or a tuple of a circuit, its parameter values and its shots; Qiskit coerces it
to a `SamplerPub`, whose `size` is the number of parameter sets that the circuit is run with.
"""

import sys
from collections.abc import Iterator
from typing import Any

Size = tuple[int | None, int | None]
"""Circuits and shots, both in all, `None` where unknown."""

Call = tuple[tuple[Any, ...], dict[str, Any]]


def repeatable(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call:
    """Return a call's arguments with pubs that can be read twice; what they held is the same."""
    if args and isinstance(args[0], Iterator):
        return (list(args[0]), *args[1:]), kwargs
    if isinstance(kwargs.get("pubs"), Iterator):
        return args, kwargs | {"pubs": list(kwargs["pubs"])}
    return args, kwargs


def size_of_call(sampler: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Size:
    """Return the size of a call to a sampler's `run`."""
    shots = kwargs.get("shots") or _default_shots(sampler)
    pubs = args[0] if args else kwargs["pubs"]
    coerce = sys.modules["qiskit.primitives.containers.sampler_pub"].SamplerPub.coerce
    return size_of_pubs([coerce(pub, shots) for pub in pubs])


def size_of_pubs(pubs: list[Any]) -> Size:
    """Return the size of coerced pubs."""
    circuits = sum(pub.size for pub in pubs)
    counts = [pub.shots for pub in pubs]
    if None in counts:
        return circuits or None, None
    return circuits or None, sum(pub.size * pub.shots for pub in pubs) or None


def coerced(args: tuple[Any, ...]) -> list[Any] | None:
    """Return the pubs among a primitive job's arguments, or `None`."""
    if args and isinstance(args[0], list):
        pubs = args[0]
        if all(hasattr(pub, "shots") and hasattr(pub, "size") for pub in pubs):
            return pubs
    return None


def _default_shots(sampler: Any) -> int | None:
    for place in (sampler, getattr(sampler, "options", None)):
        shots = getattr(place, "default_shots", None)
        if isinstance(shots, int):
            return shots
    return None
