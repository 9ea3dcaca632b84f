"""Alertmanager's configuration: who is told what, how often, and what is not said twice.

Pages go to the on-call, tickets to a queue. A page that lasts is escalated after half an hour: a
route whose group waits so long sends nothing for what is over by then. An outage silences what
follows from it, maintenance what is about its device. Made for Alertmanager 0.25 and later.
"""

from collections.abc import Iterator
from typing import Any

from qgm_observe.alerts.configuration import Configuration, Quiet
from qgm_observe.alerts.table import DEVICE, INFO, QUANTUM, WORK
from qgm_observe.slo.burn import PAGE, TICKET

GROUPED_BY = ("alertname", "slo", "pipeline", "device", "region")
ON_CALL, TICKETS, WATCHDOG, NOBODY = "on-call", "tickets", "watchdog", "nobody"
SUPPORT = "provider-support"
GROUP_WAIT = 30
"""Seconds that a new group of pages waits for more of it."""

TICKET_WAIT = "2m"
"""A ticket waits for the page that inhibits it, and that may rest on a later scrape."""

ESCALATED = "30m"
_AT_ONCE = {"group_wait": f"{GROUP_WAIT}s", "repeat_interval": "1h"}
OVERNIGHT, MAINTENANCE, RETRAINS = "overnight", "maintenance", "retrains"
_WAITS = 'overnight="ticket"'


def alertmanager(configuration: Configuration) -> dict[str, Any]:
    """Return the whole configuration."""
    made: dict[str, Any] = {"route": _root(configuration), "inhibit_rules": list(_inhibitions())}
    intervals = list(_intervals(configuration))
    if intervals:
        made["time_intervals"] = intervals
    return made | {"receivers": list(_receivers(configuration))}


def _root(configuration: Configuration) -> dict[str, Any]:
    return {
        "receiver": TICKETS,
        "group_by": list(GROUPED_BY),
        "group_wait": TICKET_WAIT,
        "group_interval": "5m",
        "repeat_interval": "12h",
        "routes": list(_routes(configuration)),
    }


def _routes(configuration: Configuration) -> Iterator[dict[str, Any]]:
    watchdog = {"receiver": WATCHDOG, "group_wait": "0s", "group_interval": "1m"}
    yield {"matchers": ['alertname="QgmWatchdog"'], **watchdog, "repeat_interval": "5m"}
    yield {"matchers": [f'severity="{INFO}"'], "receiver": NOBODY}
    paging = f'severity="{PAGE}"'
    may_wait = configuration.written.overnight == TICKET
    for owner, receiver in ((QUANTUM, QUANTUM), ("provider", SUPPORT)):
        quiet = MAINTENANCE if owner == "provider" else ""
        matchers = [paging, f'escalation="{owner}"']
        later = {"receiver": receiver, "group_wait": ESCALATED, "repeat_interval": "4h"}
        if may_wait:
            muted = _muted(configuration, quiet, OVERNIGHT)
            yield {"matchers": [*matchers, _WAITS], **later, **muted, "continue": True}
            matchers.append('overnight!="ticket"')
        yield {"matchers": matchers, **later, **_muted(configuration, quiet), "continue": True}
    if may_wait:
        matchers = [paging, _WAITS]
        night = {"active_time_intervals": [OVERNIGHT]}
        yield {"matchers": matchers, "receiver": TICKETS, **night, "continue": True}
        day = _muted(configuration, OVERNIGHT)
        yield {"matchers": matchers, "receiver": ON_CALL, **day, **_AT_ONCE}
    for matchers, interval in (
        ([paging, f'layer="{DEVICE}"'], MAINTENANCE),
        ([paging], ""),
        ([f'severity="{TICKET}"', f'layer="{DEVICE}"'], MAINTENANCE),
        ([f'severity="{TICKET}"', f'layer=~"{WORK}|quality"'], RETRAINS),
    ):
        is_page = matchers[0] == paging
        route: dict[str, Any] = {"matchers": matchers, "receiver": ON_CALL if is_page else TICKETS}
        if is_page:
            route |= _AT_ONCE
        yield route | _muted(configuration, interval)


def _muted(configuration: Configuration, *intervals: str) -> dict[str, Any]:
    there = [each["name"] for each in _intervals(configuration)]
    muted = [interval for interval in intervals if interval in there]
    return {"mute_time_intervals": muted} if muted else {}


def _quiets(configuration: Configuration) -> dict[str, tuple[Quiet, ...]]:
    written = configuration.written
    return {MAINTENANCE: written.maintenance, RETRAINS: written.retrains}


def _inhibitions() -> Iterator[dict[str, Any]]:
    """Say the cause and not what follows; every alert has all labels that are compared."""
    yield _inhibition("QgmSloBurnPage", ['alertname="QgmSloBurnTicket"'], "slo")
    yield _inhibition("QgmCompilationFailing", ['alertname="QgmConsecutiveFailures"'], "pipeline")
    yield _inhibition(
        "QgmProviderOutage", [f'layer="{DEVICE}"', 'alertname!="QgmProviderOutage"'], "provider"
    )
    followers = "QgmSloBurnPage|QgmSloBurnTicket|QgmConsecutiveFailures|QgmRunStalled"
    yield _inhibition("QgmProviderOutage", [f'alertname=~"{followers}"'])
    yield _inhibition(
        "QgmDeviceMaintenance",
        [f'layer="{DEVICE}"', 'alertname!="QgmDeviceMaintenance"'],
        "provider",
        "device",
    )


def _inhibition(source: str, targets: list[str], *equal: str) -> dict[str, Any]:
    made: dict[str, Any] = {
        "source_matchers": [f'alertname="{source}"'],
        "target_matchers": targets,
    }
    return made | ({"equal": list(equal)} if equal else {})


def _intervals(configuration: Configuration) -> Iterator[dict[str, Any]]:
    written = configuration.written
    if written.overnight == TICKET:
        times = _times(written.night_begin, written.night_end)
        yield {"name": OVERNIGHT, "time_intervals": [{"times": times}]}
    for name, quiets in _quiets(configuration).items():
        if quiets:
            spans = [
                {"weekdays": list(each.weekdays), "times": _times(each.begin, each.end)}
                for each in quiets
            ]
            yield {"name": name, "time_intervals": spans}


def _times(begin: str, end: str) -> list[dict[str, str]]:
    """A time that goes on after midnight is two; both are UTC."""
    if begin < end:
        return [{"start_time": begin, "end_time": end}]
    found = [{"start_time": begin, "end_time": "24:00"}]
    return found if end == "00:00" else [*found, {"start_time": "00:00", "end_time": end}]


def _receivers(configuration: Configuration) -> Iterator[dict[str, Any]]:
    yield {"name": NOBODY}
    told = configuration.written.receivers
    for name in (ON_CALL, TICKETS, QUANTUM, SUPPORT, WATCHDOG):
        hook: dict[str, Any] = {"url": told.get(name, f"https://{name}.example.org/alerts")}
        token = f"/etc/alertmanager/tokens/{name}"
        hook["http_config"] = {"authorization": {"credentials_file": token}}
        hook["send_resolved"] = name != WATCHDOG
        yield {"name": name, "webhook_configs": [hook]}
