"""Whether the qubits that a circuit is laid out on can be used, by the newest calibration."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

from qgm_observe.providers.calibration import (
    NEEDED,
    Pair,
    disabled_qubits,
    is_missing,
    is_suspect,
    measured_at,
    pair_of,
)
from qgm_observe.providers.protocol import (
    Calibration,
    GateCalibration,
    GateKey,
    Measurement,
    Quality,
)

_BOTH = 2
_READ_OUT = "measure"
_IDLE = frozenset({"barrier", "delay"})
_UNMEASURED = frozenset({*_IDLE, _READ_OUT, "rz", "p"})
"""Done in software, nothing at all, or told with the qubit; a date on one dates no measurement."""


class LayoutFaults(NamedTuple):
    """What speaks against the qubits and pairs of a layout, each sorted."""

    disabled_qubits: tuple[int, ...] = ()
    suspect_qubits: tuple[int, ...] = ()
    missing_qubits: tuple[int, ...] = ()
    stale_qubits: tuple[int, ...] = ()
    disabled_edges: tuple[Pair, ...] = ()
    suspect_edges: tuple[Pair, ...] = ()
    missing_edges: tuple[Pair, ...] = ()
    stale_edges: tuple[Pair, ...] = ()


def layout_faults(
    calibration: Calibration,
    qubits: Collection[int],
    *,
    edges: Collection[Pair] | None = None,
    gates: Collection[str] | None = None,
    stale_before: float | None = None,
) -> LayoutFaults:
    """Return what speaks against running on these qubits.

    Args:
        calibration: Of the device.
        qubits: The device's qubits that the circuit is laid out on.
        edges: Pairs that the circuit uses; by default all that have a gate within the layout.
        gates: Two-qubit gates that the circuit uses; by default any that the device has, so that
            a pair is disabled when all of its gates are.
        stale_before: Epoch seconds; what was measured earlier is stale. An unknown age is not.
    """
    own = {q: calibration.qubits.get(q, {}) for q in sorted(qubits)}
    told = _of_pairs(calibration, set(qubits), gates)
    wanted = sorted(told if edges is None else {pair_of(edge) for edge in edges})
    pairs = {pair: told.get(pair, []) for pair in wanted}
    off = disabled_qubits(calibration)
    return LayoutFaults(
        tuple(q for q in own if q in off),
        tuple(q for q, each in own.items() if is_suspect(each)),
        tuple(q for q, each in own.items() if is_missing(each)),
        tuple(q for q, each in own.items() if _is_stale(map(each.get, NEEDED), stale_before)),
        tuple(p for p, each in pairs.items() if _are_all(each, Quality.DISABLED)),
        tuple(p for p, each in pairs.items() if _are_all(each, Quality.SUSPECT)),
        tuple(p for p, each in pairs.items() if not each or _are_all(each, Quality.MISSING)),
        tuple(p for p, each in pairs.items() if _is_stale(each, stale_before)),
    )


def oldest_in_use(calibration: Calibration, used: Collection[GateKey]) -> dict[str, float]:
    """Return when the oldest of each parameter was measured that a circuit rests on, epoch seconds.

    T1 and T2 count of every qubit that a gate acts on, readout errors of those that are measured,
    errors of the gates in use. What the calibration does not tell, or tells as suspect or without
    its instant, is left out.

    Args:
        calibration: Of the device.
        used: Gates with the device's qubits; `measure` and `barrier` may be among them.
    """
    active = {qubit for name, places in used if name not in _IDLE for qubit in places}
    read_out = {places[0] for name, places in used if name == _READ_OUT}
    rests_on = replace(
        calibration,
        qubits={
            qubit: {
                name: calibration.qubits[qubit][name]
                for name in (NEEDED if qubit in read_out else NEEDED[:2])
                if name in calibration.qubits[qubit]
            }
            for qubit in active & calibration.qubits.keys()
        },
        gates={
            key: GateCalibration(told.error)
            for key, told in _told(calibration, used)
            if key[0] not in _UNMEASURED
        },
    )
    return {name: figure.worst for name, figure in measured_at(rests_on).items()}


def disabled_in_use(calibration: Calibration, used: Collection[GateKey]) -> frozenset[Pair]:
    """Return the pairs on which a gate is in use that is disabled."""
    return frozenset(
        pair_of(places)
        for (_, places), told in _told(calibration, used)
        if len(places) == _BOTH and told.error.quality is Quality.DISABLED
    )


def _told(
    calibration: Calibration, used: Collection[GateKey]
) -> Iterator[tuple[GateKey, GateCalibration]]:
    """What is told of gates in use; one that is the same both ways is kept one way."""
    for name, places in used:
        for key in ((name, places), (name, places[::-1])):
            if key in calibration.gates:
                yield key, calibration.gates[key]
                break


def _of_pairs(
    calibration: Calibration, qubits: set[int], gates: Collection[str] | None
) -> dict[Pair, list[Measurement]]:
    found: dict[Pair, list[Measurement]] = {}
    for (name, places), told in calibration.gates.items():
        if len(places) == _BOTH and qubits.issuperset(places) and (gates is None or name in gates):
            found.setdefault(pair_of(places), []).append(told.error)
    return found


def _are_all(told: Collection[Measurement], quality: Quality) -> bool:
    return bool(told) and all(each.quality is quality for each in told)


def _is_stale(told: Iterable[Measurement | None], before: float | None) -> bool:
    taken = [each.taken_at for each in told if each is not None and each.taken_at is not None]
    return before is not None and bool(taken) and min(taken) < before
