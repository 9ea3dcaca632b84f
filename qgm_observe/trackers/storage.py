"""Whether what is stored at an address is encrypted, as far as it can be seen from here."""

import os
import re
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

_OBJECT_STORES = {"s3", "gs", "abfss", "wasbs", "hdfs", "dbfs"}
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class Encryption(NamedTuple):
    """An answer.

    Attributes:
        is_encrypted: `None` where it cannot be known.
        reason: Why, for people.
    """

    is_encrypted: bool | None
    reason: str

    @property
    def text(self) -> str:
        """`encrypted`, `not encrypted` or `unknown`."""
        return {True: "encrypted", False: "not encrypted", None: "unknown"}[self.is_encrypted]


def encryption_of(
    address: str, mounts: Path = Path("/proc/self/mountinfo"), blocks: Path = Path("/sys/dev/block")
) -> Encryption:
    """Return whether what is stored at an address is encrypted at rest.

    A directory is, where its file system lies on a device of dm-crypt. What a remote store does
    cannot be seen; one that is reached without TLS is told as not encrypted.

    Source: proc(5), mountinfo; the kernel's `dm/uuid`, which begins with `CRYPT-`.
    """
    parts = urlsplit(address)
    if parts.scheme in ("http", "ftp") and parts.hostname not in _LOOPBACK:
        return Encryption(False, f"{parts.scheme} carries it in clear text: use https")
    if parts.scheme not in ("", "file", "sqlite"):
        kind = "object store" if parts.scheme in _OBJECT_STORES else "server"
        return Encryption(None, f"whether the {kind} encrypts at rest cannot be seen from here")
    return _of_folder(Path(unquote(parts.path) or "."), mounts, blocks)


def _of_folder(folder: Path, mounts: Path, blocks: Path) -> Encryption:
    mount = _mount_of(folder, mounts)
    if mount is None:
        return Encryption(None, "the system tells no mounts")
    device, kind, point = mount
    if kind in {"tmpfs", "ramfs"}:
        return Encryption(None, f"{point} is in memory, and may be swapped out")
    if kind in {"overlay", "nfs", "nfs4", "cifs", "9p", "virtiofs", "fuse"} or device[:2] == "0:":
        return Encryption(None, f"{point} is of type {kind}: what is below it cannot be seen")
    try:
        uuid = (blocks / device / "dm" / "uuid").read_text(encoding="ascii")
    except OSError:
        uuid = ""
    if uuid.startswith("CRYPT-"):
        return Encryption(True, f"{point} is on dm-crypt")
    return Encryption(False, f"{point} is on no encrypted device that the kernel knows of")


def _mount_of(folder: Path, mounts: Path) -> tuple[str, str, str] | None:
    """Device number, file system type and mount point of the mount that a folder is in."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    path = os.path.realpath(folder)
    best: tuple[str, str, str] | None = None
    for line in lines:
        before, _, after = line.partition(" - ")
        fields = before.split()
        point = re.sub(r"\\([0-7]{3})", lambda told: chr(int(told[1], 8)), fields[4])
        is_above = path == point or path.startswith(point.rstrip("/") + "/")
        if is_above and (best is None or len(point) >= len(best[2])):
            best = fields[2], after.split()[0], point
    return best
