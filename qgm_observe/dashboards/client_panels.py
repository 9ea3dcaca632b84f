"""Panels of the client's side: work, what it used, the provider's answers, retries, restarts."""

from dataclasses import replace

from qgm_observe.catalog import Signal, signals
from qgm_observe.dashboards import kinds
from qgm_observe.dashboards.board import Color, Panel, Query, Role
from qgm_observe.dashboards.kinds import COUNT, RATIO, SECONDS, basis, column
from qgm_observe.dashboards.queries import INTERVAL, RANGE
from qgm_observe.dashboards.site import Site

RESTARTS = "kube_pod_container_status_restarts_total"
"""Of kube-state-metrics, where it is scraped."""

NO_RESTARTS = "none, or kube-state-metrics is not scraped"


def used(here: Site) -> tuple[Panel, ...]:
    """Return what work was done, and what it used."""
    return _work(here), _runs(here)


def client(here: Site) -> tuple[Panel, ...]:
    """Return how the provider answers scripts, and how often work is tried."""
    return _latency(here), _statuses(here), _attempts(here), _restarts(here)


def _work(here: Site) -> Panel:
    told = here.told(
        "What each pipeline did on each device in the time shown. Limited is the time that our own "
        "limiter held submissions back.",
        "As planned, and nothing limited for long.",
        "QgmSubmissionThrottled",
    )
    key = ("pipeline", "device")
    counted = (
        (signals.JOBS, "Jobs", COUNT),
        (signals.JOB_ATTEMPTS, "Attempts", COUNT),
        (signals.JOB_CIRCUITS, "Circuits", COUNT),
        (signals.JOB_SHOTS, "Shots", COUNT),
        (signals.THROTTLED, "Limited", SECONDS),
        (signals.SESSIONS, "Sessions", COUNT),
        (signals.SESSION_USAGE, "In sessions", SECONDS),
    )
    columns = [
        column(here.scope.count(signal, RANGE, key), title, unit) for signal, title, unit in counted
    ]
    return kinds.table("Work by device", told, key, columns, width=24, height=6)


def _runs(here: Site) -> Panel:
    told = here.told(
        "How long 19 of 20 runs took, and to get on where they were resumed; what they used: "
        "processor time, own and of child processes, storage, peak memory, GPUs where there are "
        "any.",
        "As usual for the model.",
        "QgmRunTooLong",
    )
    scope, key = here.scope, ("model", "pipeline")
    return kinds.table(
        "Resources of runs",
        told,
        key,
        (
            column(scope.quantile(0.95, signals.RUN_DURATION, RANGE, key), "Took", SECONDS),
            column(scope.quantile(0.95, signals.RUN_RESTART_DURATION, RANGE, key), "Resumed in",
                   SECONDS),
            column(scope.count(signals.RUN_CPU_TIME, RANGE, key), "Processor", SECONDS),
            column(scope.count(signals.RUN_CHILDREN_CPU_TIME, RANGE, key), "Children", SECONDS),
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
        height=5,
    )  # fmt: skip


def _latency(here: Site) -> Panel:
    told = here.told(
        "How long requests of the scripts' own clients take, with the attempts that the client "
        "repeats by itself, by what they are for; dashed is what connecting takes.",
        "Steady.",
        "QgmRetriesExcessive",
    )
    asked = basis(here.scope.count(signals.CLIENT_REQUESTS, "1h"), "requests", interval="5m")
    slowest = slowest_of(here, signals.CLIENT_REQUEST_DURATION, "operation")
    connecting = slowest_of(here, signals.CLIENT_CONNECT_DURATION, "phase")
    queries = (slowest, replace(connecting, role=Role.LIMIT))
    return kinds.lines("Client's requests", told, SECONDS, queries, asked)


def slowest_of(here: Site, duration: Signal, label: str) -> Query:
    """Return the time in which 19 of 20 in an hour are done, by provider and a label."""
    quantile = here.scope.quantile(0.95, duration, "1h", ("provider", label))
    return Query(expr=quantile, legend=f"{{{{provider}}}} {{{{{label}}}}} p95", interval="5m")


def _statuses(here: Site) -> Panel:
    told = here.told(
        "Answers to the scripts' own clients by class of status, each attempt by itself; `none` "
        "is no answer.",
        "Only `2xx`.",
        "QgmRetriesExcessive",
    )
    return kinds.counted_bars(
        "Client's answers",
        told,
        here.scope.count(signals.CLIENT_REQUESTS, INTERVAL, ("status_class",)),
        "{{status_class}}",
        colors=(("4xx", Color.WATCH), ("5xx", Color.BAD), ("none", Color.BAD)),
    )


def _attempts(here: Site) -> Panel:
    told = here.told(
        "Attempts a job in an hour, and of those of the client's requests: 1 is without a retry.",
        "Close to 1.",
        "QgmRetriesExcessive",
    )
    tried = here.scope.count(signals.JOB_ATTEMPTS, "1h", ("pipeline",))
    jobs = here.scope.count(signals.JOBS, "1h", ("pipeline",))
    asked, again = (
        here.scope.count(signal, "1h", ("provider",))
        for signal in (signals.CLIENT_REQUESTS, signals.CLIENT_RETRIES)
    )
    queries = (
        Query(expr=f"{tried} / ({jobs} > 0)", legend="{{pipeline}}", interval="5m"),
        Query(
            expr=f"{asked} / ({asked} - {again} > 0)",
            legend="requests to {{provider}}",
            interval="5m",
        ),
    )
    return kinds.lines("Attempts a job", told, "none", queries, here.jobs("1h"))


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
        "Pod restarts", told, expr, "{{namespace}} {{pod}}", empty=NO_RESTARTS
    )
