"""Executive: is the work done, are the samples good, and are the promises kept?"""

from qgm_observe.alerts.budget import ERRORS, EVENTS
from qgm_observe.alerts.configuration import Configuration
from qgm_observe.catalog import labels as by
from qgm_observe.catalog import provider_signals, signals
from qgm_observe.dashboards import kinds, money_panels
from qgm_observe.dashboards.board import Board, Panel, Query, Role, Row
from qgm_observe.dashboards.kinds import RATIO, SECONDS, basis, column, higher_is_better, limit
from qgm_observe.dashboards.queries import pick
from qgm_observe.dashboards.site import (
    BUDGET,
    LEFT_STEPS,
    SUCCESS_STEPS,
    Site,
    annotations,
    budget_left,
    links,
    site,
    variables,
)
from qgm_observe.dashboards.telemetry import coverage

DAY, WEEK, MONTH = "1d", "7d", "30d"
PAGING = 'ALERTS{alertname=~"Qgm.+",alertstate="firing",severity="page"}'
WATCHDOG = 'ALERTS{alertname="QgmWatchdog"}'


def executive(configuration: Configuration) -> Board:
    """Return the board."""
    here = site(configuration, by.PROJECT)
    return Board(
        slug="executive",
        title="Executive",
        brief="Is the work done, are the samples good, and are the promises kept?",
        rows=(
            Row("Is the work done?", _work(here)),
            Row("Are the promises kept?", _promises(here)),
            Row("Are the samples good?", _quality(here)),
            Row("What does it cost?", money_panels.planned(here)),
            Row("How long does it take, and what does it use?", _time(here)),
        ),
        variables=variables(here.scope, signals.JOBS, by.PROJECT),
        annotations=annotations(here.scope),
        links=links(configuration, "executive"),
        refresh="5m",
        time_from="now-30d",
    )


def _work(here: Site) -> tuple[Panel, ...]:
    success = here.told(
        "Share of runs and requests that succeeded in 30 days; cancelled ones do not count.",
        "95 % and more; from 97 % on there is room.",
        "QgmSloBurnTicket",
    )
    trend = here.told(
        "Share of runs and requests that succeeded in the 7 days before, training and inference "
        "apart.",
        "Above the line at 95 %.",
        "QgmSloBurnTicket",
    )
    apart = [
        Query(expr=here.success(WEEK, kind=kind), legend=kind, interval=DAY)
        for kind in by.KIND.values
    ]
    return (
        kinds.ratio_stat(
            "Success (30 d)", success, here.success(MONTH), here.work(MONTH), steps=SUCCESS_STEPS,
            width=8,
        ),
        kinds.ratio_timeseries(
            "Success over 7 days",
            trend,
            (*apart, limit("vector(0.95)", "promised")),
            here.work(WEEK, instant=False, interval=DAY),
            width=16,
        ),
        kinds.stat("Paged (30 d)", *_paged(here), name="paged", width=8),
    )  # fmt: skip


def _paged(here: Site) -> tuple[kinds.Told, str, str, Query]:
    told = here.told(
        "Time in 30 days in which a page fired; told only while alerting itself is alive.",
        "None.",
        "QgmSloBurnPage",
    )
    alive = f"sum(sum_over_time((max({WATCHDOG}) > bool 0)[{MONTH}:5m]))"
    fired = f"(sum(sum_over_time((max({PAGING}) > bool 0)[{MONTH}:5m])) or on () vector(0))"
    return told, SECONDS, f"300 * {fired} and on () {alive}", basis(alive, "looks at the alerts")


def _promises(here: Site) -> tuple[Panel, ...]:
    breached = here.told(
        "How many objectives have spent their whole error budget. Not narrowed to a project.",
        "None.",
        "QgmSloBurnPage",
    )
    left = budget_left()
    judged = basis(f"count({left})", "objectives judged")
    table = here.told(
        "What is left of each error budget, and the counts that it rests on. Not narrowed to a "
        "project.",
        "A quarter and more.",
        "QgmSloBurnTicket",
    )
    steps = kinds.lower_is_better(1, 2, ("all kept", "one breached", "several breached"))
    return (
        kinds.stat(
            "Objectives breached",
            breached,
            "none",
            f"count({left} < 0) or on () count({left}) * 0",
            judged,
            steps=steps,
            width=8,
        ),
        kinds.table(
            "Error budgets", table, ("slo",), _budgets(), width=16, lowest_first="Budget left"
        ),
        coverage(here),
    )


def _budgets() -> tuple[Query, ...]:
    whole = f" and on (slo, window) {BUDGET}"
    return (
        *kinds.judged_columns(budget_left(), "Budget left", RATIO, LEFT_STEPS),
        column(f"max by (slo) ({ERRORS}{whole})", "Bad", "short", role=Role.BASIS),
        column(f"max by (slo) ({EVENTS}{whole})", "Of", "short", role=Role.BASIS),
    )


def _quality(here: Site) -> tuple[Panel, ...]:
    return _valid(here), _fidelity(here), _diversity(here)


def _valid(here: Site) -> Panel:
    told = here.told(
        "Share of judged shots that were valid samples in 7 days.",
        "80 % and more.",
        "QgmQualityDrift",
    )
    return kinds.ratio_stat(
        "Valid shots (7 d)",
        told,
        here.scope.share(
            pick(signals.QUALITY_VALID), pick(signals.QUALITY_SCORED), WEEK, fewest=1000
        ),
        basis(here.scope.count(signals.QUALITY_SCORED, WEEK), "shots judged"),
        steps=higher_is_better(0.7, 0.8, ("poor", "below target", "good")),
        width=8,
    )


def _fidelity(here: Site) -> Panel:
    told = here.told(
        "Hellinger fidelity of samples to their target, the median of models, with the ends of "
        "its confidence intervals.",
        "High and steady; a fall that calibration does not explain is drift.",
        "QgmQualityDrift",
    )
    return kinds.ratio_timeseries(
        "Fidelity with its interval",
        told,
        _with_interval(here, "hellinger_fidelity"),
        basis(here.scope.count(signals.QUALITY_SCORED, DAY), "shots judged", interval="6h"),
        width=16,
    )


def _diversity(here: Site) -> Panel:
    told = here.told(
        "Effective modes of the samples against those of their healthy baseline, the worst model.",
        "90 % and more; far below it the model repeats itself.",
        "QgmModeCollapse",
    )
    now, usual = (
        here.scope.level(pick(signal, statistic="effective_modes"), ("model", "device"), "min")
        for signal in (signals.QUALITY_VALUE, signals.QUALITY_BASELINE)
    )
    ratio = f"{now} / on (model, device) {usual}"
    return kinds.ratio_stat(
        "Diversity against baseline",
        told,
        f"min({ratio})",
        basis(f"count({ratio})", "models with a baseline"),
        steps=higher_is_better(0.8, 0.9, ("repeats itself", "less diverse", "as usual")),
        width=8,
    )


def _with_interval(here: Site, statistic: str) -> tuple[Query, ...]:
    made = []
    for signal, role, legend in (
        (signals.QUALITY_VALUE, Role.VALUE, "median"),
        (signals.QUALITY_LOW, Role.LOW, "interval's lower end"),
        (signals.QUALITY_HIGH, Role.HIGH, "interval's upper end"),
    ):
        chosen = here.scope.selector(pick(signal, statistic=statistic, mitigation="none"))
        made.append(Query(expr=f"quantile(0.5, {chosen})", legend=legend, role=role))
    return tuple(made)


def _time(here: Site) -> tuple[Panel, ...]:
    latency = here.told(
        "How long a job takes from submission to samples, by day: half of them and 19 of 20 are "
        "done within it. Local and remote jobs are apart.",
        "Steady; the promise for requests is on the board of objectives.",
        "QgmQueueAbnormal",
    )
    used = here.told(
        "Share of the device time of the present period that an account has used.",
        "Below 80 % until the period ends.",
        "QgmQuotaLow",
    )
    shots = here.told("Shots of successful jobs, by day.", "As planned.", "QgmRetriesExcessive")
    use, allowed = (
        here.scope.level(signal, ("provider", "account"))
        for signal in (provider_signals.ACCOUNT_USED, provider_signals.ACCOUNT_LIMIT)
    )
    quantiles = [
        Query(
            expr=here.scope.quantile(share, signals.JOB_DURATION, DAY, ("execution_mode",)),
            legend=f"{{{{execution_mode}}}} p{share * 100:.0f}",
            interval=DAY,
        )
        for share in (0.5, 0.95)
    ]
    return (
        kinds.stat(
            "Device time used",
            used,
            RATIO,
            f"max({use} / {allowed})",
            basis(f"count({use} / {allowed})", "accounts"),
            steps=kinds.lower_is_better(0.8, 1, ("as planned", "short", "used up")),
            height=8,
        ),
        kinds.lines(
            "Job duration", latency, SECONDS, quantiles, here.jobs(DAY, DAY), width=12, log=True,
            minimum=None,
        ),
        kinds.counted_bars(
            "Shots by model",
            shots,
            here.scope.count(signals.JOB_SHOTS, DAY, ("model",)),
            "{{model}}",
            width=8,
            interval=DAY,
        ),
    )  # fmt: skip
