"""A few qubits cut out of a device's calibration snapshot, as a noisy simulator.

A noise model of a whole device of 156 qubits costs seconds at every run, most of it for qubits that
no circuit touches. Here the chosen qubits are renumbered from 0 and keep the errors, durations and
coherence times that the snapshot states for them; nothing else remains.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from qiskit.providers import BackendV2, Options
from qiskit.quantum_info import Kraus, SuperOp
from qiskit.transpiler import Target
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, QuantumError, ReadoutError
from qiskit_aer.noise.device import basic_device_gate_errors

from qgm_observe.training.layout import Chain, Edge

DISABLED_ERROR = 1.0
"""A gate whose error reaches this is switched off, whatever the device says besides."""

DISABLED_READOUT = 0.5
"""A readout whose error reaches this carries no information."""

_DENSITY_MATRIX_QUBITS = 10


def usable_qubits(target: Target) -> dict[int, float]:
    """Give the readout error of each qubit that may be used.

    A qubit is left out when its readout error is missing or at least 0.5, when T1 or T2 is missing,
    or when one of its gates has an error of at least 1.
    """
    errors: dict[int, float] = {}
    for qubit in range(target.num_qubits):
        readout = _error(target["measure"].get((qubit,)))
        coherence = target.qubit_properties[qubit]
        if readout is None or readout >= DISABLED_READOUT or _has_disabled_gate(target, qubit):
            continue
        if coherence.t1 and coherence.t2:
            errors[qubit] = readout
    return errors


def entangling_gates(target: Target) -> dict[str, dict[Edge, float]]:
    """Give, by gate name, the error of each directed edge on which a two-qubit gate is enabled.

    An edge without calibration data, or with an error of at least 1, is left out.
    """
    gates: dict[str, dict[Edge, float]] = {}
    for name in sorted(target.operation_names):
        enabled = {}
        for qubits, properties in (target[name] or {}).items():
            error = _error(properties)
            if qubits and len(qubits) == 2 and error is not None and error < DISABLED_ERROR:  # noqa: PLR2004
                enabled[qubits] = error
        if enabled:
            gates[name] = enabled
    return gates


def simulator(snapshot: Any, properties: Any, qubits: Chain, entangler: str | None) -> AerSimulator:
    """Build a simulator of the chosen qubits with the snapshot's noise.

    One thread and a density matrix (up to 10 qubits) make a seeded run the same to the last bit,
    however busy the machine is.

    Args:
        snapshot: A fake backend of `qiskit_ibm_runtime.fake_provider`.
        properties: What its `properties()` returns, which takes a while.
        qubits: The qubits to keep; the first becomes qubit 0.
        entangler: Name of the two-qubit gate to keep; of a single qubit, none.

    Returns:
        A simulator that bears the name of the snapshot.
    """
    target = reduce_target(snapshot.target, qubits, entangler)
    backend = AerSimulator.from_backend(
        _Reduced(snapshot, target),
        noise_model=noise_model(target, [properties.qubit_property(qubit) for qubit in qubits]),
        method="density_matrix" if len(qubits) <= _DENSITY_MATRIX_QUBITS else "automatic",
        max_parallel_threads=1,
    )
    backend.name = snapshot.name
    return backend


def noise_model(target: Target, readouts: Sequence[Mapping[str, Any]]) -> NoiseModel:
    """Derive noise from a reduced target and the readout properties of its qubits.

    Gates get depolarizing and relaxation errors from the calibrated error, duration, T1 and T2, as
    `NoiseModel.from_backend` does; readout gets the calibrated probability of each wrong outcome.
    There is no crosstalk and no decay of idle qubits. Each error is held by its at most 16 Kraus
    operators in place of up to 144 mixed circuits, which makes a run 2 to 3 times faster.
    """
    noise = NoiseModel(basis_gates=sorted(target.operation_names))
    for gate, place, error in basic_device_gate_errors(target=target):
        noise.add_quantum_error(QuantumError(Kraus(SuperOp(error))), gate, place)
    for position, properties in enumerate(readouts):
        noise.add_readout_error(_readout(properties), [position])
    return noise


def reduce_target(target: Target, qubits: Chain, entangler: str | None) -> Target:
    """Cut a target down to a few qubits, renumbered from 0 in the order given.

    Single-qubit operations are kept as they are, of the two-qubit gates only `entangler` on its
    enabled edges; control flow is dropped.
    """
    positions = {qubit: position for position, qubit in enumerate(qubits)}
    reduced = Target(
        num_qubits=len(qubits),
        dt=target.dt,
        qubit_properties=[target.qubit_properties[qubit] for qubit in qubits],
    )
    edges = entangling_gates(target).get(entangler or "", {})
    for name in sorted(target.operation_names):
        kept = {
            tuple(positions[qubit] for qubit in place): properties
            for place, properties in (target[name] or {}).items()
            if place and positions.keys() >= set(place)
            if len(place) == 1 or (name == entangler and place in edges)
        }
        if kept:
            reduced.add_instruction(target.operation_from_name(name), kept)
    return reduced


class _Reduced(BackendV2):  # type: ignore[misc]
    """The least that Qiskit calls a backend: the name and version of another, and a target."""

    max_circuits = None

    def __init__(self, snapshot: Any, target: Target) -> None:
        super().__init__(name=snapshot.name, backend_version=snapshot.backend_version)
        self._target = target

    @property
    def target(self) -> Target:
        """What the qubits can do and how well."""
        return self._target

    @classmethod
    def _default_options(cls) -> Options:
        return Options()

    def run(self, run_input: Any, **options: Any) -> Any:
        """Refuse: the simulator built from this runs circuits."""
        raise NotImplementedError(f"{self.name} is a description: run on its simulator")


def _error(properties: Any) -> float | None:
    return None if properties is None else properties.error


def _has_disabled_gate(target: Target, qubit: int) -> bool:
    return any(
        (_error((target[name] or {}).get((qubit,))) or 0.0) >= DISABLED_ERROR
        for name in target.operation_names
    )


def _readout(calibrated: Mapping[str, tuple[float, Any]]) -> ReadoutError:
    symmetric = calibrated["readout_error"]
    wrong_one = calibrated.get("prob_meas1_prep0", symmetric)[0]
    wrong_zero = calibrated.get("prob_meas0_prep1", symmetric)[0]
    return ReadoutError([[1 - wrong_one, wrong_one], [wrong_zero, 1 - wrong_zero]])
