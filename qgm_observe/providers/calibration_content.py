"""A calibration as content: equal numbers are equal bytes, whoever told them and whenever.

A device's documents name instants in many places; a static device read a hundred times would be a
hundred contents. Here only the numbers remain, so the hash of the content names the calibration.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from qgm_observe.errors import UsageError
from qgm_observe.providers import ibm_files
from qgm_observe.providers.calibration import (
    canonical_json,
    judged_error,
    judged_qubit,
    undirected,
)
from qgm_observe.providers.protocol import Calibration, GateCalibration, GateKey, Measurement


def content_of(calibration: Calibration) -> bytes:
    """Return the numbers of a calibration as canonical JSON, without any instant."""
    gates = (
        [name, list(places), gate.error.value, gate.duration.value]
        for (name, places), gate in calibration.gates.items()
    )
    told = {
        "qubits": {str(qubit): _values(known) for qubit, known in calibration.qubits.items()},
        "gates": sorted(gates, key=lambda gate: (gate[0], gate[1])),
        "whole": _values(calibration.whole),
    }
    return canonical_json(told)


def calibration_of(content: bytes, provider: str, device: str, observed_at: float) -> Calibration:
    """Return the calibration of a content.

    Raises:
        UsageError: it is none.
    """
    try:
        told = json.loads(content)
        return Calibration(
            provider=provider,
            device=device,
            observed_at=observed_at,
            qubits={int(q): judged_qubit(_measured(known)) for q, known in told["qubits"].items()},
            gates={
                (name, tuple(places)): GateCalibration(
                    judged_error(Measurement(error)), Measurement(duration)
                )
                for name, places, error, duration in told["gates"]
            },
            whole=_measured(told["whole"]),
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        raise UsageError(f"calibration of {device}: its content cannot be read") from None


def held_by(backend: Any, provider: str, device: str, observed_at: float) -> Calibration | None:
    """Return the calibration that a Qiskit backend object holds already; nobody is asked.

    Source: the attributes in which `IBMBackend` and the fake backends of qiskit-ibm-runtime 0.51
    keep their properties, and that in which `AerSimulator` keeps its target; their methods may ask
    a provider.
    """
    kept = getattr(backend, "__dict__", {})
    told = kept.get("_props_dict")
    properties = kept.get("_properties")
    is_simulator = type(backend).__module__.startswith("qiskit_aer")
    if told is None and properties is not None and not is_simulator:
        told = properties.to_dict()
    if told:
        return ibm_files.calibration(provider, device, _plain(told), observed_at)
    target = kept.get("_target")
    found = None if target is None else _of_target(target, provider, device, observed_at)
    return _with_readout(found, backend) if found is not None and is_simulator else found


def _with_readout(calibration: Calibration, simulator: Any) -> Calibration:
    """With the readout errors of the simulator's noise, which knows those of 0 and of 1 apart."""
    model = getattr(getattr(simulator, "options", None), "noise_model", None)
    known = getattr(model, "_local_readout_errors", {})
    qubits = {qubit: dict(told) for qubit, told in calibration.qubits.items()}
    for places, error in known.items():
        (_, up), (down, _) = error.probabilities
        told = qubits.setdefault(places[0], {})
        told["prob_meas1_prep0"] = Measurement(float(up))
        told["prob_meas0_prep1"] = Measurement(float(down))
    return replace(calibration, qubits=qubits)


def _plain(told: Any) -> Any:
    """Instants as text, as in the documents of the REST interface."""
    if isinstance(told, Mapping):
        return {key: _plain(value) for key, value in told.items()}
    if isinstance(told, list | tuple):
        return [_plain(value) for value in told]
    return told.isoformat() if hasattr(told, "isoformat") else told


def _of_target(target: Any, provider: str, device: str, observed_at: float) -> Calibration | None:
    """What a `qiskit.transpiler.Target` states; one without any error is no calibration."""
    gates: dict[GateKey, GateCalibration] = {}
    readouts: dict[int, float] = {}
    for name in target.operation_names:
        for places, properties in (target[name] or {}).items():
            if places and properties is not None and properties.error is not None:
                if name == "measure":
                    readouts[places[0]] = float(properties.error)
                    continue
                error = judged_error(Measurement(float(properties.error)))
                gates[name, tuple(places)] = GateCalibration(
                    error, Measurement(properties.duration)
                )
    if not gates and not readouts:
        return None
    return Calibration(
        provider=provider,
        device=device,
        observed_at=observed_at,
        qubits={q: judged_qubit(dict(_qubit(target, q, readouts))) for q in range(_size(target))},
        gates=undirected(gates),
    )


def _qubit(
    target: Any, qubit: int, readouts: Mapping[int, float]
) -> Iterator[tuple[str, Measurement]]:
    coherence = (target.qubit_properties or {})[qubit] if target.qubit_properties else None
    for name in ("t1", "t2", "frequency"):
        value = getattr(coherence, name, None)
        if value is not None:
            yield name, Measurement(float(value))
    if qubit in readouts:
        yield "readout_error", Measurement(readouts[qubit])


def _size(target: Any) -> int:
    return int(target.num_qubits or 0)


def _values(known: Mapping[str, Measurement]) -> dict[str, float | None]:
    return {name: each.value for name, each in known.items()}


def _measured(known: Mapping[str, float | None]) -> dict[str, Measurement]:
    return {name: Measurement(value) for name, value in known.items()}
