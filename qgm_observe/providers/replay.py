"""A recorded program once more, on a simulator with the noise of a recorded calibration.

Only the qubits that a circuit touches are simulated. Gates get the depolarizing and relaxation
errors that follow from their calibrated error and duration and from T1 and T2, readout the
calibrated probability of each wrong outcome, as `qiskit_aer.noise.NoiseModel.from_backend` has it.
There is no crosstalk, no decay of idle qubits, and no drift since the calibration.
"""

import base64
import io
import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from qgm_observe.errors import MissingExtra, UsageError
from qgm_observe.providers.noise_content import gaps_of, noise_of
from qgm_observe.providers.protocol import Calibration, Measurement, Quality

MOST_QUBITS = 24
"""Qubits in use above which nothing is simulated here."""

_DENSITY_MATRIX_QUBITS = 10
_READOUT = "readout_error"


class Pub(NamedTuple):
    """A circuit with its values.

    Attributes:
        values: Array by the names of the parameters it is for, the last axis of their number.
        shots: Of each set of values, `None` where the sampler's default held.
    """

    circuit: Any
    values: Mapping[tuple[str, ...], Any]
    shots: int | None


def read_program(content: bytes, circuits: Sequence[bytes]) -> list[Pub]:
    """Return the pubs of a recorded program.

    Args:
        content: Its JSON, see `qgm_observe.lifecycle.programs.document`.
        circuits: Its circuits in Qiskit's format (QPY), in their order.

    Raises:
        UsageError: one of them cannot be read, or values were too large to be kept.
        MissingExtra: Qiskit is not installed.
    """
    try:
        import numpy as np
        from qiskit import qpy
    except ImportError as error:
        raise MissingExtra("replaying", "aer") from error
    try:
        read = [qpy.load(io.BytesIO(data))[0] for data in circuits]
        pubs = []
        for each in json.loads(content)["pubs"]:
            if each["values"] is None:
                raise UsageError("the values of the parameters were too large to be kept")
            values = {
                tuple(names): np.frombuffer(base64.b64decode(data), "<f8").reshape(shape)
                for names, shape, data in each["values"]
            }
            pubs.append(Pub(read[each["circuit"]], values, each["shots"]))
        return pubs
    except UsageError:
        raise
    except Exception as error:  # noqa: BLE001  a damaged file raises whatever its reader does
        raise UsageError(f"the recorded program cannot be read: {type(error).__name__}") from None


def replay(
    pub: Pub, noise: Calibration | bytes | None, shots: int, seed: int | None = None
) -> dict[str, int]:
    """Return counts of a pub by bitstring, all its sets of values together.

    Args:
        pub: What to run.
        noise: Calibration of the device it was compiled for, or the content of the noise model it
            was simulated with (see `noise_content`); `None` for no noise at all.
        shots: Of each set of values.
        seed: Of the simulator.

    Raises:
        UsageError: it is too large, or cannot be simulated.
        MissingExtra: qiskit-aer is not installed.
    """
    try:
        from qiskit_aer.primitives import SamplerV2
    except ImportError as error:
        raise MissingExtra("replaying", "aer") from error
    circuit, qubits = _cut(pub.circuit)
    if len(qubits) > MOST_QUBITS:
        raise UsageError(f"{len(qubits)} qubits are in use: {MOST_QUBITS} can be simulated here")
    method = "density_matrix" if 0 < len(qubits) <= _DENSITY_MATRIX_QUBITS else "automatic"
    options: dict[str, Any] = {"method": method, "max_parallel_threads": 1}
    if noise is None:
        options["method"] = "automatic"
    elif isinstance(noise, bytes):
        options["noise_model"] = noise_of(noise, {old: new for new, old in enumerate(qubits)})
    else:
        options["noise_model"] = _noise(noise, qubits)
    sampler = SamplerV2(seed=seed, options={"backend_options": options})
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a register that nothing is measured into
            result = sampler.run([(circuit, dict(pub.values))], shots=shots).result()
        counts: dict[str, int] = result[0].join_data().get_counts()
    except Exception as error:  # noqa: BLE001  a gate that Aer does not know, for instance
        raise UsageError(f"the circuit cannot be simulated: {type(error).__name__}") from None
    return counts


def gaps_in(pub: Pub, noise: Calibration | bytes) -> list[str]:
    """Return what is not told of the gates and qubits of a pub, in words."""
    _, qubits = _cut(pub.circuit)
    if isinstance(noise, bytes):
        has_delays = any(step.operation.name == "delay" for step in pub.circuit.data)
        return gaps_of(noise, qubits, has_delays=has_delays)
    calibration = noise
    used = {
        (step.operation.name, tuple(pub.circuit.find_bit(q).index for q in step.qubits))
        for step in pub.circuit.data
    }
    errors = {
        name
        for name, places in used
        if len(places) > 1 and name != "barrier" and not _is_known(calibration, name, places)
    }
    found = [f"no usable error of a {name} in use" for name in sorted(errors)]
    unread = [q for q in qubits if _readout_of(calibration.qubits.get(q, {})) is None]
    return found + [f"no usable readout error of qubit {q}" for q in unread]


def _is_known(calibration: Calibration, name: str, places: tuple[int, ...]) -> bool:
    told = calibration.gates.get((name, places)) or calibration.gates.get((name, places[::-1]))
    return told is not None and _usable(told.error) is not None


def _cut(circuit: Any) -> tuple[Any, list[int]]:
    """A circuit on the qubits it touches alone, renumbered from 0, and which those are."""
    from qiskit import QuantumCircuit

    places = {bit: place for place, bit in enumerate(circuit.qubits)}
    steps = [step for step in circuit.data if step.operation.name != "barrier"]
    used = sorted({places[bit] for step in steps for bit in step.qubits})
    new = {old: place for place, old in enumerate(used)}
    cut = QuantumCircuit(len(used), global_phase=circuit.global_phase)
    for register in circuit.cregs:
        cut.add_register(register)
    cut.add_bits([bit for bit in circuit.clbits if bit not in set(cut.clbits)])
    for step in steps:
        cut.append(step.operation, [new[places[bit]] for bit in step.qubits], list(step.clbits))
    return cut, used


def _noise(calibration: Calibration, qubits: Sequence[int]) -> Any:
    from qiskit_aer.noise import NoiseModel, ReadoutError
    from qiskit_aer.noise.device import basic_device_gate_errors

    target = _target(calibration, qubits)
    noise = NoiseModel(basis_gates=sorted(target.operation_names))
    for name, places, error in basic_device_gate_errors(target=target):
        noise.add_quantum_error(error, name, list(places))
    for place, qubit in enumerate(qubits):
        pair = _readout_of(calibration.qubits.get(qubit, {}))
        if pair is not None:
            one, zero = pair
            noise.add_readout_error(ReadoutError([[1 - one, one], [zero, 1 - zero]]), [place])
    return noise


def _target(calibration: Calibration, qubits: Sequence[int]) -> Any:
    from qiskit.circuit.library.standard_gates import get_standard_gate_name_mapping
    from qiskit.transpiler import InstructionProperties, QubitProperties, Target

    new = {old: place for place, old in enumerate(qubits)}
    properties = [
        QubitProperties(**dict(_coherence(calibration.qubits.get(q, {})))) for q in qubits
    ]
    target = Target(num_qubits=len(qubits), qubit_properties=properties)
    by_name: dict[str, dict[tuple[int, ...], Any]] = {}
    for (name, places), gate in calibration.gates.items():
        error = _usable(gate.error)
        if error is None or not all(place in new for place in places):
            continue
        told = InstructionProperties(duration=gate.duration.value or 0.0, error=error)
        where = tuple(new[place] for place in places)
        by_name.setdefault(name, {}).setdefault(where, told)
        if (name, places[::-1]) not in calibration.gates:  # told once for both directions
            by_name[name].setdefault(where[::-1], told)
    known = get_standard_gate_name_mapping()
    for name, told in sorted(by_name.items()):
        if name in known and known[name].num_qubits == len(next(iter(told))):
            target.add_instruction(known[name], told)
    return target


def _coherence(told: Mapping[str, Measurement]) -> Iterator[tuple[str, float]]:
    for name in ("t1", "t2"):
        value = told[name].value if name in told else None
        if value is not None and value > 0:
            yield name, value


def _readout_of(told: Mapping[str, Measurement]) -> tuple[float, float] | None:
    """Probability of 1 for 0, and of 0 for 1."""
    up, down, both = (
        told[name].value if name in told else None
        for name in ("prob_meas1_prep0", "prob_meas0_prep1", _READOUT)
    )
    if up is not None and down is not None:
        return up, down
    return None if both is None else (both, both)


def _usable(told: Measurement) -> float | None:
    return None if told.quality is Quality.DISABLED else told.value
