"""Aer: its primitives, its backends' `run`, and its jobs.

Source of the list: qiskit-aer 0.18; `AerSimulator` inherits its `run`.
"""

from typing import ClassVar

from qgm_observe.instrumentation import primitives, provider_jobs
from qgm_observe.instrumentation.instrumentor import Instrumentor
from qgm_observe.instrumentation.wrapping import Target

_JOB = "qiskit_aer.jobs.aerjob"


class AerInstrumentor(Instrumentor):
    """Sees what a script does with Aer."""

    library = "qiskit_aer"
    requires = ("qiskit-aer >= 0.17",)
    targets: ClassVar[tuple[Target, ...]] = (
        Target("qiskit_aer.primitives.sampler_v2", "SamplerV2", "run", primitives.run),
        Target("qiskit_aer.primitives.estimator_v2", "EstimatorV2", "run", primitives.run),
        Target("qiskit_aer.backends.aerbackend", "AerBackend", "run", primitives.run_backend),
        Target(_JOB, "AerJob", "submit", provider_jobs.submit_simulation),
        Target(_JOB, "AerJob", "result", provider_jobs.simulated),
    )
