"""From a dotted name and a UCUM unit to a Prometheus name.

Source: Prometheus naming practice (base unit as suffix, `_total` on counters) and the
OpenTelemetry to Prometheus compatibility document. As in the OpenTelemetry Python exporter,
the unit `1` and units in braces add nothing.
"""

UNITS = {
    "1": "",
    "s": "seconds",
    "By": "bytes",
    "Hz": "hertz",
    "USD": "usd",
}
"""Allowed units: UCUM (plus the currency code), base units only, to their suffix."""


def unit_suffix(unit: str) -> str:
    """Return the Prometheus suffix of a unit; annotations such as `{job}` have none.

    Raises:
        KeyError: the unit is not a base unit of the catalog.
    """
    return "" if unit.startswith("{") and unit.endswith("}") else UNITS[unit]


def prometheus_name(name: str, kind: str, unit: str) -> str:
    """Return the metric family name that Prometheus sees, counters with `_total`."""
    parts = [name.replace(".", "_")]
    suffix = unit_suffix(unit)
    if suffix and not parts[0].endswith(f"_{suffix}"):
        parts.append(suffix)
    if kind == "counter":
        parts.append("total")
    if kind == "info":
        parts.append("info")
    return "_".join(parts)
