"""Whether what an alert says of work, money, samples and telemetry is so, as far as one can see."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from qgm_observe.catalog import ErrorClass, ExecutionMode, observe_signals, signals
from qgm_observe.catalog import provider_signals as provided
from qgm_observe.runbooks.cause import Cause
from qgm_observe.runbooks.evidence import VERDICTS, series
from qgm_observe.runbooks.roots import BAD, DAY, Facts, ended_at
from qgm_observe.runbooks.sighting import Sighting, counted, span
from qgm_observe.runbooks.situation import Situation
from qgm_observe.slo.window import HOUR, MINUTE

WATCHDOG = "QgmWatchdog"
_FEWEST_JOBS, _MOST_REFUSED, _MOST_TOO_LONG = 5, 2, 1
_STALE = 30 * MINUTE


# ----------------------------------------------------------------------------------------- work


def _roots_fail(situation: Situation) -> Sighting | None:
    ended = [root for root in situation.roots if root.ended_at is not None]
    if not ended or any(root.is_bad for root in ended):
        return None
    known = f"{len(ended):,} known runs and requests" if len(ended) > 1 else "the one that is known"
    return Sighting(False, f"no failure in {known}")


def _objectives_burn(situation: Situation) -> Sighting | None:
    """Objectives on quality, latency or cost count something else, which is not seen here."""
    seen = _roots_fail(situation)
    return None if seen is None else Sighting(None, seen.text)


def _stalled(situation: Situation) -> Sighting | None:
    told = [sample.value for sample in situation.levels(signals.RUNS_STALLED)]
    if not told:
        return None
    return Sighting(max(told) > 0, f"{counted(max(told), 'open run')} without a step for long")


def _compiling(situation: Situation) -> Sighting | None:
    ended = [job for job in situation.jobs if ended_at(job) is not None]
    failed = [job for job in ended if _failed_to_compile(job)]
    limit = situation.thresholds.get("in_a_row")
    if not ended or limit is None:
        return None
    if not failed:
        return Sighting(False, f"no failure to compile in {counted(len(ended), 'known job')}")
    for place, jobs in _by_place(ended).items():
        newest = sorted(jobs, key=lambda job: ended_at(job) or 0.0, reverse=True)
        row = next((n for n, job in enumerate(newest) if not _failed_to_compile(job)), len(newest))
        if row >= limit:
            return Sighting(True, f"the last {row} of {' '.join(place)} failed to compile")
    said = f"{len(failed)} of {counted(len(ended), 'known job')} failed to compile"
    return Sighting(None, f"{said}, fewer than {limit:g} in a row")


def _failed_to_compile(job: Facts) -> bool:
    told = (job.get("error_stage"), job.get("error_class"))
    return job.get("outcome") in BAD and str(ErrorClass.COMPILE) in told


def _refused(situation: Situation) -> Sighting | None:
    many = _most(situation, ErrorClass.RATE_LIMIT, HOUR)
    if many is None:
        return None
    said = f"in the last hour {counted(many, 'job', 'was')} refused as too many"
    return Sighting(True if many > _MOST_REFUSED else None, said)


def _too_long(situation: Situation) -> Sighting | None:
    many = _most(situation, ErrorClass.RUN_TIMEOUT, DAY)
    if many is None:
        return None
    return Sighting(many > _MOST_TOO_LONG, f"in the last day {counted(many, 'job')} ran too long")


def _most(situation: Situation, kind: ErrorClass, seconds: float) -> int | None:
    """Return the most failures of a class at one place, `None` where no job is known."""
    if not situation.jobs:
        return None
    failed = [job for job in _ended(situation, seconds) if job.get("error_class") == kind]
    return max((len(jobs) for jobs in _by_place(failed).values()), default=0)


def _retried(situation: Situation) -> Sighting | None:
    limit = situation.thresholds.get("attempts_per_job")
    if not situation.jobs or limit is None:
        return None
    places = _by_place(_ended(situation, 6 * HOUR))
    attempts = [
        sum(len(job.get("attempts") or ()) for job in jobs) / len(jobs)
        for jobs in places.values()
        if len(jobs) >= _FEWEST_JOBS
    ]
    if not attempts:
        return Sighting(False, f"no pipeline ended {_FEWEST_JOBS} jobs in the last six hours")
    said = f"in the last six hours at most {max(attempts):.2g} attempts a job"
    return Sighting(max(attempts) > limit, said)


def _stuck(situation: Situation) -> Sighting | None:
    ages = [
        (sample.value, sample.labels.get("device", ""))
        for sample in situation.levels(signals.JOB_OLDEST_WAITING)
        if sample.labels.get("execution_mode") != ExecutionMode.LOCAL
    ]
    limit = situation.thresholds.get("stuck_hours")
    if limit is None or not (ages or situation.jobs):
        return None
    age, device = max(ages, default=(0.0, ""))
    if age == 0:
        return Sighting(False, "no job waits at a provider")
    said = f"a job has waited for {span(age)} on {device}"
    if age <= limit * HOUR:
        return Sighting(False, f"{said}, no longer than {limit:g} hours")
    usual = situation.levels(provided.DEVICE_WAIT, device=device, percentile="p95")
    if any(age <= 2 * sample.value for sample in usual):
        return Sighting(False, f"{said}, no longer than twice the device's p95")
    return Sighting(True, said)


def _spent(situation: Situation) -> Sighting | None:
    is_remote = [job.get("execution_mode") != ExecutionMode.LOCAL for job in situation.jobs]
    if any(is_remote) or not is_remote:
        return None
    return Sighting(None, f"no bill in {counted(len(is_remote), 'known job')}, all of a simulator")


def _ended(situation: Situation, seconds: float) -> list[Facts]:
    begin = situation.now - seconds
    return [job for job in situation.jobs if (ended_at(job) or 0.0) > begin]


def _by_place(jobs: Iterable[Facts]) -> Mapping[tuple[str, ...], Sequence[Facts]]:
    found: dict[tuple[str, ...], list[Facts]] = defaultdict(list)
    for job in jobs:
        found[tuple(str(job.get(name)) for name in ("pipeline", "provider", "device"))].append(job)
    return found


# ----------------------------------------------------------------------------- samples, training


def _judged(question: str, noun: str) -> Callable[[Situation], Sighting]:
    def look(situation: Situation) -> Sighting:
        answers = {
            sample.labels.get("answer", "")
            for sample in situation.levels(signals.QUALITY_VERDICT, question=question)
            if sample.value == 1
        }
        bad = {answer for answer in answers if (question, answer) in VERDICTS}
        if not answers:
            return Sighting(None, f"no verdict on {noun} is known")
        shown = ", ".join(sorted(bad or answers)).replace("_", " ")
        return Sighting(bool(bad), f"the newest verdict on {noun} is `{shown}`", 0.0)

    return look


def _drifting(situation: Situation) -> Sighting:
    limits = {series(each): each.value for each in situation.levels(signals.QUALITY_DRIFT_LIMIT)}
    beyond = {
        sample.labels.get("statistic", "")
        for sample in situation.levels(signals.QUALITY_DRIFT_LEVEL)
        if sample.value > limits.get(series(sample), float("inf"))
    }
    if not limits:
        return Sighting(None, "no control chart is known")
    said = f"the chart of {', '.join(sorted(beyond))} is" if beyond else "no control chart is"
    return Sighting(bool(beyond), f"{said} beyond its limit", 0.0)


# ------------------------------------------------------------------------------------- telemetry


def _lost(situation: Situation) -> Sighting | None:
    followed = [sample.value for sample in situation.levels(provided.EXPORTER_FOLLOWED)]
    counts = (observe_signals.DROPPED, observe_signals.UNWRITTEN)
    lost = sum(max((s.value for s in situation.levels(each)), default=0.0) for each in counts)
    if lost:
        return Sighting(True, f"{counted(lost, 'event')} lost since the journals began", 1.5)
    if not followed or not all(followed) or situation.silent:
        return None
    return Sighting(None, "the exporter answers, its journals can be read, and no event was lost")


def _scraped(situation: Situation) -> Sighting | None:
    if situation.silent:
        return None
    return Sighting(None, "whoever was asked answers")


def _stale(situation: Situation) -> Sighting | None:
    read: dict[tuple[str, str], float] = {}
    for sample in situation.levels(provided.LAST_SUCCESS):
        part = (sample.labels.get("collector", ""), sample.labels.get("provider", ""))
        read[part] = max(read.get(part, 0.0), sample.value)
    old = sorted(
        {
            part
            for sample in situation.levels(provided.COLLECTOR_UP)
            for part in [(sample.labels.get("collector", ""), sample.labels.get("provider", ""))]
            if sample.value == 0 and situation.now - read.get(part, situation.now) > _STALE
        }
    )
    if not read:
        return None
    said = ", ".join(f"{collector} of {provider}" for collector, provider in old)
    if old:
        return Sighting(True, f"{said} was last read more than half an hour ago")
    return Sighting(False, "every part of the watched providers is read")


def _disk(situation: Situation) -> Sighting | None:
    free = [sample.value for sample in situation.levels(observe_signals.DISK_FREE)]
    limit = situation.thresholds.get("disk_free_bytes")
    if not free or limit is None:
        return None
    return Sighting(min(free) < limit, f"{min(free) / 1e9:,.1f} GB are free where a journal is")


def _alerting(situation: Situation) -> Sighting:
    if situation.is_inactive:
        said = "the Prometheus does not hold it active: our rules are not evaluated there"
        return Sighting(True, said, 2.5, Cause.TELEMETRY)
    if situation.no_prometheus:
        return Sighting(None, f"no answer from {situation.no_prometheus}")
    return Sighting(False, "it always fires, and only its absence is a fault")


LOOKS: Mapping[str, Callable[[Situation], Sighting | None]] = {
    "QgmSloBurnPage": _roots_fail,
    "QgmCompilationFailing": _compiling,
    "QgmSpendCap": _spent,
    "QgmSloBurnTicket": _objectives_burn,
    "QgmConsecutiveFailures": _roots_fail,
    "QgmRunStalled": _stalled,
    "QgmTelemetryLost": _lost,
    "QgmQualityDrift": _drifting,
    WATCHDOG: _alerting,
    "QgmExporterDown": _scraped,
    "QgmReadingsStale": _stale,
    "QgmJournalDisk": _disk,
    "QgmJobsStuck": _stuck,
    "QgmRunTooLong": _too_long,
    "QgmRetriesExcessive": _retried,
    "QgmCostAnomaly": _spent,
    "QgmSubmissionThrottled": _refused,
    "QgmModeCollapse": _judged("collapse", "samples"),
    "QgmInputDrift": _judged("inputs", "inputs"),
    "QgmEncodingMismatch": _judged("encoding", "the encoding"),
    "QgmTrainingStuck": _judged("training", "the training"),
}
"""Alert to where its condition is looked for."""
