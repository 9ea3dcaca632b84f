"""Alerts on what is seen at all: exporters, journals, readings, and alerting itself."""

from collections.abc import Iterator

from qgm_observe.alerts.cause import NO_OBJECTIVE, Cause
from qgm_observe.alerts.configuration import Configuration
from qgm_observe.alerts.selectors import Selectors
from qgm_observe.alerts.text import Said
from qgm_observe.catalog import observe_signals, provider_signals
from qgm_observe.slo.decimals import plain
from qgm_observe.slo.indicator import Selection
from qgm_observe.slo.promql import SOURCE
from qgm_observe.slo.window import HOUR, MINUTE

_BLIND = "Budgets: whatever burns now is not seen."
_STALE_SECONDS = 30 * MINUTE


def causes(configuration: Configuration, selectors: Selectors) -> Iterator[Cause]:
    """Yield them."""
    yield Cause(alert="QgmWatchdog", expression="vector(1)", by=(), said=Said(count="Always."))
    yield from _lost(selectors)
    job = configuration.written.exporter_job
    yield Cause(
        alert="QgmExporterDown",
        expression=f'max by (job, instance) (up{{job=~"{job}"}}) == 0',
        by=("job", "instance"),
        hold=5 * MINUTE,
        said=Said(count="It could not be scraped for five minutes.", spending=_BLIND),
    )
    collectors = ("provider", "account", "collector")
    seen = selectors.at(provider_signals.LAST_SUCCESS)
    up = selectors.top(collectors, provider_signals.COLLECTOR_UP)
    yield Cause(
        alert="QgmReadingsStale",
        expression=(
            f"{up} == 0 and on ({', '.join(collectors)}) "
            f"time() - max by ({', '.join(collectors)}) ({seen}) > {plain(_STALE_SECONDS)}"
        ),
        by=collectors,
        hold=5 * MINUTE,
        said=Said(
            count="{{ $labels.collector }} has not been read for more than half an hour.",
            spending=_BLIND,
        ),
    )
    least = configuration.written.thresholds.disk_free_bytes
    free = observe_signals.DISK_FREE.prometheus
    yield Cause(
        alert="QgmJournalDisk",
        expression=f"min by (instance) ({free}) < {plain(least)}",
        by=("instance",),
        hold=10 * MINUTE,
        said=Said(count="{{ $value | humanize1024 }}B are free.", spending=_BLIND),
    )


def _lost(selectors: Selectors) -> Iterator[Cause]:
    shown = f"{observe_signals.INFO.prometheus}{{{SOURCE}}}"
    yield _telemetry(
        "exporter",
        f"absent({shown})",
        (),
        "No exporter of journals has been seen for five minutes.",
    )
    up = selectors.top(("journal",), provider_signals.EXPORTER_FOLLOWED)
    yield _telemetry(
        "journal", f"{up} == 0", ("journal",), "Journal {{ $labels.journal }} cannot be read."
    )
    counted = tuple(
        selectors.chosen(each) for each in (observe_signals.DROPPED, observe_signals.UNWRITTEN)
    )
    dropped, unwritten = (selectors.count(each, HOUR, slo=NO_OBJECTIVE) for each in counted)
    yield _telemetry(
        "events",
        f"(({dropped} or vector(0)) + ({unwritten} or vector(0))) > 0",
        (),
        "{{ $value }} events of the last hour are lost.",
        hold=0,
        counted=counted,
    )


def _telemetry(
    lost: str,
    expression: str,
    by: tuple[str, ...],
    count: str,
    *,
    hold: float = 5 * MINUTE,
    counted: tuple[Selection, ...] = (),
) -> Cause:
    return Cause(
        alert="QgmTelemetryLost",
        expression=expression,
        by=by,
        hold=hold,
        labels={"lost": lost},
        said=Said(count=count, spending=_BLIND),
        counted=counted,
    )
