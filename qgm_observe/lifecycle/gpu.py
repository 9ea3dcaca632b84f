"""What NVIDIA's management library says of the GPUs, where it is installed and answers.

Source: the NVML reference, `nvmlDeviceGetUtilizationRates` (percent of the last sample period) and
`nvmlDeviceGetMemoryInfo` (bytes). Without the package `nvidia-ml-py`, a driver or a device nothing
is told: unknown, not 0.
"""

import os
from typing import Any, NamedTuple


class Gpu(NamedTuple):
    """All devices together.

    Attributes:
        utilization: Mean over the devices of the time that a kernel was at work, in [0, 1].
        memory_bytes: Sum over the devices of what is allocated, by whatever process.
    """

    utilization: float
    memory_bytes: int


_devices: dict[int, tuple[Any, list[Any]] | None] = {}


def gpu_now() -> Gpu | None:
    """Return what the GPUs do now, `None` where nobody can tell."""
    found = _found()
    if found is None:
        return None
    nvml, devices = found
    try:
        rates = [nvml.nvmlDeviceGetUtilizationRates(each).gpu for each in devices]
        used = [nvml.nvmlDeviceGetMemoryInfo(each).used for each in devices]
    except nvml.NVMLError:
        return None
    return Gpu(sum(rates) / len(rates) / 100, sum(used))


def _found() -> tuple[Any, list[Any]] | None:
    """The library and its devices, looked for once a process: a child has to begin anew."""
    pid = os.getpid()
    if pid not in _devices:
        _devices.clear()
        _devices[pid] = _look()
    return _devices[pid]


def _look() -> tuple[Any, list[Any]] | None:
    try:
        import pynvml

        pynvml.nvmlInit()
        count = pynvml.nvmlDeviceGetCount()
        devices = [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(count)]
    except Exception:  # noqa: BLE001  not installed, no driver, no rights: all the same to us
        return None
    return (pynvml, devices) if devices else None
