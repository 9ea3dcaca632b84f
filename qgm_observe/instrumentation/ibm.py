"""IBM's client: primitives old and new, sessions and batches, jobs, and what goes over HTTP.

Source of the list: qiskit-ibm-runtime 0.51.
"""

from typing import ClassVar

from qgm_observe.instrumentation import http_requests, primitives, provider_jobs, sessions
from qgm_observe.instrumentation.instrumentor import Instrumentor
from qgm_observe.instrumentation.wrapping import Target

_IBM = "qiskit_ibm_runtime"
_JOB = f"{_IBM}.runtime_job_v2"
_HTTP = f"{_IBM}.api.session"
_RUN = primitives.run
_FAKE = f"{_IBM}.fake_provider.fake_backend"
_SERVICE = f"{_IBM}.qiskit_runtime_service"


class IBMInstrumentor(Instrumentor):
    """Sees what a script does with IBM's client."""

    library = _IBM
    requires = ("qiskit-ibm-runtime >= 0.51",)
    targets: ClassVar[tuple[Target, ...]] = (
        Target(f"{_IBM}.sampler", "SamplerV2", "run", _RUN),
        Target(f"{_IBM}.estimator", "EstimatorV2", "run", _RUN),
        Target(f"{_IBM}.executor_sampler.sampler", "Sampler", "run", _RUN),
        Target(f"{_IBM}.executor_estimator.estimator", "Estimator", "run", _RUN),
        Target(f"{_IBM}.executor.executor", "Executor", "run", primitives.run_program),
        Target(_SERVICE, "QiskitRuntimeService", "_run", primitives.run_remotely),
        Target(_FAKE, "FakeBackendV2", "run", primitives.run_backend),
        Target(f"{_IBM}.session", "Session", "__init__", sessions.opened),
        Target(f"{_IBM}.session", "Session", "close", sessions.closed),
        Target(f"{_IBM}.session", "Session", "cancel", sessions.cancelled),
        Target(_JOB, "RuntimeJobV2", "result", provider_jobs.result),
        Target(_JOB, "RuntimeJobV2", "status", provider_jobs.status),
        Target(_JOB, "RuntimeJobV2", "cancel", provider_jobs.cancel),
        Target(_HTTP, "RetrySession", "request", http_requests.request),
        Target(_HTTP, "PostForcelistRetry", "increment", http_requests.increment),
        Target("urllib3.connection", "HTTPConnection", "_new_conn", http_requests.connect),
        Target("urllib3.connection", "HTTPSConnection", "connect", http_requests.secure),
    )

    def uninstrument(self, **options: object) -> None:
        """Give every method back, and end what is open at the provider for the records."""
        super().uninstrument(**options)
        sessions.leave()
