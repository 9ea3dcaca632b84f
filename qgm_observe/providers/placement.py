"""Where a circuit would run on a device: compiled for it, away from what its calibration disables.

The device's calibration becomes a Qiskit target, so that compiling chooses among qubits by their
errors. A provider that calibrates no single gates (Braket's `1q`) is taken to do `sx` at that
error and `rz` in software, exactly.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from qgm_observe.errors import MissingExtra, UsageError
from qgm_observe.providers.protocol import (
    Calibration,
    DeviceInfo,
    GateCalibration,
    GateKey,
    Measurement,
    Quality,
)

ONE_WAY = frozenset({"ecr", "cnot_one_way"})
OURS = {"cnot": "cx"}
"""Other providers' names of Qiskit's gates."""
NO_GATES = ("barrier", "delay", "measure", "reset", "store")
SEED = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """A circuit on a device.

    Attributes:
        uses: How often each gate is applied to its qubits.
        measured: Qubits that are read, in order.
        errors: Error of each gate in `uses`, `None` where the calibration has none.
        reason: Why it cannot be placed; then the rest is empty.
    """

    uses: Mapping[GateKey, int] = field(default_factory=dict)
    measured: tuple[int, ...] = ()
    errors: Mapping[GateKey, float | None] = field(default_factory=dict)
    readout_errors: tuple[float | None, ...] = ()
    reason: str | None = None

    @property
    def qubits(self) -> tuple[int, ...]:
        """Every qubit in use, sorted."""
        used = {qubit for _, places in self.uses for qubit in places}
        return tuple(sorted(used.union(self.measured)))

    @property
    def edges(self) -> tuple[tuple[int, int], ...]:
        """Every pair in use, the lower qubit first."""
        pairs = {(min(p), max(p)) for _, p in self.uses if len(p) > 1}
        return tuple(sorted(pairs))


def read_circuit(path: Path) -> Any:
    """Return the Qiskit circuit of a file of OpenQASM 2 or 3, or QPY.

    Where the file measures nothing, all qubits are measured.

    Raises:
        UsageError: it cannot be read, or holds none.
        MissingExtra: Qiskit is not installed.
    """
    try:
        from qiskit import QuantumCircuit, qpy
    except ImportError as error:
        raise MissingExtra("reading a circuit", "aer") from error
    try:
        if path.suffix == ".qpy":
            with path.open("rb") as file:
                circuit = qpy.load(file)[0]
        else:
            circuit = _parsed(path.read_text(encoding="utf-8"), QuantumCircuit)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    except Exception as error:  # noqa: BLE001  each parser has types of its own
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UsageError(f"{path}: no circuit of OpenQASM 2 or 3 or QPY: {first}") from None
    if circuit.num_clbits == 0:
        circuit = circuit.copy()
        circuit.measure_all()
    return circuit


def place(
    circuit: Any,
    info: DeviceInfo,
    calibration: Calibration,
    layout: Sequence[int] | None = None,
) -> Placement:
    """Compile a circuit for a device and return what it uses there.

    Args:
        circuit: A Qiskit circuit.
        info: The device, with its edges where the calibration tells of none.
        calibration: The device's.
        layout: The device's qubits of the circuit's, in order; by default the compiler chooses.
    """
    from qiskit import transpile

    told = spread(info, calibration)
    width = info.num_qubits or 1 + max(told.qubits, default=-1)
    if circuit.num_qubits > width:
        return Placement(reason=f"the circuit has {circuit.num_qubits} qubits, the device {width}")
    try:
        compiled = transpile(
            circuit,
            target=_target(told, width),
            initial_layout=list(layout) if layout else None,
            optimization_level=2,
            seed_transpiler=SEED,
        )
    except Exception as error:  # noqa: BLE001  the compiler's own types differ by stage
        return Placement(reason=f"it does not compile: {_first_line(error)}")
    return _placement(compiled, told)


def spread(info: DeviceInfo, calibration: Calibration) -> Calibration:
    """Let figures of the whole device stand for its qubits and pairs where those have none."""
    whole, gates, qubits = calibration.whole, dict(calibration.gates), dict(calibration.qubits)
    sizes = {len(places) for _, places in gates}
    every = range(info.num_qubits or 0)
    if 1 not in sizes and "error_1q" in whole:
        gates |= {("1q", (q,)): GateCalibration(whole["error_1q"]) for q in every}
    if 2 not in sizes and "error_2q" in whole:  # noqa: PLR2004  pairs
        gates |= {("cz", pair): GateCalibration(whole["error_2q"]) for pair in info.edges}
    if "readout_error" in whole:
        single = {"readout_error": whole["readout_error"]}
        qubits = {q: {**single, **qubits.get(q, {})} for q in every}
    return replace(calibration, gates=gates, qubits=qubits)


def _parsed(text: str, kind: Any) -> Any:
    if "OPENQASM 3" not in text[:2000]:
        return kind.from_qasm_str(text)
    from qiskit import qasm3

    return qasm3.loads(text)


@cache
def _standard() -> Mapping[str, Any]:
    from qiskit.circuit.library.standard_gates import get_standard_gate_name_mapping

    names: Mapping[str, Any] = get_standard_gate_name_mapping()
    return names


def _target(told: Calibration, width: int) -> Any:
    from qiskit.circuit import Measure
    from qiskit.transpiler import InstructionProperties, Target

    target = Target(num_qubits=width)
    for name, places in _instructions(told).items():
        properties = {at: InstructionProperties(error=error) for at, error in places.items()}
        target.add_instruction(_standard()[name], properties)
    readouts = {
        (qubit,): InstructionProperties(error=_value(each.get("readout_error")))
        for qubit, each in told.qubits.items()
        if qubit < width
    }
    target.add_instruction(Measure(), readouts or {(q,): None for q in range(width)})
    return target


def _instructions(told: Calibration) -> dict[str, dict[tuple[int, ...], float | None]]:
    """What can be used, by Qiskit's names, both ways where a gate allows it."""
    found: dict[str, dict[tuple[int, ...], float | None]] = {}
    for (theirs, places), gate in told.gates.items():
        name = OURS.get(theirs, theirs)
        if gate.error.quality is Quality.DISABLED:
            continue
        if name == "1q":
            found.setdefault("sx", {})[places] = gate.error.value
            found.setdefault("rz", {})[places] = 0.0
        elif name in _standard() and _standard()[name].num_qubits == len(places):
            of_gate = found.setdefault(name, {})
            of_gate[places] = gate.error.value
            if name not in ONE_WAY and len(places) > 1:
                of_gate.setdefault(places[::-1], gate.error.value)
    found.pop("measure", None)
    return found


def _placement(compiled: Any, told: Calibration) -> Placement:
    number = {bit: place for place, bit in enumerate(compiled.qubits)}
    uses: Counter[GateKey] = Counter()
    measured = []
    for instruction in compiled.data:
        places = tuple(number[bit] for bit in instruction.qubits)
        if instruction.operation.name == "measure":
            measured.append(places[0])
        elif instruction.operation.name not in NO_GATES:
            uses.update(_keys(instruction.operation.name, places, told))
    return Placement(
        uses=uses,
        measured=tuple(measured),
        errors={key: told.gates[key].error.value if key in told.gates else None for key in uses},
        readout_errors=tuple(_value(told.qubits.get(q, {}).get("readout_error")) for q in measured),
    )


def _keys(name: str, places: tuple[int, ...], told: Calibration) -> Iterator[GateKey]:
    """Name a gate as the calibration does; one that is done in software is none."""
    theirs = {ours: name for name, ours in OURS.items()}.get(name, name)
    candidates = [(name, places), (name, places[::-1]), (theirs, places), (theirs, places[::-1])]
    if len(places) == 1 and ("1q", places) in told.gates:
        candidates.append(("1q", places))
        if name == "rz" and ("rz", places) not in told.gates:
            return
    yield next((key for key in candidates if key in told.gates), (name, places))


def _value(told: Measurement | None) -> float | None:
    return None if told is None else told.value


def _first_line(error: Exception) -> str:
    return str(error).strip().strip("'\"").splitlines()[0][:120]
