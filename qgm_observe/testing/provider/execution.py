"""Runs what a job asks for, on Aer. Imported by the first job that runs, for it is heavy."""

import json
from typing import Any

from qiskit import QuantumCircuit
from qiskit.primitives.containers.sampler_pub import SamplerPub
from qiskit_aer.primitives import SamplerV2
from qiskit_ibm_runtime import RuntimeDecoder, RuntimeEncoder

from qgm_observe.testing.provider.jobs import Job

DEFAULT_SHOTS = 4096
_IDLE = ("barrier", "delay")


def execute(job: Job, seed: int, now: float) -> str:
    """Return the result of a job that ends now, as the client reads it."""
    if job.program == "executor":
        from qgm_observe.testing.provider import quantum_programs

        return quantum_programs.run(job.params, seed, job.started or now, now)
    return sample(json.loads(json.dumps(job.params), cls=RuntimeDecoder), seed)


def sample(params: dict[str, Any], seed: int) -> str:
    """Run the program `sampler`: pubs in, a primitive result out."""
    options = params.get("options") or {}
    pubs = [SamplerPub.coerce(_compacted(pub)) for pub in params["pubs"]]
    sampler = SamplerV2(default_shots=options.get("default_shots") or DEFAULT_SHOTS, seed=seed)
    return json.dumps(sampler.run(pubs).result(), cls=RuntimeEncoder)


def _compacted(pub: Any) -> tuple[Any, ...]:
    circuit, *rest = pub
    return (compact(circuit), *rest)


def compact(circuit: QuantumCircuit) -> QuantumCircuit:
    """Return the circuit without the qubits on which nothing happens."""
    used = {
        qubit for step in circuit.data if step.operation.name not in _IDLE for qubit in step.qubits
    }
    kept = [qubit for qubit in circuit.qubits if qubit in used]
    smaller = QuantumCircuit(kept, circuit.clbits, global_phase=circuit.global_phase)
    for register in circuit.cregs:
        smaller.add_register(register)
    for step in circuit.data:
        qubits = [qubit for qubit in step.qubits if qubit in used]
        if step.operation.name not in _IDLE or len(qubits) == len(step.qubits):
            smaller.append(step.operation, qubits, step.clbits)
    return smaller
