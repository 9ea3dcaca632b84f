"""What one event adds to which signal of the catalog.

A finished subject is counted once, at its `finished` event, and what it costs at the events that
tell of money; a `noted` event carries increments of this package's own health. Everything else
measures nothing by itself: a `tallied` event carries whole totals, see
`qgm_observe.journal.totals`.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from math import inf
from typing import Any

from qgm_observe.catalog import (
    SIGNALS,
    Basis,
    ErrorClass,
    ExecutionMode,
    Kind,
    Outcome,
    Signal,
    provider_signals,
    signals,
)
from qgm_observe.catalog import labels as by
from qgm_observe.journal.event import MONEY, TERMINAL, Event
from qgm_observe.records import VALID_SHOT_RATIO

Labels = tuple[str, ...]
"""Label values in the order of the signal's labels."""

Measurement = tuple[Signal, Labels, float]
"""A signal, its label values, and the increment of a counter or the value a histogram observes."""

NO_DEVICE: Labels = ("",) * (len(by.JOB) - len(by.WORK))
"""The device labels of runs and steps, where a signal has them."""

_CLASSES = {"lost": ErrorClass.LOST.value, "timeout": ErrorClass.RUN_TIMEOUT.value}
_SUCCESS = Outcome.SUCCESS
_UNFAILED = {"success", "cancelled", "guarded", ""}


def measurements(event: Event) -> list[Measurement]:
    """Return what an event adds to the counters and histograms of the catalog.

    Args:
        event: Of any verb; label values may be missing and are then empty.

    Returns:
        Increments in the signal's unit. Durations that are unknown, negative or not finite are
        left out, and so are signals this version does not know. A body that makes no sense adds
        nothing: it must not keep other rows from being counted.
    """
    try:
        return _measurements(event)
    except (TypeError, ValueError, KeyError, IndexError, AttributeError):
        return []


def _measurements(event: Event) -> list[Measurement]:
    if event.verb == TERMINAL:
        fold = _FINISHED.get(event.noun)
        return [*fold(event.body), *_root(event)] if fold else []
    if event.verb == "estimate":
        return _scored(event.body)
    if event.verb in MONEY:
        return spent(event)
    return _noted(event.body) if event.verb == "noted" else []


def _root(event: Event) -> list[Measurement]:
    """A job of a run, and a run inside another, are parts of what was asked for."""
    body = event.body
    inside = {"run": body.get("parent"), "job": event.run}.get(event.noun, "never a root")
    if inside is not None:
        return []
    return [(signals.ROOTS, (*work_labels(body), _text(body.get("outcome"))), 1)]


def work_labels(body: Mapping[str, Any]) -> Labels:
    """Return the label values that every run, step and job carries; what is missing is empty."""
    get = body.get
    return _texts(
        (get("project"), get("pipeline"), get("model"), get("model_version"), get("kind"))
    )


def job_labels(body: Mapping[str, Any]) -> Labels:
    """Return the label values that every job carries; what is missing is empty."""
    get = body.get
    return _texts(
        (
            get("project"),
            get("pipeline"),
            get("model"),
            get("model_version"),
            get("kind"),
            get("provider"),
            get("device"),
            get("region"),
            get("execution_mode"),
            get("shot_class"),
        )
    )


def _texts(values: tuple[Any, ...]) -> Labels:
    try:
        return _known_texts(values)
    except TypeError:  # a value without a hash
        return tuple(map(_text, values))


@lru_cache(maxsize=4096)
def _known_texts(values: tuple[Any, ...]) -> Labels:
    return tuple(map(_text, values))


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _is_amount(value: Any) -> bool:
    return isinstance(value, int | float) and 0 <= value < inf


def _job(body: Mapping[str, Any]) -> list[Measurement]:
    labels = job_labels(body)
    outcome = _text(body.get("outcome"))
    found: list[Measurement] = [(signals.JOBS, (*labels, outcome), 1)]
    found += _duration(signals.JOB_DURATION, labels, body.get("duration"))
    found += _stages(labels, body)
    if outcome == _SUCCESS:
        found += _amount(signals.JOB_SHOTS, labels, body.get("shots"))
        found += _amount(signals.JOB_CIRCUITS, labels, body.get("circuits"))
    else:
        found += _error(labels, outcome, body.get("error"))
    for attempt in body.get("attempts") or ():
        ended = _text(attempt.get("outcome")) or outcome
        found.append((signals.JOB_ATTEMPTS, (*labels, ended), 1))
        found += _amount(signals.THROTTLED, labels, attempt.get("throttle_seconds"))
    return found


def _stages(labels: Labels, body: Mapping[str, Any]) -> list[Measurement]:
    signal = signals.JOB_STAGE_DURATION
    return [
        (signal, (*labels, stage[0]), stage[2])
        for stage in body.get("stages") or ()
        if stage[2] is not None and 0 <= stage[2] < inf
    ]


def _error(labels: Labels, outcome: str, error: Mapping[str, Any] | None) -> list[Measurement]:
    """A failed job is an error even when nobody could tell which; a guarded one is none."""
    if outcome == Outcome.GUARDED:
        return []
    if error is None:
        if outcome in _UNFAILED:
            return []
        error = {"class": _CLASSES.get(outcome, ErrorClass.OTHER.value)}
    where = _text(error.get("stage")), _text(error.get("class"))
    return [(signals.JOB_ERRORS, (*labels, *where), 1)]


def _duration(signal: Signal, labels: Labels, seconds: Any) -> list[Measurement]:
    return [(signal, labels, seconds)] if _is_amount(seconds) else []


def _amount(signal: Signal, labels: Labels, amount: Any) -> list[Measurement]:
    return [(signal, labels, amount)] if _is_amount(amount) and amount else []


def _step(body: Mapping[str, Any]) -> list[Measurement]:
    labels = work_labels(body)
    return [
        (signals.STEPS, (*labels, _text(body.get("outcome"))), 1),
        *_duration(signals.STEP_DURATION, labels, body.get("duration")),
        *_stages(labels + NO_DEVICE, body),
    ]


def _run(body: Mapping[str, Any]) -> list[Measurement]:
    labels = work_labels(body)
    return [
        (signals.RUNS, (*labels, _text(body.get("outcome"))), 1),
        *_duration(signals.RUN_DURATION, labels, body.get("duration")),
        *_duration(signals.RUN_RESTART_DURATION, labels, body.get("restart_seconds")),
        *_stages(labels + NO_DEVICE, body),
        *_resources(labels, body),
    ]


def _resources(labels: Labels, body: Mapping[str, Any]) -> list[Measurement]:
    """A run inside another spends nothing of its own: the outer one has counted it."""
    spent = body.get("resources")
    if not spent or body.get("parent") is not None:
        return []
    return [
        each for name, signal in _SPENT.items() for each in _amount(signal, labels, spent.get(name))
    ]


_SPENT = {
    "cpu_seconds": signals.RUN_CPU_TIME,
    "children_cpu_seconds": signals.RUN_CHILDREN_CPU_TIME,
    "read_bytes": signals.RUN_READ,
    "written_bytes": signals.RUN_WRITTEN,
    "reads": signals.RUN_READS,
    "writes": signals.RUN_WRITES,
}


def _session(body: Mapping[str, Any]) -> list[Measurement]:
    labels = job_labels(body)
    return [
        (signals.SESSIONS, (*labels, _text(body.get("outcome"))), 1),
        *_amount(signals.SESSION_USAGE, labels, body.get("usage_seconds")),
    ]


def estimate_labels(body: Mapping[str, Any]) -> Labels:
    """Return the label values of an estimate: whose work, which device, statistic, mitigation."""
    return (*job_labels(body), _text(body.get("name")), _text(body.get("mitigation", "none")))


def _scored(body: Mapping[str, Any]) -> list[Measurement]:
    """A ratio of valid shots brings both of its counters, so that windows can be judged by them."""
    shots, ratio = body.get("n", 0), body.get("value", -1)
    is_raw = body.get("name") == VALID_SHOT_RATIO and body.get("mitigation", "none") == "none"
    if not is_raw or not (_is_amount(shots) and _is_amount(ratio)):
        return []
    labels = job_labels(body)
    return [
        (signals.QUALITY_SCORED, labels, shots),
        (signals.QUALITY_VALID, labels, round(shots * ratio)),
    ]


CURRENCY = "USD"
_BASIS = {
    "estimated": Basis.ESTIMATED.value,
    "billed": Basis.BILLED.value,
    "invoiced": Basis.INVOICED.value,
}


def spent(event: Event) -> list[Measurement]:
    """Return what an event that tells of money adds.

    Other currencies are never added to USD: such a bill is counted, by its currency.
    """
    body = event.body
    cost, labels = _money(body), job_labels(body)
    if event.verb == "guarded":
        return _amount(signals.COST_PREVENTED, labels, cost)
    if event.verb == "invoiced" and "job" not in body and "session" not in body:
        return _amount(provider_signals.COST_UNTAGGED, labels[5:7], cost)
    in_session = body.get("execution_mode") == ExecutionMode.SESSION
    if in_session and (event.verb, event.noun) == ("billed", "attempt"):
        return []  # its session's bill holds it
    basis = _BASIS[event.verb]
    found = _amount(signals.COST_DEVICE_TIME, (*labels, basis), body.get("device_seconds"))
    found += _amount(signals.COST, (*labels, basis), cost)
    if _is_amount(cost):
        found.append((signals.COST_BILLS, (*labels, basis), 1))
    if cost is None and event.verb != "estimated":
        currency = _text(body.get("currency")) if "cost" in body else "unknown"
        found.append((signals.COST_FOREIGN, (*labels, currency), 1))
    wasted = body.get("wasted") or {} if cost is not None else {}
    for reason, amount in wasted.items():
        found += _amount(signals.COST_WASTED, (*labels, _text(reason)), float(amount))
    return found


def _money(body: Mapping[str, Any]) -> float | None:
    """Return an amount in USD, `None` where there is none or in another currency."""
    if body.get("cost") is None or body.get("currency") != CURRENCY:
        return None
    return float(body["cost"])


_FINISHED: dict[str, Callable[[Mapping[str, Any]], list[Measurement]]] = {
    "run": _run,
    "step": _step,
    "job": _job,
    "session": _session,
}


def _noted(body: Mapping[str, Any]) -> list[Measurement]:
    found: list[Measurement] = []
    for name, increments in body.items():
        signal = SIGNALS.get(name)
        if signal is not None and signal.kind in (Kind.COUNTER, Kind.HISTOGRAM):
            found += [
                (signal, fitted(signal, values), amount)
                for values, amount in increments
                if _is_amount(amount)
            ]
    return found


def fitted(signal: Signal, values: list[Any] | Labels) -> Labels:
    """Return label values as texts, cut or filled with empty ones to the signal's labels."""
    texts = [*map(_text, values), *[""] * len(signal.labels)]
    return tuple(texts[: len(signal.labels)])
