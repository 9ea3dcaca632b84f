"""What a compiled circuit uses of a device, and what a calibration says of that."""

import hashlib
from collections import Counter
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from qgm_observe.errors import UsageError

Gate = tuple[str, tuple[int, ...]]

_ERROR_FREE = {"barrier", "delay", "measure", "rz", "p", "global_phase"}
"""Done in software, or no gate at all; counted where a calibration names them."""

_BLOCKS = {"box", "for_loop", "if_else", "switch_case", "while_loop"}
"""Of `qiskit.circuit.controlflow`: gates inside are not counted."""

_WIDEST_GATE = 2


@dataclass(frozen=True, slots=True)
class Usage:
    """What a circuit uses.

    Attributes:
        name: Twelve hexadecimal digits that change with its gates and qubits, not with angles.
        gates: How often each gate is applied on its qubits.
        measured: Qubit of each bit, most significant first.
    """

    name: str
    gates: Mapping[Hashable, int]
    measured: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Errors:
    """What a calibration says of a circuit, as plain numbers.

    Attributes:
        gates: Error of each gate in use, `None` where it is not known.
        readout: Of each bit, most significant first: probability of 1 for 0, and of 0 for 1;
            `None` where one is not known.
    """

    gates: Mapping[Hashable, float | None]
    readout: tuple[tuple[float, float], ...] | None


def usage_of(circuit: Any) -> Usage | None:
    """Return what a compiled Qiskit circuit uses, `None` for anything else.

    Source: `qiskit.circuit.QuantumCircuit.data` and `find_bit`.
    """
    if not hasattr(circuit, "find_bit") or not hasattr(circuit, "data"):
        return None
    gates: Counter[Hashable] = Counter()
    bits: dict[int, int] = {}
    places = {bit: at for at, bit in enumerate(circuit.qubits)}
    drawn: list[str] = []
    for each in circuit.data:
        name = each.name  # that of its operation, which need not be built for it
        qubits = tuple([places[qubit] for qubit in each.qubits])
        drawn.append(f"{name}{qubits}")
        gates[name, qubits] += 1
        if name == "measure":
            bits[circuit.find_bit(each.clbits[0]).index] = qubits[0]
    told = hashlib.sha256("".join(drawn).encode())
    measured = tuple(bits[bit] for bit in sorted(bits, reverse=True))
    return Usage(told.hexdigest()[:12], gates, measured)


def places_of(usage: Usage) -> frozenset[Gate] | None:
    """Return the gates and measurements that a circuit applies, each on its qubits.

    `None` where it has blocks, such as `if_else`, whose gates are not seen.
    """
    used = cast("Mapping[Gate, int]", usage.gates)
    if any(name in _BLOCKS for name, _ in used):
        return None
    return frozenset(gate for gate in used if len(gate[1]) <= _WIDEST_GATE)


def name_of(circuit: Any) -> str | None:
    """Return the name of a circuit: its own text, or what its gates give."""
    if circuit is None or isinstance(circuit, str):
        return circuit
    usage = usage_of(circuit)
    if usage is None:
        raise UsageError(f"circuit <{type(circuit).__name__}>: write a name or a compiled circuit")
    return usage.name


def errors_of(calibration: Any, usage: Usage) -> Errors:
    """Return the errors of what a circuit uses.

    Args:
        calibration: A `qgm_observe.providers.protocol.Calibration`, or a mapping of `gates` (error
            by gate and qubits, as `("cz", (0, 1))`) and `readout` (by qubit one error, or the
            probabilities of 1 for 0 and of 0 for 1).
        usage: What the circuit uses.

    Raises:
        UsageError: it is neither.
    """
    gates, readout = _plain(calibration)
    known: dict[Hashable, float | None] = {}
    for gate in usage.gates:
        name, qubits = cast("Gate", gate)
        error = gates.get(gate, gates.get((name, qubits[::-1])))
        if error is not None or name not in _ERROR_FREE:
            known[gate] = error
    pairs = [readout.get(qubit) for qubit in usage.measured]
    whole = tuple(pair for pair in pairs if pair is not None)
    return Errors(known, whole if len(whole) == len(pairs) else None)


def _plain(
    calibration: Any,
) -> tuple[Mapping[Hashable, float | None], Mapping[int, tuple[float, float] | None]]:
    if isinstance(calibration, Mapping):
        told = calibration.get("readout") or {}
        return calibration.get("gates") or {}, {q: _pair(error) for q, error in told.items()}
    try:
        gates = {key: gate.error.value for key, gate in calibration.gates.items()}
        return gates, {q: _measured_pair(known) for q, known in calibration.qubits.items()}
    except AttributeError:
        raise UsageError("calibration: write a mapping of `gates` and `readout`") from None


def _pair(error: Any) -> tuple[float, float] | None:
    if error is None:
        return None
    return (float(error[0]), float(error[1])) if hasattr(error, "__len__") else (error, error)


def _measured_pair(known: Mapping[str, Any]) -> tuple[float, float] | None:
    values = {name: each.value for name, each in known.items()}
    up, down = values.get("prob_meas1_prep0"), values.get("prob_meas0_prep1")
    if up is not None and down is not None:
        return up, down
    return _pair(values.get("readout_error"))
