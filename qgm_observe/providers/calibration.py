"""From measurements to quality, and from a calibration to the few numbers that stand for a device.

Only values of quality `ok` are usable: what is missing, disabled or suspect is counted and moves no
median. Rules: an error of 1 or more means disabled, a readout error of 0.5 or more is a coin and
suspect, and so is a T2 above 2 T1 (the bound 1/T2 = 1/(2 T1) + 1/T_phi) by more than 5 %, as the
two are fitted to different shots.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from math import ceil
from statistics import median
from typing import NamedTuple

from qgm_observe.providers.protocol import (
    Calibration,
    GateCalibration,
    GateKey,
    Measurement,
    Quality,
)

DISABLED_ERROR = 1.0
SUSPECT_READOUT = 0.5
T2_TOLERANCE = 1.05
LONGER_IS_BETTER = frozenset({"t1", "t2"})
NEEDED = ("t1", "t2", "readout_error")
"""Parameters without which a qubit counts as `missing`."""

Pair = tuple[int, int]
_BOTH = 2
_NOT_GATES = ("measure", "reset")


class Aggregate(NamedTuple):
    """What stands for many values.

    Attributes:
        p90: The value that 90 % are no worse than (nearest rank).
        worst: The smallest time T1 or T2, else the largest value; of instants the oldest.
        size: Of how many usable values.
    """

    median: float
    p90: float
    worst: float
    size: int


class Conditions(NamedTuple):
    """How many qubits or pairs there are, and of how many a condition holds; several may."""

    all: int = 0
    disabled: int = 0
    suspect: int = 0
    missing: int = 0


# ------------------------------------------------------------------------------------- quality


def judged_qubit(told: Mapping[str, Measurement]) -> dict[str, Measurement]:
    """Return a qubit's parameters with their quality; see the head of this module."""
    judged = {name: _judged(each) for name, each in told.items()}
    readout, t1, t2 = (judged.get(name) for name in ("readout_error", "t1", "t2"))
    if readout is not None and readout.value is not None and readout.value >= SUSPECT_READOUT:
        judged["readout_error"] = replace(readout, quality=Quality.SUSPECT)
    if t1 is None or t2 is None or t1.value is None or t2.value is None:
        return judged
    if t2.value > 2 * t1.value * T2_TOLERANCE:
        judged["t2"] = replace(t2, quality=Quality.SUSPECT)
    return judged


def judged_error(told: Measurement) -> Measurement:
    """Return the error of a gate with its quality."""
    if told.value is not None and told.value >= DISABLED_ERROR:
        return replace(told, quality=Quality.DISABLED)
    return _judged(told)


def undirected(gates: Mapping[GateKey, GateCalibration]) -> dict[GateKey, GateCalibration]:
    """Return gates with those that are the same both ways once, the lower qubit first.

    A gate counts as the same when both directions have an equal error; its duration is that of the
    faster one, as the other is the same gate between one-qubit gates (cx). A gate that is stored in
    one direction (ecr), or with different errors, stays as it is.
    """
    merged = dict(gates)
    for (name, places), told in gates.items():
        if len(places) != _BOTH or places[0] < places[1]:
            continue
        forward = (name, places[::-1])
        if forward in merged and merged[forward].error.value == told.error.value:
            merged[forward] = _faster(merged[forward], told)
            del merged[name, places]
    return merged


# --------------------------------------------------------------------------------- few numbers


def aggregate(values: Iterable[float], *, longer_is_better: bool = False) -> Aggregate | None:
    """Return median, p90 and worst of values, `None` of none."""
    best_first = sorted(values, reverse=longer_is_better)
    if not best_first:
        return None
    rank = ceil(0.9 * len(best_first)) - 1
    return Aggregate(median(best_first), best_first[rank], best_first[-1], len(best_first))


def aggregates(calibration: Calibration) -> dict[str, Aggregate]:
    """Return what stands for the device: by parameter, and `<gate>_error`, `<gate>_duration`.

    Units as in `Calibration`. A parameter without one usable value is left out.
    """
    found = {
        name: aggregate(
            (each.value for each in many if each.value is not None),
            longer_is_better=name in LONGER_IS_BETTER,
        )
        for name, many in _usable(calibration).items()
    }
    return {name: each for name, each in found.items() if each}


def measured_at(calibration: Calibration) -> dict[str, Aggregate]:
    """Return when each parameter was measured, epoch seconds: the worst is the oldest."""
    found = {
        name: aggregate(
            (each.taken_at for each in many if each.taken_at is not None), longer_is_better=True
        )
        for name, many in _usable(calibration).items()
    }
    return {name: each for name, each in found.items() if each}


def qubit_conditions(calibration: Calibration) -> Conditions:
    """Count qubits; missing is one without T1, T2 or readout error, see `disabled_qubits`."""
    return Conditions(
        len(calibration.qubits),
        len(disabled_qubits(calibration)),
        sum(is_suspect(told) for told in calibration.qubits.values()),
        sum(is_missing(told) for told in calibration.qubits.values()),
    )


def edge_conditions(calibration: Calibration) -> dict[str, Conditions]:
    """Count pairs by gate, each pair once: disabled where it is so in every direction."""
    qualities: dict[str, dict[Pair, set[Quality]]] = {}
    for (name, places), told in calibration.gates.items():
        if len(places) == _BOTH:
            of_gate = qualities.setdefault(name, {})
            of_gate.setdefault(pair_of(places), set()).add(told.error.quality)
    return {
        name: Conditions(
            len(pairs),
            *(
                sum(seen == {quality} for seen in pairs.values())
                for quality in (Quality.DISABLED, Quality.SUSPECT, Quality.MISSING)
            ),
        )
        for name, pairs in qualities.items()
    }


def disabled_qubits(calibration: Calibration) -> frozenset[int]:
    """Return the qubits of which a one-qubit gate is disabled."""
    return frozenset(
        places[0]
        for (name, places), told in calibration.gates.items()
        if len(places) == 1
        and told.error.quality is Quality.DISABLED
        and not name.startswith(_NOT_GATES)
    )


# ------------------------------------------------------------------------------------- content


def content_hash(calibration: Calibration) -> str:
    """Return SHA-256 of what the provider said, in hexadecimal; when it was asked is left out."""
    return hashlib.sha256(calibration.raw or _canonical(calibration)).hexdigest()


def canonical_json(told: object) -> bytes:
    """Return JSON of which equal contents are equal bytes."""
    text = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
    return text.encode("utf-8", "replace")


def _canonical(calibration: Calibration) -> bytes:
    qubits = sorted((q, sorted(told.items())) for q, told in calibration.qubits.items())
    gates = sorted(calibration.gates.items(), key=lambda item: item[0])
    return canonical_json([qubits, gates, sorted(calibration.whole.items()), calibration.taken_at])


def _judged(told: Measurement) -> Measurement:
    if told.value is None:
        return replace(told, quality=Quality.MISSING)
    return told


def _faster(one: GateCalibration, other: GateCalibration) -> GateCalibration:
    durations = [each.duration for each in (one, other) if each.duration.value is not None]
    shortest = min(durations, key=lambda each: each.value or 0.0, default=one.duration)
    return one._replace(duration=shortest)


def _usable(calibration: Calibration) -> dict[str, list[Measurement]]:
    found: dict[str, list[Measurement]] = {}
    for name, each in _named(calibration):
        if each.quality is Quality.OK and each.value is not None:
            found.setdefault(name, []).append(each)
    return found


def _named(calibration: Calibration) -> Iterator[tuple[str, Measurement]]:
    for told in calibration.qubits.values():
        yield from told.items()
    for (name, _), gate in calibration.gates.items():
        if gate.error.quality is not Quality.DISABLED:
            yield f"{name}_error", gate.error
            yield f"{name}_duration", gate.duration


def pair_of(places: tuple[int, ...]) -> Pair:
    """Return a pair of qubits, the lower first."""
    return min(places), max(places)


def is_suspect(told: Mapping[str, Measurement]) -> bool:
    """Return whether a parameter of a qubit is suspect."""
    return any(each.quality is Quality.SUSPECT for each in told.values())


def is_missing(told: Mapping[str, Measurement]) -> bool:
    """Return whether a parameter that a qubit needs is missing."""
    return any(name not in told or told[name].value is None for name in NEEDED)
