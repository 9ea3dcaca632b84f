"""The same samples as OpenMetrics text, with exemplars on the buckets of histograms.

Format: OpenMetrics 1.0.0
(https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md). It differs
from the classic text in the names of families (a counter's without `_total`, an info's without
`_info`), in UNIT lines, in exemplars, and in its last line. HELP begins with the stability in
brackets here too. An exemplar leads from a duration to the trace of the work that took so long.
"""

from qgm_observe.catalog import Kind, Signal
from qgm_observe.catalog.names import unit_suffix
from qgm_observe.telemetry.exemplars import NONE, Exemplar
from qgm_observe.telemetry.prometheus import Form, documentation, number_text
from qgm_observe.telemetry.series import Family, Series

MEDIA_TYPE = "application/openmetrics-text"
VERSION = "1.0.0"

_SUFFIXES = {Kind.COUNTER: "_total", Kind.INFO: "_info"}
_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})
_LATEST = 1e11
"""Epoch seconds in the year 5138; no clock that is later is believed."""


def head(signal: Signal) -> str:
    """Return the HELP, TYPE and UNIT lines of a signal; without a unit there is no UNIT."""
    name, unit = family_name(signal), unit_suffix(signal.unit)
    brief = documentation(signal).translate(_ESCAPES)
    lines = f"# HELP {name} {brief}\n# TYPE {name} {signal.kind}\n"
    return f"{lines}# UNIT {name} {unit}\n" if unit else lines


def family_name(signal: Signal) -> str:
    """Return the name of a family, which the names of its samples extend."""
    return signal.prometheus.removesuffix(_SUFFIXES.get(signal.kind, ""))


def exemplar_text(exemplar: Exemplar) -> str:
    """Return what stands behind a bucket, empty for `NONE`; the labels take 63 characters."""
    if exemplar is NONE:
        return ""
    ids = f'trace_id="{exemplar.trace:032x}",span_id="{exemplar.span:016x}"'
    at = f" {exemplar.at:.3f}" if 0 <= exemplar.at < _LATEST else ""
    return f" # {{{ids}}} {number_text(exemplar.value)}{at}"


def _exemplars(family: Family, series: Series) -> list[str]:
    return [exemplar_text(each) for each in family.exemplars(series)]


OPENMETRICS = Form(f"{MEDIA_TYPE}; version={VERSION}; charset=utf-8", head, _exemplars, b"# EOF\n")
"""OpenMetrics 1.0.0, which Prometheus asks for first."""
