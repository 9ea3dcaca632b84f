"""What estimates, verdicts, baselines and drift charts show: the newest of each."""

from collections.abc import Iterator, Mapping
from typing import Any

from qgm_observe.catalog import Signal, signals
from qgm_observe.journal.measure import Labels, estimate_labels, job_labels

_ESTIMATED = {
    "value": signals.QUALITY_VALUE,
    "low": signals.QUALITY_LOW,
    "high": signals.QUALITY_HIGH,
    "floor": signals.QUALITY_FLOOR,
}
_OF_OTHER_UNITS = ("_seconds", "_cost")
Gauge = tuple[Signal, Labels, Any]


def estimate_gauges(body: Mapping[str, Any]) -> Iterator[Gauge]:
    """Yield the parts of an estimate; what it does not tell is `None`."""
    labels = estimate_labels(body)
    for part, signal in _ESTIMATED.items():
        yield signal, labels, body.get(part)


def verdict_labels(body: Mapping[str, Any]) -> Labels:
    """Return the label values of a verdict: whose work, the question, the answer."""
    return (*job_labels(body), str(body.get("question")), str(body.get("answer")))


def baseline_gauges(body: Mapping[str, Any]) -> Iterator[Gauge]:
    """Yield the level of a baseline, where it has no unit, and where its charts stand."""
    labels = estimate_labels(body)
    baseline, state = body.get("baseline") or {}, body.get("state") or {}
    if baseline and not str(body.get("name")).endswith(_OF_OTHER_UNITS):
        yield signals.QUALITY_BASELINE, labels, baseline.get("center")
    for chart in state.get("charts") or ():
        which = (*labels, str(chart.get("kind")))
        yield signals.QUALITY_DRIFT_LEVEL, which, chart.get("level")
        yield signals.QUALITY_DRIFT_LIMIT, which, chart.get("limit")
