"""What a process spends while a run is open: read at its begin, each second, and at its end.

Source: proc(5): `/proc/[pid]/io` (`read_bytes` and `write_bytes` reach the storage layer; `syscr`
and `syscw` count calls such as read(2) and write(2), of anything), `/proc/[pid]/status` (`VmHWM`
the high-water mark, `VmRSS` resident memory now, kB); `os.times`; statvfs(3). What the system does
not tell is left out.
"""

import os
import re
from pathlib import Path
from typing import NamedTuple

from qgm_observe.lifecycle.gpu import Gpu, gpu_now

_PROC = Path("/proc/self")
_KIBIBYTE = 1024
_LINE = re.compile(rb"^(read_bytes|write_bytes|syscr|syscw|VmHWM|VmRSS):\s+(\d+)\b", re.MULTILINE)
"""What is read of these files; of some sixty lines, for a run's begin and end are its thread's."""


class Spent(NamedTuple):
    """What this process has spent so far; `None` where the system does not tell."""

    cpu: float
    children_cpu: float
    read: int | None
    written: int | None
    reads: int | None
    writes: int | None
    peak: int | None
    resident: int | None


def spent(proc: Path = _PROC) -> Spent:
    """Return what this process has spent: seconds, bytes and calls."""
    times = os.times()
    io, status = _numbers(proc / "io"), _numbers(proc / "status")
    return Spent(
        times.user + times.system,
        times.children_user + times.children_system,
        io.get("read_bytes"),
        io.get("write_bytes"),
        io.get("syscr"),
        io.get("syscw"),
        _bytes(status.get("VmHWM")),
        _bytes(status.get("VmRSS")),
    )


def disk_free(path: Path) -> int | None:
    """Return the bytes that a user may still write where a path is, or will be."""
    for place in (path, *path.parents):
        try:
            told = os.statvfs(place)
        except FileNotFoundError:
            continue
        except OSError:
            return None
        return told.f_bavail * told.f_frsize
    return None


class Meter:
    """Of one run: begun when it is made, sampled each second, stopped at its end.

    Runs that are open at the same time in one process each see all of the process.

    Args:
        journal: Where free space matters to us.
        proc: The process's folder below `/proc`.
    """

    def __init__(self, journal: Path, proc: Path = _PROC) -> None:
        self._journal = journal
        self._proc = proc
        self._begun = self._last = spent(proc)
        self._resident = self._begun.resident or 0
        self._gpus = 0
        self._gpu_utilization = 0.0
        self._gpu_memory = 0

    def sample(self, gpu: Gpu | None = None) -> None:
        """Look again, on the writer's thread; `gpu` is asked for once for all runs."""
        self.stop()
        if gpu is not None:
            self._gpus += 1
            self._gpu_utilization += gpu.utilization
            self._gpu_memory = max(self._gpu_memory, gpu.memory_bytes)

    def stop(self) -> None:
        """Look at what was spent."""
        self._last = spent(self._proc)
        self._resident = max(self._resident, self._last.resident or 0)

    def told(self) -> dict[str, float]:
        """Return what was spent since the begin, as a run's record has it; see `Event`."""
        begun, last = self._begun, self._last
        told = {
            "cpu_seconds": max(0.0, last.cpu - begun.cpu),
            "children_cpu_seconds": max(0.0, last.children_cpu - begun.children_cpu),
            "memory_peak_bytes": self._peak(),
            "read_bytes": _difference(last.read, begun.read),
            "written_bytes": _difference(last.written, begun.written),
            "reads": _difference(last.reads, begun.reads),
            "writes": _difference(last.writes, begun.writes),
            "disk_free_bytes": disk_free(self._journal),
        }
        if self._gpus:
            told["gpu_utilization"] = self._gpu_utilization / self._gpus
            told["gpu_memory_peak_bytes"] = self._gpu_memory
        return {name: value for name, value in told.items() if value is not None}

    def _peak(self) -> int | None:
        """The kernel's mark if it rose during the run, else the most that was seen in it."""
        mark, before = self._last.peak, self._begun.peak
        if mark is not None and before is not None and mark > before:
            return mark
        return self._resident or None


def sample(meters: list[Meter]) -> None:
    """Look at what all open runs spend."""
    if meters:
        gpu = gpu_now()
        for meter in meters:
            meter.sample(gpu)


def _numbers(path: Path) -> dict[str, int]:
    """The lines of interest in a file, by name; none where it cannot be read."""
    try:
        content = path.read_bytes()
    except OSError:
        return {}
    return {name.decode(): int(number) for name, number in _LINE.findall(content)}


def _bytes(kibibytes: int | None) -> int | None:
    return None if kibibytes is None else kibibytes * _KIBIBYTE


def _difference(last: int | None, begun: int | None) -> int | None:
    return None if last is None or begun is None else max(0, last - begun)
