"""What the newest of estimates, verdicts, baselines, drift charts and runs shows as a gauge."""

from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Any

from qgm_observe.catalog import Signal, signals
from qgm_observe.catalog import labels as by
from qgm_observe.journal.event import Event
from qgm_observe.journal.measure import Labels, estimate_labels, job_labels

_ESTIMATED = {
    "value": signals.QUALITY_VALUE,
    "low": signals.QUALITY_LOW,
    "high": signals.QUALITY_HIGH,
    "floor": signals.QUALITY_FLOOR,
}
_PAIR = (None, None)
_OF_OTHER_UNITS = ("_seconds", "_cost")
NEWEST = ("estimate", "baseline", "drift")
"""Verbs of which the newest is shown."""

STALLED_AFTER = 5.0
"""A run is stalled when its last completed step is older than so many of its median steps."""

Gauge = tuple[Signal, Labels, Any]


def told_gauges(event: Event) -> Iterator[Gauge]:
    """Yield what an event is the newest word on, which is nothing for verbs not in `NEWEST`."""
    if event.verb == "estimate":
        is_told = event.body.get("value") is not None
        yield signals.QUALITY_TIME, estimate_labels(event.body), event.at if is_told else None
        yield from estimate_gauges(event.body)
    elif event.verb in NEWEST:
        yield from baseline_gauges(event.body)


def estimate_gauges(body: Mapping[str, Any]) -> Iterator[Gauge]:
    """Yield the parts of an estimate; what it does not tell is `None`."""
    labels = estimate_labels(body)
    for part, signal in _ESTIMATED.items():
        yield signal, labels, body.get(part)
    if body.get("name") == "mode_deficit":
        yield from _mode_gauges(body)


def _mode_gauges(body: Mapping[str, Any]) -> Iterator[Gauge]:
    """Yield the shares of the likeliest modes; a rank that is not told any more has none."""
    labels = (*job_labels(body), str(body.get("mitigation", "none")))
    modes = body.get("modes")
    told = list(modes) if isinstance(modes, list | tuple) else []
    for rank, mode in zip_longest(by.MODE.values, told[: len(by.MODE.values)]):
        is_pair = isinstance(mode, list | tuple) and len(mode) == len(_PAIR)
        target, samples = mode if is_pair else _PAIR
        yield signals.QUALITY_MODE_TARGET, (*labels, rank), target
        yield signals.QUALITY_MODE_SAMPLES, (*labels, rank), samples


def verdict_labels(body: Mapping[str, Any]) -> Labels:
    """Return the label values of a verdict: whose work, the question, the answer."""
    return (*job_labels(body), str(body.get("question")), str(body.get("answer")))


def training_labels(body: Mapping[str, Any]) -> Labels:
    """Return the label values of what is asked of a run's training, without the answer."""
    return (*job_labels(body), "training")


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
