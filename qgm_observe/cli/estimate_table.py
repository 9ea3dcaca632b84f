"""Estimates of samples as a table for people."""

from collections.abc import Sequence

from rich.table import Table

from qgm_observe.records import Estimate

_SMALLEST_P = 1e-16
"""Below it a p-value is a matter of rounding, and none is ever 0."""


def estimate_table(estimates: Sequence[Estimate]) -> Table:
    """Return each statistic with its interval and what a perfect sampler would show."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", show_edge=False)
    table.add_column("samples", min_width=8)
    table.add_column("value", justify="right")
    table.add_column("interval")
    table.add_column("perfect shows", justify="right")
    for each in estimates:
        told = each.reason or "" if each.value is None else _interval(each)
        floor = "" if each.floor is None else f"{each.floor:.3g}"
        table.add_row(each.name.replace("_", " "), _value(each), told, floor)
    return table


def _value(estimate: Estimate) -> str:
    if estimate.value is None:
        return "not known"
    if estimate.name.endswith("_p") and estimate.value < _SMALLEST_P:
        return f"< {_SMALLEST_P:g}"
    return f"{estimate.value:.4g}"


def _interval(estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return ""
    return f"{estimate.low:.4g} to {estimate.high:.4g} at {estimate.level:.0%}"
