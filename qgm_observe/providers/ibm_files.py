"""IBM's documents of a device, configuration and properties, as its REST interface gives them.

Numbers come with units of their own (`us`, `µs`, `ns`, `GHz`), each measurement with its date.
Source: the schemas `BackendConfigurationResponse` and `BackendPropertiesResponse` of IBM's OpenAPI.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from math import isfinite
from typing import Any

from qgm_observe.providers.calibration import (
    canonical_json,
    judged_error,
    judged_qubit,
    undirected,
)
from qgm_observe.providers.protocol import (
    MISSING,
    Calibration,
    DeviceInfo,
    GateCalibration,
    GateKey,
    Measurement,
)

_SCALES = {
    "": 1.0,
    "s": 1.0,
    "ms": 1e-3,
    "us": 1e-6,
    "µs": 1e-6,  # the micro sign
    "μs": 1e-6,  # the Greek letter
    "ns": 1e-9,
    "ps": 1e-12,
    "Hz": 1.0,
    "kHz": 1e3,
    "MHz": 1e6,
    "GHz": 1e9,
}
_PARAMETERS = {
    "T1": "t1",
    "T2": "t2",
    "frequency": "frequency",
    "anharmonicity": "anharmonicity",
    "readout_error": "readout_error",
    "prob_meas0_prep1": "prob_meas0_prep1",
    "prob_meas1_prep0": "prob_meas1_prep0",
    "readout_length": "readout_duration",
}
_BOTH = 2


def number(told: Any) -> float | None:
    """Return a finite number, `None` for anything else, also for truth values and text."""
    if isinstance(told, bool) or not isinstance(told, int | float):
        return None
    try:
        value = float(told)
    except OverflowError:
        return None
    return value if isfinite(value) else None


def whole(told: Any) -> int | None:
    """Return a whole number of 0 or more, `None` for anything else."""
    value = number(told)
    return int(value) if value is not None and value >= 0 and value == int(value) else None


def epoch(told: Any) -> float | None:
    """Return an ISO 8601 instant as epoch seconds, in UTC where it names no zone."""
    return _epoch(told) if isinstance(told, str) else None


def device_info(
    provider: str, name: str, told: Mapping[str, Any], *, region: str, is_simulator: bool
) -> DeviceInfo:
    """Return what a configuration says of a device."""
    clops = told.get("clops")
    told_clops = clops.get("value") if isinstance(clops, Mapping) else clops
    return DeviceInfo(
        provider=provider,
        name=name,
        num_qubits=whole(told.get("n_qubits")),
        edges=tuple(sorted(set(_edges(told.get("coupling_map"))))),
        native_gates=tuple(str(gate) for gate in told.get("basis_gates") or ()),
        max_shots=whole(told.get("max_shots")),
        processor=processor(told.get("processor_type")),
        version=str(told["backend_version"]) if told.get("backend_version") else None,
        is_simulator=is_simulator,
        region=region,
        clops=number(told.get("clops_h")) or number(told_clops),
    )


def processor(told: Any) -> str | None:
    """Return family and revision, for instance `Heron r2`."""
    if not isinstance(told, Mapping) or not told.get("family"):
        return None
    revision = told.get("revision")
    return f"{told['family']} r{revision}" if revision else str(told["family"])


def calibration(
    provider: str, device: str, told: Mapping[str, Any], observed_at: float
) -> Calibration:
    """Return what the properties say of a device's qubits and gates."""
    qubits = enumerate(told.get("qubits") or ())
    return Calibration(
        provider=provider,
        device=device,
        observed_at=observed_at,
        taken_at=epoch(told.get("last_update_date")),
        calibration_id=str(told["calibration_id"]) if told.get("calibration_id") else None,
        qubits={index: judged_qubit(dict(_of_qubit(each))) for index, each in qubits},
        gates=undirected(dict(_gates(told.get("gates") or ()))),
        raw=canonical_json(told),
    )


@lru_cache(maxsize=8192)
def _epoch(told: str) -> float | None:
    try:
        moment = datetime.fromisoformat(told)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def _edges(told: Any) -> Iterator[tuple[int, int]]:
    for pair in told or ():
        places = [whole(each) for each in pair]
        if len(places) == _BOTH and places[0] is not None and places[1] is not None:
            yield min(places[0], places[1]), max(places[0], places[1])


def _of_qubit(told: Any) -> Iterator[tuple[str, Measurement]]:
    for each in told or ():
        name = _PARAMETERS.get(each.get("name"))
        if name is not None:
            yield name, _measurement(each)


def _gates(told: Any) -> Iterator[tuple[GateKey, GateCalibration]]:
    for gate in told:
        places = tuple(q for q in map(whole, gate.get("qubits") or ()) if q is not None)
        named = {each.get("name"): each for each in gate.get("parameters") or ()}
        error, duration = named.get("gate_error"), named.get("gate_length")
        if error is None and duration is None:
            continue
        yield (
            (str(gate.get("gate")), places),
            GateCalibration(
                judged_error(_measurement(error)) if error else MISSING,
                _measurement(duration) if duration else MISSING,
            ),
        )


def _measurement(told: Mapping[str, Any]) -> Measurement:
    value, scale = number(told.get("value")), _SCALES.get(told.get("unit") or "")
    if value is None or scale is None:
        return MISSING
    return Measurement(value * scale, epoch(told.get("date")))
