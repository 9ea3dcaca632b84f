"""What the alerts on telemetry are tried on."""

from collections.abc import Iterator

from qgm_observe.alerts.courses import (
    SOME,
    Trials,
    absent,
    anew,
    away,
    course,
    lasting,
    short,
    silent,
    unborn,
)
from qgm_observe.alerts.scenario import HEALTHY, INSTANT, LEVEL, Check, Line, Scenario, Trial
from qgm_observe.catalog import observe_signals, provider_signals
from qgm_observe.slo.window import HOUR


def telemetry(made: Trials) -> Iterator[Trial]:
    """Yield the trials of what is seen at all."""
    always = Scenario("always fires", [(HEALTHY, 3)], (Check(0, True), Check(2, True)), absent=True)
    yield made.trial("QgmWatchdog", (), scenarios=(always,))
    shown = made.level(observe_signals.INFO, 1, None)
    of_process = Line(shown.decoys[-1], LEVEL, 1, 1)
    yield made.trial(
        "QgmTelemetryLost",
        (),
        shown,
        of_process,
        scenarios=(course(2), short(1)),
        lost="exporter",
    )
    followed = made.level(provider_signals.EXPORTER_FOLLOWED, 1, 0)
    yield made.trial(
        "QgmTelemetryLost",
        (),
        followed,
        scenarios=(course(2), short(1), absent()),
        carries={"journal": SOME},
        lost="journal",
    )
    for own, other in (
        (observe_signals.DROPPED, observe_signals.UNWRITTEN),
        (observe_signals.UNWRITTEN, observe_signals.DROPPED),
    ):
        yield made.trial(
            "QgmTelemetryLost",
            (),
            made.count(own, 0, 1),
            made.count(other, 0, 0),
            scenarios=(course(1), lasting(1, HOUR), absent(), anew(), unborn(1), away(1, HOUR)),
            lost="events",
        )
        yield made.trial(
            "QgmTelemetryLost", (), made.count(own, 0, 1), scenarios=(course(1),), lost="events"
        )
    job = made.configuration.written.exporter_job.replace(".*", "x")
    elsewhere = f'up{{job="another",instance="{SOME}"}}'
    up = Line(f'up{{job="{job}",instance="{SOME}"}}', LEVEL, 1, 0, (elsewhere,), replica=0)
    yield made.trial(
        "QgmExporterDown",
        (),
        up,
        scenarios=(course(2), short(1), absent()),
        carries={"job": job, "instance": SOME},
    )
    yield from _readings(made)
    least = made.thresholds.disk_free_bytes
    series = f'{observe_signals.DISK_FREE.prometheus}{{instance="{SOME}"}}'
    yield made.trial(
        "QgmJournalDisk",
        (),
        Line(series, LEVEL, least, 0.75 * least, replica=2 * least),
        scenarios=(course(2), short(1), absent()),
        carries={"instance": SOME},
    )


def _readings(made: Trials) -> Iterator[Trial]:
    answers = made.level(provider_signals.COLLECTOR_UP, 1, 0)
    stale, fresh = (made.ago(provider_signals.LAST_SUCCESS, 60, ago) for ago in (HOUR, HOUR / 2))
    yield made.trial(
        "QgmReadingsStale",
        ("provider",),
        answers,
        stale,
        scenarios=(course(2), short(1), absent()),
        carries={"account": SOME, "collector": SOME},
    )
    others = [
        other
        for up, seen in zip(answers.siblings, stale.siblings, strict=True)
        for other in (Line(up, LEVEL, 1, 1, replica=0), Line(seen, INSTANT, HOUR, HOUR))
    ]
    yield made.trial(
        "QgmReadingsStale",
        ("provider",),
        answers,
        fresh,
        *others,
        scenarios=(silent(4, "it was read a while ago, and others that were not can be reached"),),
    )
