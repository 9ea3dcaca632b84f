"""What the alerts on trends and causes are tried on."""

from collections.abc import Iterator

from qgm_observe.alerts.budget import ALL, PLACES
from qgm_observe.alerts.cause import NO_OBJECTIVE
from qgm_observe.alerts.configuration import Configuration
from qgm_observe.alerts.objective_trials import decoys_of, series_of
from qgm_observe.alerts.scenario import (
    ANEW,
    BAD,
    BY_DECOYS,
    COUNT,
    HEALTHY,
    IDLE,
    INSTANT,
    LEVEL,
    REBORN,
    Check,
    Line,
    Scenario,
    Trial,
)
from qgm_observe.alerts.selectors import Selectors
from qgm_observe.alerts.table import BY_NAME
from qgm_observe.catalog import Signal, provider_signals, signals
from qgm_observe.slo.window import DAY, HOUR

SOME = "some"
STEP = 600.0
_HEALTHY, _AFTER = 6, 12
JOB_PLACES = ("pipeline", "provider", "device", "region")
DEVICE_PLACES = ("provider", "device")


class Trials:
    """Makes the trials of causes for a configuration.

    Args:
        configuration: Whose thresholds are to be passed.
    """

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration
        self.thresholds = configuration.written.thresholds
        self._selectors = Selectors(configuration)

    def level(
        self,
        signal: Signal,
        healthy: float | None,
        bad: float | None,
        **labels: str | tuple[str, ...],
    ) -> Line:
        """Return a gauge."""
        chosen = self._selectors.chosen(signal, **labels)
        return Line(series_of(chosen), LEVEL, healthy, bad, decoys_of(chosen))

    def count(
        self, signal: Signal, healthy: float, bad: float, **labels: str | tuple[str, ...]
    ) -> Line:
        """Return a counter by its steps."""
        chosen = self._selectors.chosen(signal, **labels)
        return Line(series_of(chosen), COUNT, healthy, bad, decoys_of(chosen))

    def ago(
        self, signal: Signal, healthy: float, bad: float, **labels: str | tuple[str, ...]
    ) -> Line:
        """Return an instant by how long ago it is (s)."""
        chosen = self._selectors.chosen(signal, **labels)
        return Line(series_of(chosen), INSTANT, healthy, bad, decoys_of(chosen))

    def trial(
        self,
        alert: str,
        places: tuple[str, ...],
        *lines: Line,
        scenarios: tuple[Scenario, ...],
        step: float = STEP,
        **told_apart: str,
    ) -> Trial:
        """Return a trial; the labels are those of the places, all others are of all."""
        chosen = self.configuration.written.selector
        labels = {name: chosen.get(name, SOME) if name in places else ALL for name in PLACES}
        known = {"severity": BY_NAME[alert].severity, "slo": NO_OBJECTIVE}
        return Trial(
            alert=alert,
            labels=labels | known,
            lines=lines,
            scenarios=(*scenarios, BY_DECOYS) if any(line.decoys for line in lines) else scenarios,
            step=step,
            told_apart=told_apart,
            sums="qgm:.*" if alert in _RECORDED else "",
        )


_RECORDED = {"QgmConsecutiveFailures", "QgmCompilationFailing"}


def course(bad: int, before: int = _HEALTHY, after: int = _AFTER) -> Scenario:
    """Return an incident of so many steps: silent before, fires at its end, recovers."""
    checks = (Check(before - 1, False), Check(before + bad - 1, True))
    return Scenario(
        "an incident: silent before, fires in it, recovers",
        [(HEALTHY, before), (BAD, bad), (HEALTHY, after)],
        (*checks, Check(before + bad + after - 1, False)),
    )


def short(bad: int, before: int = _HEALTHY) -> Scenario:
    """Return an incident that is too short to be told."""
    checks = tuple(Check(before + step, False) for step in range(bad + 2))
    return Scenario(
        "too few, or too short: silent", [(HEALTHY, before), (BAD, bad), (HEALTHY, 3)], checks
    )


def absent() -> Scenario:
    """Return a time without any series."""
    return Scenario("no series at all: silent", [(HEALTHY, 4)], (Check(3, False),), absent=True)


def unborn(bad: int) -> Scenario:
    """Return an incident whose series are born by it."""
    return Scenario(
        "the first failure of a new label set counts",
        [(HEALTHY, _HEALTHY), (BAD, bad)],
        (Check(_HEALTHY + bad - 2, False), Check(_HEALTHY + bad - 1, True)),
        unborn=True,
    )


def anew() -> Scenario:
    """Return counters that begin anew while all is well."""
    return Scenario(
        "counters begin anew: silent",
        [(HEALTHY, _HEALTHY), (ANEW, 4)],
        tuple(Check(_HEALTHY + step, False) for step in range(4)),
    )


def reborn(bad: int) -> Scenario:
    """Return counters that begin anew in an incident."""
    return Scenario(
        "counters begin anew in the incident: it still fires",
        [(HEALTHY, _HEALTHY), (BAD, bad), (REBORN, bad)],
        (Check(_HEALTHY + 2 * bad - 1, True),),
    )


def silent(bad: int, name: str) -> Scenario:
    """Return an incident that has to be silent for a reason."""
    return Scenario(
        f"{name}: silent",
        [(HEALTHY, _HEALTHY), (BAD, bad)],
        tuple(Check(_HEALTHY + step, False) for step in range(bad)),
    )


def trials(configuration: Configuration) -> Iterator[Trial]:
    """Yield the trials of all trends and causes."""
    made = Trials(configuration)
    for each in (trends, work, devices, accounts, quality, telemetry):
        yield from each(made)


# ------------------------------------------------------------------------------ trends and work


def trends(made: Trials) -> Iterator[Trial]:
    """Yield the trials of trends."""
    good = made.count(signals.ROOTS, 1, 0, outcome="success")
    bad = made.count(signals.ROOTS, 0, 1, outcome=("failure", "timeout", "lost"))
    between = Scenario(
        "a success in between: silent",
        [(IDLE, _HEALTHY), (BAD, 2), (HEALTHY, 1), (BAD, 2)],
        tuple(Check(_HEALTHY + step, False) for step in range(5)),
    )
    third = Scenario(
        "the third in a row: fires",
        [(IDLE, _HEALTHY), (BAD, 3)],
        (Check(_HEALTHY + 1, False), Check(_HEALTHY + 2, True)),
        unborn=True,
    )
    yield made.trial(
        "QgmConsecutiveFailures",
        ("pipeline",),
        good,
        bad,
        scenarios=(course(4), third, short(2), between, absent(), unborn(4), anew()),
    )
    yield made.trial(
        "QgmCompilationFailing",
        JOB_PLACES,
        made.count(signals.JOBS, 1, 0, outcome="success"),
        made.count(signals.JOBS, 0, 1, outcome="failure"),
        made.count(signals.JOB_ERRORS, 0, 1, stage="compile"),
        scenarios=(course(4), third, short(2), between, absent(), unborn(4), anew()),
    )
    yield made.trial(
        "QgmCompilationFailing",
        JOB_PLACES,
        made.count(signals.JOBS, 0, 1, outcome="cancelled"),
        made.count(signals.JOBS, 0, 1, outcome="failure"),
        made.count(signals.JOB_ERRORS, 0, 1, stage="compile"),
        scenarios=(third,),
    )
    stalled = made.level(signals.RUNS_STALLED, 0, 1)
    yield made.trial(
        "QgmRunStalled", ("pipeline",), stalled, scenarios=(course(3), short(1), absent())
    )
    yield made.trial(
        "QgmRunStalled",
        ("pipeline",),
        stalled,
        made.level(signals.JOB_OLDEST_WAITING, None, 300, execution_mode="!local"),
        made.level(provider_signals.DEVICE_WAIT, 400, 400, percentile="p95"),
        scenarios=(silent(4, "its job waits no longer than is usual"),),
    )
    waiting = made.level(signals.JOB_OLDEST_WAITING, None, 300, execution_mode="!local")
    short_wait = made.level(provider_signals.DEVICE_WAIT, 100, 100, percentile="p95")
    mean = made.level(provider_signals.DEVICE_WAIT, 900, 900, percentile="average")
    local = made.level(signals.JOB_OLDEST_WAITING, None, 300, execution_mode="local")
    usual = made.level(provider_signals.DEVICE_WAIT, 900, 900, percentile="p95")
    for lines in ((stalled, waiting, short_wait, mean), (stalled, local, usual)):
        yield made.trial("QgmRunStalled", ("pipeline",), *lines, scenarios=(course(3),))


def work(made: Trials) -> Iterator[Trial]:
    """Yield the trials of causes in the work itself."""
    yield made.trial(
        "QgmRunTooLong",
        JOB_PLACES,
        made.count(signals.JOB_ERRORS, 0, 1, error_class="run_timeout"),
        scenarios=(course(2, after=51), short(1), absent(), unborn(2), anew()),
        step=3 * STEP,
    )
    tries = made.thresholds.attempts_per_job
    attempts = made.count(signals.JOB_ATTEMPTS, 1, 3 * tries)
    jobs = made.count(signals.JOBS, 1, 1)
    yield made.trial(
        "QgmRetriesExcessive",
        JOB_PLACES,
        attempts,
        jobs,
        scenarios=(course(12, after=40), short(1), absent(), anew()),
    )
    few = Scenario(
        "too few jobs: silent", [(IDLE, 6), (BAD, 4)], (Check(8, False), Check(9, False))
    )
    yield made.trial("QgmRetriesExcessive", JOB_PLACES, attempts, jobs, scenarios=(few,))
    yield made.trial(
        "QgmSubmissionThrottled",
        JOB_PLACES,
        made.count(signals.JOB_ERRORS, 0, 1, error_class="rate_limit"),
        scenarios=(course(3), short(2), absent(), unborn(3), anew()),
        seen_by="jobs",
    )
    share = made.thresholds.throttled_share
    refused = made.count(provider_signals.PROVIDER_REQUESTS, 0, 5, result="rate_limit")
    enough = 10 if 3 * share < 1 else 0
    answered = made.count(provider_signals.PROVIDER_REQUESTS, 10, enough, result="ok")
    yield made.trial(
        "QgmSubmissionThrottled",
        ("provider",),
        refused,
        answered,
        scenarios=(course(4), absent(), anew(), reborn(4)),
        seen_by="exporter",
    )
    once = Scenario("a single refusal: silent", [(IDLE, 6), (BAD, 2)], (Check(7, False),))
    little = made.count(provider_signals.PROVIDER_REQUESTS, 0, 1, result="rate_limit")
    yield made.trial(
        "QgmSubmissionThrottled", ("provider",), little, scenarios=(once,), seen_by="exporter"
    )


# ---------------------------------------------------------------------------------------- devices


def devices(made: Trials) -> Iterator[Trial]:
    """Yield the trials of causes in devices."""
    yield from _outages(made)
    state = provider_signals.DEVICE_STATE
    paused = made.level(state, 0, 1, device_state="paused")
    yield made.trial("QgmDeviceMaintenance", DEVICE_PLACES, paused, scenarios=(course(2), absent()))
    yield from _queues(made)
    edge = made.level(provider_signals.EDGE_ENABLED, 1, 0)
    yield made.trial("QgmLayoutEdgeDisabled", DEVICE_PLACES, edge, scenarios=(course(2), absent()))
    worse = 0.01 * (made.thresholds.calibration_worse + 0.5)
    error = made.level(provider_signals.DEVICE_GATE_ERROR, 0.01, worse, aggregate="median")
    yield made.trial(
        "QgmCalibrationChanged",
        DEVICE_PLACES,
        error,
        scenarios=(course(3, before=14), short(1, before=14), absent()),
        step=2 * HOUR,
    )
    old = made.thresholds.calibration_hours * HOUR
    age = made.ago(provider_signals.CALIBRATION_TIME, HOUR, old + HOUR, aggregate="worst")
    yield made.trial(
        "QgmCalibrationStale", DEVICE_PLACES, age, scenarios=(course(8), short(3), absent())
    )


def _outages(made: Trials) -> Iterator[Trial]:
    state, up = provider_signals.DEVICE_STATE, provider_signals.PROVIDER_UP
    running = made.level(provider_signals.DEVICE_PROCESSING, 1, 1)
    answers = made.level(up, 1, 1)
    unreachable = made.level(up, 1, 0)
    online = made.level(state, 1, 1, device_state="online")
    offline = made.level(state, 1, 0, device_state="online")
    broken = made.level(state, 0, 1, device_state="offline")
    paused = made.level(state, 0, 1, device_state="paused")
    halted = made.level(provider_signals.DEVICE_PROCESSING, 1, 0)
    scenarios = (course(3), short(1), absent())
    for lines in (
        (unreachable, online, running),
        (answers, offline, broken),
        (answers, online, halted),
    ):
        yield made.trial("QgmProviderOutage", ("provider",), *lines, scenarios=scenarios)
    yield made.trial(
        "QgmProviderOutage",
        ("provider",),
        answers,
        offline,
        paused,
        scenarios=(silent(4, "all devices are paused, for maintenance"),),
    )
    fallback = tuple(
        Line(line.series.replace(f'provider="{SOME}"', 'provider="other"'), LEVEL, 1, 1)
        for line in (answers, online)
    )
    yield made.trial(
        "QgmProviderOutage",
        ("provider",),
        unreachable,
        online,
        *fallback,
        scenarios=(silent(4, "another provider's device can be used"),),
    )
    local = tuple(
        Line(line.series.replace('provider="other"', 'provider="local"'), LEVEL, 1, 1)
        for line in fallback
    )
    yield made.trial(
        "QgmProviderOutage", ("provider",), unreachable, online, *local, scenarios=(course(3),)
    )


def _queues(made: Trials) -> Iterator[Trial]:
    told = made.thresholds
    few = told.queue_jobs
    queue = made.level(provider_signals.DEVICE_QUEUE, few, 2 * few * told.queue_times)
    usual = Scenario(
        "as long on this weekday a week ago: silent",
        [(HEALTHY, 84), (BAD, 12), (HEALTHY, 72), (BAD, 4)],
        (Check(171, False),),
    )
    before = Scenario(
        "as long on this weekday two weeks ago: silent",
        [(BAD, 12), (HEALTHY, 156), (BAD, 4)],
        (Check(171, False),),
    )
    yield made.trial(
        "QgmQueueAbnormal",
        DEVICE_PLACES,
        queue,
        scenarios=(course(3, before=174), short(1, before=174), usual, before, absent()),
        step=2 * HOUR,
    )
    little = made.level(provider_signals.DEVICE_QUEUE, 1, few - 1)
    yield made.trial(
        "QgmQueueAbnormal",
        DEVICE_PLACES,
        little,
        scenarios=(
            Scenario("a short queue: silent", [(HEALTHY, 90), (BAD, 4)], (Check(93, False),)),
        ),
        step=2 * HOUR,
    )
    long = 2 * told.stuck_hours * HOUR
    oldest = made.level(signals.JOB_OLDEST_WAITING, 60, long, execution_mode="!local")
    yield made.trial("QgmJobsStuck", JOB_PLACES, oldest, scenarios=(course(3), short(1), absent()))
    wait = made.level(provider_signals.DEVICE_WAIT, long, long, percentile="p95")
    brief = made.level(provider_signals.DEVICE_WAIT, long / 10, long / 10, percentile="p95")
    mean = made.level(provider_signals.DEVICE_WAIT, long, long, percentile="average")
    yield made.trial("QgmJobsStuck", JOB_PLACES, oldest, brief, mean, scenarios=(course(3),))
    yield made.trial(
        "QgmJobsStuck",
        JOB_PLACES,
        oldest,
        wait,
        scenarios=(silent(4, "jobs on this device wait as long"),),
    )


# --------------------------------------------------------------------------- accounts and quality


def accounts(made: Trials) -> Iterator[Trial]:
    """Yield the trials of causes in accounts."""
    used = made.level(provider_signals.ACCOUNT_USED, 1000, 2000)
    left = made.level(
        provider_signals.ACCOUNT_REMAINING, 1e6, 500 * made.thresholds.quota_hours / 24
    )
    slow = {"step": 2 * HOUR, "scenarios": (course(3, before=14), absent())}
    yield made.trial("QgmQuotaLow", ("provider",), used, left, **slow)  # type: ignore[arg-type]
    plenty = made.level(
        provider_signals.ACCOUNT_REMAINING, 1e6, 3000 * made.thresholds.quota_hours / 24
    )
    lasting = Scenario(
        "what is left lasts for three days: silent",
        [(HEALTHY, 14), (BAD, 4)],
        (Check(15, False), Check(17, False)),
    )
    yield made.trial(
        "QgmQuotaLow", ("provider",), used, plenty, scenarios=(lasting,), step=2 * HOUR
    )
    reached = made.level(provider_signals.ACCOUNT_LIMIT_REACHED, 0, 1)
    yield made.trial("QgmQuotaLow", ("provider",), reached, scenarios=(course(3), short(1)))
    days = made.thresholds.credentials_days * DAY
    ends = made.ago(provider_signals.CREDENTIALS_EXPIRE, -days - DAY, -days + DAY)
    yield made.trial("QgmCredentialsExpire", ("provider",), ends, scenarios=(course(2), absent()))
    lost = made.level(provider_signals.ACCOUNT_ABANDONED, 0, 1)
    yield made.trial(
        "QgmJobsAbandoned", DEVICE_PLACES, lost, scenarios=(course(4), short(2), absent())
    )
    usd = made.thresholds.cost_usd
    cost = made.count(signals.COST, usd / 10, 2 * usd, basis="estimated")
    small = made.count(signals.COST, usd / 1000, usd / 20, basis="estimated")
    week = 7 * 12 + 6
    young = Scenario(
        "a pipeline of a few days: silent",
        [(HEALTHY, 30), (BAD, 2)],
        (Check(29, False), Check(31, False)),
    )
    yield made.trial(
        "QgmCostAnomaly",
        ("pipeline",),
        cost,
        scenarios=(course(2, before=week, after=14), young, absent()),
        step=2 * HOUR,
    )
    cheap = Scenario(
        "more than usual, and little money: silent",
        [(HEALTHY, week), (BAD, 4)],
        (Check(week + 3, False),),
    )
    yield made.trial("QgmCostAnomaly", ("pipeline",), small, scenarios=(cheap,), step=2 * HOUR)


def quality(made: Trials) -> Iterator[Trial]:
    """Yield the trials of causes in samples, inputs and training."""
    yield made.trial(
        "QgmQualityDrift",
        JOB_PLACES,
        made.level(signals.QUALITY_DRIFT_LEVEL, 1, 5),
        made.level(signals.QUALITY_DRIFT_LIMIT, 3, 3),
        scenarios=(course(2), absent()),
    )
    for alert, question, answer in (
        ("QgmModeCollapse", "collapse", "collapsed"),
        ("QgmInputDrift", "inputs", "drifted"),
        ("QgmEncodingMismatch", "encoding", "mismatched"),
        ("QgmTrainingStuck", "training", "diverging"),
        ("QgmTrainingStuck", "training", "barren_plateau"),
        ("QgmTrainingStuck", "training", "stuck"),
    ):
        verdict = made.level(signals.QUALITY_VERDICT, None, 1, question=question, answer=answer)
        yield made.trial(alert, JOB_PLACES, verdict, scenarios=(course(3), short(1), absent()))


# -------------------------------------------------------------------------------------- telemetry


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
    other = f'up{{job="another",instance="{SOME}"}}'
    up = Line(f'up{{job="{job}",instance="{SOME}"}}', LEVEL, 1, 0, (other,))
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
