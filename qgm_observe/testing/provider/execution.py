"""Runs what a job asks for, on Aer. Imported by the first job that runs, for it is heavy.

A circuit is reduced to the qubits on which something happens. With noise, gates and readout err as
the device's calibration says: a gate's error as depolarization, readout as its two probabilities.
"""

import json
from collections.abc import Sequence
from typing import Any

from qiskit import QuantumCircuit
from qiskit.primitives import PrimitiveResult
from qiskit.primitives.containers.sampler_pub import SamplerPub
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel
from qiskit_aer.primitives import SamplerV2
from qiskit_ibm_runtime import RuntimeDecoder, RuntimeEncoder
from qiskit_ibm_runtime.models import BackendProperties

from qgm_observe.instrumentation.scope import ELSEWHERE, start_doing, stop_doing
from qgm_observe.testing.provider.jobs import Job
from qgm_observe.testing.provider.snapshots import Json

DEFAULT_SHOTS = 4096
_IDLE = ("barrier", "delay")


def execute(job: Job, seed: int, now: float, properties: Json | None) -> str:
    """Return the result of a job that ends now, as the client reads it.

    Args:
        job: Which one.
        seed: Of the simulator.
        now: Epoch seconds.
        properties: Of the device, for noise; `None` for none.
    """
    token = start_doing(ELSEWHERE)
    try:
        if job.program == "executor":
            from qgm_observe.testing.provider import quantum_programs

            return quantum_programs.run(job, seed, now, properties)
        return sample(json.loads(json.dumps(job.params), cls=RuntimeDecoder), seed, properties)
    finally:
        stop_doing(token)


def sample(params: dict[str, Any], seed: int, properties: Json | None) -> str:
    """Run the program `sampler`: pubs in, a primitive result out."""
    shots = (params.get("options") or {}).get("default_shots") or DEFAULT_SHOTS
    results = []
    for number, (circuit, *rest) in enumerate(params["pubs"]):
        smaller, backend = prepared(circuit, properties)
        sampler = SamplerV2.from_backend(backend, default_shots=shots, seed=seed + number)
        results += sampler.run([SamplerPub.coerce((smaller, *rest))]).result()
    return json.dumps(PrimitiveResult(results, metadata={"version": 2}), cls=RuntimeEncoder)


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
