"""Every method that is wrapped, by the module that defines it.

Source of the list: Qiskit 2.6, qiskit-aer 0.18 and qiskit-ibm-runtime 0.51. A sampler defines its
own `run`, so there is no common one to wrap; what another version lacks is left out.
"""

from qgm_observe.instrumentation import compiling, provider_jobs, sampling
from qgm_observe.instrumentation.wrapping import Target

TRANSPILER = "qiskit.transpiler.passmanager"
PRIMITIVE_JOB = "qiskit.primitives.primitive_job"
RUNTIME_JOB = "qiskit_ibm_runtime.runtime_job_v2"

TARGETS = (
    Target(TRANSPILER, "PassManager", "run", compiling.run),
    Target(TRANSPILER, "StagedPassManager", "run", compiling.run),
    Target("qiskit.primitives.statevector_sampler", "StatevectorSampler", "run", sampling.run),
    Target("qiskit.primitives.backend_sampler_v2", "BackendSamplerV2", "run", sampling.run),
    Target("qiskit_aer.primitives.sampler_v2", "SamplerV2", "run", sampling.run),
    Target("qiskit_ibm_runtime.sampler", "SamplerV2", "run", sampling.run),
    Target("qiskit_ibm_runtime.executor_sampler.sampler", "Sampler", "run", sampling.run),
    Target(PRIMITIVE_JOB, "PrimitiveJob", "_submit", provider_jobs.submit),
    Target("qiskit_aer.jobs.aerjob", "AerJob", "result", provider_jobs.simulated),
    Target(RUNTIME_JOB, "RuntimeJobV2", "result", provider_jobs.result),
    Target(RUNTIME_JOB, "RuntimeJobV2", "cancel", provider_jobs.cancel),
)
