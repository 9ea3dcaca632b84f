"""Whether what an alert says of devices and accounts is so, as far as it can be seen."""

from collections.abc import Callable, Mapping

from qgm_observe.catalog import provider_signals as provided
from qgm_observe.catalog import signals
from qgm_observe.runbooks.cause import Cause
from qgm_observe.runbooks.evidence import lacking
from qgm_observe.runbooks.roots import DAY, Place
from qgm_observe.runbooks.sighting import Sighting, counted, span
from qgm_observe.runbooks.situation import Situation
from qgm_observe.slo.window import HOUR
from qgm_observe.telemetry.conformity import Sample


def _outage(situation: Situation) -> Sighting | None:
    up = {
        name: max(s.value for s in situation.levels(provided.PROVIDER_UP, provider=name))
        for name in _providers(situation)
    }
    states = _states(situation)
    halted = {_place(s) for s in situation.levels(provided.DEVICE_PROCESSING) if s.value == 0}
    usable = sorted(
        " ".join(place)
        for place, state in states.items()
        if state == "online" and place not in halted and up.get(place[0]) == 1
    )
    if usable:
        return Sighting(False, f"{usable[0]} is online")
    answering = sorted(name for name, value in up.items() if value == 1)
    if up and not answering:
        return Sighting(True, "no watched provider answers", 0.0)
    if not answering or not states:
        return None
    if set(states.values()) == {"paused"}:
        return Sighting(False, "every watched device is paused, as for maintenance")
    said = f"{', '.join(answering)} answers, and no watched device is online"
    return Sighting(True, said, cause=Cause.DEVICE)


def _providers(situation: Situation) -> set[str]:
    told = {s.labels.get("provider", "") for s in situation.levels(provided.PROVIDER_UP)}
    return told - {"local"}


def _states(situation: Situation) -> dict[Place, str]:
    return {
        _place(sample): sample.labels.get("device_state", "")
        for sample in situation.levels(provided.DEVICE_STATE)
        if sample.value == 1 and sample.labels.get("provider") != "local"
    }


def _place(sample: Sample) -> Place:
    return sample.labels.get("provider", ""), sample.labels.get("device", "")


def _paused(situation: Situation) -> Sighting | None:
    states = _states(situation)
    paused = sorted(" ".join(place) for place, state in states.items() if state == "paused")
    if paused:
        return Sighting(True, f"{', '.join(paused)} is paused")
    return Sighting(False, "no watched device is paused") if states else None


def _queued(situation: Situation) -> Sighting | None:
    queues = [(s.value, " ".join(_place(s))) for s in situation.levels(provided.DEVICE_QUEUE)]
    limit = situation.thresholds.get("queue_jobs")
    if not queues or limit is None:
        return None
    jobs, device = max(queues)
    said = f"the longest queue, of {device}, holds {counted(jobs, 'job')}"
    if jobs < limit:
        return Sighting(False, f"{said}, fewer than {limit:g}")
    return Sighting(None, said)


def _edges(situation: Situation) -> Sighting | None:
    used = [sample.value for sample in situation.levels(signals.LAYOUT_EDGES_DISABLED)]
    watched = [sample.value for sample in situation.levels(provided.EDGE_ENABLED)]
    if not used and not watched:
        return None
    count = max([*used, watched.count(0)])
    said = f"{counted(count, 'pair', 'is')} disabled of those in use or watched"
    return Sighting(count > 0, said)


def _calibrated(situation: Situation) -> Sighting | None:
    taken = [sample.value for sample in situation.levels(signals.LAYOUT_CALIBRATION_TIME)]
    limit = situation.thresholds.get("calibration_hours")
    if not taken or limit is None:
        return None
    age = situation.now - min(taken)
    said = f"the oldest parameter in use was measured {span(age)} ago"
    if age > limit * HOUR:
        return Sighting(True, said)
    return Sighting(False, f"{said}, no longer than {limit:g} hours")


def _quota(situation: Situation) -> Sighting | None:
    if situation.has_level(provided.ACCOUNT_LIMIT_REACHED, 1.0):
        return Sighting(True, "the usage limit is reached", 0.0)
    if lacks := next(lacking(situation), None):
        return Sighting(True, lacks.text)
    left = [sample.value for sample in situation.levels(provided.ACCOUNT_REMAINING)]
    if not left:
        return None
    return Sighting(None, f"{span(min(left))} of device time are left")


def _expiring(situation: Situation) -> Sighting | None:
    ends = [
        (sample.value, sample.labels.get("account", ""))
        for sample in situation.levels(provided.CREDENTIALS_EXPIRE)
    ]
    limit = situation.thresholds.get("credentials_days")
    if not ends or limit is None:
        return None
    end, account = min(ends)
    rest = end - situation.now
    said = f"in {span(rest)}" if rest > 0 else f"{span(-rest)} ago"
    said = f"the credentials of {account} end{'' if rest > 0 else 'ed'} {said}"
    if rest < limit * DAY:
        return Sighting(True, said)
    return Sighting(False, f"{said}, later than {limit:g} days from now")


def _abandoned(situation: Situation) -> Sighting | None:
    told = [sample.value for sample in situation.levels(provided.ACCOUNT_ABANDONED)]
    if not told:
        return None
    said = f"{counted(max(told), 'job', 'is')} left at a provider of runs that have ended"
    return Sighting(max(told) > 0, said)


LOOKS: Mapping[str, Callable[[Situation], Sighting | None]] = {
    "QgmProviderOutage": _outage,
    "QgmDeviceMaintenance": _paused,
    "QgmQueueAbnormal": _queued,
    "QgmLayoutEdgeDisabled": _edges,
    "QgmCalibrationStale": _calibrated,
    "QgmQuotaLow": _quota,
    "QgmCredentialsExpire": _expiring,
    "QgmJobsAbandoned": _abandoned,
}
"""Alert to where its condition is looked for; QgmCalibrationChanged needs yesterday's errors."""
