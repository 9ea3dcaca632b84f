"""Reference generative training: a quantum circuit Born machine on Qiskit's SamplerV2 interface.

The room knows nothing of the suite around it: it is what gets observed. Importing it is cheap;
numpy, Qiskit and the simulators load with the first name that needs them.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qgm_observe.training.checkpoints import Checkpoint, CheckpointStore
    from qgm_observe.training.counts import distribution, tally, valid_shot_ratio
    from qgm_observe.training.devices import Device, device_names, load_device, wrap_backend
    from qgm_observe.training.qcbm import QCBM, FitResult
    from qgm_observe.training.targets import Target, load_target, valid_mask

_ROOM = "qgm_observe.training"
_HOMES = {
    "Checkpoint": "checkpoints",
    "CheckpointStore": "checkpoints",
    "Device": "devices",
    "FitResult": "qcbm",
    "QCBM": "qcbm",
    "Target": "targets",
    "device_names": "devices",
    "distribution": "counts",
    "load_device": "devices",
    "load_target": "targets",
    "tally": "counts",
    "valid_mask": "targets",
    "valid_shot_ratio": "counts",
    "wrap_backend": "devices",
}

__all__ = [
    "QCBM",
    "Checkpoint",
    "CheckpointStore",
    "Device",
    "FitResult",
    "Target",
    "device_names",
    "distribution",
    "load_device",
    "load_target",
    "tally",
    "valid_mask",
    "valid_shot_ratio",
    "wrap_backend",
]


def __getattr__(name: str) -> Any:
    """Load a public name on first use."""
    if name not in _HOMES:
        raise AttributeError(f"module {_ROOM!r} has no attribute {name!r}")
    return getattr(import_module(f"{_ROOM}.{_HOMES[name]}"), name)
