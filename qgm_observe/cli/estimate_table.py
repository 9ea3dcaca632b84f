"""Estimates of samples as a table for people."""

from collections.abc import Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from qgm_observe.records import Estimate, estimate_rows


def estimate_table(estimates: Sequence[Estimate]) -> Table:
    """Return each statistic with its interval and what a perfect sampler would show."""
    heads, *rows = estimate_rows(estimates)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", show_edge=False)
    for number, name in enumerate(heads):
        side: Any = "right" if number in _NUMBERS else "left"
        table.add_column(name, justify=side, min_width=8)
    for row in rows:
        table.add_row(*map(Text, row))
    return table


_NUMBERS = (1, 3)
