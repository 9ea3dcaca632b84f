"""What is going on right now, as gauges over open work."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from qgm_observe.catalog import Signal, signals
from qgm_observe.journal.event import OpenWork
from qgm_observe.journal.gauges import STALLED_AFTER
from qgm_observe.journal.measure import Labels, job_labels, work_labels

Gauge = tuple[Signal, Labels, float]


def open_gauges(open_work: Iterable[OpenWork], now: float) -> list[Gauge]:
    """Return what each open row adds to which gauge: counts to be summed, ages to be compared."""
    found: list[Gauge] = []
    for row in open_work:
        fold = _OPEN.get(row.noun)
        if fold is not None:
            found += fold(row.body, now)
    return found


def is_stalled(body: Mapping[str, Any], now: float) -> bool:
    """Return whether an open run's last completed step is too old; unknown is not stalled."""
    last, median = body.get("last_step_at"), body.get("median_step_seconds")
    return last is not None and median is not None and now - last > STALLED_AFTER * median


def resource_gauges(body: Mapping[str, Any]) -> list[tuple[Signal, float]]:
    """Return what a run, open or ended, shows of its resources; what is unknown is left out."""
    spent = body.get("resources") or {}
    return [(signal, spent[name]) for name, signal in _RESOURCES.items() if name in spent]


_RESOURCES = {
    "memory_peak_bytes": signals.RUN_MEMORY_PEAK,
    "gpu_utilization": signals.RUN_GPU_UTILIZATION,
    "gpu_memory_peak_bytes": signals.RUN_GPU_MEMORY_PEAK,
}


def _job(body: Mapping[str, Any], now: float) -> list[Gauge]:
    labels = job_labels(body)
    found: list[Gauge] = [(signals.JOBS_IN_FLIGHT, labels, 1)]
    since = body.get("waiting_since")
    if since is not None:
        found.append((signals.JOB_OLDEST_WAITING, labels, max(0.0, now - since)))
    if "needed_seconds" in body:
        place = (str(body.get("provider", "")), str(body.get("device", "")))
        found.append(
            (signals.DEVICE_TIME_NEEDED, (*work_labels(body), *place), body["needed_seconds"])
        )
    return [*found, *_rested_on(body)]


def _rested_on(body: Mapping[str, Any]) -> list[Gauge]:
    """What the newest calibration says of the qubits and gates that a job's circuits use."""
    place = tuple(str(body.get(name, "")) for name in ("provider", "device", "region"))
    oldest, disabled = body.get("calibrated_at"), body.get("disabled_edges")
    found: list[Gauge] = [
        (signals.LAYOUT_CALIBRATION_TIME, (*place, str(parameter)), at)
        for parameter, at in (oldest.items() if isinstance(oldest, Mapping) else ())
        if isinstance(at, int | float)
    ]
    if isinstance(disabled, int):
        found.append((signals.LAYOUT_EDGES_DISABLED, place, disabled))
    return found


def _run(body: Mapping[str, Any], now: float) -> list[Gauge]:
    labels = work_labels(body)
    return [
        (signals.RUNS_IN_FLIGHT, labels, 1),
        (signals.RUNS_STALLED, labels, int(is_stalled(body, now))),
        *(
            (signals.DEVICE_TIME_NEEDED, (*labels, provider, device), seconds)
            for provider, device, seconds in body.get("needed", ())
        ),
    ]


_OPEN: dict[str, Callable[[Mapping[str, Any], float], list[Gauge]]] = {"job": _job, "run": _run}
