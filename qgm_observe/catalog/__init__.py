"""What is measured: signals, labels, stages, outcomes. Standard library only."""

from qgm_observe.catalog.outcomes import (
    Basis,
    ErrorClass,
    ExecutionMode,
    Outcome,
    Purpose,
    Waste,
    shot_class,
)
from qgm_observe.catalog.signal import Kind, Label, Signal, Stability
from qgm_observe.catalog.signals import SIGNALS
from qgm_observe.catalog.stages import STAGES, Level, Stage

__all__ = [
    "SIGNALS",
    "STAGES",
    "Basis",
    "ErrorClass",
    "ExecutionMode",
    "Kind",
    "Label",
    "Level",
    "Outcome",
    "Purpose",
    "Signal",
    "Stability",
    "Stage",
    "Waste",
    "shot_class",
]
