"""Qiskit: pass managers, primitives wherever they are defined, and backends that run here.

Source of the list: Qiskit 2.6. Each primitive defines its own `run`, so there is no common one to
wrap; what a subclass defines, with or without a call of `super`, is found by its base class.
"""

from typing import ClassVar

from qgm_observe.instrumentation import compiling, primitives, provider_jobs
from qgm_observe.instrumentation.instrumentor import Instrumentor
from qgm_observe.instrumentation.wrapping import Target

_TRANSPILER = "qiskit.transpiler.passmanager"
_PRESETS = "qiskit.transpiler.preset_passmanagers.generate_preset_pass_manager"
_PRIMITIVES = "qiskit.primitives"
_BASE = "qiskit.primitives.base"
_RUN = primitives.run


class QiskitInstrumentor(Instrumentor):
    """Sees what a script does with Qiskit's transpiler, primitives and backends."""

    library = "qiskit"
    requires = ("qiskit >= 2.3, < 3",)
    targets: ClassVar[tuple[Target, ...]] = (
        Target(_TRANSPILER, "PassManager", "run", compiling.run),
        Target(_TRANSPILER, "StagedPassManager", "run", compiling.run),
        Target("qiskit.compiler.transpiler", "", "_check_circuits_coupling_map", compiling.checked),
        Target(_PRESETS, "", "level_0_pass_manager", compiling.preset),
        Target(_PRESETS, "", "level_1_pass_manager", compiling.preset),
        Target(_PRESETS, "", "level_2_pass_manager", compiling.preset),
        Target(_PRESETS, "", "level_3_pass_manager", compiling.preset),
        Target(f"{_PRIMITIVES}.statevector_sampler", "StatevectorSampler", "run", _RUN),
        Target(f"{_PRIMITIVES}.statevector_estimator", "StatevectorEstimator", "run", _RUN),
        Target(f"{_PRIMITIVES}.backend_sampler_v2", "BackendSamplerV2", "run", _RUN),
        Target(f"{_PRIMITIVES}.backend_estimator_v2", "BackendEstimatorV2", "run", _RUN),
        Target(f"{_BASE}.base_sampler", "BaseSamplerV2", "run", _RUN, heirs=True),
        Target(f"{_BASE}.base_estimator", "BaseEstimatorV2", "run", _RUN, heirs=True),
        Target("qiskit.providers.backend", "BackendV2", "run", primitives.run_backend, heirs=True),
        Target(f"{_PRIMITIVES}.primitive_job", "PrimitiveJob", "_submit", provider_jobs.submit),
        Target("qiskit.providers.job", "JobV1", "result", provider_jobs.result, heirs=True),
        Target(
            f"{_BASE}.base_primitive_job",
            "BasePrimitiveJob",
            "result",
            provider_jobs.result,
            heirs=True,
        ),
    )

    def uninstrument(self, **options: object) -> None:
        """Give every method back, and drop what still waits for a job or an end."""
        super().uninstrument(**options)
        compiling.forget()
        provider_jobs.forget()
