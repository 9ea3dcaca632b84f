"""Client and telemetry: does work get through, and is what the boards show complete?"""

from qgm_observe.alerts.configuration import Configuration
from qgm_observe.catalog import labels as by
from qgm_observe.catalog import observe_signals, signals
from qgm_observe.catalog import provider_signals as told_by
from qgm_observe.dashboards import client_panels, device_panels, kinds
from qgm_observe.dashboards.board import Board, Color, Meaning, Panel, Query, Role, Row
from qgm_observe.dashboards.client_panels import slowest_of
from qgm_observe.dashboards.kinds import COUNT, SECONDS, basis, column, higher_is_better
from qgm_observe.dashboards.queries import INTERVAL, RANGE, pick
from qgm_observe.dashboards.site import Site, annotations, links, site, variables


def telemetry(configuration: Configuration) -> Board:
    """Return the board."""
    here = site(configuration, by.PIPELINE, by.PROVIDER, by.DEVICE)
    return Board(
        slug="telemetry",
        title="Client and telemetry",
        brief="Does work get through, what does it use, and is what the boards show complete?",
        rows=(
            Row("Is telemetry complete and on time?", _complete(here)),
            Row("Do the sidecars get answers?", _sidecars(here)),
            Row("Does work get through?", client_panels.client(here)),
            Row("What does it use?", client_panels.used(here)),
        ),
        variables=(
            *variables(here.scope, signals.JOBS, by.PIPELINE),
            *variables(here.scope, told_by.DEVICE_STATE, by.PROVIDER, by.DEVICE),
        ),
        annotations=annotations(here.scope),
        links=links(configuration, "telemetry"),
    )


def _complete(here: Site) -> tuple[Panel, ...]:
    return (
        up(here, width=12),
        coverage(here, width=12),
        _losses(here),
        _versions(here),
        _delays(here),
        _disk(here),
        _shipped(here),
    )


def _sidecars(here: Site) -> tuple[Panel, ...]:
    return _collectors(here), _api(here), device_panels.requests(here, width=24)


def up(here: Site, width: int = 8) -> Panel:
    """Return whether every exporter and every journal can be read."""
    told = here.told(
        "Whether every exporter of ours could be scraped and every journal be read.",
        "All; otherwise the other panels are blind.",
        "QgmTelemetryLost",
    )
    job = here.configuration.written.exporter_job
    shown = f'up{{job=~"{job}"}} or {here.scope.selector(told_by.EXPORTER_FOLLOWED)}'
    return kinds.ratio_stat(
        "Telemetry up",
        told,
        f"avg({shown})",
        basis(f"count({shown})", "sources"),
        steps=higher_is_better(0.5, 1, ("lost", "in part", "up")),
        width=width,
        links=(here.board("telemetry"),),
    )


def coverage(here: Site, width: int = 8) -> Panel:
    """Return the share of 30 days in which every journal could be read."""
    told = here.told(
        "Share of the time in 30 days in which every journal could be read.",
        "99 % and more; below it the other numbers are blind at times.",
        "QgmTelemetryLost",
    )
    shown = here.scope.selector(told_by.EXPORTER_FOLLOWED)
    return kinds.ratio_stat(
        "Telemetry coverage (30 d)",
        told,
        f"min(avg_over_time({shown}[30d]))",
        basis(f"sum(count_over_time({shown}[30d]))", "looks at journals"),
        steps=higher_is_better(0.95, 0.99, ("blind at times", "gaps", "good")),
        width=width,
    )


def _versions(here: Site) -> Panel:
    told = here.told(
        "The versions that run, and in how many processes.",
        "One, or two while it is being replaced.",
        "QgmTelemetryLost",
    )
    running = f"count by (job, version) ({here.scope.selector(observe_signals.INFO)})"
    columns = (column(running, "Count", COUNT),)
    return kinds.table("Versions", told, ("job", "version"), columns, width=6)


def _losses(here: Site) -> Panel:
    told = here.told(
        "What telemetry lost in the time shown, and how much it exports: events, spans, labels "
        "folded into `other`, series beyond a cap.",
        "0 of each.",
        "QgmTelemetryLost",
    )
    lost = (
        (observe_signals.DROPPED, "Dropped"),
        (observe_signals.UNWRITTEN, "Unwritten"),
        (observe_signals.GAPS, "Late intents"),
        (observe_signals.ERRORS, "Errors"),
        (observe_signals.SPANS_SKIPPED, "Spans skipped"),
        (observe_signals.FOLDED, "Folded"),
        (observe_signals.HOOKS_MISSING, "No hook"),
        (told_by.EXPORTER_DROPPED, "Series dropped"),
    )
    columns = [
        column(f"sum by (job) (increase({here.scope.selector(signal)}[{RANGE}]))", title, COUNT)
        for signal, title in lost
    ]
    series = f"sum by (job) ({here.scope.selector(told_by.EXPORTER_SERIES)})"
    reloads = here.scope.selector(pick(told_by.EXPORTER_RELOADS, outcome="!success"))
    refused = f"sum by (job) (increase({reloads}[{RANGE}]))"
    delivered = f"sum by (job) (increase({here.scope.selector(observe_signals.SPANS)}[{RANGE}]))"
    return kinds.table(
        "Telemetry lost",
        told,
        ("job",),
        (
            *columns,
            column(refused, "Bad reloads", COUNT),
            column(delivered, "Spans sent", COUNT),
            column(series, "Series", COUNT, role=Role.BASIS),
        ),
        width=24,
        height=6,
    )


def _delays(here: Site) -> Panel:
    told = here.told(
        "Age of the newest event of each journal when the exporter folded it, and how far the "
        "provider's clock is from ours.",
        "Below a scrape interval; the clock within a second.",
        "QgmReadingsStale",
    )
    lag = here.scope.level(told_by.EXPORTER_LAG, ("journal",))
    skew = here.scope.level(observe_signals.SKEW, ("provider",))
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
        width=6,
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
            ("min", observe_signals.DISK_FREE),
            ("max", observe_signals.JOURNAL_SIZE),
        )
    )
    counted = basis(f"count({here.scope.selector(observe_signals.JOURNAL_SIZE)})", "journals")
    return kinds.lines(
        "Disk of journals",
        told,
        "bytes",
        (
            Query(expr=free, legend="{{instance}} free"),
            Query(expr=size, legend="{{instance}} journal"),
        ),
        counted,
        width=6,
    )


def _shipped(here: Site) -> Panel:
    told = here.told(
        "Events that processes without a journal of their own shipped to an exporter, by what came "
        "of them; a duplicate was sent twice and counts once.",
        "None refused.",
        "QgmTelemetryLost",
    )
    received = here.scope.selector(told_by.EXPORTER_RECEIVED)
    return kinds.counted_bars(
        "Events shipped",
        told,
        f"sum by (receipt) (increase({received}[{INTERVAL}]))",
        "{{receipt}}",
        width=6,
        colors=(("stored", Color.GOOD), ("duplicate", Color.PLAIN), ("refused", Color.BAD)),
        empty="no process ships events to an exporter",
    )


def _collectors(here: Site) -> Panel:
    told = here.told(
        "What the sidecars ask of each provider: when it last worked, and how often it was asked "
        "in the time shown.",
        "Below three polls.",
        "QgmReadingsStale",
    )
    scope, key = here.scope, ("provider", "account", "collector")
    is_up = (Meaning(0, "down", Color.BAD), Meaning(1, "up", Color.GOOD))
    return kinds.table(
        "Collectors",
        told,
        key,
        (
            column(scope.age(told_by.LAST_SUCCESS, key), "Last worked", SECONDS),
            column(scope.level(told_by.COLLECTOR_UP, key, "min"), "Is", "none", meanings=is_up),
            column(scope.count(told_by.PROVIDER_REQUESTS, RANGE, key), "Calls", COUNT),
        ),
    )


def _api(here: Site) -> Panel:
    told = here.told(
        "How long calls of the sidecars to providers take, by what is asked.",
        "Below a second or two.",
        "QgmReadingsStale",
    )
    calls = basis(here.scope.count(told_by.PROVIDER_REQUESTS, "1h"), "calls", interval="5m")
    slowest = slowest_of(here, told_by.PROVIDER_REQUEST_DURATION, "collector")
    return kinds.lines("Provider's answer time", told, SECONDS, (slowest,), calls)
