"""A simulator's noise model as content: what concerns some qubits, as canonical JSON.

Aer writes a model out itself (`NoiseModel.to_dict`), all of it: two seconds and 5 MB for a device
of 133 qubits. What it reads back (`from_dict`, deprecated since 0.15) is no JSON, which has no
complex numbers. Here the errors of the qubits in use are written, and read by what Aer builds
errors from. Passes that a model has besides, such as the relaxation of qubits in a `delay`, are
named alone.

Source: `qiskit_aer.noise.NoiseModel` and `QuantumError.to_dict` of qiskit-aer 0.18.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from qgm_observe.errors import UsageError
from qgm_observe.providers.calibration import canonical_json

MOST_ERRORS = 4096
"""Errors of a model above which it is not written."""

_LARGEST = 4 * 1024**2
_OF_DELAYS = "RelaxationNoisePass"


def content_of(model: Any, qubits: Collection[int] | None) -> bytes:
    """Return what a noise model says of qubits.

    Args:
        model: A `qiskit_aer.noise.NoiseModel`.
        qubits: Those in use, `None` for all of which it tells; the content is `whole` then.

    Raises:
        UsageError: it is too large to be kept, or has what cannot be written.
    """
    wanted = frozenset(model.noise_qubits if qubits is None else qubits)
    gates = list(_gate_errors(model, wanted))
    readouts = list(_readout_errors(model, wanted))
    if len(gates) + len(readouts) > MOST_ERRORS:
        raise UsageError(f"more than {MOST_ERRORS} errors are in use")
    passes = [type(each).__name__ for each in getattr(model, "_custom_noise_passes", ())]
    told = {"qubits": sorted(wanted), "gates": gates, "readout": readouts, "passes": passes}
    try:
        written = canonical_json(told | ({"whole": True} if qubits is None else {}))
    except (TypeError, ValueError):
        raise UsageError("it has an error that cannot be written") from None
    if len(written) > _LARGEST:
        raise UsageError(f"it takes more than {_LARGEST // 1024**2} MiB")
    return written


def noise_of(content: bytes, places: Mapping[int, int]) -> Any:
    """Return the `qiskit_aer.noise.NoiseModel` of a content.

    Args:
        content: As `content_of` wrote it.
        places: Qubit of the model to qubit of the circuit that is to be simulated; errors of other
            qubits are left out.

    Raises:
        UsageError: it cannot be read.
    """
    from qiskit_aer.noise import NoiseModel, ReadoutError

    try:
        told = json.loads(content)
        model = NoiseModel()
        for operation, qubits, probabilities, circuits in told["gates"]:
            error = _quantum_error(probabilities, circuits)
            where = _moved(qubits, places)
            if qubits is None:
                model.add_all_qubit_quantum_error(error, operation, warnings=False)
            elif where is not None:
                model.add_quantum_error(error, operation, where, warnings=False)
        for qubits, probabilities in told["readout"]:
            where = _moved(qubits, places)
            if qubits is None:
                model.add_all_qubit_readout_error(ReadoutError(probabilities), warnings=False)
            elif where is not None:
                model.add_readout_error(ReadoutError(probabilities), where, warnings=False)
    except Exception as error:  # noqa: BLE001  a damaged content raises whatever Aer does
        name = type(error).__name__
        raise UsageError(f"the recorded noise model cannot be read: {name}") from None
    return model


def gaps_of(content: bytes, qubits: Collection[int], *, has_delays: bool) -> list[str]:
    """Return what a content does not tell of a circuit on these qubits, in words."""
    told = json.loads(content)
    unknown = [] if told.get("whole") else sorted(set(qubits) - set(told.get("qubits", ())))
    passes = [each for each in told.get("passes", ()) if has_delays or each != _OF_DELAYS]
    gaps = [f"no noise is recorded of qubit {qubit}" for qubit in unknown]
    return gaps + [f"the noise model's {each} is not simulated" for each in passes]


def _gate_errors(model: Any, wanted: frozenset[int]) -> Iterator[list[Any]]:
    for operation, error in sorted(model._default_quantum_errors.items()):  # noqa: SLF001  it has no getter
        yield [operation, None, *_written(error)]
    for operation, errors in sorted(model._local_quantum_errors.items()):  # noqa: SLF001  likewise
        for qubits, error in sorted(errors.items()):
            if wanted.issuperset(qubits):
                yield [operation, list(qubits), *_written(error)]


def _readout_errors(model: Any, wanted: frozenset[int]) -> Iterator[list[Any]]:
    default = model._default_readout_error  # noqa: SLF001  it has no getter
    if default is not None:
        yield [None, default.probabilities.tolist()]
    for qubits, error in sorted(model._local_readout_errors.items()):  # noqa: SLF001  likewise
        if wanted.issuperset(qubits):
            yield [list(qubits), error.probabilities.tolist()]


def _written(error: Any) -> tuple[list[float], list[Any]]:
    """Probabilities and circuits; ids are left out, for they are drawn anew for equal errors."""
    told = error.to_dict()
    circuits = [
        [
            [step["name"], list(step["qubits"]), _plain(step.get("params", []))]
            for step in instructions
        ]
        for instructions in told["instructions"]
    ]
    return [float(each) for each in told["probabilities"]], circuits


def _plain(value: Any) -> Any:
    """Complex numbers as pairs, arrays as lists."""
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, complex):
        return {"re": value.real, "im": value.imag}
    return value


def _read(value: Any) -> Any:
    if isinstance(value, list):
        return [_read(each) for each in value]
    return complex(value["re"], value["im"]) if isinstance(value, dict) else value


def _quantum_error(probabilities: list[float], circuits: list[Any]) -> Any:
    from qiskit import QuantumCircuit
    from qiskit_aer.noise import QuantumError

    found = []
    for steps in circuits:
        circuit = QuantumCircuit(1 + max(max(qubits) for _, qubits, _ in steps))
        for name, qubits, params in steps:
            circuit.append(_instruction(name, _read(params)), qubits)
        found.append(circuit)
    return QuantumError(list(zip(found, probabilities, strict=True)))


def _instruction(name: str, params: list[Any]) -> Any:
    from qiskit.circuit import Reset
    from qiskit.circuit.library import PauliGate, UnitaryGate
    from qiskit.circuit.library.standard_gates import get_standard_gate_name_mapping
    from qiskit.quantum_info import Kraus, SuperOp

    if name == "kraus":
        return Kraus(params).to_instruction()
    if name == "superop":
        return SuperOp(params[0]).to_instruction()
    made = {"unitary": UnitaryGate, "pauli": PauliGate, "reset": Reset}.get(name)
    return (made or get_standard_gate_name_mapping()[name].base_class)(*params)


def _moved(qubits: list[int] | None, places: Mapping[int, int]) -> list[int] | None:
    """Qubits where they are now, `None` where one is not in use."""
    if qubits is None or not all(qubit in places for qubit in qubits):
        return None
    return [places[qubit] for qubit in qubits]
