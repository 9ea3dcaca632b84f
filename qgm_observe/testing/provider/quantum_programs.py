"""Runs the program `executor`, to which the client's newer primitives compile, on Aer.

The models are those of the package `ibm_quantum_schemas`; the converters are modules of the client
that its documentation does not list, so the tests hold them to the pinned version.
"""

import math
from datetime import UTC, datetime
from typing import Any

from ibm_quantum_schemas.common import CompressedTensorModel
from ibm_quantum_schemas.executor.version_2_0 import QuantumProgramResultModel
from qiskit_aer import AerSimulator
from qiskit_ibm_runtime.fake_provider.executor.run_quantum_program import run_quantum_program
from qiskit_ibm_runtime.options_models.simulator import SimulatorOptions
from qiskit_ibm_runtime.quantum_program.params_converters import QUANTUM_PROGRAM_PARAMS_CONVERTERS

SCHEMA = "v2.0"


def run(params: dict[str, Any], seed: int, start: float, stop: float) -> str:
    """Return the result of a quantum program as JSON.

    Args:
        params: As submitted, of schema v2.0.
        seed: Of the simulator.
        start: Epoch seconds at which the job began to run.
        stop: Epoch seconds at which it ended.

    Raises:
        ValueError: For another schema.
    """
    if params.get("schema_version") != SCHEMA:
        raise ValueError(f"the executor takes {SCHEMA}, not {params.get('schema_version')}")
    converter = QUANTUM_PROGRAM_PARAMS_CONVERTERS[SCHEMA]
    program, _ = converter.decoder(converter.model.model_validate(params))
    result = run_quantum_program(AerSimulator(), program, SimulatorOptions(seed_simulator=seed))
    sent = params["quantum_program"]
    model = QuantumProgramResultModel(
        data=[
            {
                "results": {
                    name: CompressedTensorModel.from_numpy(values) for name, values in item.items()
                },
                "metadata": {},
            }
            for item in result
        ],
        metadata={"chunk_timing": [_chunk(program.items, start, stop)]},
        passthrough_data=sent.get("passthrough_data"),
        semantic_role=sent.get("semantic_role"),
    )
    text: str = model.model_dump_json()
    return text


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
