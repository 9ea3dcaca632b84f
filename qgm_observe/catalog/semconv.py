"""The catalog as OpenTelemetry semantic conventions.

Form: semantic convention definition language, version 2 (`file_format: definition/2`), as described
at https://github.com/open-telemetry/weaver/blob/main/schemas/semconv-syntax.v2.md. Labels become
attributes `qgm.<label>`, the keys that spans carry; closed sets of values become enum members. What
Prometheus calls a metric or label stands in the annotations.
"""

from collections.abc import Iterable

from qgm_observe.catalog import labels as by
from qgm_observe.catalog.signal import Kind, Label, Signal, Stability
from qgm_observe.catalog.stages import STAGES
from qgm_observe.catalog.yaml_text import Data, yaml_text

FILE_FORMAT = "definition/2"

_INSTRUMENTS = {
    Kind.COUNTER: "counter",
    Kind.GAUGE: "gauge",
    Kind.HISTOGRAM: "histogram",
    Kind.INFO: "gauge",
}
_STABILITIES = {Stability.STABLE: "stable", Stability.EXPERIMENTAL: "development"}


def semconv(signals: Iterable[Signal]) -> str:
    """Return the definition file of some signals, with the attributes that they refer to."""
    signals = list(signals)
    return yaml_text(
        {
            "file_format": FILE_FORMAT,
            "attributes": _attributes(signals),
            "metrics": [_metric(signal) for signal in signals],
        }
    )


def attribute_key(label: Label) -> str:
    """Return the key under which OpenTelemetry knows a label."""
    return f"qgm.{label.name}"


def _attributes(signals: list[Signal]) -> list[Data]:
    """Describe every label once; it is stable as soon as a stable signal carries it."""
    stabilities: dict[Label, Stability] = {}
    for signal in signals:
        for label in signal.labels:
            if stabilities.get(label) is not Stability.STABLE:
                stabilities[label] = signal.stability
    return [_attribute(label, _STABILITIES[each]) for label, each in stabilities.items()]


def _attribute(label: Label, stability: str) -> Data:
    members: list[Data] = [_member(label, value, stability) for value in label.values]
    return {
        "key": attribute_key(label),
        "type": {"members": members} if members else "string",
        "brief": label.brief,
        "stability": stability,
        "annotations": {"prometheus": {"label": label.name}},
    }


def _member(label: Label, value: str, stability: str) -> Data:
    told = {"id": value, "value": value, "stability": stability}
    if label is by.STAGE:
        told["brief"] = STAGES[value].brief
    return told


def _metric(signal: Signal) -> Data:
    told: dict[str, Data] = {
        "name": signal.name,
        "instrument": _INSTRUMENTS[signal.kind],
        "unit": signal.unit,
        "brief": signal.brief,
        "stability": _STABILITIES[signal.stability],
        "annotations": {"prometheus": {"name": signal.prometheus}},
    }
    if signal.labels:
        told["attributes"] = [{"ref": attribute_key(label)} for label in signal.labels]
    return told
