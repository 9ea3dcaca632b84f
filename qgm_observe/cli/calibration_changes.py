"""Which parameters of a calibration changed, by how much, on the qubits that matter."""

import math
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from qgm_observe.providers.protocol import Calibration

LEAST = {"readout_error": 0.005, "prob_meas0_prep1": 0.005, "prob_meas1_prep0": 0.005}
"""Change of a readout error below which it is none; of a gate's error 0.001."""

_LEAST_GATE = 0.001
_JUDGED = ("t1", "t2", *LEAST)


class ParameterChange(NamedTuple):
    """One parameter.

    Attributes:
        name: With its qubits, such as `cz_error (0, 1)`.
        before: In base units, `None` where it is unknown or disabled.
        after: Likewise.
        ratio: Of the larger to the smaller, infinite where one of them is unknown.
    """

    name: str
    before: float | None
    after: float | None
    ratio: float


def parameter_changes(
    before: Calibration, after: Calibration, qubits: AbstractSet[int] = frozenset()
) -> list[ParameterChange]:
    """Return the parameters that changed, the largest ratio first.

    T1, T2, readout and gate errors count; errors only where they differ by 0.005 (readout) or 0.001
    (gates) at least.

    Args:
        before: A calibration of a device.
        after: Another of the same device.
        qubits: Those that matter; all where none are given.
    """
    first, second = dict(_judged(before, qubits)), dict(_judged(after, qubits))
    found = [
        ParameterChange(name, first.get(name), second.get(name), ratio)
        for name in first.keys() | second.keys()
        if (ratio := _ratio(name, first.get(name), second.get(name))) > 1
    ]
    return sorted(found, key=lambda each: (-each.ratio, each.name))


def _judged(
    calibration: Calibration, qubits: AbstractSet[int]
) -> Iterator[tuple[str, float | None]]:
    for qubit, told in calibration.qubits.items():
        for name in _JUDGED if not qubits or qubit in qubits else ():
            if name in told:
                yield f"{name} of qubit {qubit}", told[name].value
    for (gate, places), known in calibration.gates.items():
        if not qubits or qubits >= set(places):
            error = known.error.value
            usable = error if error is not None and error < 1 else None
            yield f"{gate}_error {places}", usable
    for name, each in calibration.whole.items():
        yield name, each.value


def _ratio(name: str, before: float | None, after: float | None) -> float:
    if before == after:
        return 1.0
    if before is None or after is None:
        return math.inf
    least = LEAST.get(name.partition(" ")[0], _LEAST_GATE if "_error" in name else 0.0)
    if abs(after - before) < least:
        return 1.0
    low, high = sorted((abs(before), abs(after)))
    return high / low if low else math.inf
