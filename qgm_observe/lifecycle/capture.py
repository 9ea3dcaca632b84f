"""What is kept beside a record: circuits, parameters and the like, by the capture level."""

import io
import json
import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from weakref import WeakValueDictionary

from qgm_observe.journal.blobs import Blob, Capture
from qgm_observe.journal.blobs import captured as fate_of
from qgm_observe.lifecycle.handle import Handle
from qgm_observe.lifecycle.results import counts_of

_seen: WeakValueDictionary[int, Any] = WeakValueDictionary()


def captured(
    kept: list[tuple[str, bytes | Callable[[], bytes]]], level: str, blobs: list[Blob]
) -> dict[str, list[str]]:
    """Return the content hashes by kind; what the level keeps whole is added to `blobs`."""
    hashes: dict[str, list[str]] = {}
    for kind, data in kept:
        fate = fate_of(level, kind)
        if fate is Capture.NOTHING:
            continue
        blob = Blob(kind, data if isinstance(data, bytes) else data())
        hashes.setdefault(kind, []).append(blob.hash)
        if fate is Capture.KEEP:
            blobs.append(blob)
    return hashes


def keep_circuits(handle: Handle, value: Any) -> None:
    """Keep Qiskit circuits, each object once, as QPY (the format of `qiskit.qpy`)."""
    if handle.recorder.settings.capture == "none":
        return
    qpy = sys.modules.get("qiskit.qpy")
    circuits = value if isinstance(value, list | tuple) else [value]
    if qpy is None or not all(hasattr(each, "qregs") for each in circuits):
        return
    for circuit in circuits:
        if _seen.get(id(circuit)) is not circuit:
            _seen[id(circuit)] = circuit
            file = io.BytesIO()
            qpy.dump(circuit, file)
            handle.keep("circuits", file.getvalue())


def keep_parameters(handle: Handle, value: Any) -> None:
    """Keep a parameter vector as a JSON list."""
    if hasattr(value, "tolist") and handle.recorder.settings.capture != "none":
        numbers = value.tolist()
        handle.keep("parameters", partial(_json, numbers))


def keep_counts(handle: Handle, result: Any) -> None:
    """Keep the counts of a result as JSON: one object of bitstrings, or a list of them."""
    counts = counts_of(result)
    tables = counts if isinstance(counts, list) else [counts]
    if tables and all(isinstance(each, Mapping) for each in tables):
        handle.keep("counts", partial(_json, counts))


def _json(numbers: Any) -> bytes:
    return json.dumps(numbers, separators=(",", ":")).encode()
