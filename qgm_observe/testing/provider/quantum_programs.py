"""Runs the program `executor`, to which the client's newer primitives compile, on Aer.

The models are those of the package `ibm_quantum_schemas`; the converters are modules of the client
that its documentation does not list, so the tests hold them to the pinned version.
"""

import math
from datetime import UTC, datetime
from typing import Any

from ibm_quantum_schemas.common import CompressedTensorModel
from ibm_quantum_schemas.executor.version_2_0 import QuantumProgramResultModel
from qiskit_ibm_runtime.fake_provider.executor.run_quantum_program import run_quantum_program
from qiskit_ibm_runtime.options_models.simulator import SimulatorOptions
from qiskit_ibm_runtime.quantum_program import CircuitItem, QuantumProgram, SamplexItem
from qiskit_ibm_runtime.quantum_program.params_converters import QUANTUM_PROGRAM_PARAMS_CONVERTERS

from qgm_observe.testing.provider.jobs import Job
from qgm_observe.testing.provider.noise import prepared
from qgm_observe.testing.provider.snapshots import Json

SCHEMA = "v2.0"


def run(job: Job, seed: int, now: float, properties: Json | None) -> str:
    """Return the result of a quantum program that ends now as JSON; arguments as of `execute`.

    Raises:
        ValueError: For a schema other than v2.0.
    """
    params = job.params
    if params.get("schema_version") != SCHEMA:
        raise ValueError(f"the executor takes {SCHEMA}, not {params.get('schema_version')}")
    converter = QUANTUM_PROGRAM_PARAMS_CONVERTERS[SCHEMA]
    program, _ = converter.decoder(converter.model.model_validate(params))
    results = [
        _run_item(program, item, seed + number, properties)
        for number, item in enumerate(program.items)
    ]
    start = now if job.started is None else job.started
    sent = params["quantum_program"]
    model = QuantumProgramResultModel(
        data=[{"results": result, "metadata": {}} for result in results],
        metadata={"chunk_timing": [_chunk(program.items, start, now)]},
        passthrough_data=sent.get("passthrough_data"),
        semantic_role=sent.get("semantic_role"),
    )
    text: str = model.model_dump_json()
    return text


def _run_item(program: Any, item: Any, seed: int, properties: Json | None) -> dict[str, Any]:
    circuit, backend = prepared(item.circuit, properties)
    if isinstance(item, SamplexItem):
        item.samplex.finalize()
        smaller = SamplexItem(
            circuit, item.samplex, samplex_arguments=item.samplex_arguments, shape=item.shape
        )
    else:
        smaller = CircuitItem(circuit, circuit_arguments=item.circuit_arguments)
    single = QuantumProgram(program.shots, [smaller], meas_level=program.meas_level)
    (result,) = run_quantum_program(backend, single, SimulatorOptions(seed_simulator=seed))
    return {name: CompressedTensorModel.from_numpy(values) for name, values in result.items()}


def _chunk(items: Any, start: float, stop: float) -> dict[str, Any]:
    return {
        "start": datetime.fromtimestamp(start, UTC),
        "stop": datetime.fromtimestamp(stop, UTC),
        "parts": [
            {
                "idx_item": index,
                "size": math.prod(item.shape),
                "permutation": list(range(len(item.shape))),
                "element_range": (0, math.prod(item.shape), 1),
            }
            for index, item in enumerate(items)
        ],
    }
