"""From a provider's result to plain counts, where the form is known."""

from math import prod
from typing import Any

from qgm_observe.lifecycle.kinds import kinds_of


def counts_of(result: Any) -> Any:
    """Return counts by bitstring: one dictionary, or a list of them for several circuits.

    Knows Qiskit's `PrimitiveResult` of a sampler (one item a circuit, each with `data`) and
    results with `get_counts`; anything else is returned as it is.
    """
    if _has(result, "get_counts"):
        return result.get_counts()
    items = list(result) if _is_of_a_primitive(result) else []
    if not items or not all(hasattr(item, "join_data") for item in items):
        return result
    counts = [item.join_data().get_counts() for item in items]
    return counts[0] if len(counts) == 1 else counts


def size_of(result: Any) -> tuple[int, int]:
    """Return how many circuits a sampler's result holds and their shots together, else zeros.

    Source: Qiskit's `PrimitiveResult`: each item's `data` holds bit arrays with `num_shots` and,
    where parameters were broadcast, a `shape`.
    """
    circuits = shots = 0
    for item in result if _is_of_a_primitive(result) else ():
        registers = list(getattr(item, "data", {}).values()) if hasattr(item, "data") else []
        if registers and hasattr(registers[0], "num_shots"):
            size = prod(registers[0].shape)
            circuits += size
            shots += size * registers[0].num_shots
    return circuits, shots


def _is_of_a_primitive(result: Any) -> bool:
    """Nothing else is iterated: that might use up what the script wants to read."""
    return "PrimitiveResult" in kinds_of(result)


def _has(thing: Any, name: str) -> bool:
    try:
        return hasattr(thing, name)
    except Exception:  # noqa: BLE001  a property may raise anything
        return False
