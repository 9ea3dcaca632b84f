"""Debug: why did this model's samples get worse, and which stage, device or client is it?"""

from qgm_observe.alerts.configuration import Configuration
from qgm_observe.catalog import Signal, signals
from qgm_observe.catalog import labels as by
from qgm_observe.catalog.questions import ANSWERS
from qgm_observe.dashboards import client_panels, device_panels, kinds
from qgm_observe.dashboards.board import Board, Color, Meaning, Panel, Query, Role, Row, Variable
from qgm_observe.dashboards.kinds import COUNT, RATIO, SECONDS, basis, column, limit
from qgm_observe.dashboards.queries import INTERVAL, RANGE, RATE, Scope, pick
from qgm_observe.dashboards.site import Site, annotations, links, site, variables

RESTARTS = "kube_pod_container_status_restarts_total"
"""Of kube-state-metrics, where it is scraped."""

NO_RESTARTS = "none, or kube-state-metrics is not scraped"

MODEL = ("model", "device")
CHOSEN = 'statistic=~"$statistic"'
_BAD = {
    "diverging", "flat_with_signal", "barren_plateau", "stuck", "collapsed", "device",
    "unexplained", "both", "harmful", "drifted", "moved", "mismatched",
}  # fmt: skip
_GOOD = {"improving", "converged", "whole", "none", "helpful", "steady", "recorded", "matching"}


def debug(configuration: Configuration) -> Board:
    """Return the board."""
    here = site(configuration, by.PIPELINE, by.MODEL, by.DEVICE, by.STAGE)
    return Board(
        slug="debug",
        title="Debug",
        brief="Why did samples get worse, and is it the stage, the device or the client?",
        rows=(
            Row("Training", _training(here)),
            Row("Samples", _samples(here)),
            Row("Stages", _stages(here)),
            Row("Device", (device_panels.readout(here), device_panels.worst_edges(here),
                           device_panels.readout_grid(here))),
            Row("Client and telemetry", client_panels.client(here), collapsed=True),
        ),
        variables=(
            *variables(here.scope, signals.JOBS, by.PIPELINE, by.MODEL, by.DEVICE),
            *variables(here.scope, signals.JOB_STAGE_DURATION, by.STAGE),
            _statistic(here.scope),
        ),
        annotations=annotations(here.scope),
        links=links(configuration, "debug"),
    )  # fmt: skip


def _statistic(scope: Scope) -> Variable:
    chosen = Scope((), scope.matchers).selector(signals.QUALITY_VALUE)
    return Variable(
        name="statistic",
        title="Statistic",
        query=f"label_values({chosen}, {by.STATISTIC.name})",
        single=True,
    )


# --------------------------------------------------------------------------------------- training


def _training(here: Site) -> tuple[Panel, ...]:
    steps = basis(here.scope.count(signals.STEPS, INTERVAL), "steps", interval="5m")
    loss = here.told(
        "Loss of the last completed step of each model; its interval where a step told how exact "
        "the loss is.",
        "Falling, then steady.",
        "QgmTrainingStuck",
    )
    duration = here.told(
        "How long steps take: half of them and 19 of 20 are done within it.",
        "Steady.",
        "QgmRunStalled",
    )
    model, name = ("model", "model_version"), "{{model}} {{model_version}}"
    now = here.scope.level(signals.STEP_LOSS, model)
    low, high = (
        here.scope.level(pick(signal, statistic="loss"), model)
        for signal in (signals.QUALITY_LOW, signals.QUALITY_HIGH)
    )
    bounds = Query(expr=low, legend=f"{name} low"), Query(expr=high, legend=f"{name} high")
    return (
        kinds.lines(
            "Loss", loss, "none", (Query(expr=now, legend=name), *bounds), steps, minimum=None
        ),
        _verdict(here, "training", "Training", "QgmTrainingStuck", "Improving or converged."),
        kinds.lines(
            "Step duration", duration, SECONDS,
            _quantiles(here, signals.STEP_DURATION, (0.5, 0.95)), steps, log=True,
            minimum=None,
        ),
        _gradient(here, steps),
        _runs(here),
    )  # fmt: skip


def _gradient(here: Site, steps: Query) -> Panel:
    told = here.told(
        "How much of the gradient is signal: its mean squared component over the variance of its "
        "shot noise, where steps tell their gradient and its errors.",
        "Above 1; at 0 it is noise.",
        "QgmTrainingStuck",
    )
    snr = here.scope.level(pick(signals.QUALITY_VALUE, statistic="gradient_snr"), ("model",))
    query = Query(expr=snr, legend="{{model}}")
    return kinds.lines("Gradient signal", told, "none", (query,), steps, minimum=None)


def _verdict(here: Site, question: str, title: str, alert: str, good: str) -> Panel:
    answers = ANSWERS[question]
    told = here.told(
        f"The newest answer to the question on {title.lower()}, by model and device.", good, alert
    )
    parts = (
        f"{here.scope.selector(pick(signals.QUALITY_VERDICT, question=question, answer=answer))}"
        f" * {number}"
        for number, answer in enumerate(answers, start=1)
    )
    colors = dict.fromkeys(_BAD, Color.BAD) | dict.fromkeys(_GOOD, Color.GOOD)
    meanings = (
        Meaning(number, answer.replace("_", " "), colors.get(answer, Color.UNKNOWN))
        for number, answer in enumerate(answers, start=1)
    )
    return kinds.state_timeline(
        title,
        told,
        f"max by (model, device) ({' or '.join(parts)})",
        "{{model}} {{device}}",
        (Meaning(0, "untold", Color.UNKNOWN), *meanings),
        height=5 if question != "training" else 8,
    )


def _quantiles(here: Site, signal: Signal, shares: tuple[float, ...]) -> tuple[Query, ...]:
    return tuple(
        Query(
            expr=here.scope.quantile(share, signal, "1h", ("model",)),
            legend=f"{{{{model}}}} p{share * 100:.0f}",
            interval="5m",
        )
        for share in shares
    )


def _runs(here: Site) -> Panel:
    told = here.told(
        "What runs used: processor time, storage, peak memory, GPUs where there are any.",
        "As usual for the model.",
        "QgmRunTooLong",
    )
    scope, key = here.scope, ("model", "pipeline")
    return kinds.table(
        "Resources of runs",
        told,
        key,
        (
            column(scope.count(signals.RUN_CPU_TIME, RANGE, key), "Processor", SECONDS),
            column(scope.count(signals.RUN_READ, RANGE, key), "Read", "bytes"),
            column(scope.count(signals.RUN_WRITTEN, RANGE, key), "Written", "bytes"),
            column(scope.count(signals.RUN_READS, RANGE, key), "Read calls", COUNT),
            column(scope.count(signals.RUN_WRITES, RANGE, key), "Write calls", COUNT),
            column(scope.level(signals.RUN_MEMORY_PEAK, key), "Memory", "bytes"),
            column(scope.level(signals.RUN_GPU_UTILIZATION, key), "GPU", RATIO),
            column(scope.level(signals.RUN_GPU_MEMORY_PEAK, key), "GPU memory", "bytes"),
            column(scope.count(signals.RUNS, RANGE, key), "Runs", COUNT, role=Role.BASIS),
        ),
        width=24,
    )


# ---------------------------------------------------------------------------------------- samples


def _samples(here: Site) -> tuple[Panel, ...]:
    return (
        _value(here),
        _charts(here),
        _width(here),
        _valid(here),
        _modes(here),
        _verdict(here, "collapse", "Modes", "QgmModeCollapse", "Whole."),
        _verdict(here, "cause", "Cause of a drop", "QgmQualityDrift", "None."),
        _verdict(here, "inputs", "Inputs", "QgmInputDrift", "Steady."),
        _verdict(here, "encoding", "Encoding", "QgmEncodingMismatch", "Recorded or matching."),
    )


def _modes(here: Site) -> Panel:
    told = here.told(
        "Share of the newest samples in each of the target's likeliest parts, beside the target's "
        "own share. Parts are told by rank: what they are is data, and stays in the journal.",
        "Both alike.",
        "QgmModeCollapse",
    )
    key = ("model", "device", by.MODE.name)
    meant, seen = (
        here.scope.level(pick(signal, mitigation="none"), key)
        for signal in (signals.QUALITY_MODE_TARGET, signals.QUALITY_MODE_SAMPLES)
    )
    columns = (column(meant, "Target", RATIO), column(seen, "Samples", RATIO))
    return kinds.table(
        "Samples against target", told, key, columns, height=10, lowest_first=by.MODE.name
    )


def _estimated(here: Site, signal: Signal) -> str:
    selector = here.scope.selector(signal)
    return f"max by (model, device) ({selector[:-1]},{CHOSEN}}})"


def _scored(here: Site) -> Query:
    return basis(here.scope.count(signals.QUALITY_SCORED, INTERVAL), "shots judged", interval="5m")


def _value(here: Site) -> Panel:
    told = here.told(
        "The statistic chosen, with its interval, the floor that a perfect sampler would show, and "
        "the level of its healthy baseline.",
        "Its interval holds the baseline.",
        "QgmQualityDrift",
    )
    parts = (
        (signals.QUALITY_VALUE, Role.VALUE, ""),
        (signals.QUALITY_LOW, Role.LOW, " low"),
        (signals.QUALITY_HIGH, Role.HIGH, " high"),
        (signals.QUALITY_FLOOR, Role.LIMIT, " floor"),
        (signals.QUALITY_BASELINE, Role.LIMIT, " baseline"),
    )
    queries = [
        Query(
            expr=_estimated(here, signal), legend=f"{{{{model}}}} {{{{device}}}}{name}", role=role
        )
        for signal, role, name in parts
    ]
    return kinds.lines("$statistic", told, "none", queries, _scored(here), minimum=None)


def _charts(here: Site) -> Panel:
    told = here.told(
        "Where the control charts of the statistic stand, in deviations of its baseline, and the "
        "limit of each.",
        "Below the dashed line.",
        "QgmQualityDrift",
    )
    level, most = (
        _estimated(here, signal).replace("(model, device)", "(model, device, chart)")
        for signal in (signals.QUALITY_DRIFT_LEVEL, signals.QUALITY_DRIFT_LIMIT)
    )
    legend = "{{model}} {{device}} {{chart}}"
    queries = (Query(expr=level, legend=legend), limit(most, f"{legend} limit"))
    return kinds.lines("Drift of $statistic", told, "none", queries, _scored(here), minimum=None)


def _width(here: Site) -> Panel:
    told = here.told(
        "Width of the confidence interval of the statistic: what the number of shots leaves open.",
        "Small against the change that matters.",
        "QgmQualityDrift",
    )
    width = f"{_estimated(here, signals.QUALITY_HIGH)} - {_estimated(here, signals.QUALITY_LOW)}"
    query = Query(expr=width, legend="{{model}} {{device}}")
    return kinds.lines("Width of the interval", told, "none", (query,), _scored(here), width=12)


def _valid(here: Site) -> Panel:
    told = here.told(
        "Share of judged shots that were valid samples, by hour.", "80 % and more.",
        "QgmQualityDrift",
    )  # fmt: skip
    share = here.scope.share(
        pick(signals.QUALITY_VALID), pick(signals.QUALITY_SCORED), "1h", ("model",), fewest=100
    )
    query = Query(expr=share, legend="{{model}}", interval="5m")
    return kinds.ratio_timeseries("Valid shots", told, (query,), _scored(here))


# ----------------------------------------------------------------------------------------- stages


def _stages(here: Site) -> tuple[Panel, ...]:
    scope = here.scope
    heat = here.told(
        "How long the stage chosen took, by number of jobs; points are traces.",
        "One steady band.",
        "QgmRetriesExcessive",
    )
    long = here.told(
        "How long each stage takes: half, 19 of 20 and 99 of 100 are done within it in an hour.",
        "Steady; a stage that grows is where to look.",
        "QgmQueueAbnormal",
    )
    every = basis(scope.count(signals.JOB_STAGE_DURATION, "1h"), "stages done", interval="5m")
    quantiles = [
        Query(
            expr=scope.quantile(share, signals.JOB_STAGE_DURATION, "1h", ("stage",)),
            legend=f"{{{{stage}}}} p{share * 100:.0f}",
            interval="30m",
            exemplar=True,
        )
        for share in (0.5, 0.95, 0.99)
    ]
    return (
        kinds.bucket_heatmap(
            "Stage duration", heat, SECONDS, scope.buckets(signals.JOB_STAGE_DURATION, RATE)
        ),
        kinds.lines(
            "Stages", long, SECONDS, quantiles, every, log=True, minimum=None
        ),
        _compiling(here),
        _errors(here),
        _restarts(here),
    )  # fmt: skip


def _compiling(here: Site) -> Panel:
    told = here.told(
        "How long compiling takes, and compilations done.",
        "Below 30 seconds, and below three times its own median of 7 days.",
        "QgmCompilationFailing",
    )
    stage = pick(signals.JOB_STAGE_DURATION, stage="compile")
    now, usual = (here.scope.quantile(0.5, stage, window) for window in ("1h", "7d"))
    queries = (
        Query(expr=now, legend="median of an hour", interval="5m"),
        limit(f"3 * {usual}", "three times the median of 7 days"),
    )
    done = basis(here.scope.count(stage, "1h"), "compilations", interval="5m")
    return kinds.lines(
        "Compile time", told, SECONDS, queries, done, minimum=None, log=True, width=8
    )


def _errors(here: Site) -> Panel:
    told = here.told(
        "Failed jobs in the time shown, by pipeline, stage and class of the error.",
        "Empty.",
        "QgmConsecutiveFailures",
    )
    key = ("pipeline", "stage", "error_class")
    failed = here.scope.count(signals.JOB_ERRORS, RANGE, key)
    return kinds.table(
        "Errors", told, key, (column(f"{failed} > 0", "Failed", COUNT),), width=8, empty=kinds.NONE
    )


def _restarts(here: Site) -> Panel:
    told = here.told(
        "Restarts of pods in whose namespace an exporter of ours runs. Only where "
        "kube-state-metrics is scraped.",
        "None.",
        "QgmRunStalled",
    )
    ours = f'group by (namespace) (up{{job=~"{here.configuration.written.exporter_job}"}})'
    rise = f"increase({RESTARTS}[$__rate_interval]) and on (namespace) {ours}"
    expr = f"sum by (namespace, pod) ({rise}) > 0"
    return kinds.counted_bars(
        "Pod restarts", told, expr, "{{namespace}} {{pod}}", width=8, empty=NO_RESTARTS
    )
