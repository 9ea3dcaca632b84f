"""What a scrape accepts: which text format, and whether compressed (RFC 9110 section 12.5)."""

from typing import NamedTuple

from qgm_observe.telemetry.openmetrics import MEDIA_TYPE, OPENMETRICS, VERSION
from qgm_observe.telemetry.prometheus import CLASSIC, Form

_CLASSIC_TYPE, _CLASSIC_VERSION = "text/plain", "0.0.4"


class _Match(NamedTuple):
    """How well a format is liked: by its weight, then by how closely it was named."""

    weight: float
    closeness: int


def accepted_form(field: str) -> Form:
    """Return the text format that an Accept field (lower case) prefers.

    The classic text is the default: OpenMetrics has to be liked better, by its weight or, where
    weights are equal, because it is named more closely (`*/*` covers both).

    Args:
        field: As Prometheus sends it, or empty.
    """
    ranges = [_range(item) for item in field.split(",")]
    openmetrics = _match(ranges, MEDIA_TYPE, VERSION)
    classic = _match(ranges, _CLASSIC_TYPE, _CLASSIC_VERSION)
    return OPENMETRICS if openmetrics > classic and openmetrics.weight > 0 else CLASSIC


def accepts_gzip(field: str) -> bool:
    """Return whether an Accept-Encoding field (lower case) lets an answer be compressed."""
    weights: dict[str, str] = {}
    for item in field.split(","):
        coding, _, weight = item.partition(";")
        weights[coding.strip()] = weight.replace(" ", "")
    weight = weights.get("gzip", weights.get("*", "q=0"))
    try:
        return float(weight.removeprefix("q=") or 1) > 0
    except ValueError:
        return False


def _match(ranges: list[tuple[str, dict[str, str]]], media_type: str, version: str) -> _Match:
    """Return the weight of the closest range that covers a format (section 12.5.1)."""
    patterns = ["*/*", f"{media_type.partition('/')[0]}/*", media_type]
    found = _Match(0.0, -1)
    for pattern, parameters in ranges:
        told = parameters.get("version", "")
        if pattern not in patterns or told not in ("", version):
            continue
        closeness = patterns.index(pattern) + bool(told)
        if closeness > found.closeness:
            found = _Match(_weight(parameters.get("q", "1")), closeness)
    return found


def _range(item: str) -> tuple[str, dict[str, str]]:
    media_range, *parameters = item.split(";")
    pairs = (each.partition("=") for each in parameters)
    return media_range.strip(), {name.strip(): value.strip(' "') for name, _, value in pairs}


def _weight(text: str) -> float:
    """Return a weight from 0 to 1; what is none is 0."""
    try:
        weight = float(text)
    except ValueError:
        return 0.0
    return weight if 0 <= weight <= 1 else 0.0
