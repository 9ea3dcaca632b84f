"""A compiled circuit as bytes: its layout, where its parameters' identities stand, and QPY.

Another process builds the same circuit with parameters of other identities. They are written into
the bytes before these are read, for giving a circuit other parameters afterwards costs as much as
reading it.
"""

import io
import json
from typing import Any

from qgm_observe.instrumentation import kept_layout

FORM = 3
"""Counts how this has been written; part of the key."""

_IDENTITY_BYTES, _LENGTH_BYTES = 16, 4

Places = dict[str, list[tuple[int, int]]]
"""By the name of a parameter: how far an identity lies from its own, and where that one stands."""


def written(compiled: Any) -> bytes:
    """Return a compiled circuit as bytes.

    Args:
        compiled: A `qiskit.QuantumCircuit`.

    Source: `qiskit.qpy`, which writes an identity (RFC 9562) as 16 bytes.
    """
    from qiskit import qpy

    layout = kept_layout.told(compiled)
    bare = compiled
    if layout is not None:
        bare = compiled.copy()
        bare._layout = None  # noqa: SLF001  there is no public way to set it
    file = io.BytesIO()
    qpy.dump(bare, file)
    body = file.getvalue()
    head = json.dumps([_places(compiled, body), layout]).encode()
    return len(head).to_bytes(_LENGTH_BYTES, "big") + head + body


def read(content: bytes, circuit: Any) -> Any:
    """Return a compiled circuit, with the parameters of the circuit that it is asked for.

    Args:
        content: As `written` gave it.
        circuit: The `qiskit.QuantumCircuit` that compiles to it; names of parameters are equal.

    Raises:
        Exception: it is no such content; whatever `qiskit.qpy` says.
    """
    from qiskit import qpy

    start = _LENGTH_BYTES + int.from_bytes(content[:_LENGTH_BYTES], "big")
    body = bytearray(content[start:])
    own = {each.name: each for each in circuit.parameters}
    identities, layout = json.loads(content[_LENGTH_BYTES:start])
    for name, places in identities.items():
        first = own[name].uuid.int
        for distance, at in places:
            body[at : at + _IDENTITY_BYTES] = (first + distance).to_bytes(_IDENTITY_BYTES, "big")
    compiled = with_parameters_of(circuit, qpy.load(io.BytesIO(body))[0])
    if layout is not None:
        compiled._layout = kept_layout.made(layout, compiled.qubits)  # noqa: SLF001  likewise
    return compiled


def with_parameters_of(circuit: Any, compiled: Any) -> Any:
    """Return the compiled circuit with the circuit's own parameters, by their names."""
    theirs, own = compiled.parameters, circuit.parameters
    if list(theirs) == list(own) or set(theirs) <= set(own):
        return compiled
    by_name = {each.name: each for each in own}
    return compiled.assign_parameters({each: by_name[each.name] for each in theirs})


def _places(compiled: Any, body: bytes) -> Places:
    """Where identities stand; those of a vector's elements follow that of the vector."""
    places: Places = {}
    vectors: dict[int, tuple[str, int]] = {}
    for each in compiled.parameters:
        identity = each.uuid.int
        vector = identity - getattr(each, "index", 0)
        name, first = vectors.setdefault(vector, (each.name, identity))
        new = {identity, vector} if name == each.name else {identity}
        found = [(value - first, at) for value in new for at in _places_of(value, body)]
        places.setdefault(name, []).extend(found)
    return places


def _places_of(value: int, body: bytes) -> list[int]:
    identity = value.to_bytes(_IDENTITY_BYTES, "big")
    places, at = [], body.find(identity)
    while at >= 0:
        places.append(at)
        at = body.find(identity, at + _IDENTITY_BYTES)
    return places
