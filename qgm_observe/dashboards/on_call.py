"""On-call: am I in trouble, whose trouble is it, and what is waiting?"""

from qgm_observe.alerts.configuration import Configuration
from qgm_observe.alerts.score_rules import HIGHEST, THRESHOLD
from qgm_observe.catalog import labels as by
from qgm_observe.catalog import provider_signals, signals
from qgm_observe.dashboards import device_panels, kinds, money_panels
from qgm_observe.dashboards.board import Board, Color, Panel, Query, Row
from qgm_observe.dashboards.kinds import SECONDS, basis, column, limit
from qgm_observe.dashboards.queries import INTERVAL, RANGE, RATE, pick
from qgm_observe.dashboards.site import (
    SUCCESS_STEPS,
    Site,
    annotations,
    links,
    site,
    variables,
)
from qgm_observe.dashboards.telemetry import up

FIRING = 'ALERTS{alertname=~"Qgm.+",alertstate="firing",severity=~"page|ticket"}'
SINCE = 'ALERTS_FOR_STATE{alertname=~"Qgm.+",severity=~"page|ticket"}'
OUTCOMES = (
    ("success", Color.GOOD), ("failure", Color.BAD), ("timeout", Color.WATCH), ("lost", Color.BAD),
    ("cancelled", Color.PLAIN), ("guarded", Color.UNKNOWN),
)  # fmt: skip
REMOTE = ("job", "batch", "session")
"""Modes of execution that wait in a provider's queue."""


def on_call(configuration: Configuration) -> Board:
    """Return the board."""
    here = site(configuration, by.PROJECT, by.PIPELINE, by.PROVIDER, by.DEVICE)
    return Board(
        slug="on-call",
        title="On-call",
        brief="Am I in trouble, whose trouble is it, and what is waiting?",
        rows=(
            Row("Am I in trouble?", _trouble(here)),
            Row("Jobs", _jobs(here)),
            Row("Queue", _queue(here)),
            Row("Devices and provider", device_panels.health(here)),
            Row("Recent", _recent(here), collapsed=True),
        ),
        variables=(
            *variables(here.scope, signals.JOBS, by.PROJECT, by.PIPELINE),
            *variables(here.scope, provider_signals.DEVICE_STATE, by.PROVIDER, by.DEVICE),
        ),
        annotations=annotations(here.scope),
        links=links(configuration, "on-call"),
        refresh="30s",
    )


def _trouble(here: Site) -> tuple[Panel, ...]:
    firing = here.told(
        "Pages and tickets that fire now, and for how long. Empty is good only while telemetry "
        "is up, beside it.",
        "Empty.",
        "QgmSloBurnPage",
    )
    keys = ("severity", "alertname", "slo", "pipeline", "provider", "device")
    since = f"max by ({', '.join(keys)}) (time() - {SINCE} and ignoring (alertstate) {FIRING})"
    return (
        kinds.table(
            "Alerts that fire",
            firing,
            keys,
            (column(since, "For", SECONDS),),
            width=14,
            height=12,
            lowest_first="severity",
            empty=kinds.NONE,
        ),
        _success(here),
        up(here, width=3),
        _stalled(here),
        _evidence(here),
    )


def _success(here: Site) -> Panel:
    told = here.told(
        "Share of runs and requests that succeeded in 24 hours.",
        "95 % and more; it takes five of them to tell a share.",
        "QgmConsecutiveFailures",
    )
    return kinds.ratio_stat(
        "Success (24 h)", told, here.success("1d", 5), here.work("1d"), steps=SUCCESS_STEPS,
        links=(here.board("debug"),),
    )  # fmt: skip


def _stalled(here: Site) -> Panel:
    told = here.told(
        "Open runs whose last step is older than five times their usual step.",
        "None.",
        "QgmRunStalled",
    )
    stalled, running = (
        here.scope.level(signal, how="sum")
        for signal in (signals.RUNS_STALLED, signals.RUNS_IN_FLIGHT)
    )
    return kinds.stat(
        "Stalled runs",
        told,
        "none",
        stalled,
        basis(running, "runs open"),
        steps=kinds.lower_is_better(1, 2, ("none", "one stands still", "several stand still")),
        width=3,
    )


def _evidence(here: Site) -> Panel:
    told = here.told(
        "Evidence that an objective is failing, as a share of what pages; it takes traffic into "
        "account. Not narrowed by the choices above.",
        "Below 1.",
        "QgmSloBurnPage",
    )
    share = f"max by (slo) ({HIGHEST}) / on (slo) max by (slo) ({THRESHOLD})"
    return kinds.lines(
        "Evidence against objectives",
        told,
        "none",
        (Query(expr=share, legend="{{slo}}"), limit("vector(1)", "pages")),
        here.work(INTERVAL, instant=False, interval="5m"),
        steps=kinds.lower_is_better(0.5, 1, ("fine", "look", "page")),
        minimum=None,
        width=10,
    )


def _jobs(here: Site) -> tuple[Panel, ...]:
    outcomes = here.told("Jobs that ended, by how.", "Success only.", "QgmConsecutiveFailures")
    errors = here.told(
        "Jobs that failed in the time shown, by the stage and the class of the error.",
        "Empty.",
        "QgmConsecutiveFailures",
    )
    submission = here.told(
        "Share of submissions that failed in 6 hours, retries included.",
        "Below 1 %.",
        "QgmSubmissionThrottled",
    )
    compiling = here.told(
        "Jobs that failed to compile, by pipeline.", "None.", "QgmCompilationFailing"
    )
    scope = here.scope
    bad = scope.count(pick(signals.JOB_ATTEMPTS, outcome="!success"), "6h")
    every = scope.count(signals.JOB_ATTEMPTS, "6h")
    share = f"({bad} or on () vector(0)) / ({every} >= 20) or on () vector(NaN)"
    return (
        kinds.counted_bars(
            "Jobs by outcome", outcomes,
            scope.count(signals.JOBS, INTERVAL, ("outcome",)), "{{outcome}}",
            width=8, colors=OUTCOMES,
        ),
        kinds.table(
            "Errors by stage and class", errors, ("stage", "error_class"),
            (column(scope.count(signals.JOB_ERRORS, RANGE, ("stage", "error_class")) + " > 0",
                    "Failed", "short"),),
            width=8, empty=kinds.NONE,
        ),
        _failing(here),
        kinds.ratio_timeseries(
            "Attempts that failed", submission,
            (Query(expr=share, legend="failed"), limit("vector(0.01)", "promised")),
            basis(scope.count(signals.JOB_ATTEMPTS, INTERVAL), "attempts", interval="5m"),
            width=6, maximum=None,
        ),
        kinds.counted_bars(
            "Compilation failures", compiling,
            scope.count(pick(signals.JOB_ERRORS, stage="compile"), INTERVAL, ("pipeline",)),
            "{{pipeline}}", width=6, empty=kinds.NONE,
        ),
        _in_flight(here),
        money_panels.spend_rate(here),
    )  # fmt: skip


def _failing(here: Site) -> Panel:
    told = here.told(
        "The ten pipelines with most failed work in the time shown.",
        "Empty.",
        "QgmConsecutiveFailures",
    )
    failed = pick(signals.ROOTS, outcome=("failure", "timeout", "lost"))
    counted = here.scope.count(failed, RANGE, ("pipeline",))
    debug = here.board("debug", "var-pipeline=${__data.fields.pipeline}")
    every = here.scope.count(signals.ROOTS, RANGE, ("pipeline",))
    return kinds.table(
        "Failing pipelines",
        told,
        ("pipeline",),
        (
            column(f"topk(10, {counted} > 0)", "Failed", "short"),
            column(f"{every} and {counted} > 0", "Of", "short"),
        ),
        width=8,
        empty=kinds.NONE,
        links=(debug,),
    )


def _in_flight(here: Site) -> Panel:
    told = here.told("Jobs that are open now, by pipeline.", "As planned.", "QgmJobsStuck")
    open_ = here.scope.level(signals.JOBS_IN_FLIGHT, ("pipeline",), "sum")
    return kinds.lines(
        "Jobs open",
        told,
        "short",
        (Query(expr=open_, legend="{{pipeline}}"),),
        None,
        width=6,
    )


def _queue(here: Site) -> tuple[Panel, ...]:
    depth = here.told(
        "Jobs of all users in each device's queue, as the provider tells.",
        "As on other weekdays.",
        "QgmQueueAbnormal",
    )
    oldest = here.told(
        "Age of the oldest job that waits, beside what the provider tells of 19 of 20 jobs.",
        "Below the dashed line.",
        "QgmJobsStuck",
    )
    waits = here.told(
        "How long jobs waited for a device, remote ones only.",
        "As the provider estimates.",
        "QgmQueueAbnormal",
    )
    scope = here.scope
    waiting = scope.level(pick(signals.JOB_OLDEST_WAITING, execution_mode=REMOTE), ("device",))
    usual = scope.level(pick(provider_signals.DEVICE_WAIT, percentile="p95"), ("device",))
    queued = pick(signals.JOB_STAGE_DURATION, stage="queue", execution_mode=REMOTE)
    ours = basis(scope.level(signals.JOBS_IN_FLIGHT, how="sum"), "jobs of ours open")
    return (
        kinds.lines(
            "Queue depth", depth, "short",
            (Query(expr=scope.level(provider_signals.DEVICE_QUEUE, ("device",)),
                   legend="{{device}}"),),
            None, width=8,
        ),
        kinds.lines(
            "Oldest job that waits", oldest, SECONDS,
            (Query(expr=waiting, legend="{{device}}"), limit(usual, "{{device}} usual p95")),
            ours, width=8,
        ),
        kinds.bucket_heatmap(
            "Time in the queue", waits, SECONDS, scope.buckets(queued, RATE), width=8
        ),
    )  # fmt: skip


def _recent(here: Site) -> tuple[Panel, ...]:
    pages = here.told("How long each alert fired in the last 7 days.", "Empty.", "QgmSloBurnTicket")
    where = here.told("What else to look at.", "To have read it before.", "QgmWatchdog")
    fired = f"60 * sum by (alertname, slo, severity) (sum_over_time({FIRING}[7d:1m]))"
    return (
        kinds.table(
            "Alerts of the last 7 days", pages, ("severity", "alertname", "slo"),
            (column(fired, "Fired for", SECONDS),), empty=kinds.NONE,
        ),
        kinds.note("Where to look", where, _NOTE, width=12, height=8),
    )  # fmt: skip


_NOTE = (
    "- `qgm-observe slo status` tells who spent the budget.\n"
    "- `qgm-observe doctor --live ibm` asks the provider itself.\n"
    "- `qgm-observe reconcile --config FILE` asks how remote jobs ended.\n"
    "- IBM: https://quantum.cloud.ibm.com/ (status), AWS: https://health.aws.amazon.com/"
)
