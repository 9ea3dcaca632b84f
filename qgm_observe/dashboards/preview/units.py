"""Numbers as people read them, by Grafana's name of the unit."""

import math
from collections.abc import Callable
from datetime import UTC, datetime

_SECONDS = (
    (86400.0, "d"),
    (3600.0, "h"),
    (60.0, "min"),
    (1.0, "s"),
    (1e-3, "ms"),
    (1e-6, "µs"),
    (0.0, "ns"),
)
_SHORT = ((1e12, " Tri"), (1e9, " Bil"), (1e6, " Mil"), (1e3, " K"), (0.0, ""))
_BYTES = ((2.0**40, " TiB"), (2.0**30, " GiB"), (2.0**20, " MiB"), (2.0**10, " KiB"), (0.0, " B"))
_LONG = 1e5
_SUFFIXES = {"ops": " ops/s", "reqps": " req/s", "cps": " c/s", "hertz": " Hz", "none": ""}


def reading(value: float, unit: str, decimals: int | None = None) -> str:
    """Return a number with its unit.

    Args:
        value: In base units.
        unit: Grafana's name, for instance `percentunit`; an unknown one is written behind.
        decimals: After the point; three digits in all where `None`.
    """
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("∞" if value > 0 else "-∞")
    write = _WRITERS.get(unit)
    if write is not None:
        return write(value, decimals)
    return _digits(value, decimals) + _SUFFIXES.get(unit, f" {unit}" if unit else "")


def tick(value: float, unit: str) -> str:
    """Return a round number at an axis, as short as it can be."""
    words = reading(value, unit)
    number, space, name = words.partition(" ")
    if "." in number:
        number = number.rstrip("0").rstrip(".")
    return f"{number}{space}{name}"


def _scaled(
    value: float,
    scale: tuple[tuple[float, str], ...],
    decimals: int | None,
    *,
    divides: bool = False,
) -> str:
    """A number in the largest unit that it reaches; below the least unit of time it is in ns."""
    size = abs(value)
    if size == 0:
        return f"0{' s' if divides else ''}"
    least, name = next(pair for pair in scale if size >= pair[0])
    text = _digits(value / (least or (1e-9 if divides else 1.0)), decimals)
    return f"{text} {name}" if divides else text + name


def _digits(value: float, decimals: int | None) -> str:
    value = float(f"{value:.12g}")  # without what scaling leaves behind the last digit
    if decimals is not None:
        return f"{value:.{decimals}f}"
    if value == 0 or (float(value).is_integer() and abs(value) < _LONG):
        return f"{value:.0f}"
    return f"{value:.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"


def _date(milliseconds: float, _: int | None) -> str:
    return datetime.fromtimestamp(milliseconds / 1e3, UTC).strftime("%Y-%m-%d %H:%M")


def _seconds(value: float, decimals: int | None) -> str:
    return _scaled(value, _SECONDS, decimals, divides=True)


_WRITERS: dict[str, Callable[[float, int | None], str]] = {
    "percentunit": lambda value, decimals: f"{_digits(value * 100, decimals)} %",
    "percent": lambda value, decimals: f"{_digits(value, decimals)} %",
    "s": _seconds,
    "dtdurations": _seconds,
    "dtdhms": _seconds,
    "ms": lambda value, decimals: _seconds(value / 1e3, decimals),
    "short": lambda value, decimals: _scaled(value, _SHORT, decimals),
    "bytes": lambda value, decimals: _scaled(value, _BYTES, decimals),
    "decbytes": lambda value, decimals: _scaled(value, _BYTES, decimals),
    "currencyUSD": lambda value, decimals: f"${_scaled(value, _SHORT, decimals)}",
    "dateTimeAsIso": _date,
    "dateTimeFromNow": _date,
}
