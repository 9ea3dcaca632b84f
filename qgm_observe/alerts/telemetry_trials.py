"""What the alerts on telemetry are tried on."""

from collections.abc import Iterator

from qgm_observe.alerts.courses import SOME, Trials, absent, anew, course, short, silent, unborn
from qgm_observe.alerts.scenario import HEALTHY, LEVEL, Check, Line, Scenario, Trial
from qgm_observe.catalog import provider_signals, signals
from qgm_observe.slo.window import HOUR


def telemetry(made: Trials) -> Iterator[Trial]:
    """Yield the trials of what is seen at all."""
    always = Scenario("always fires", [(HEALTHY, 3)], (Check(0, True), Check(2, True)), absent=True)
    yield made.trial("QgmWatchdog", (), scenarios=(always,))
    shown = made.level(signals.OBSERVE_INFO, 1, None)
    yield made.trial(
        "QgmTelemetryLost", (), shown, scenarios=(course(3), short(1)), lost="exporter"
    )
    followed = made.level(provider_signals.EXPORTER_FOLLOWED, 1, 0)
    yield made.trial(
        "QgmTelemetryLost", (), followed, scenarios=(course(3), short(1), absent()), lost="journal"
    )
    for own, other in (
        (signals.OBSERVE_DROPPED, signals.OBSERVE_UNWRITTEN),
        (signals.OBSERVE_UNWRITTEN, signals.OBSERVE_DROPPED),
    ):
        yield made.trial(
            "QgmTelemetryLost",
            (),
            made.count(own, 0, 1),
            made.count(other, 0, 0),
            scenarios=(course(1), absent(), anew(), unborn(1)),
            lost="events",
        )
    job = made.configuration.written.exporter_job.replace(".*", "x")
    elsewhere = f'up{{job="another",instance="{SOME}"}}'
    up = Line(f'up{{job="{job}",instance="{SOME}"}}', LEVEL, 1, 0, (elsewhere,))
    yield made.trial("QgmExporterDown", (), up, scenarios=(course(3), short(1), absent()))
    yield made.trial(
        "QgmReadingsStale",
        ("provider",),
        made.level(provider_signals.COLLECTOR_UP, 1, 0),
        made.ago(provider_signals.LAST_SUCCESS, 60, HOUR),
        scenarios=(course(3), short(1), absent()),
    )
    yield made.trial(
        "QgmReadingsStale",
        ("provider",),
        made.level(provider_signals.COLLECTOR_UP, 1, 0),
        made.ago(provider_signals.LAST_SUCCESS, 60, 60),
        scenarios=(silent(4, "it was read a minute ago"),),
    )
    least = made.thresholds.disk_free_bytes
    free = Line(signals.OBSERVE_DISK_FREE.prometheus, LEVEL, 2 * least, least / 2)
    yield made.trial("QgmJournalDisk", (), free, scenarios=(course(3), short(1), absent()))
