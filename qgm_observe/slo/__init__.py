"""Judgment: objectives, their budgets, how they are spent, and when that is worth an alert.

An `Objective` is an indicator (what counts, what of it is good, in which unit) with a target and a
window. Its budget, burn, alert constants and expected false alerts all follow from it. Numbers come
from a journal or from a Prometheus, by the same selections of catalog signals.
"""

from qgm_observe.slo.indicator import Comparison, Level, Ratio, Selection, Slices, Spend, Unit
from qgm_observe.slo.objective import Objective
from qgm_observe.slo.window import Window

__all__ = [
    "Comparison",
    "Level",
    "Objective",
    "Ratio",
    "Selection",
    "Slices",
    "Spend",
    "Unit",
    "Window",
]
