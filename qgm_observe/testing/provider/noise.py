"""What a circuit runs on: a simulator with the noise of a device's calibration.

A circuit is reduced to the qubits on which something happens. With noise, gates and readout err as
the device's calibration says: a gate's error as depolarization, readout as its two probabilities.
"""

from collections.abc import Sequence

from qiskit import QuantumCircuit
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel
from qiskit_ibm_runtime.models import BackendProperties

from qgm_observe.testing.provider.snapshots import Json

_IDLE = ("barrier", "delay")


def prepared(
    circuit: QuantumCircuit, properties: Json | None
) -> tuple[QuantumCircuit, AerSimulator]:
    """Return the circuit without its idle qubits, and the simulator to run it on."""
    used = {
        circuit.find_bit(qubit).index
        for step in circuit.data
        if step.operation.name not in _IDLE
        for qubit in step.qubits
    }
    kept = sorted(used)
    model = None if properties is None else noise(properties, kept)
    return compact(circuit, kept), AerSimulator(noise_model=model)


def compact(circuit: QuantumCircuit, kept: Sequence[int]) -> QuantumCircuit:
    """Return the circuit on some of its qubits, on the others of which nothing happens."""
    places = {circuit.qubits[index]: place for place, index in enumerate(kept)}
    smaller = QuantumCircuit(len(kept), global_phase=circuit.global_phase)
    smaller.add_bits(circuit.clbits)
    for register in circuit.cregs:
        smaller.add_register(register)
    for step in circuit.data:
        qubits = [places[qubit] for qubit in step.qubits if qubit in places]
        if len(qubits) == len(step.qubits):
            smaller.append(step.operation, qubits, step.clbits)
    return smaller


def noise(properties: Json, kept: Sequence[int]) -> NoiseModel:
    """Return Aer's model of the noise of some qubits, which it calls 0, 1, ... in their order."""
    places = {index: place for place, index in enumerate(kept)}
    gates = [
        {**gate, "qubits": [places[index] for index in gate["qubits"]]}
        for gate in properties["gates"]
        if places.keys() >= set(gate["qubits"])
    ]
    qubits = [properties["qubits"][index] for index in kept]
    restricted = {**properties, "qubits": qubits, "gates": gates, "general": []}
    return NoiseModel.from_backend_properties(
        BackendProperties.from_dict(restricted),
        thermal_relaxation=False,  # the newest devices tell no frequency, which it needs
    )
