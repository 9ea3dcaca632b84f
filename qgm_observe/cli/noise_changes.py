"""What changed in a simulator's noise model, as far as two runs both tell of it."""

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from qgm_observe.cli.calibration_changes import ParameterChange

_UNWEIGHED = {"kraus", "superop", "unitary"}
"""Errors that happen with every gate: by how much is in no probability."""


def noise_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[ParameterChange]:
    """Return the operations that err otherwise, the largest ratio first.

    Their numbers are the chance that anything but the operation happens, in [0, 1], the mean of
    the errors of an operation; unknown of errors that are no mixture of gates.

    Args:
        before: A content of `qgm_observe.providers.noise_content`, as read from JSON.
        after: Another; what one of them has of qubits of which the other does not tell is left out.
    """
    scopes = [set(told["qubits"]) for told in (before, after) if not told.get("whole")]
    common = set.intersection(*scopes) if scopes else None
    first, second = (_by_operation(told, common) for told in (before, after))
    changed = [name for name in first.keys() | second.keys() if first.get(name) != second.get(name)]
    found = [_change(name, first.get(name, []), second.get(name, [])) for name in changed]
    return sorted(found, key=lambda each: (-each.ratio, each.name))


def _by_operation(told: Mapping[str, Any], common: set[int] | None) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {name: [] for name in told["passes"]}
    readout = (["readout", *entry] for entry in told["readout"])
    for name, qubits, *error in (*told["gates"], *readout):
        if qubits is None or common is None or common.issuperset(qubits):
            found.setdefault(f"{name} error", []).append([qubits, *error])
    return found


def _change(name: str, before: list[Any], after: list[Any]) -> ParameterChange:
    one, other = _chance(before), _chance(after)
    ratio = math.inf
    if one is not None and other is not None and min(one, other) > 0:
        ratio = max(one, other) / min(one, other)
    return ParameterChange(name, one, other, ratio)


def _chance(errors: Iterable[list[Any]]) -> float | None:
    """The mean of some errors' chances, `None` of none and where one is unknown."""
    chances = [_of_gate(*error) if len(error) > 1 else _of_readout(*error) for _, *error in errors]
    known = [each for each in chances if each is not None]
    return sum(known) / len(known) if known and len(known) == len(chances) else None


def _of_readout(rows: list[list[float]]) -> float:
    return 1 - sum(row[state] for state, row in enumerate(rows)) / len(rows)


def _of_gate(probabilities: list[float], circuits: list[Any]) -> float | None:
    if any(name in _UNWEIGHED for steps in circuits for name, _, _ in steps):
        return None
    pairs = zip(probabilities, circuits, strict=True)
    return 1 - sum(chance for chance, steps in pairs if all(_idles(steps)))


def _idles(steps: Iterable[list[Any]]) -> Iterator[bool]:
    for name, _, params in steps:
        yield name == "id" or (name == "pauli" and set(params[0]) <= {"I"})
