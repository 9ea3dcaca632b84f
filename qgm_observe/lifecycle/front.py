"""The functions at the front door: run, job, configure, serve, flush."""

from typing import TYPE_CHECKING, Any

from qgm_observe.errors import MissingExtra, UsageError
from qgm_observe.journal import open_journal
from qgm_observe.lifecycle.handle import current
from qgm_observe.lifecycle.job import JobHandle
from qgm_observe.lifecycle.need import Need
from qgm_observe.lifecycle.recorder import Recorder, recorder, use
from qgm_observe.lifecycle.run import RunHandle
from qgm_observe.lifecycle.spending import limited
from qgm_observe.settings import Settings, load_settings
from qgm_observe.spend.limits import Limits
from qgm_observe.spend.plan import Plan, plan
from qgm_observe.telemetry.endpoint import Endpoint
from qgm_observe.telemetry.endpoint import serve as serve_bytes

if TYPE_CHECKING:
    from qgm_observe.quality.evaluation import Evaluation


def run(
    *,
    id: str | None = None,  # noqa: A002
    parent: RunHandle | str | None = None,
    resumed_from: int | None = None,
    guard: str | Limits | None = None,
    preflight: str | Plan | None = None,
    steps: int | None = None,
    **labels: Any,
) -> RunHandle:
    """Return the handle of a run, for `with`, `async with` or as a decorator.

    Args:
        id: An earlier run's id, to go on with that run.
        parent: The run that it is a part of, or its id where that is another process's; without
            it the run that is open in this context. A sweep is a run with others in it: it counts
            once for objectives.
        resumed_from: The step it goes on from.
        guard: What it may take, as `20 USD, 600 s, 30 % idle, 3 retries, ttl 2 h, 5/min`; see
            `qgm_observe.spend.limits.limits`. What would go beyond is not submitted and raises
            `BudgetExceeded`.
        preflight: What it is going to submit, as `ibm_fez, session, 200 jobs, 1024 shots, 10 s
            between`; see `qgm_observe.spend.plan.plan`. The provider is asked now, and a no-go
            raises `BudgetExceeded`; what cannot be told is logged.
        steps: How many it will take in all, those before a resume included. Then the device time
            that it still needs is known, and told against the account's quota before that ends.
        labels: `project`, `pipeline`, `model`, `model_version`, `kind`.

    Raises:
        UsageError: a label is unknown, the id is no run id, steps are below 1, or guard or
            preflight cannot be read.
        BudgetExceeded: preflight says no.
        MissingExtra: what the guard needs is not installed.
    """
    here = recorder()
    if isinstance(parent, str):
        parent = RunHandle(here, None, None, run_id=parent)
    if steps is not None and (not isinstance(steps, int) or steps < 1):
        raise UsageError(f"steps {steps}: write a count of 1 or more")
    limits = limited(here, guard)
    planned: Plan | None = None
    if preflight is not None:
        from qgm_observe.lifecycle.preflight import required

        planned = plan(preflight) if isinstance(preflight, str) else preflight
        required(here, planned)
    return RunHandle(
        here,
        parent,
        labels,
        run_id=id,
        resumed_from=resumed_from,
        limits=limits,
        need=Need(steps, planned),
    )


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
    given = labels or None  # an empty one would be kept until the writer has read the job
    return JobHandle(recorder(), None, given, backend, shots, circuits)


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


def evaluate(
    counts: Any,
    target: Any,
    *,
    circuit: Any = None,
    calibration: Any = None,
    ideal: Any = None,
    simulated: Any = None,
    mitigation: Any = None,
    raw: "Evaluation | None" = None,
    baseline: Any = None,
    **options: Any,
) -> "Evaluation":
    """Estimate what counts tell about a sampler, and record it with what is open in this context.

    Args:
        counts: Counts in any form (`qgm_observe.quality.counts.as_counts`), or with `mitigation`
            the shares of a quasi-distribution by outcome.
        target: Probabilities by bitstring, an array of 2^n of them, or a data set's counts.
        circuit: What ran: a name of yours, or the compiled Qiskit circuit. Baselines are kept per
            circuit; its name changes with gates and qubits, not with angles.
        calibration: The device's, to tell what it explains: a `Calibration` of a provider, or a
            mapping of `gates` (error by gate and qubits, as `("cz", (0, 1))`) and `readout` (by
            qubit, one error or those of 0 and of 1). Needs the compiled `circuit`; with that
            alone, what the journal has read of the job's device.
        ideal: The circuit's own exact distribution, to split the loss into model and device.
        simulated: Counts of a simulator on the same circuit, to measure the gap to the device.
        mitigation: How errors were worked against: a
            `qgm_observe.quality.mitigation.Mitigation`, or its fields. Its series are apart.
        raw: The evaluation of the same job without mitigation, to tell the benefit.
        baseline: A file of `qgm-observe baseline capture --file`; without it the journal's.
        options: See `qgm_observe.quality.evaluation.evaluate`.

    Returns:
        The estimates, each with its interval, or with the reason why there is none; comparisons by
        name in `compared`.

    Raises:
        UsageError: counts or target cannot be read, or arguments do not go together.
        MissingExtra: numpy or scipy is not installed.
    """
    try:
        from qgm_observe.lifecycle.evaluating import Comparison, Evaluator
    except ImportError as error:
        raise MissingExtra("evaluate", "quality") from error
    comparison = Comparison(
        circuit=circuit,
        calibration=calibration,
        ideal=ideal,
        simulated=simulated,
        mitigation=mitigation,
        raw=raw,
        baseline=baseline,
    )
    return Evaluator(current(), comparison).evaluate(counts, target, **options)


def collector() -> Any:
    """Return this process's metrics as a collector for a prometheus_client registry of yours.

    `REGISTRY.register(qgm.collector())`: your own endpoint then shows them too.
    """
    from qgm_observe.telemetry.collector import QGMCollector

    return QGMCollector(recorder().aggregates)


def flush(timeout: float | None = None) -> bool:
    """Wait until all that was recorded so far is in the journal; false if time ran out."""
    return recorder().flush(timeout)
