"""Runs, parameters and provenance out to a registry that others look into as well."""

from qgm_observe.trackers.collecting import collect
from qgm_observe.trackers.protocol import Metric, Tracked, Tracker, Version
from qgm_observe.trackers.registering import promote, register, rollback
from qgm_observe.trackers.registry import open_tracker, trackers

__all__ = [
    "Metric",
    "Tracked",
    "Tracker",
    "Version",
    "collect",
    "open_tracker",
    "promote",
    "register",
    "rollback",
    "trackers",
]
