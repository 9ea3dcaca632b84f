"""Which process does the work, so that a dead one is told from a slow one."""

import os
import socket
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Process:
    """A process that no other can be mistaken for.

    Attributes:
        host: Name of the machine.
        boot: Kernel boot id and process id namespace (`id/number`), empty where the system tells
            none: containers that share a host's name number their processes apart.
        pid: Process id.
        started: Start time in clock ticks since boot; a reused pid has another.
    """

    host: str
    boot: str
    pid: int
    started: int

    def is_gone(self) -> bool | None:
        """Return whether it has ended, or `None` if another machine or container has to tell."""
        here = current_process()
        if self.host != here.host:
            return None
        (boot, _, space), (boot_here, _, space_here) = (p.boot.partition("/") for p in (self, here))
        if boot == boot_here and space != space_here and space:
            return None
        return boot != boot_here or _started(self.pid) != self.started

    def __str__(self) -> str:
        """Return `host:pid`."""
        return f"{self.host}:{self.pid}"


def current_process() -> Process:
    """Return the identity of this process, also right after a fork."""
    return _identity(os.getpid())


@cache
def _identity(pid: int) -> Process:
    return Process(socket.gethostname(), _boot(), pid, _started(pid))


@cache
def _boot() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:
        return ""


_IMPORTED = int(time.time())


def _started(pid: int) -> int:
    """Return the start time of a process, -1 if there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return -1
    except OSError:
        return _IMPORTED
    state, *rest = stat.rpartition(")")[2].split()
    return -1 if state in "ZX" else int(rest[18])
