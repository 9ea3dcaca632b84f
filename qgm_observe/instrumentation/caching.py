"""A compiler that remembers: circuits compiled once are taken from the cache of all processes.

    core = QCBM(device, compiler=CachedCompiler(device.backend))

The key holds what decides the result: the circuit's structure, the calibration as the compiler sees
it (errors and durations in the backend's target, without any instant), the backend's name and
version, the versions of Qiskit and of the file format, and the options. Another calibration or
compiler is another key, so what was compiled for the former is not found.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

from qgm_observe.catalog import signals
from qgm_observe.instrumentation.circuit_file import FORM, read, with_parameters_of, written
from qgm_observe.lifecycle import compilation, recorder
from qgm_observe.lifecycle.devices import describe
from qgm_observe.spend.compiled import CompiledCircuits, key_of

FOLDER = "compiled"
"""Beside the journal."""

_REMEMBERED = 32
_PLACES = ("_props_dict", "_properties", "_target")
"""Where a backend object keeps what it is compiled for: other objects after a refresh."""


class CachedCompiler:
    """Compiles for one backend; used from any thread.

    Args:
        backend: A Qiskit `BackendV2`.
        cache: Where circuits are kept; by default a folder beside the journal.
    """

    def __init__(self, backend: Any, cache: CompiledCircuits | None = None) -> None:
        path: Path = recorder().settings.journal_path
        self.cache = cache or CompiledCircuits(path.parent / FOLDER)
        self._backend = backend
        self._device = describe(backend)
        self._remembered: OrderedDict[str, Any] = OrderedDict()
        self._calibration: tuple[tuple[Any, ...], str] | None = None
        self._lock = Lock()

    def __call__(
        self, circuit: Any, options: Mapping[str, Any], compile_: Callable[[Any], Any]
    ) -> Any:
        """Return the compiled circuit, the same as `compile_(circuit)` would give.

        Args:
            circuit: A `qiskit.QuantumCircuit`, parameters free.
            options: What else decides the result, such as `optimization_level` and
                `seed_transpiler`; JSON can write it.
            compile_: Compiles, where no process has done so yet.
        """
        key = self.key(circuit, options)
        labels = (self._device.provider, self._device.name)
        recorder().count(signals.COMPILE_LOOKUPS, 1, *labels)
        with self._lock:
            known = self._remembered.get(key)
        is_hit = known is not None
        if known is None:
            known, is_hit = self._found(key, circuit, compile_)
            self._remember(key, known)
        else:
            known = with_parameters_of(circuit, known)
        if is_hit:
            recorder().count(signals.COMPILE_HITS, 1, *labels)
        compiled = known.copy()  # for it may be changed in place
        compilation.tell(compiled, options)
        return compiled

    def key(self, circuit: Any, options: Mapping[str, Any]) -> str:
        """Return the key of a circuit as it would be compiled now."""
        import qiskit
        from qiskit import qpy

        version = getattr(self._backend, "backend_version", None)
        return key_of(
            structure=structure_of(circuit),
            calibration=self._calibration_hash(),
            backend=f"{self._device.provider} {self._device.name} {version}",
            compiler=f"qiskit {qiskit.__version__} qpy {qpy.common.QPY_VERSION} form {FORM}",
            options=options,
        )

    def _found(self, key: str, circuit: Any, compile_: Callable[[Any], Any]) -> tuple[Any, bool]:
        kept = self.cache.get(key)
        if kept is not None:
            with recorder().guard("compiled"):  # what cannot be read is compiled anew
                return read(kept, circuit), True
        compiled = compile_(circuit)
        with recorder().guard("compiled"):
            self.cache.put(key, written(compiled))
        return compiled, False

    def _remember(self, key: str, compiled: Any) -> None:
        with self._lock:
            self._remembered[key] = compiled
            if len(self._remembered) > _REMEMBERED:
                self._remembered.popitem(last=False)

    def _calibration_hash(self) -> str:
        """Hash what it is compiled for, anew when the backend holds something else."""
        kept = getattr(self._backend, "__dict__", {})
        held = tuple(kept.get(name) for name in _PLACES)
        known = self._calibration
        if known is None or any(a is not b for a, b in zip(known[0], held, strict=True)):
            content = _content_of(self._backend.target)  # a backend may build it only here
            held = tuple(kept.get(name) for name in _PLACES)  # with the target that was built
            known = self._calibration = held, hashlib.sha256(content).hexdigest()
        return known[1]


def structure_of(circuit: Any) -> str:
    """Return a hash of everything in a circuit that compiling sees, 64 hexadecimal digits.

    Gates, qubits, registers, values and free parameters count, the circuit's own name does not.

    Args:
        circuit: A `qiskit.QuantumCircuit`.

    Source: `qiskit.circuit.QuantumCircuit.data`.
    """
    places = {bit: at for at, bit in enumerate((*circuit.qubits, *circuit.clbits))}
    registers = [(each.name, len(each)) for each in (*circuit.qregs, *circuit.cregs)]
    told: list[object] = [len(places), registers, str(circuit.global_phase)]
    place = places.__getitem__
    for step in circuit.data:
        told.append(step.name)
        told.extend(map(place, step.qubits))
        if step.is_standard_gate():  # its name says how many qubits and parameters follow
            told.extend(map(str, step.params))
            continue
        told.append([place(each) for each in step.clbits])
        told.append([_text(each) for each in step.params])
        told.append(_inside(step.operation))
    return hashlib.sha256(repr(told).encode()).hexdigest()


@cache
def _plain() -> frozenset[type]:
    """Instructions that say all by their name, with qubits and parameters."""
    from qiskit.circuit import Barrier, Measure, Reset

    return frozenset((Barrier, Measure, Reset))


def _inside(operation: Any) -> str:
    """What a gate of the user's, or one with circuits in it, is made of."""
    if type(operation) in _plain():
        return ""
    definition = getattr(operation, "definition", None)
    inner = "" if definition is None else structure_of(definition)
    told = {name: getattr(operation, name, None) for name in ("unit", "label", "condition")}
    return f"{type(operation).__qualname__} {told} {inner}"


def _text(value: Any) -> str:
    if hasattr(value, "find_bit"):
        return structure_of(value)
    return bytes(value.tobytes()).hex() if hasattr(value, "tobytes") else str(value)


def _content_of(target: Any) -> bytes:
    """What a `qiskit.transpiler.Target` says: each gate where it is, its error and duration."""
    told = [f"{target.num_qubits} {target.dt}"]
    for name in sorted(target.operation_names):
        places = target[name] or {}
        lines = [f"{name} {at} {_numbers(each)}" for at, each in places.items()]
        told += sorted(lines) or [name]
    return "\n".join(told).encode()


def _numbers(properties: Any) -> str:
    return "" if properties is None else f"{properties.error} {properties.duration}"
