"""Debug: why did this model's samples get worse, and which stage or device is it?"""

from qgm_observe.alerts.configuration import Configuration
from qgm_observe.catalog import Signal, signals
from qgm_observe.catalog import labels as by
from qgm_observe.catalog.questions import ANSWERS
from qgm_observe.dashboards import device_panels, kinds
from qgm_observe.dashboards.board import Board, Color, Meaning, Panel, Query, Role, Row, Variable
from qgm_observe.dashboards.kinds import COUNT, RATIO, SECONDS, basis, column, limit
from qgm_observe.dashboards.queries import INTERVAL, RANGE, RATE, Scope, pick
from qgm_observe.dashboards.site import Site, annotations, links, site, variables

CHOSEN = 'statistic=~"$statistic"'
OPENS_WITH = "linear_xeb"
"""Any sampler with a target has it, and it falls as samples get worse."""

_DECIDED_BY_SHOTS = ("!chi_square_p", "!g_test_p")
"""0 for every large sample, good or bad: told among the newest estimates, not charted."""

_BAD = {
    "diverging", "flat_with_signal", "barren_plateau", "stuck", "collapsed", "device",
    "unexplained", "both", "harmful", "drifted", "moved", "mismatched",
}  # fmt: skip
_QUESTIONS = (
    ("Modes", "collapse"), ("Cause", "cause"), ("Mitigation", "mitigation"), ("Inputs", "inputs"),
    ("Encoding", "encoding"), ("Parameters", "parameters"),
)  # fmt: skip
"""On samples: as rows are named, and as it is asked."""

_GOOD = {"improving", "converged", "whole", "none", "helpful", "steady", "recorded", "matching"}


def debug(configuration: Configuration) -> Board:
    """Return the board."""
    here = site(configuration, by.PIPELINE, by.MODEL, by.DEVICE, by.STAGE)
    return Board(
        slug="debug",
        title="Debug",
        brief="Why did samples get worse, and is it the model, a stage or the device?",
        rows=(
            Row("Training", _training(here)),
            Row("Samples", _samples(here)),
            Row("Stages", _stages(here)),
            Row("Device", (device_panels.readout(here), device_panels.worst_edges(here),
                           device_panels.readout_grid(here))),
            Row("Every statistic", (_estimates(here),), collapsed=True),
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
    charted = pick(signals.QUALITY_VALUE, statistic=_DECIDED_BY_SHOTS)
    chosen = Scope((), scope.matchers).selector(charted)
    return Variable(
        name="statistic",
        title="Statistic",
        query=f"label_values({chosen}, {by.STATISTIC.name})",
        single=True,
        default=OPENS_WITH,
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
    bounds = (
        Query(expr=low, legend=f"{name} low", role=Role.LOW),
        Query(expr=high, legend=f"{name} high", role=Role.HIGH),
    )
    return (
        kinds.lines(
            "Loss", loss, "none", (Query(expr=now, legend=name), *bounds), steps, minimum=None
        ),
        _training_verdict(here),
        kinds.lines(
            "Step duration", duration, SECONDS,
            _quantiles(here, signals.STEP_DURATION, (0.5, 0.95)), steps, log=True,
            minimum=None,
        ),
        _gradient(here, steps),
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


def _training_verdict(here: Site) -> Panel:
    told = here.told(
        "The newest answer to whether training gets on, by model and device.",
        "Improving or converged.",
        "QgmTrainingStuck",
    )
    answers = [_answers(here, "training", "{{model}} {{device}}")]
    return kinds.state_timeline("Verdict on training", told, answers, height=8)


def _verdicts(here: Site) -> Panel:
    told = here.told(
        "The newest answers on samples, by model and device: whether modes collapsed, the cause of "
        "a drop, whether mitigation helps, and whether inputs, encoding or parameters changed.",
        "Whole, none, helpful, steady and matching.",
        "QgmQualityDrift",
    )
    questions = [
        _answers(here, question, f"{title}: {{{{model}}}} {{{{device}}}}")
        for title, question in _QUESTIONS
    ]
    return kinds.state_timeline("Verdicts on samples", told, questions, height=14)


def _answers(here: Site, question: str, legend: str) -> Query:
    """A question's newest answers by number, with their texts and colors."""
    answers = ANSWERS[question]
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
    return Query(
        expr=f"max by (model, device) ({' or '.join(parts)})",
        legend=legend,
        meanings=(Meaning(0, "untold", Color.UNKNOWN), *meanings),
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


# ---------------------------------------------------------------------------------------- samples


def _samples(here: Site) -> tuple[Panel, ...]:
    return (
        _value(here),
        _charts(here),
        _width(here),
        _valid(here),
        _modes(here),
        _verdicts(here),
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
        "Samples against target", told, key, columns, height=14, lowest_first=by.MODE.name
    )


def _estimated(here: Site, signal: Signal, by: str = "model, device") -> str:
    selector = here.scope.selector(signal)
    return f"max by ({by}) ({selector[:-1]},{CHOSEN}}})"


def _scored(here: Site) -> Query:
    return basis(here.scope.count(signals.QUALITY_SCORED, INTERVAL), "shots judged", interval="5m")


def _value(here: Site) -> Panel:
    told = here.told(
        "The statistic chosen, with the ends of its interval as dots, the level of its healthy "
        "baseline, and the floor that a perfect sampler would show.",
        "Its interval holds the baseline.",
        "QgmQualityDrift",
    )
    parts = (
        (signals.QUALITY_VALUE, Role.VALUE, ""),
        (signals.QUALITY_LOW, Role.LOW, " low"),
        (signals.QUALITY_HIGH, Role.HIGH, " high"),
        (signals.QUALITY_BASELINE, Role.LIMIT, " baseline"),
    )
    queries = [
        Query(
            expr=_estimated(here, signal), legend=f"{{{{model}}}} {{{{device}}}}{name}", role=role
        )
        for signal, role, name in parts
    ]
    queries.append(limit(_estimated(here, signals.QUALITY_FLOOR, "model"), "{{model}} floor"))
    return kinds.lines("$statistic", told, "none", queries, _scored(here), minimum=None)


def _charts(here: Site) -> Panel:
    told = here.told(
        "Where the control charts of the statistic stand, in deviations of its baseline, and the "
        "limit of each.",
        "Below the dashed line.",
        "QgmQualityDrift",
    )
    level = _estimated(here, signals.QUALITY_DRIFT_LEVEL, "model, device, chart")
    most = _estimated(here, signals.QUALITY_DRIFT_LIMIT, "chart")
    queries = (
        Query(expr=level, legend="{{model}} {{device}} {{chart}}"),
        limit(most, "{{chart}} limit"),
    )
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


def _estimates(here: Site) -> Panel:
    told = here.told(
        "The newest estimate of each statistic, whichever is chosen above, with its interval, and "
        "how old it is: a value that nobody renews draws a steady line.",
        "All as old as the last evaluation.",
        "QgmQualityDrift",
    )
    key, scope = ("statistic", "model", "device"), here.scope
    columns = (
        column(scope.level(signals.QUALITY_VALUE, key), "Value", "none"),
        column(scope.level(signals.QUALITY_LOW, key), "Low", "none"),
        column(scope.level(signals.QUALITY_HIGH, key), "High", "none"),
        column(scope.age(signals.QUALITY_TIME, key), "Judged before", SECONDS),
    )
    return kinds.table(
        "Newest estimates", told, key, columns, width=24, height=12, lowest_first="statistic"
    )


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
        "How long each stage takes: 19 of 20 are done within it in an hour. The map shows "
        "all of them, of the stage chosen.",
        "Steady; a stage that grows is where to look.",
        "QgmQueueAbnormal",
    )
    every = basis(scope.count(signals.JOB_STAGE_DURATION, "1h"), "stages done", interval="5m")
    slowest = Query(
        expr=scope.quantile(0.95, signals.JOB_STAGE_DURATION, "1h", ("stage",)),
        legend="{{stage}}",
        interval="30m",
        exemplar=True,
    )
    return (
        kinds.bucket_heatmap(
            "Stage duration", heat, SECONDS, scope.buckets(signals.JOB_STAGE_DURATION, RATE)
        ),
        kinds.lines(
            "Stages (p95)", long, SECONDS, (slowest,), every, log=True, minimum=None
        ),
        _compiling(here),
        _found(here),
        _errors(here),
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
        Query(expr=now, legend="median", interval="5m"),
        limit(f"3 * {usual}", "3 x that of 7 days"),
    )
    done = basis(here.scope.count(stage, "1h"), "compilations", interval="5m")
    return kinds.lines(
        "Compile time", told, SECONDS, queries, done, minimum=None, log=True, width=8
    )


def _found(here: Site) -> Panel:
    told = here.told(
        "Share of circuits that were compiled before, for the same calibration and compiler, and "
        "were taken from the cache, by hour.",
        "Near 100 % while nothing is new; it falls after a calibration, or where nodes share no "
        "cache.",
        "QgmCompilationFailing",
    )
    looked = pick(signals.COMPILE_LOOKUPS)
    share = here.scope.share(pick(signals.COMPILE_HITS), looked, "1h", ("device",), fewest=1)
    query = Query(expr=share, legend="{{device}}", interval="5m")
    lookups = basis(here.scope.count(looked, INTERVAL), "lookups", interval="5m")
    return kinds.ratio_timeseries("Compiled before", told, (query,), lookups, width=8)


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
