"""What a trained model rests on: structure of its circuit, versions of its libraries."""

import hashlib
import json
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qgm_observe.training.devices import Device
from qgm_observe.training.targets import Target

MODEL = "qcbm"
"""How descriptions name this kind of model."""

_LIBRARIES = ("numpy", "scipy", "scikit-learn", "qiskit", "qiskit-aer", "qiskit-ibm-runtime")


def circuit_hash(circuit: Any) -> str:
    """Fingerprint the structure of a circuit: its gates, qubits and symbolic parameters.

    Two circuits that are built alike have the same hash in every process, and values that are
    bound later do not matter.

    Args:
        circuit: A `qiskit.QuantumCircuit`.

    Returns:
        64 hexadecimal digits (SHA-256).
    """
    digest = hashlib.sha256(f"{circuit.num_qubits} {circuit.num_clbits}\n".encode())
    for step in circuit.data:
        places = [circuit.find_bit(bit).index for bit in (*step.qubits, *step.clbits)]
        angles = " ".join(map(str, step.operation.params))
        digest.update(f"{step.operation.name} {places} {angles}\n".encode())
    return digest.hexdigest()


def values_hash(values: NDArray[np.float64]) -> str:
    """Fingerprint an array by the bits of its numbers: 64 hexadecimal digits (SHA-256)."""
    return hashlib.sha256(np.ascontiguousarray(values, dtype="<f8").tobytes()).hexdigest()


def library_versions() -> dict[str, str]:
    """Give the versions of Python and of the installed libraries that shape a training."""
    found = {"python": platform.python_version()}
    for library in _LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found


def describe_model(
    target: Target,
    parameters: NDArray[np.float64],
    *,
    losses: Sequence[float],
    settings: Mapping[str, Any],
    device: Device,
    structure: str,
) -> dict[str, Any]:
    """Put a trained circuit Born machine into words that JSON keeps.

    Args:
        target: What was learned.
        parameters: Trained circuit parameters in radians, shape (P,).
        losses: Loss of each completed step.
        settings: Settings of the training by name.
        device: Where it was trained.
        structure: Hash of the circuit's structure, see `circuit_hash`.
    """
    calibrated = device.calibrated_at
    return {
        "model": MODEL,
        "target": target.name,
        "target_hash": values_hash(target.probabilities),
        "num_qubits": target.num_qubits,
        "parameters": parameters.tolist(),
        "steps": len(losses),
        "loss": losses[-1] if losses else None,
        "seed": settings["seed"],
        "settings": {**settings},
        "device": {
            "name": device.name,
            "kind": device.kind,
            "qubits": None if device.qubits is None else list(device.qubits),
            "calibrated_at": None if calibrated is None else calibrated.isoformat(),
        },
        "circuit_hash": structure,
        "versions": library_versions(),
    }


def read_model(path: Path) -> dict[str, Any]:
    """Read a description that a training wrote.

    Raises:
        ValueError: If the file is missing or is no description of a circuit Born machine.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["model"] == MODEL:
            return dict(content)
    except (OSError, ValueError, KeyError, TypeError):
        pass
    raise ValueError(f"{path} is no registered model: give the model.json of a training")
