"""Finished subjects as OpenTelemetry spans, built after the fact with the times that were stamped.

Nothing is built while the training runs, and nothing is exported here. Needs the extra `otlp`.
Attributes are the labels of the catalog (`qgm.model`, `qgm.device`, ...), the outcome and, after
OpenTelemetry's semantic conventions, `error.type`; error texts never leave the journal.
"""

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from qgm_observe.catalog import STAGES, Outcome, signals
from qgm_observe.errors import MissingExtra
from qgm_observe.journal.event import TERMINAL, Event
from qgm_observe.records import LOCAL
from qgm_observe.telemetry.ids import span_id, stage_span_ids, trace_id
from qgm_observe.version import __version__

try:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope
    from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags
except ImportError:
    raise MissingExtra("traces", "otlp") from None

_SCOPE = InstrumentationScope("qgm_observe", __version__)
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_UNSET, _OK = Status(StatusCode.UNSET), Status(StatusCode.OK)
_CLOCK = 3
_SUCCESS = Outcome.SUCCESS
_FAILED = {"failure", "timeout", "lost"}
_LABELS = [(name, f"qgm.{name}") for name in signals.JOBS.label_names]
_STAGE_NAMES = {
    noun: {stage: f"qgm.{noun}.{stage}" for stage in STAGES}
    for noun in ("run", "step", "job", "session")
}


def spans(event: Event, resource: Resource) -> list[ReadableSpan]:
    """Return the span of a finished run, step, job or session, then one for each of its stages.

    Args:
        event: Its `finished` event; for any other event there is no span.
        resource: Whose spans they are; made once by the caller, for making one is slow.

    Returns:
        Ended, sampled spans, ready for an exporter. A job's parent is its step or run, if any.
    """
    if event.verb != TERMINAL or event.noun not in _STAGE_NAMES:
        return []
    start, duration = _times(event)
    begun = round(start * 1e9)
    trace = trace_id(event.subject, event.run)
    root = ReadableSpan(
        f"qgm.{event.noun}",
        SpanContext(trace, span_id(event.subject), False, _SAMPLED),
        parent=_parent(event, trace),
        resource=resource,
        attributes=_attributes(event.body),
        status=_status(event.body),
        start_time=begun,
        end_time=begun + round(duration * 1e9),
        instrumentation_scope=_SCOPE,
    )
    return [root, *_stage_spans(event, trace, begun, root)]


def _stage_spans(event: Event, trace: int, begun: int, root: ReadableSpan) -> list[ReadableSpan]:
    stages = event.body.get("stages") or ()
    names = _STAGE_NAMES[event.noun]
    parent, resource = root.context, root.resource
    failed = _failed_place(event.body)
    built: list[ReadableSpan] = []
    for entry, identity in zip(stages, stage_span_ids(event.subject, len(stages)), strict=True):
        stage = entry[0]
        first = begun + int(entry[1] * 1e9)
        built.append(
            ReadableSpan(
                names.get(stage) or f"qgm.{event.noun}.{stage}",
                SpanContext(trace, identity, False, _SAMPLED),
                parent,
                resource,
                _stage_attributes(stage, entry[3] if len(entry) > _CLOCK else LOCAL),
                (),
                (),
                SpanKind.INTERNAL,
                None,
                root.status if len(built) == failed else _UNSET,
                first,
                first + int((entry[2] or 0.0) * 1e9),
                _SCOPE,
            )
        )
    return built


@lru_cache(maxsize=256)
def _stage_attributes(stage: str, clock: str) -> Mapping[str, str]:
    return MappingProxyType({"qgm.stage": stage, "qgm.clock": clock})


def _times(event: Event) -> tuple[float, float]:
    duration = event.body.get("duration") or 0.0
    start = event.body.get("start")
    return (event.at - duration if start is None else start), duration


def _parent(event: Event, trace: int) -> SpanContext | None:
    above = event.body.get("step") or event.run
    if above is None or above == event.subject:
        return None
    return SpanContext(trace, span_id(above), False, _SAMPLED)


def _attributes(body: Mapping[str, Any]) -> dict[str, str]:
    told = {key: str(body[name]) for name, key in _LABELS if body.get(name) is not None}
    error = body.get("error")
    if error:
        told["qgm.error_class"] = str(error.get("class", ""))
        told["error.type"] = str(error.get("type") or error.get("class", ""))
    return told


def _status(body: Mapping[str, Any]) -> Status:
    outcome = str(body.get("outcome") or "")
    if outcome == _SUCCESS:
        return _OK
    if outcome not in _FAILED:
        return _UNSET
    error = body.get("error") or {}
    return Status(StatusCode.ERROR, str(error.get("class") or outcome))


def _failed_place(body: Mapping[str, Any]) -> int:
    """Return the place of the stage that an error happened in, -1 if none is known."""
    error = body.get("error")
    if not error or not error.get("stage"):
        return -1
    stages = [entry[0] for entry in body.get("stages") or ()]
    places = [place for place, stage in enumerate(stages) if stage == error["stage"]]
    return places[-1] if places else -1
