"""Panels of the client's side: the provider's answers, retries, delays and losses of telemetry."""

from qgm_observe.catalog import Signal, signals
from qgm_observe.catalog import provider_signals as told_by
from qgm_observe.dashboards import device_panels, kinds
from qgm_observe.dashboards.board import Color, Panel, Query, Role
from qgm_observe.dashboards.kinds import COUNT, SECONDS, basis, column
from qgm_observe.dashboards.queries import INTERVAL, RANGE
from qgm_observe.dashboards.site import Site


def client(here: Site) -> tuple[Panel, ...]:
    """Return how the provider answers, how often work is tried, and what telemetry loses."""
    return (
        _api(here),
        device_panels.requests(here),
        _latency(here),
        _statuses(here),
        _attempts(here),
        _delays(here),
        _disk(here),
        _losses(here),
    )


def _api(here: Site) -> Panel:
    told = here.told(
        "How long calls of the sidecars to providers take, by what is asked.",
        "Below a second or two.",
        "QgmReadingsStale",
    )
    calls = basis(here.scope.count(told_by.PROVIDER_REQUESTS, "1h"), "calls", interval="5m")
    slowest = _slowest(here, told_by.PROVIDER_REQUEST_DURATION, "collector")
    return kinds.lines("Provider's answer time", told, SECONDS, (slowest,), calls)


def _latency(here: Site) -> Panel:
    told = here.told(
        "How long requests of the scripts' own clients take, with the attempts that the client "
        "repeats by itself, by what they are for.",
        "Steady.",
        "QgmRetriesExcessive",
    )
    asked = basis(here.scope.count(signals.CLIENT_REQUESTS, "1h"), "requests", interval="5m")
    slowest = _slowest(here, signals.CLIENT_REQUEST_DURATION, "operation")
    return kinds.lines("Client's requests", told, SECONDS, (slowest,), asked)


def _slowest(here: Site, duration: Signal, label: str) -> Query:
    """Nineteen of twenty in an hour are done within it."""
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
    return kinds.lines("Attempts a job", told, "none", queries, here.jobs("1h"), width=8)


def _delays(here: Site) -> Panel:
    told = here.told(
        "Age of the newest event of each journal when the exporter folded it, and how far the "
        "provider's clock is from ours.",
        "Below a scrape interval; the clock within a second.",
        "QgmReadingsStale",
    )
    lag = here.scope.level(told_by.EXPORTER_LAG, ("journal",))
    skew = here.scope.level(signals.OBSERVE_SKEW, ("provider",))
    counted = basis(f"count({here.scope.selector(told_by.EXPORTER_FOLLOWED)})", "journals")
    return kinds.lines(
        "Delay from event to exporter",
        told,
        SECONDS,
        (
            Query(expr=lag, legend="{{journal}}"),
            Query(expr=skew, legend="{{provider}} clock ahead"),
        ),
        counted,
        minimum=None,
        width=8,
    )


def _disk(here: Site) -> Panel:
    told = here.told(
        "Free space where journals are, and their size.",
        "More than a week of growth.",
        "QgmJournalDisk",
    )
    free, size = (
        f"{how} by (instance) ({here.scope.selector(signal)})"
        for how, signal in (
            ("min", signals.OBSERVE_DISK_FREE),
            ("max", signals.OBSERVE_JOURNAL_SIZE),
        )
    )
    counted = basis(f"count({here.scope.selector(signals.OBSERVE_JOURNAL_SIZE)})", "journals")
    return kinds.lines(
        "Disk of journals",
        told,
        "bytes",
        (
            Query(expr=free, legend="{{instance}} free"),
            Query(expr=size, legend="{{instance}} journal"),
        ),
        counted,
        width=8,
    )


def _losses(here: Site) -> Panel:
    told = here.told(
        "What telemetry lost in the time shown, and how much it exports: events, spans, labels "
        "folded into `other`, series beyond a cap.",
        "0 of each.",
        "QgmTelemetryLost",
    )
    lost = (
        (signals.OBSERVE_DROPPED, "Events dropped"),
        (signals.OBSERVE_UNWRITTEN, "Events unwritten"),
        (signals.OBSERVE_GAPS, "Intents late"),
        (signals.OBSERVE_ERRORS, "Errors kept away"),
        (signals.OBSERVE_SPANS_SKIPPED, "Spans skipped"),
        (signals.OBSERVE_FOLDED, "Labels folded"),
        (signals.OBSERVE_HOOKS_MISSING, "Hooks missing"),
        (told_by.EXPORTER_DROPPED, "Series dropped"),
    )
    columns = [
        column(f"sum by (job) (increase({here.scope.selector(signal)}[{RANGE}]))", title, COUNT)
        for signal, title in lost
    ]
    series = f"sum by (job) ({here.scope.selector(told_by.EXPORTER_SERIES)})"
    delivered = f"sum by (job) (increase({here.scope.selector(signals.OBSERVE_SPANS)}[{RANGE}]))"
    return kinds.table(
        "Telemetry lost",
        told,
        ("job",),
        (
            *columns,
            column(delivered, "Spans delivered", COUNT),
            column(series, "Series", COUNT, role=Role.BASIS),
        ),
        width=24,
        height=6,
    )
