"""Push: what the training does, stamped on its own thread and written by another.

From the ground up: `recording` is what handles know of their recorder; `handle`, `job_facts`, `job`
and `run` are what the training's thread stamps; `events` and `writer` make rows of that on the
writer's thread; `recorder` holds both ends, `front` and `observe` are the doors.
"""

from qgm_observe.lifecycle.devices import Device
from qgm_observe.lifecycle.handle import Handle, current
from qgm_observe.lifecycle.job import JobHandle
from qgm_observe.lifecycle.job_facts import AttemptHandle
from qgm_observe.lifecycle.observe import observe, unobserve
from qgm_observe.lifecycle.recorder import Recorder, recorder, use
from qgm_observe.lifecycle.run import RunHandle, SessionHandle, StepHandle

__all__ = [
    "AttemptHandle",
    "Device",
    "Handle",
    "JobHandle",
    "Recorder",
    "RunHandle",
    "SessionHandle",
    "StepHandle",
    "current",
    "observe",
    "recorder",
    "unobserve",
    "use",
]
