"""How much work a primitive was asked for, read off without changing what it gets.

A pub is a circuit, or a tuple of a circuit, for an estimator its observables, its parameter values
and its shots or precision; Qiskit coerces it to a `SamplerPub` or an `EstimatorPub`, whose
`parameter_values.size` is the number of parameter sets that the circuit is run with.
"""

import sys
from collections.abc import Iterator
from math import prod
from typing import Any, NamedTuple

from qgm_observe.lifecycle.primitives import is_estimator

Call = tuple[tuple[Any, ...], dict[str, Any]]

_CONTAINERS = "qiskit.primitives.containers."


class Asked(NamedTuple):
    """What a call asks for.

    Attributes:
        circuits: Parameter sets of all circuits, `None` where unknown.
        shots: In all, `None` where unknown; an estimator has a precision instead.
        sources: The circuits themselves.
        pubs: With the values of their parameters, none where they are unknown.
    """

    circuits: int | None = None
    shots: int | None = None
    sources: tuple[Any, ...] = ()
    pubs: tuple[Any, ...] = ()


UNKNOWN = Asked()


def repeatable(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call:
    """Return a call's arguments with pubs that can be read twice; what they held is the same."""
    if args:
        if type(args[0]) is not list and isinstance(args[0], Iterator):  # it is one nearly always
            return (list(args[0]), *args[1:]), kwargs
        return args, kwargs
    if isinstance(kwargs.get("pubs"), Iterator):
        return args, kwargs | {"pubs": list(kwargs["pubs"])}
    return args, kwargs


def asked_of(primitive: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Asked:
    """Return what a call to a primitive's `run` asks for."""
    pubs = args[0] if args else kwargs["pubs"]
    if is_estimator(primitive):
        pub, default = _pub_class("EstimatorPub"), kwargs.get("precision") or 1.0
    else:
        pub, default = _pub_class("SamplerPub"), kwargs.get("shots") or _default_shots(primitive)
    return asked_of_pubs([pub.coerce(each, default) for each in pubs])


def asked_of_pubs(pubs: list[Any]) -> Asked:
    """Return what coerced pubs ask for."""
    sizes = [prod(pub.parameter_values.shape) for pub in pubs]  # as its `size`, without numpy
    counts = [getattr(pub, "shots", None) for pub in pubs]
    sources = tuple(pub.circuit for pub in pubs)
    if None in counts:
        return Asked(sum(sizes) or None, None, sources, tuple(pubs))
    shots = sum(size * count for size, count in zip(sizes, counts, strict=True))
    return Asked(sum(sizes) or None, shots or None, sources, tuple(pubs))


def asked_of_circuits(circuits: Any, options: dict[str, Any], backend: Any) -> Asked:
    """Return what a call to a backend's `run` asks for."""
    sources = tuple(circuits) if isinstance(circuits, list | tuple) else (circuits,)
    if not all(hasattr(each, "num_qubits") for each in sources):
        return UNKNOWN
    shots = options.get("shots") or getattr(getattr(backend, "options", None), "shots", None)
    binds = [len(next(iter(each.values()), ())) for each in options.get("parameter_binds") or ()]
    times = sum(binds) or len(sources)
    return Asked(times or None, shots * times or None if isinstance(shots, int) else None, sources)


def asked_of_program(program: Any) -> Asked:
    """Return what a quantum program of IBM's executor asks for."""
    items = list(program.items)
    sizes = [getattr(item, "size", None) for item in items]
    known = [size for size in sizes if isinstance(size, int)]
    sources = tuple(item.circuit for item in items)
    if len(known) != len(items):
        return Asked(len(items) or None, None, sources)
    return Asked(sum(known) or None, sum(known) * program.shots or None, sources)


def coerced(args: tuple[Any, ...]) -> list[Any] | None:
    """Return the pubs among a primitive job's arguments, or `None`."""
    if args and isinstance(args[0], list):
        pubs = args[0]
        if all(hasattr(pub, "parameter_values") and hasattr(pub, "circuit") for pub in pubs):
            return pubs
    return None


def _pub_class(name: str) -> Any:
    module = "estimator_pub" if name == "EstimatorPub" else "sampler_pub"
    return getattr(sys.modules[_CONTAINERS + module], name)


def _default_shots(primitive: Any) -> int | None:
    for place in (primitive, getattr(primitive, "options", None)):
        shots = getattr(place, "default_shots", None)
        if isinstance(shots, int):
            return shots
    return None
