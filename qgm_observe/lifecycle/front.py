"""The functions at the front door: run, job, configure, serve, flush."""

from typing import TYPE_CHECKING, Any

from qgm_observe.errors import MissingExtra, UsageError
from qgm_observe.journal import open_journal
from qgm_observe.lifecycle.handle import current
from qgm_observe.lifecycle.job import JobHandle
from qgm_observe.lifecycle.recorder import Recorder, recorder, use
from qgm_observe.lifecycle.run import RunHandle
from qgm_observe.settings import Settings, load_settings
from qgm_observe.telemetry.endpoint import Endpoint
from qgm_observe.telemetry.endpoint import serve as serve_bytes

if TYPE_CHECKING:
    from qgm_observe.quality.evaluation import Evaluation


def run(*, id: str | None = None, resumed_from: int | None = None, **labels: Any) -> RunHandle:  # noqa: A002
    """Return the handle of a run, for `with`, `async with` or as a decorator.

    Args:
        id: An earlier run's id, to go on with that run.
        resumed_from: The step it goes on from.
        labels: `project`, `pipeline`, `model`, `model_version`, `kind`.

    Raises:
        UsageError: a label is unknown or the id is no run id.
    """
    return RunHandle(recorder(), None, labels, run_id=id, resumed_from=resumed_from)


def job(
    backend: Any = None, *, shots: int | None = None, circuits: int | None = None, **labels: Any
) -> JobHandle:
    """Return the handle of a job, part of the run or step that is open in this context.

    Args:
        backend: A backend object, a device's name, or a `Device`.
        shots: In all circuits together, where known beforehand.
        circuits: Circuits submitted together, where known beforehand.
        labels: `project`, `pipeline`, `model`, `model_version`, `kind`.

    Raises:
        UsageError: a label is unknown or a count is below 1.
    """
    return JobHandle(recorder(), None, labels, backend, shots=shots, circuits=circuits)


def configure(*, tracer_provider: Any = None, **changes: Any) -> Settings:
    """Begin anew with other settings (see `Settings`), over those of the environment.

    Args:
        tracer_provider: Your own `opentelemetry.sdk.trace.TracerProvider`: finished spans go to
            its processors, its sampler is asked once a trace. Nothing global is set.
        changes: Settings by name.

    Raises:
        UsageError: a setting is unknown or out of range.
        JournalError: the journal cannot be opened for writing.
    """
    unknown = changes.keys() - set(Settings.__dataclass_fields__)
    if unknown:
        known = ", ".join(Settings.__dataclass_fields__)
        raise UsageError(f"setting {min(unknown)!r}: write one of {known}")
    settings = load_settings(**changes)
    if not settings.disabled:
        open_journal(settings.journal_path).close()
    made = Recorder(settings, provider=tracer_provider)
    if settings.otlp or tracer_provider is not None:
        import qgm_observe.lifecycle.tracing  # noqa: F401  a missing extra shows here

        made.start()
    before = use(made)
    if before is not None:
        before.close()
    return settings


def serve(port: int = 9464, host: str = "127.0.0.1") -> Endpoint:
    """Serve this process's metrics at `http://host:port/metrics` until it is closed.

    Raises:
        UsageError: the port is taken.
    """
    return serve_bytes(recorder().aggregates.exposition, host=host, port=port)


def evaluate(counts: Any, target: Any, **options: Any) -> "Evaluation":
    """Estimate what counts tell about a sampler, and record it with what is open in this context.

    Args:
        counts: Counts in any form (`qgm_observe.quality.counts.as_counts`).
        target: Probabilities by bitstring, an array of 2^n of them, or a data set's counts.
        options: See `qgm_observe.quality.evaluation.evaluate`.

    Returns:
        The estimates, each with its interval, or with the reason why there is none.

    Raises:
        UsageError: counts or target cannot be read.
        MissingExtra: numpy or scipy is not installed.
    """
    try:
        from qgm_observe.quality.evaluation import evaluate as estimated
    except ImportError as error:
        raise MissingExtra("evaluate", "quality") from error
    evaluation = estimated(counts, target, **options)
    handle = current()
    if handle is not None:
        for estimate in evaluation:
            handle.estimate(estimate)
    return evaluation


def collector() -> Any:
    """Return this process's metrics as a collector for a prometheus_client registry of yours.

    `REGISTRY.register(qgm.collector())`: your own endpoint then shows them too.
    """
    from qgm_observe.telemetry.collector import QGMCollector

    return QGMCollector(recorder().aggregates)


def flush(timeout: float | None = None) -> bool:
    """Wait until all that was recorded so far is in the journal; false if time ran out."""
    return recorder().flush(timeout)
