"""Runs what a job asks for, on Aer. Imported by the first job that runs, for it is heavy."""

import json
from typing import Any

from qiskit.primitives import PrimitiveResult
from qiskit.primitives.containers.sampler_pub import SamplerPub
from qiskit_aer.primitives import SamplerV2
from qiskit_ibm_runtime import RuntimeDecoder, RuntimeEncoder

from qgm_observe.instrumentation.scope import ELSEWHERE, start_doing, stop_doing
from qgm_observe.testing.provider.jobs import Job
from qgm_observe.testing.provider.noise import prepared
from qgm_observe.testing.provider.snapshots import Json

DEFAULT_SHOTS = 4096


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
        if job.program == "executor":  # which an older client has not
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
